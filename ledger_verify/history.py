"""The events of a proof, followed by the rules: what each one hashes to, and the state that they lead to.

The chain knew who was entitled at each block; a proof does not show that. So the rules are asked with an authority that
entitles everybody: whatever they refuse even then, no ledger with these rules ever recorded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ledger_verify.case import Authority, Consented, DoesNotOpen, Standing
from ledger_verify.codes import Hold, Kind, Role
from ledger_verify.hashing import (
    Commitment,
    EventHash,
    EventId,
    Head,
    ItemId,
    OrganizationId,
    commitment_of,
    disclosure_digest,
    event_hash,
    event_id,
    is_key,
    is_organization,
)
from ledger_verify.judging import judge
from ledger_verify.proof import Payload, Proof, ProvenEvent
from ledger_verify.refusals import Refused
from ledger_verify.state import NO_ASIDE, NOBODY, UNBORN, Event, Link, Opening, State, Terms, unpack_detail
from ledger_verify.transition import apply

LONG_AGO, LATER = 1, 1 << 47  # block times where the proof shows none: any time will do, but not zero
NO_WAIT = Terms(recovery_period=0, ruling_period=0)  # the periods are the deployment's, and in its code
_MOST_ORDERS = 8
_MOST_LINKS = 100_000  # that all corrections together walk
_BIRTHS = frozenset({Kind.RAW_MATERIAL, Kind.MANUFACTURE, Kind.ENROLMENT})
KINDS = frozenset(int(kind) for kind in Kind)


@dataclass(frozen=True, slots=True)
class Followed:
    """One event, recomputed."""

    event: Event
    hash: EventHash
    id: EventId
    head: Head  # after it
    state: State


@dataclass(frozen=True, slots=True)
class Everybody:
    """An authority that entitles everybody to everything. `orders`: the one who acts now is the consortium, by order."""

    consortium: OrganizationId
    orders: bool = False

    def standing(self, organization: OrganizationId) -> Standing:
        return Standing(True, False, 0xFF)

    def speaks_for(self, organization: OrganizationId, brand: OrganizationId) -> bool:
        return not self.orders

    def is_accredited(self, brand: OrganizationId, organization: OrganizationId, role: Role, category: int) -> bool:
        return True


def open_payload(payload: Payload) -> Commitment:
    """The commitment behind what is shown and what is not.

    Raises:
        Refused: payload: fields out of order or twice, a path that lies within another.
    """
    if payload.commitment is not None:
        return payload.commitment
    shown = [_digest(field.salt, field.path, field.value) for field in payload.fields]
    closed = [sealed.digest for sealed in payload.withheld]
    if not _rises(shown) or not _rises(closed) or set(shown) & set(closed):
        raise Refused("payload", "fields and withheld ones each rise by digest, none of them twice")
    named = [sealed.path for sealed in payload.withheld if sealed.path is not None]
    paths = sorted(f"{path}/" for path in (*named, *(field.path for field in payload.fields)))
    if any(later.startswith(earlier) for earlier, later in pairwise(paths)):
        raise Refused("payload", "a path is told twice, or lies within another")
    return commitment_of([*shown, *closed])


def _digest(salt: bytes, path: str, value: object) -> bytes:
    try:
        return disclosure_digest(salt, path, value)
    except ValueError as error:  # the canonical text was read already: this is for a caller who has made the fields himself
        raise Refused("payload", "a field has no canonical form") from error


def _rises(digests: Sequence[bytes]) -> bool:
    return all(earlier < later for earlier, later in pairwise(digests))


def follow(proof: Proof, commitments: Sequence[Commitment], times: Sequence[int] | None) -> list[Followed]:
    """Every event judged and applied in its order. `times`: of the events' blocks, where they are known.

    Raises:
        Refused: history.
    """
    followed = _follow(proof.item, proof.events, commitments, times)
    if times is None:
        _refuse_idle_orders(proof, commitments, followed)
    return followed


def follow_all(item: ItemId, events: Sequence[ProvenEvent], commitments: Sequence[Commitment]) -> list[Followed]:
    """As `follow` by state, without asking whether every order matters. Raises Refused: history."""
    return _follow(item, events, commitments, None)


def _follow(
    item: ItemId,
    events: Sequence[ProvenEvent],
    commitments: Sequence[Commitment],
    times: Sequence[int] | None,
    *,
    after: Sequence[Followed] = (),
) -> list[Followed]:
    followed = list(after)
    links = [Link(one.hash, events[place].organization) for place, one in enumerate(followed)]
    _refuse_endless_corrections(events)
    for place in range(len(followed), len(events)):
        told = events[place]
        state = followed[-1].state if followed else UNBORN
        event = Event(item, told.kind, state.head, told.occurred_at, told.party, told.detail, commitments[place])
        hashed = event_hash(event)
        opening = _opening(told, event, links, followed)
        reached = _step(state, event, told, hashed, opening, None if times is None else times[place], place + 1)
        identifier = event_id(told.organization, item, told.kind, told.occurred_at, event.payload)
        followed.append(Followed(event, hashed, identifier, reached.head, reached))
        links.append(Link(hashed, told.organization))
    return followed


def _step(
    state: State, event: Event, told: ProvenEvent, hashed: EventHash, opening: Opening | None, time: int | None, number: int
) -> State:
    if told.kind not in KINDS or (told.enrolled is not None) != (told.kind == Kind.ENROLMENT):
        raise Refused("history", f"event {number} is of no kind, or has names that are not its kind's")
    by_order = told.by_order or (time is None and _is_only_by_order(state, told))
    if told.by_order and told.kind != Kind.RELEASE:
        raise Refused("history", f"event {number} is no release, which alone may be by order")
    authority: Authority = Everybody(told.organization if by_order else NOBODY, by_order)
    now = _latest(event) if time is None else time
    try:
        reason = judge(state, event, told.organization, now, authority, NO_WAIT, Consented(endorsed=True), opening)
    except DoesNotOpen as error:
        raise Refused("history", f"event {number}: {error}") from error
    if reason is not None:
        raise Refused("history", f"event {number} could not be recorded after those before it: {reason.code}")
    brand = None if told.enrolled is None else told.enrolled.brand
    at = LONG_AGO if time is None else time
    return apply(state, event, told.organization, at, NO_WAIT, brand=brand, by_order=by_order, hashed=hashed)


def _latest(event: Event) -> int:
    """The time of recording against which the fewest rules speak: as late as can be."""
    is_verification = event.kind == Kind.HOLD and event.detail & 0xFF == Hold.IN_VERIFICATION
    return max(unpack_detail(event.detail).time - 1, 0) if is_verification else LATER


def _opening(told: ProvenEvent, event: Event, links: Sequence[Link], followed: Sequence[Followed]) -> Opening | None:
    """What its carrier had to show."""
    if told.enrolled is not None:
        return Opening(brand=told.enrolled.brand, serial_commitment=told.enrolled.serial_commitment)
    corrected = unpack_detail(event.detail).time
    if event.kind != Kind.CORRECTION or not 1 <= corrected <= len(links):
        return None
    prior = followed[corrected - 1].event.head
    return Opening(prior_head=prior, history=tuple(links[corrected - 1 :]))


def _refuse_endless_corrections(events: Sequence[ProvenEvent]) -> None:
    corrections = ((place, unpack_detail(event.detail).time) for place, event in enumerate(events) if event.kind == Kind.CORRECTION)
    if sum(max(place - corrected, 0) for place, corrected in corrections) > _MOST_LINKS:
        raise Refused("history", f"corrections that reach back over more than {_MOST_LINKS} events together")


# --- by order
#
# Whether a release rests on the consortium's order is told by a log of its own. Without logs it is shown exactly where the
# word depends on it, so that there is one proof of one history; where only an order can explain a release, it follows.


def _is_only_by_order(state: State, told: ProvenEvent) -> bool:
    """A hold that a key set, released without its signature."""
    hold = told.detail & 0xFF
    if told.kind != Kind.RELEASE or hold >= len(Hold) or told.detail >> 63:
        return False
    return bool(state.holds >> hold & 1) and is_key(state.aside.setters[hold])


def may_matter(state: State, event: ProvenEvent) -> bool:
    """Could it change the state whether this release is by order?"""
    is_theft = event.kind == Kind.RELEASE and event.detail & 0xFF == Hold.STOLEN and bool(state.holds & Hold.STOLEN.bit)
    return is_theft and state.aside.stolen_release_at == 0 and is_organization(state.aside.setters[Hold.STOLEN])


def order_matters(
    item: ItemId, events: Sequence[ProvenEvent], commitments: Sequence[Commitment], followed: Sequence[Followed], place: int
) -> bool:
    """Would the same history without this order be against the rules, or end in another state?"""
    before = followed[place - 1].state if place else UNBORN
    if not may_matter(before, events[place]):
        return False
    without = [*events]
    without[place] = replace(events[place], by_order=False)
    try:
        other = _follow(item, without, commitments, None, after=followed[:place])
    except Refused:
        return True
    return other[-1].state != followed[-1].state


def _refuse_idle_orders(proof: Proof, commitments: Sequence[Commitment], followed: Sequence[Followed]) -> None:
    ordered = [place for place, event in enumerate(proof.events) if event.by_order]
    if len(ordered) > _MOST_ORDERS:
        raise Refused("history", f"more than {_MOST_ORDERS} releases by order")
    for place in ordered:
        if not order_matters(proof.item, proof.events, commitments, followed, place):
            raise Refused("history", f"event {place + 1} is said to be by order, which nothing proves")


def with_times(state: State, *, stolen_release_at: int, disputed_at: int, recovery_ready_at: int) -> State:
    """The state with the block times that its word commits to.

    Raises:
        Refused: witness: a time where the history leaves none, or none where it leaves one.
    """
    aside = state.aside
    told = (stolen_release_at, disputed_at, recovery_ready_at)
    left = (aside.stolen_release_at, aside.disputed_at, aside.recovery_ready_at)
    # a pending recovery is known by its key: with no waiting period its time may be any
    if any((one == 0) != (other == 0) for one, other in zip(told, left, strict=True)):
        raise Refused("witness", "there is a time where the history leaves none, or none where it leaves one")
    if aside is NO_ASIDE:
        return state
    timed = replace(aside, stolen_release_at=stolen_release_at, disputed_at=disputed_at, recovery_ready_at=recovery_ready_at)
    return replace(state, aside=timed)
