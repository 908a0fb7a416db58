"""What may travel together in the next transaction, in which batches, and with which witnesses. No database, no network.

An event travels only when the state before it is known for certain: the chain's, moved on by what of this lane travels
already and by what stands before it in the plan. So:

- An item's events keep their order, and an event's batch is not before that of the item's previous event.
- Behind an event that puts the block's time into the state, the item waits until the indexer has told that time.
- Behind an event on another lane the item waits too: the order of two lanes' transactions is nobody's promise.
- Events of a unit travel in one all-or-nothing batch; a batch that is signed already travels as it is.
- An event that follows another head than the one it would find is *stale*: `rejudge` looks at its item again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ledger_api.outbox.openings import Papers, read_papers
from ledger_api.store.sending import Accepted, Batch
from ledger_verify import transition
from ledger_verify.codes import Kind
from ledger_verify.hashing import ZERO32, Commitment, EventHash, Head, ItemId, OrganizationId
from ledger_verify.state import UNBORN, Event, Link, State, Terms, has_aside, unpack_detail

# What an event may cost at most, witness and calldata included; what is not used is given back. Measured by `make bench`.
_GAS_BASE = 60_000
_GAS_BATCH = 60_000
_GAS_EVENT = 26_000
_GAS_BIRTH = 44_000
_GAS_OPENING = 30_000
_GAS_LINK = 1_500
_GAS_APPROVAL = 16_000
_GAS_ENDORSEMENT = 170_000
GAS_CONTRACT_WALLET = 160_000  # ERC-1271 is asked with a cap of 150,000
_BYTES_BATCH = 640
_BYTES_EVENT = 352  # seven words of the event, four of the witness
_BYTES_OPENING = 832
_BYTES_LINK = 64
_BYTES_APPROVAL = 352
_BIRTHS = frozenset({Kind.RAW_MATERIAL, Kind.MANUFACTURE, Kind.ENROLMENT})


class History(Protocol):
    """What the indexer recorded of an item from a sequence on: the head before it, and (event hash, organization) of each."""

    def __call__(self, item: bytes, first: int) -> tuple[bytes, Sequence[tuple[bytes, bytes]]]: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one transaction. A chain takes 16.7 million gas and nodes take 128 KiB."""

    gas: int = 12_000_000
    size: int = 100 * 1024
    most_gas: int = 16_000_000  # one batch alone may go beyond the first two, up to these
    most_size: int = 120 * 1024
    dearer_word_gas: int = 0  # what a new word costs on this chain beyond what is in the figures above


@dataclass(frozen=True, slots=True)
class Carried:
    """An event with the state the contract will find before it."""

    accepted: Accepted
    event: Event
    state: State
    papers: Papers
    prior_head: bytes = ZERO32
    links: tuple[Link, ...] = ()


@dataclass(slots=True)
class Parcel:
    """A batch: signed already, or to be signed."""

    organization: bytes
    all_or_nothing: bool = False
    signed: Batch | None = None
    members: list[Carried] = field(default_factory=list)


@dataclass(slots=True)
class Plan:
    parcels: list[Parcel] = field(default_factory=list)
    stale: set[bytes] = field(default_factory=set)  # items to look at again
    impossible: list[Accepted] = field(default_factory=list)  # what no transaction can ever carry together
    gas: int = _GAS_BASE
    size: int = 0
    is_full: bool = False

    def is_empty(self) -> bool:
        return not self.parcels

    def events(self) -> list[Carried]:
        return [member for parcel in self.parcels for member in parcel.members]


def event_of(accepted: Accepted) -> Event:
    return Event(
        item=ItemId(accepted.item),
        kind=accepted.kind,
        head=Head(accepted.head),
        occurred_at=accepted.occurred_at,
        party=accepted.party,
        detail=int.from_bytes(accepted.detail, "big"),
        payload=Commitment(accepted.payload),
    )


def state_after(state: State, event: Event, accepted: Accepted, terms: Terms, *, hashed: EventHash | None = None) -> State:
    """The state after an event that was not refused; what block time it writes is a guess, see `touches_time`."""
    brand = read_papers(accepted.approval).brand
    organization = OrganizationId(accepted.organization)
    return transition.apply(state, event, organization, event.occurred_at, terms, brand=brand, hashed=hashed)


class _Full(Exception):
    """The transaction takes no more."""


class Planner:
    """Builds one plan. Feed it the signed batches first, then the loose events in order, then the batches it put off."""

    def __init__(self, terms: Terms, limits: Limits, *, history: History, is_careful: bool = False) -> None:
        self.plan = Plan()
        self._terms = terms
        self._limits = limits
        self._history = history
        self._is_careful = is_careful
        self._told: dict[bytes, State] = {}  # what the indexer knows
        self._states: dict[bytes, State] = {}  # the same, moved on by what travels or is planned
        self._ahead: dict[bytes, list[Accepted]] = {}  # by what
        self._latest_of_item: dict[bytes, int] = {}  # item → the last parcel that holds an event of it
        self._latest_of_organization: dict[bytes, int] = {}  # organization → its last parcel that is still open
        self._waiting: set[bytes] = set()  # items of which nothing more travels now
        self._barriers: dict[bytes, int] = {}  # item → its first event in a batch that was put off
        self._doubts: dict[bytes, int] = {}  # item → the event of it, counted from 0, that we expect to be refused
        self._seen: dict[bytes, int] = {}

    def doubt(self, item: bytes, ordinal: int) -> None:
        """Expect that the contract refuses this event of the item, and therefore everything of it after."""
        self._doubts[item] = ordinal

    def leave_out(self, items: Iterable[bytes]) -> None:
        """Plan nothing of these items."""
        self._waiting.update(items)

    def bar(self, events: Iterable[Accepted]) -> None:
        """Plan neither these events nor what comes after them."""
        for accepted in events:
            self._barriers[accepted.item] = min(self._barriers.get(accepted.item, accepted.id), accepted.id)

    def know(self, states: Mapping[bytes, State]) -> None:
        """The items' states as of the last block the indexer applied, before anything of them is asked."""
        self._told.update(states)
        self._states.update(states)

    # --- what travels already

    def follow(self, accepted: Accepted, *, is_ours: bool) -> None:
        """An event whose outcome is not told yet. One of another lane, or one that touches time, ends the guessing."""
        item = accepted.item
        state = self._states.get(item, UNBORN)
        event = event_of(accepted)
        if not is_ours or self._is_careful or state.head != accepted.head or transition.touches_time(state, event):
            self._waiting.add(item)
            return
        self._advance(accepted, event)

    # --- signed batches

    def add_signed(self, batch: Batch, members: Sequence[Accepted], *, is_last_chance: bool = False) -> bool:
        """Whether the batch travels now. One that something loose stands before is asked again when that is planned."""
        parcel = Parcel(batch.organization, batch.all_or_nothing, signed=batch)
        if not self._is_carriable(members, may_suspect=is_last_chance and not self.plan.is_full):
            self._put_off(members)
            return False
        try:
            self._reserve(sum(map(self._gas, members)) + _GAS_BATCH, sum(map(_size, members)) + _BYTES_BATCH)
        except _Full:
            self._put_off(members)
            return False
        place = self._append(parcel)
        for accepted in members:
            self._carry(place, accepted, stands=accepted.status == "accepted")
        return True

    def _fits_now(self, members: Sequence[Accepted], *, may_suspect: bool) -> bool:
        """Does every event of the batch follow the head it would find?"""
        trial = dict[bytes, State]()
        timeless = set[bytes]()
        for accepted in members:
            if accepted.status != "accepted":
                continue  # its outcome is told; in this batch it changes nothing any more
            item = accepted.item
            if item in timeless:
                # the state before it holds the time of the block it will be in, which nobody knows beforehand
                self.plan.impossible.extend(members)
                return False
            state = trial.get(item, self._states.get(item, UNBORN))
            if item in self._waiting or (self._is_careful and item in self._seen):
                return False
            if accepted.head != state.head and item not in self._doubts:
                if may_suspect:
                    self._suspect(item)
                return False
            event = event_of(accepted)
            if transition.touches_time(state, event):
                timeless.add(item)
            trial[item] = self._after(state, event, accepted)
        return True

    def _is_carriable(self, members: Sequence[Accepted], *, may_suspect: bool = True) -> bool:
        gas, size = _GAS_BASE + _GAS_BATCH + sum(map(self._gas, members)), _BYTES_BATCH + sum(map(_size, members))
        if gas > self._limits.most_gas or size > self._limits.most_size:
            self.plan.impossible.extend(members)
            return False
        return self._fits_now(members, may_suspect=may_suspect)

    def _put_off(self, members: Sequence[Accepted]) -> None:
        self.bar(accepted for accepted in members if accepted.status == "accepted")

    # --- loose events

    def add_loose(self, accepted: Accepted) -> bool:
        """False when the transaction is full: whatever comes later stays behind too, so that the order holds."""
        if not self._may_go(accepted):
            return True
        place = self._open_parcel(accepted)
        is_new = place is None
        try:
            self._reserve(self._gas(accepted) + is_new * _GAS_BATCH, _size(accepted) + is_new * _BYTES_BATCH)
        except _Full:
            self.plan.is_full = True
            return False
        if place is None:
            place = self._append(Parcel(accepted.organization))
            self._latest_of_organization[accepted.organization] = place
        self._carry(place, accepted)
        return True

    def add_unit(self, members: Sequence[Accepted]) -> bool:
        """As `add_loose`, for events that stand or fall together."""
        if not all(self._barrier_allows(accepted) for accepted in members) or not self._is_carriable(members):
            self.bar(members)
            return True
        try:
            self._reserve(sum(map(self._gas, members)) + _GAS_BATCH, sum(map(_size, members)) + _BYTES_BATCH)
        except _Full:
            self.plan.is_full = True
            return False
        place = self._append(Parcel(members[0].organization, all_or_nothing=True))
        for accepted in members:
            self._carry(place, accepted)
        return True

    def _may_go(self, accepted: Accepted) -> bool:
        item = accepted.item
        if item in self._waiting:
            return False
        if not self._barrier_allows(accepted):
            return False  # what it waits for may still be planned
        if self._is_careful and item in self._seen:
            self._waiting.add(item)
            return False
        if accepted.head != self._states.get(item, UNBORN).head:
            self._suspect(item)
            return False
        return True

    def _barrier_allows(self, accepted: Accepted) -> bool:
        barrier = self._barriers.get(accepted.item)
        return barrier is None or accepted.id < barrier

    def _suspect(self, item: bytes) -> None:
        """Where nothing is on its way, another head than the chain's can only be a stale one."""
        self._waiting.add(item)
        if item not in self._ahead:
            self.plan.stale.add(item)

    # --- the parcels

    def _open_parcel(self, accepted: Accepted) -> int | None:
        """The organization's last batch, unless the item's previous event travels in a later one."""
        latest = self._latest_of_organization.get(accepted.organization)
        if latest is None or latest < self._latest_of_item.get(accepted.item, 0):
            return None
        return latest

    def _append(self, parcel: Parcel) -> int:
        self.plan.parcels.append(parcel)
        return len(self.plan.parcels) - 1

    def _gas(self, accepted: Accepted) -> int:
        return _gas(accepted) + (self._limits.dearer_word_gas if accepted.kind in _BIRTHS else 0)

    def _reserve(self, gas: int, size: int) -> None:
        """Raises: _Full. The first parcel always fits, or one that is too large would stop everything for ever."""
        plan = self.plan
        if plan.parcels and (plan.gas + gas > self._limits.gas or plan.size + size > self._limits.size):
            raise _Full
        plan.gas += gas
        plan.size += size

    def _carry(self, place: int, accepted: Accepted, *, stands: bool = True) -> None:
        item = accepted.item
        state = self._states.get(item, UNBORN)
        event = event_of(accepted)
        papers = read_papers(accepted.approval)
        prior_head, links = self._past(event) if event.kind == Kind.CORRECTION else (ZERO32, ())
        self.plan.parcels[place].members.append(Carried(accepted, event, state, papers, prior_head, links))
        if links or has_aside(state):
            self.plan.gas += _GAS_OPENING + _GAS_LINK * len(links)
            self.plan.size += _BYTES_OPENING + _BYTES_LINK * len(links)
        self._latest_of_item[item] = place
        ordinal = self._seen.get(item, 0)
        self._seen[item] = ordinal + 1
        if not stands or ordinal >= self._doubts.get(item, ordinal + 1):
            return
        if transition.touches_time(state, event):
            self._waiting.add(item)
        self._advance(accepted, event)

    def _advance(self, accepted: Accepted, event: Event) -> None:
        item = accepted.item
        self._states[item] = self._after(self._states.get(item, UNBORN), event, accepted)
        self._ahead.setdefault(item, []).append(accepted)

    def _after(self, state: State, event: Event, accepted: Accepted) -> State:
        return state_after(state, event, accepted, self._terms, hashed=EventHash(accepted.event_hash))

    def _past(self, event: Event) -> tuple[bytes, tuple[Link, ...]]:
        """The head before a corrected event, and every event from it to the tip: what is recorded, then what travels."""
        first = unpack_detail(event.detail).time
        told = self._told.get(event.item, UNBORN).sequence
        ahead = self._ahead.get(event.item, [])
        if first > told:
            ahead = ahead[first - told - 1 :]
            return (ahead[0].head if ahead else ZERO32), tuple(map(_link, ahead))
        prior_head, recorded = self._history(event.item, first)
        links = [Link(EventHash(hashed), OrganizationId(by)) for hashed, by in recorded]
        return prior_head, (*links, *map(_link, ahead))


def _link(accepted: Accepted) -> Link:
    return Link(EventHash(accepted.event_hash), OrganizationId(accepted.organization))


def _gas(accepted: Accepted) -> int:
    gas = _GAS_BIRTH if accepted.kind in _BIRTHS else _GAS_EVENT
    if accepted.approval is not None:
        gas += _GAS_APPROVAL + _GAS_OPENING
    if accepted.kind == Kind.ENROLMENT:
        gas += _GAS_ENDORSEMENT
    return gas


def _size(accepted: Accepted) -> int:
    return _BYTES_EVENT + (_BYTES_APPROVAL + _BYTES_OPENING if accepted.approval is not None else 0)
