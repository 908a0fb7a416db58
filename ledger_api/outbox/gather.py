"""From the database to one transaction's call data: load what waits, plan, sign the batches, encode.

After a transaction of this lane reverted, what was expected of some item was wrong. Then the gatherer is *careful*: one event
of an item at a time, nothing else in flight, and the node is asked first (`eth_call`). What the node names is doubted or left
out, until the rest goes through; what stands alone and still fails keeps the contract's answer as its error, is tried again by
itself ever more rarely, and is parked in the end (`setbacks.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby

import structlog
from sqlalchemy import Connection

from ledger_api.chain.contracts import ledger_at
from ledger_api.chain.pricing import dearer_word_gas
from ledger_api.chain.reverts import WitnessMismatch
from ledger_api.errors import ChainError, IntegrityError, KeyMissing, KeystoreDamaged, LaneBusy, WrongPassphrase
from ledger_api.outbox.lane import Sight
from ledger_api.outbox.plan import GAS_CONTRACT_WALLET, Carried, Limits, Plan, Planner, event_of
from ledger_api.outbox.retrying import Failure
from ledger_api.outbox.sealing import Seal, Sealed, call_data
from ledger_api.outbox.setbacks import Setbacks, kind_of
from ledger_api.outbox.surroundings import Surroundings
from ledger_api.store import parking, sending
from ledger_api.store.engine import reading
from ledger_api.store.sending import Accepted, Batch
from ledger_verify.hashing import ZERO32, OrganizationId, event_hash
from ledger_verify.state import State, state_from_bytes

logger = structlog.get_logger(__name__)

_PAGE = 300  # loose events read at once: about what a transaction takes
_MOST_PAGES = 20  # beyond which what waits behind others is left for the next turn
_MOST_PENDING = 50
_MOST_GUESSES = 60
_MOST_DUE = 50  # items tried again in one go
_GAS_CAP = 16_700_000  # EIP-7825 allows a transaction 2^24
_LAST_MINUTE = 60  # a batch with less time left would be refused on arrival


@dataclass(frozen=True, slots=True)
class Load:
    """Call data ready to be sent, and what has to be written in the commit that saves it."""

    body: bytes
    gas: int
    sealed: Sequence[Sealed]
    tried_again: Sequence[int] = ()  # rows that had failed before, and that the node takes now

    def book(self, connection: Connection) -> list[int]:
        """Write new batches with their events; returns all batches. Raises: LaneBusy, when another has one of these events."""
        batches = [one.signed.id for one in self.sealed if one.signed is not None]
        fresh = [(one.fresh, one.events) for one in self.sealed if one.fresh is not None]
        if not sending.hold_loose(connection, [event for _, events in fresh for event in events]):
            raise LaneBusy("another is at work on one of these events")
        new = [sending.save_batch(connection, batch, events) for batch, events in fresh]
        parking.is_carried(connection, self.tried_again)
        return batches + new


@dataclass(slots=True)
class _Waiting:
    """What was read, kept so that a plan can be made again."""

    pending: list[tuple[Batch, list[Accepted]]] = field(default_factory=list)
    loose: list[Accepted] = field(default_factory=list)
    travelling: dict[bytes, list[tuple[Accepted, bytes | None]]] = field(default_factory=dict)
    states: dict[bytes, State] = field(default_factory=dict)
    signers: dict[bytes, set[bytes]] = field(default_factory=dict)  # who signs for each organization, as far as is known
    damaged: list[Accepted] = field(default_factory=list)  # rows that are no longer what was accepted


class Gatherer:
    """Builds the next transaction of one lane."""

    def __init__(self, around: Surroundings, relayer: bytes) -> None:
        self._around = around
        self._relayer = relayer
        self._limits = Limits()
        self._seal = Seal(around.keyring, around.deployment.domain_separator, around.settings.batch_deadline_seconds)
        self._ledger = ledger_at(around.node, around.deployment.ledger)
        self._stale: set[bytes] = set()
        self._impossible: list[Accepted] = []
        self._mute: set[bytes] = set()  # organizations whose key cannot be read, said once
        self._signers: dict[bytes, bytes] = {}  # who signs for each organization, looked up once a transaction
        self._setbacks = Setbacks(around.engine, most_tries=around.settings.most_tries)

    def shrink(self) -> None:
        """A node found a transaction too large: make smaller ones from now on."""
        self._limits = replace(self._limits, size=max(self._limits.size // 2, 8 * 1024))

    def ask_prices(self) -> None:
        """What this chain charges may change with a fork: asked when the lane starts, and after a revert."""
        self._limits = replace(self._limits, dearer_word_gas=dearer_word_gas(self._around.node, self._relayer))

    def take_stale(self) -> set[bytes]:
        """Items whose next event follows another head than theirs, since the last call."""
        stale, self._stale = self._stale, set()
        return stale

    def take_impossible(self) -> list[Accepted]:
        """Events that no transaction can ever carry as they must be carried, since the last call."""
        impossible, self._impossible = self._impossible, []
        return impossible

    def gather(self, sight: Sight, now: datetime, *, is_careful: bool) -> Load | None:
        """The next transaction, or None while nothing may travel."""
        self._signers.clear()
        with reading(self._around.engine) as connection:
            self._setbacks.look(connection)
            load = None if is_careful else self._try_again(connection, sight, now)
            if load is not None:
                return load
            waiting = _Waiting()
            plan = self._plan_while_reading(connection, waiting, sight, is_careful=is_careful)
            self._note(plan)
            if plan.is_empty():
                return None
            return self._gather_carefully(connection, waiting, sight, now) if is_careful else self._load(plan, sight, now)

    def _note(self, plan: Plan) -> None:
        self._stale |= plan.stale
        self._impossible += plan.impossible

    def _try_again(self, connection: Connection, sight: Sight, now: datetime) -> Load | None:
        """What failed before and is due, by itself: a busy lane must not put it off for ever."""
        due = set(sorted(self._setbacks.due(sight.block_number))[:_MOST_DUE])
        if not due:
            return None
        waiting = _Waiting(signers=sending.signers(connection))
        self._read_pending(connection, waiting, sight)
        waiting.pending = [(batch, members) for batch, members in waiting.pending if any(one.item in due for one in members)]
        waiting.loose = self._with_units(connection, parking.loose_of(connection, due))
        self._learn(connection, waiting, waiting.loose, block=sight.block_number)
        return self._gather_carefully(connection, waiting, sight, now)

    def _load(self, plan: Plan, sight: Sight, now: datetime, *, is_careful: bool = False) -> Load:
        deadline_from = max(int(now.timestamp()), sight.block_time)
        sealed = [self._seal(parcel, deadline_from) for parcel in plan.parcels]
        gas = plan.gas + sum(GAS_CONTRACT_WALLET for one in sealed if one.signed is not None)
        # whether too little gas was the trouble is not known after a revert: what is not used is given back
        tried_again = [carried.accepted.id for carried in plan.events()] if is_careful else []
        return Load(call_data(sealed), min(gas * (2 if is_careful else 1), _GAS_CAP), sealed, tried_again)

    # --- reading

    def _plan_while_reading(self, connection: Connection, waiting: _Waiting, sight: Sight, *, is_careful: bool) -> Plan:
        """Read pages of loose events until the transaction is full or nothing more waits."""
        waiting.signers = sending.signers(connection)
        self._read_pending(connection, waiting, sight)
        after = 0
        for _ in range(_MOST_PAGES):
            page = self._read_page(connection, waiting, after, block=sight.block_number)
            plan = self._plan(connection, waiting, sight, is_careful=is_careful)
            if plan.is_full or len(page) < _PAGE:
                break
            after = page[-1].id
        return plan

    def _read_pending(self, connection: Connection, waiting: _Waiting, sight: Sight) -> None:
        batches = sending.pending_batches(connection, _MOST_PENDING)
        alive = [batch for batch in batches if batch.deadline > sight.block_time + _LAST_MINUTE]
        members = sending.members(connection, [batch.id for batch in alive])
        self._learn(connection, waiting, [one for each in members.values() for one in each], block=sight.block_number)
        aside = self._setbacks.set_aside(connection, [one for each in members.values() for one in each if one.status == "accepted"])
        spoilt = {accepted.batch for accepted in waiting.damaged}
        spoilt |= {one.batch for each in members.values() for one in each if one.id in aside}
        waiting.pending = [(batch, members[batch.id]) for batch in alive if batch.id not in spoilt]

    def _read_page(self, connection: Connection, waiting: _Waiting, after: int, *, block: int) -> list[Accepted]:
        page = sending.loose_events(connection, after=after, most=_PAGE)
        if page and page[-1].unit is not None:
            page += self._rest_of_unit(connection, page, page[-1].unit)
        aside = self._setbacks.set_aside(connection, page)
        waiting.loose += [one for one in page if one.id not in aside]
        self._learn(connection, waiting, page, block=block)
        return page

    def _with_units(self, connection: Connection, events: list[Accepted]) -> list[Accepted]:
        """These in order, and what stands or falls with them."""
        for unit in {one.unit for one in events if one.unit is not None}:
            events = events + self._rest_of_unit(connection, events, unit)
        return sorted(events, key=lambda one: one.id)

    def _rest_of_unit(self, connection: Connection, events: Sequence[Accepted], unit: str) -> list[Accepted]:
        have = {accepted.id for accepted in events}
        return [one for one in sending.unit_events(connection, unit) if one.id not in have and one.status == "accepted"]

    def _learn(self, connection: Connection, waiting: _Waiting, events: Sequence[Accepted], *, block: int) -> None:
        for accepted in events:
            if event_hash(event_of(accepted)) != accepted.event_hash:
                # signing it would spoil the whole batch: it waits, and its item behind it, until somebody has looked
                error = IntegrityError("an accepted event's row does not make its event hash", row=accepted.id)
                self._setbacks.fail([accepted], error, kind=Failure.DAMAGED, block=block)
                waiting.damaged.append(accepted)
        items = {accepted.item for accepted in events}
        # first what travels, then the states: an event recorded in between is found in the states
        waiting.travelling |= sending.travelling(connection, items)
        waiting.states |= {item: state_from_bytes(stored) for item, stored in sending.known_states(connection, items).items()}

    # --- planning

    def _plan(
        self, connection: Connection, waiting: _Waiting, sight: Sight, *, is_careful: bool, doubts: dict[bytes, int] | None = None
    ) -> Plan:
        planner = Planner(self._around.deployment.terms, self._limits, history=_History(connection), is_careful=is_careful)
        planner.know(waiting.states)
        planner.bar(waiting.damaged)
        planner.leave_out(self._setbacks.left_out(sight.block_number, is_careful=is_careful))
        for item, ordinal in (doubts or {}).items():
            planner.doubt(item, ordinal)
        for events in waiting.travelling.values():
            for accepted, relayer in events:
                planner.follow(accepted, is_ours=relayer == self._relayer)
        put_off = [(batch, members) for batch, members in waiting.pending if not planner.add_signed(batch, members)]
        for unit in _units(waiting.loose):
            if not self._add(planner, unit, waiting.signers):
                break
        for batch, members in put_off:
            planner.add_signed(batch, members, is_last_chance=True)
        return planner.plan

    def _add(self, planner: Planner, unit: Sequence[Accepted], signers: dict[bytes, set[bytes]]) -> bool:
        organization = OrganizationId(unit[0].organization)
        if not self._can_sign(organization, signers):
            planner.bar(unit)
            return True
        return planner.add_loose(unit[0]) if unit[0].unit is None else planner.add_unit(unit)

    def _can_sign(self, organization: OrganizationId, signers: dict[bytes, set[bytes]]) -> bool:
        """A batch under a key that is retired, or not added yet, would be refused with all its events: they wait."""
        if organization not in self._signers:
            self._signers[organization] = self._signer_of(organization)
        address = self._signers[organization]
        return address != b"" and address in signers.get(organization, {address})

    def _signer_of(self, organization: OrganizationId) -> bytes:
        """Empty while there is none to sign with: a keystore that is torn holds up its own organization and nobody else."""
        if not self._around.keyring.holds(organization):
            return b""
        try:
            address = self._around.keyring.signer(organization).address
        except (KeyMissing, KeystoreDamaged, WrongPassphrase) as error:
            if organization not in self._mute:
                logger.critical("an organization's events wait for its key", code=error.code, why=error.message, facts=error.facts)
            self._mute.add(organization)
            return b""
        self._mute.discard(organization)
        return address

    # --- after a revert

    def _gather_carefully(self, connection: Connection, waiting: _Waiting, sight: Sight, now: datetime) -> Load | None:
        """The largest plan that the node says goes through now."""
        self.ask_prices()
        doubts: dict[bytes, int] = {}
        for _ in range(_MOST_GUESSES):
            plan = self._plan(connection, waiting, sight, is_careful=True, doubts=doubts)
            if not doubts:
                self._note(plan)  # what failed because its history moved on is judged anew, not tried again
            if plan.is_empty():
                return None
            load = self._load(plan, sight, now, is_careful=True)
            try:
                self._ledger.simulate(load.body, sender=self._relayer, gas=load.gas)
            except WitnessMismatch as error:
                self._doubt(plan, bytes.fromhex(error.facts["item"][2:]), doubts, sight, error)
            except ChainError as error:
                if not self._narrow(waiting, plan):
                    self._give_up(plan.events(), error, sight)
                    return None
            else:
                return load
        return None

    def _doubt(self, plan: Plan, item: bytes, doubts: dict[bytes, int], sight: Sight, error: ChainError) -> None:
        """Some event of the item was refused, or its state is not the one we know: guess the first, then the next."""
        events = [carried for carried in plan.events() if carried.accepted.item == item]
        doubts[item] = doubts.get(item, -1) + 1
        if doubts[item] >= len(events) - 1:
            # not even its first event fits: the indexer is behind, somebody else is ahead of us, or its papers are wrong
            del doubts[item]
            self._give_up(events, error, sight)

    def _narrow(self, waiting: _Waiting, plan: Plan) -> bool:
        """Look at half of it; False when it is one batch already."""
        if waiting.pending and (len(waiting.pending) > 1 or waiting.loose):
            waiting.pending, waiting.loose = waiting.pending[: max(1, len(waiting.pending) // 2)], []
            return True
        planned = {carried.accepted.id for carried in plan.events()}
        units = [unit for unit in _units(waiting.loose) if any(one.id in planned for one in unit)]
        if not waiting.pending and len(units) > 1:
            # never half of a unit: what stands or falls together is asked for together
            waiting.loose = [accepted for unit in units[: len(units) // 2] for accepted in unit]
            return True
        return False

    def _give_up(self, events: Sequence[Carried], error: ChainError, sight: Sight) -> None:
        """The contract would revert for these alone: that is a verdict, kept with them."""
        self._setbacks.fail([carried.accepted for carried in events], error, kind=kind_of(error), block=sight.block_number)


class _History:
    """The recorded past of an item, asked only for corrections."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __call__(self, item: bytes, first: int) -> tuple[bytes, Sequence[tuple[bytes, bytes]]]:
        before = sending.state_at(self._connection, item, first - 1)
        return (ZERO32 if before is None else state_from_bytes(before).head), sending.history(self._connection, item, first)


def _units(loose: Sequence[Accepted]) -> Iterator[list[Accepted]]:
    """Single events, and the events of a unit together, at the place of its first."""
    for unit, events in groupby(loose, key=lambda accepted: accepted.unit):
        if unit is None:
            yield from ([accepted] for accepted in events)
        else:
            yield list(events)
