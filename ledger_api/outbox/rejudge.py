"""What a refusal, a revert or a deadline leaves behind is looked at again.

An event binds the head it follows. When something else happened to its item than what it was accepted on (an earlier event
was refused, somebody else recorded first), it can never land as it is. Where the service holds the organization's key and
nobody else's signature is on it, it gets a new head and travels again, if the rules still allow it; else it ends as refused.
"""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from ledger_api.keys import Keyring
from ledger_api.outbox.plan import event_of, state_after
from ledger_api.outbox.surroundings import Surroundings
from ledger_api.store import parking, sending, tallies
from ledger_api.store.directory import load_authority
from ledger_api.store.engine import LOCK_STRIPES, lock_ends, lock_items, reading, stripes, writing
from ledger_api.store.sending import Accepted
from ledger_verify import hashing
from ledger_verify.codes import Kind, Reason
from ledger_verify.hashing import OrganizationId
from ledger_verify.judging import Authority, judge
from ledger_verify.state import UNBORN, Event, State, state_from_bytes, state_to_bytes, unpack_detail


def releasing(keyring: Keyring) -> Callable[[Connection, list[int]], None]:
    """How a lane gives back the batches of a transaction that did not land."""

    def release(connection: Connection, batches: list[int]) -> None:
        """What we signed is taken apart, so that its events can be chosen anew; what an organization signed stays whole."""
        organizations = sending.organizations_of(connection, batches)
        ours = [batch for batch, organization in organizations.items() if keyring.holds(OrganizationId(organization))]
        sending.dissolve(connection, ours)
        sending.set_down(connection, [batch for batch in organizations if batch not in ours])

    return release


def renew_expired(around: Surroundings, *, now: int) -> None:
    """Batches whose deadline has passed in a final block, so that they can never land: ours are signed anew, others end.

    Before that block is final a reorg could still put the batch into a block that is early enough.
    """
    with reading(around.engine) as connection:
        known = sending.followed(connection)
        expired = [] if known is None else sending.expired_batches(connection, known.final_time)
        members = sending.members(connection, [batch.id for batch in expired])
    if not expired:
        return

    def end(work: _Work) -> set[bytes]:
        ended, members = set[bytes](), sending.members(work.connection, [batch.id for batch in expired])
        for batch in expired:
            if around.keyring.holds(OrganizationId(batch.organization)):
                sending.dissolve(work.connection, [batch.id])
                continue
            waiting = [one for one in members[batch.id] if one.status == "accepted"]
            work.refuse([one.id for one in waiting], Reason.DEADLINE_PASSED)
            ended |= {one.item for one in waiting}
        return ended

    _end(around, {one.item for batch in members.values() for one in batch}, end, now=now)


def end_impossible(around: Surroundings, events: Collection[Accepted], *, now: int) -> None:
    """Refuse what cannot be carried together: too much for a transaction, or behind an event whose block time nobody knows."""
    waiting = [one for one in events if one.status == "accepted"]
    if not waiting:
        return
    rows, items = [one.id for one in waiting], {one.item for one in waiting}

    def end(work: _Work) -> set[bytes]:
        sending.keep_error(work.connection, rows, "no transaction can carry these events together")
        work.refuse(rows, Reason.MALFORMED)
        return items

    _end(around, items, end, now=now)


def end_letter(around: Surroundings, letter: int, reason: Reason, *, now: int) -> list[int]:
    """End a dead letter and the rows that stand or fall with it; what comes after them is judged anew. Returns them: none when it is no
    dead letter any more, because somebody has sent it back meanwhile."""
    with reading(around.engine) as connection:
        items = parking.items_of(connection, parking.together(connection, [letter]))
    rows = list[int]()

    def end(work: _Work) -> set[bytes]:
        rows[:] = parking.together(work.connection, [letter]) if parking.hold_letter(work.connection, letter) else []
        work.refuse(rows and [letter], reason)
        work.refuse([row for row in rows if row != letter], Reason.GROUP_REFUSED)
        return parking.items_of(work.connection, rows)

    _end(around, items, end, now=now)
    return rows


def look_again(around: Surroundings, items: Collection[bytes], *, now: int) -> None:
    """Walk the accepted events of these items from the chain's state on, and mend or end what does not follow.

    An event that ends takes its all-or-nothing group with it, whose other items are then walked too.
    """
    if items:
        _end(around, set(items), lambda _work: items, now=now)


def free_parked(around: Surroundings) -> None:
    """What stands behind a dead letter that has ended, or was sent back, travels again."""
    with writing(around.engine) as connection:
        parking.free(connection)


def _end(around: Surroundings, items: set[bytes], end: Callable[["_Work"], Collection[bytes]], *, now: int) -> None:
    """One commit: `end` ends events and says of which items, and these are walked. A tip that outlives what it was the state after would
    misjudge whatever comes next.

    Items are locked first of all and in one go, as everybody locks them. Should more end than was foreseen, it begins anew with those
    items too, and the next time with all there are.
    """
    with reading(around.engine) as connection:
        authority = load_authority(connection, around.deployment.consortium).at(now)

    def beyond(held: Collection[bytes]) -> set[bytes]:
        """Items that ended too and are not among these; none once it is done."""
        try:
            with writing(around.engine) as connection:
                lock_ends(connection)
                lock_items(connection, held)
                work = _Work(around, connection, stripes(held), authority, now)
                work.walk(end(work))
                tallies.add(connection, tallies.WORKER, work.refused)
        except _Beyond as error:
            return error.items
        return set()

    more = beyond(items)
    if more and beyond(items | more):
        beyond(_EVERY_STRIPE)
    free_parked(around)


_EVERY_STRIPE = [bytes([number]) for number in range(LOCK_STRIPES)]


class _Beyond(Exception):
    """What ended takes items along that this transaction has not locked."""

    def __init__(self, items: set[bytes]) -> None:
        super().__init__(items)
        self.items = items


@dataclass(slots=True)
class _Work:
    """A transaction that ends events, and what it is to count."""

    around: Surroundings
    connection: Connection
    held: set[int]  # stripes
    authority: Authority
    now: int
    refused: Counter[str] = field(default_factory=Counter)

    def refuse(self, events: Collection[int], reason: Reason) -> None:
        if count := sending.refuse(self.connection, events, reason):
            self.refused[reason.code] += count

    def walk(self, items: Collection[bytes]) -> None:
        """Raises: _Beyond."""
        waiting, seen = set(items), set[bytes]()
        while waiting:
            if not stripes(waiting) <= self.held:
                raise _Beyond(waiting)
            seen |= waiting
            touched = set[bytes]()
            for item in sorted(waiting):
                touched |= _Walk(self, item).go()
            waiting = touched - seen


@dataclass(slots=True)
class _Walk:
    """The accepted events of one item, in order, on the state the indexer knows."""

    work: _Work
    item: bytes
    broken_units: set[str] = field(default_factory=set)

    def go(self) -> set[bytes]:
        """Returns the items of groups that ended here."""
        connection = self.work.connection
        accepted = sending.accepted_of(connection, self.item)
        if any(status not in (None, "signed") for _, status in accepted):
            return set()  # something of it travels: its outcome comes first
        if any(hashing.event_hash(event_of(event)) != event.event_hash for event, _ in accepted):
            return set()  # a row that is no longer what was accepted must not be signed anew: it is parked
        stored = sending.known_states(connection, [self.item]).get(self.item)
        state = UNBORN if stored is None else state_from_bytes(stored)
        waits = False
        for event, _ in accepted:
            after = self._next(state, event)
            if after is not None:
                state, waits = after, True
        sending.set_tip(connection, self.item, state_to_bytes(state) if waits else None)
        return self._end_groups()

    def _next(self, state: State, accepted: Accepted) -> State | None:
        """The state after the event, or None when it ended."""
        event, terms = event_of(accepted), self.work.around.deployment.terms
        if accepted.head == state.head:
            return state_after(state, event, accepted, terms)
        renewed = replace(event, head=state.head)
        reason = self._reason(state, accepted, renewed)
        if reason is not None:
            self._refuse(accepted, reason)
            return None
        after = state_after(state, renewed, accepted, terms)
        if accepted.batch is not None:
            sending.dissolve(self.work.connection, [accepted.batch])
        new_hash = hashing.event_hash(renewed)
        sending.follow_head(self.work.connection, accepted.id, head=state.head, event_hash=new_hash, state=state_to_bytes(after))
        return after

    def _reason(self, state: State, accepted: Accepted, renewed: Event) -> Reason | None:
        """Why the event cannot stand on this state in the organization's name; None: sign it anew."""
        organization, around = OrganizationId(accepted.organization), self.work.around
        if not around.keyring.holds(organization) or accepted.approval is not None or _names_a_sequence(renewed):
            return Reason.SUPERSEDED
        return judge(state, renewed, organization, self.work.now, self.work.authority, around.deployment.terms)

    def _refuse(self, accepted: Accepted, reason: Reason) -> None:
        self.work.refuse([accepted.id], reason)
        if accepted.unit is not None:
            self.broken_units.add(accepted.unit)

    def _end_groups(self) -> set[bytes]:
        """An all-or-nothing group of which one event ended can only end."""
        touched = set[bytes]()
        for unit in sorted(self.broken_units):
            waiting = [one for one in sending.unit_events(self.work.connection, unit) if one.status == "accepted"]
            if sending.is_group(self.work.connection, waiting):
                self.work.refuse([one.id for one in waiting], Reason.GROUP_REFUSED)
                touched |= {one.item for one in waiting}
        return touched


def _names_a_sequence(event: Event) -> bool:
    """A correction, or the dispute of one event, means an event by its place in a history that is another one now."""
    return event.kind == Kind.CORRECTION or (event.kind == Kind.DISPUTE and unpack_detail(event.detail).time != 0)
