"""What an accepted event does to an item: the effect, its fold over logs, and the precedence of verdicts.

The twin of the contract's transition (docs/protocol.md §8 and §9). The rules that come before are in `judging`, the
shapes in `state`, the numbers in `codes`; this is the one module to import them all from.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from ledger_verify.case import Authority, Consented, DoesNotOpen, Standing, by_order, counting_holds, setter_of
from ledger_verify.codes import (
    CATEGORY_CODES,
    HOLD_CODES,
    KIND_CODES,
    METHOD_CODES,
    OUTCOME_CODES,
    PHASE_CODES,
    REASON_CODES,
    RECOVERY_PERIOD,
    ROLE_CODES,
    RULING_PERIOD,
    SKEW,
    STAGE_CODES,
    STOLEN_RELEASE,
    Category,
    Hold,
    Kind,
    Method,
    Outcome,
    Phase,
    Reason,
    Role,
    Stage,
)
from ledger_verify.hashing import EventHash, OrganizationId, event_hash, next_head
from ledger_verify.judging import judge, judge_batch
from ledger_verify.logs import Enrolled, Log, Recorded, ReleasedByOrder
from ledger_verify.state import (
    NO_ASIDE,
    NO_KEY,
    UNBORN,
    Aside,
    Clear,
    Detail,
    Event,
    Link,
    Opening,
    State,
    Terms,
    aside_hash,
    clear,
    encode_aside,
    facts,
    has_aside,
    pack_detail,
    state_from_bytes,
    state_to_bytes,
    unpack_detail,
    word,
)

__all__ = [
    "CATEGORY_CODES",
    "HOLD_CODES",
    "KIND_CODES",
    "METHOD_CODES",
    "NO_ASIDE",
    "NO_KEY",
    "OUTCOME_CODES",
    "PHASE_CODES",
    "REASON_CODES",
    "RECOVERY_PERIOD",
    "ROLE_CODES",
    "RULING_PERIOD",
    "SKEW",
    "STAGE_CODES",
    "STOLEN_RELEASE",
    "UNBORN",
    "Aside",
    "Authority",
    "Category",
    "Clear",
    "Consented",
    "Detail",
    "DoesNotOpen",
    "Event",
    "FoldMismatch",
    "Hold",
    "Kind",
    "Link",
    "Method",
    "Opening",
    "Outcome",
    "Phase",
    "Reason",
    "Role",
    "Stage",
    "Standing",
    "State",
    "Terms",
    "apply",
    "apply_recorded",
    "aside_hash",
    "by_order",
    "clear",
    "counting_holds",
    "effective_verdict",
    "encode_aside",
    "facts",
    "fold",
    "has_aside",
    "has_expired",
    "judge",
    "judge_batch",
    "pack_detail",
    "replaces",
    "setter_of",
    "state_from_bytes",
    "state_to_bytes",
    "touches_time",
    "unpack_detail",
    "word",
]

Changes = dict[str, Any]


class FoldMismatch(ValueError):
    """The logs do not tell one history: a hash does not follow, or an item's birth is missing."""


@dataclass(frozen=True, slots=True)
class _Step:
    state: State
    event: Event
    detail: Detail
    organization: OrganizationId
    block_time: int
    terms: Terms
    brand: OrganizationId | None
    by_order: bool

    def aside(self, **changes: Any) -> Aside:
        """Nothing set aside is always the one `NO_ASIDE`."""
        changed = replace(self.state.aside, **changes)
        return NO_ASIDE if changed == NO_ASIDE else changed


def apply(
    state: State,
    event: Event,
    organization: OrganizationId,
    block_time: int,
    terms: Terms,
    *,
    brand: OrganizationId | None = None,
    by_order: bool = False,
    hashed: EventHash | None = None,
) -> State:
    """The state after an event that was accepted: total for those, and in need of no authority.

    `brand` is told for an enrolment (the item's id hides it), `by_order` for a release that rests on the consortium's
    word alone, `hashed` is the event's hash where the caller has it already.

    Raises:
        ValueError: an enrolment without its brand.
    """
    step = _Step(state, event, unpack_detail(event.detail), organization, block_time, terms, brand, by_order)
    changes = _EFFECTS[event.kind](step)
    return replace(
        state,
        sequence=state.sequence + 1,
        head=next_head(state.head, event_hash(event) if hashed is None else hashed, organization),
        last_occurred_at=event.occurred_at,
        **changes,
    )


def touches_time(state: State, event: Event) -> bool:
    """Does the effect write block time, so that the witness after it is unknown until it has landed?

    A release of *stolen* by order writes none, but whether it is one is the registry's to say: it counts as if.
    """
    detail = unpack_detail(event.detail)
    if event.kind == Kind.DISPUTE:
        return True
    if event.kind == Kind.RECOVERY:
        return detail.a == Phase.REQUEST
    if event.kind == Kind.HOLD:
        return detail.a == Hold.DISPUTED and not state.holds & Hold.DISPUTED.bit
    return event.kind == Kind.RELEASE and detail.a == Hold.STOLEN and state.aside.stolen_release_at == 0


def replaces(*, effective: int, effective_method: int, expired: bool, outcome: int, method: int) -> bool:
    """Does a new opinion become the effective one? Docs/protocol.md §9.

    `expired` says whether the effective one had expired when the new one was given; an expired *not authentic* still
    stands, because nothing may become sellable by waiting.
    """
    if effective == Outcome.NONE or method == Method.RULING:
        return True
    if effective == Outcome.NOT_AUTHENTIC:
        return method > effective_method and outcome != Outcome.INCONCLUSIVE
    return expired or method >= effective_method


def has_expired(state: State, at: int) -> bool:
    return state.verdict_expiry != 0 and state.verdict_expiry <= at


def effective_verdict(state: State, at: int) -> str:
    """The code of the effective outcome at this time; *authentic* past its expiry reads `expired`."""
    if state.verdict == Outcome.AUTHENTIC and has_expired(state, at):
        return "expired"
    return OUTCOME_CODES[Outcome(state.verdict)]


def fold(logs: Iterable[tuple[Log, int]], terms: Terms, state: State = UNBORN) -> State:
    """One item's logs in order, each with its block's time, on top of a state. Refusals change nothing.

    Raises:
        FoldMismatch: an event's hash is not the one that its log and the state before it make.
    """
    brand: OrganizationId | None = None
    is_by_order = False
    for log, block_time in logs:
        match log:
            case Enrolled():
                brand = log.brand
            case ReleasedByOrder():
                is_by_order = True
            case Recorded():
                state = apply_recorded(state, log, block_time, terms, brand=brand, by_order=is_by_order)
                brand, is_by_order = None, False
            case _:
                continue
    return state


def apply_recorded(state: State, log: Recorded, block_time: int, terms: Terms, *, brand: OrganizationId | None, by_order: bool) -> State:
    """One step of the fold. Raises FoldMismatch, as `fold` does."""
    event = Event(log.item, log.kind, state.head, log.occurred_at, log.party, log.detail, log.payload)
    if event_hash(event) != log.event_hash:
        raise FoldMismatch(f"event {state.sequence + 1} of item 0x{log.item.hex()} does not follow the one before it")
    if log.kind not in _EFFECTS or (log.kind == Kind.ENROLMENT and brand is None):
        raise FoldMismatch(f"event {state.sequence + 1} of item 0x{log.item.hex()} is of no kind, or its Enrolled log is missing")
    return apply(state, event, log.organization, block_time, terms, brand=brand, by_order=by_order, hashed=log.event_hash)


# --- effects: what changes beside sequence, head and last occurred at


def _born_as_lot(step: _Step) -> Changes:
    return {"stage": Stage.LOT, "holder": step.organization, "brand": step.organization}


def _made(step: _Step) -> Changes:
    if step.state.stage == Stage.ENROLLED:
        return {"stage": Stage.SOLD, "category": step.detail.c}
    return {"stage": Stage.UNSOLD, "holder": step.organization, "brand": step.organization, "category": step.detail.c}


def _enrolled(step: _Step) -> Changes:
    if step.brand is None:
        raise ValueError("an enrolment needs the brand behind the item's id")
    born = {"stage": Stage.ENROLLED, "holder": step.event.party, "brand": step.brand, "category": step.detail.c}
    return born | _opinion(step, Method.IN_PERSON)


def _handed_over(step: _Step) -> Changes:
    if step.state.aside is NO_ASIDE:
        return {"holder": step.event.party}
    return {"holder": step.event.party, "aside": step.aside(recovery_key=NO_KEY, recovery_ready_at=0)}


def _sold(step: _Step) -> Changes:
    return _handed_over(step) | {"stage": Stage.SOLD}


def _opinion(step: _Step, method: int) -> Changes:
    return {
        "verdict": step.detail.a,
        "verdict_method": method,
        "verdict_at": step.event.occurred_at,
        "verdict_expiry": step.detail.time,
        "verdict_sequence": step.state.sequence + 1,
    }


def _judged(step: _Step) -> Changes:
    state, detail = step.state, step.detail
    becomes_effective = replaces(
        effective=state.verdict,
        effective_method=state.verdict_method,
        expired=has_expired(state, step.event.occurred_at),
        outcome=detail.a,
        method=detail.b,
    )
    return _opinion(step, detail.b) if becomes_effective else {}


def _ruled(step: _Step) -> Changes:
    return _opinion(step, Method.RULING) | _cleared(step, Hold.DISPUTED)


def _disputed(step: _Step) -> Changes:
    state, setter = step.state, bytes(step.organization)
    if step.detail.consented:
        setter = state.holder
    elif setter != state.holder and state.stage == Stage.LOT:
        setter = state.brand
    return _set(step, Hold.DISPUTED, setter, disputed_at=step.block_time)


def _held(step: _Step) -> Changes:
    hold, state = step.detail.a, step.state
    times: Changes = {}
    if hold == Hold.STOLEN:
        times["stolen_release_at"] = 0
    elif hold == Hold.IN_VERIFICATION:
        times["verification_until"] = step.detail.time
    elif hold == Hold.DISPUTED and not state.holds & Hold.DISPUTED.bit:
        times["disputed_at"] = step.block_time  # said again, a dispute does not win the brand more time
    return _set(step, hold, setter_of(state, hold, step.organization), **times)


def _released(step: _Step) -> Changes:
    hold = step.detail.a
    if hold == Hold.STOLEN and not step.by_order and step.state.aside.stolen_release_at == 0:
        return {"aside": step.aside(stolen_release_at=step.block_time + STOLEN_RELEASE)}
    return _cleared(step, hold)


def _recovered(step: _Step) -> Changes:
    if step.detail.a == Phase.REQUEST:
        ready_at = step.block_time + step.terms.recovery_period
        return {"aside": step.aside(recovery_key=step.event.party[12:], recovery_ready_at=ready_at)}
    ended: Changes = {"aside": step.aside(recovery_key=NO_KEY, recovery_ready_at=0)}
    return ended | {"holder": step.event.party} if step.detail.a == Phase.COMPLETE else ended


def _corrected(step: _Step) -> Changes:
    if step.detail.time != step.state.verdict_sequence:
        return {}
    if step.detail.a != Outcome.NONE:
        return {"verdict": step.detail.a}
    return {"verdict": 0, "verdict_method": 0, "verdict_at": 0, "verdict_expiry": 0, "verdict_sequence": 0}


def _set(step: _Step, hold: int, setter: bytes, **times: int) -> Changes:
    return {"holds": step.state.holds | 1 << hold, "aside": step.aside(setters=_with_setter(step, hold, setter), **times)}


def _cleared(step: _Step, hold: int) -> Changes:
    """The bit, its setter and the time that belongs to it."""
    time = _TIME_OF_HOLD.get(hold)
    aside = step.aside(setters=_with_setter(step, hold, bytes(32)), **({} if time is None else {time: 0}))
    return {"holds": step.state.holds & ~(1 << hold), "aside": aside}


def _with_setter(step: _Step, hold: int, setter: bytes) -> tuple[bytes, ...]:
    setters = step.state.aside.setters
    return (*setters[:hold], setter, *setters[hold + 1 :])


_TIME_OF_HOLD: dict[int, str] = {Hold.STOLEN: "stolen_release_at", Hold.DISPUTED: "disputed_at", Hold.IN_VERIFICATION: "verification_until"}

_EFFECTS: dict[int, Callable[[_Step], Changes]] = {
    Kind.RAW_MATERIAL: _born_as_lot,
    Kind.MANUFACTURE: _made,
    Kind.SHIPMENT: _handed_over,
    Kind.SALE: _sold,
    Kind.RESALE: _handed_over,
    Kind.TRANSFER: _handed_over,
    Kind.VERDICT: _judged,
    Kind.ENROLMENT: _enrolled,
    Kind.DISPUTE: _disputed,
    Kind.RULING: _ruled,
    Kind.SERVICE: lambda _: {},
    Kind.HOLD: _held,
    Kind.RELEASE: _released,
    Kind.RECOVERY: _recovered,
    Kind.CORRECTION: _corrected,
    Kind.RETIRE: lambda _: {"stage": Stage.RETIRED},
}
