"""May this event be recorded on this state? The rules of docs/protocol.md §8 in their order, and nothing but them.

Each rule looks at one `Case` and answers with its reason or None; `judge` gives the first. What an accepted event then
does is in `transition`. Who may do what comes in as an `Authority`, so that a service can answer from its database and a
verifier from a proof.
"""

from collections.abc import Callable

from ledger_verify.case import BRANDS_HOLDS, Authority, Case, Consented, DoesNotOpen, Standing, counting_holds, setter_of
from ledger_verify.codes import SKEW, Hold, Kind, Outcome, Phase, Reason, Role, Stage
from ledger_verify.hashing import OrganizationId, is_key, is_organization
from ledger_verify.shape import malformed
from ledger_verify.state import NO_KEY, NOBODY, Event, Opening, State, Terms, unpack_detail
from ledger_verify.warrant import lacks_accreditation, suspended, unauthorized

__all__ = ["Authority", "Consented", "DoesNotOpen", "Standing", "judge", "judge_batch"]


def judge(
    state: State,
    event: Event,
    organization: OrganizationId,
    now: int,
    authority: Authority,
    terms: Terms,
    approval: Consented | None = None,
    opening: Opening | None = None,
) -> Reason | None:
    """The reason for which the ledger would refuse this event at this time, or None.

    An organization that was never admitted or is suspended is told so here too; the contract refuses its whole batch
    before it looks at any event (`judge_batch`).

    Raises:
        DoesNotOpen: an enrolment's or a correction's opening is missing or does not fit.
    """
    case = Case(state, event, unpack_detail(event.detail), organization, now, authority, terms, approval, opening)
    for rule in _RULES:
        reason = rule(case)
        if reason is not None:
            return reason
    return None


def judge_batch(organization: OrganizationId, *, signer_valid: bool, deadline: int, now: int, authority: Authority) -> Reason | None:
    """The reason for which none of a batch's events would be looked at. The order is the contract's, not the list's."""
    standing = authority.standing(organization)
    if not standing.admitted:
        return Reason.UNKNOWN_ORGANIZATION
    if standing.suspended:
        return Reason.SUSPENDED
    if not signer_valid:
        return Reason.SIGNER_INVALID
    return Reason.DEADLINE_PASSED if now > deadline else None


_BIRTHS = frozenset({Kind.RAW_MATERIAL, Kind.MANUFACTURE, Kind.ENROLMENT})
_OF_LOTS = frozenset({Kind.SHIPMENT, Kind.SERVICE, Kind.HOLD, Kind.RELEASE, Kind.DISPUTE, Kind.CORRECTION, Kind.RETIRE})
_AFTER_RETIREMENT = frozenset({Kind.VERDICT, Kind.RULING, Kind.CORRECTION, Kind.DISPUTE})
_HANDOVERS = frozenset({Kind.SHIPMENT, Kind.SALE, Kind.RESALE, Kind.TRANSFER})
_RESALES = frozenset({Kind.RESALE, Kind.TRANSFER})


# --- 3 to 10: in the future, unknown organization, unknown item, already recorded, retired


def _in_the_future(case: Case) -> Reason | None:
    return Reason.IN_THE_FUTURE if case.event.occurred_at > case.now + SKEW else None


def _unknown_organization(case: Case) -> Reason | None:
    if not case.authority.standing(case.organization).admitted:
        return Reason.UNKNOWN_ORGANIZATION
    receiver = case.receiver()
    is_stranger = receiver is not None and not case.authority.standing(receiver).admitted
    return Reason.UNKNOWN_ORGANIZATION if is_stranger else None


def _out_of_place(case: Case) -> Reason | None:
    kind, stage = case.event.kind, case.state.stage
    if kind in _BIRTHS:
        is_joined = kind == Kind.MANUFACTURE and stage == Stage.ENROLLED and case.speaks()
        return None if stage == Stage.UNBORN or is_joined else Reason.ALREADY_RECORDED
    if stage == Stage.UNBORN or (stage == Stage.LOT and kind not in _OF_LOTS):
        return Reason.UNKNOWN_ITEM
    return Reason.RETIRED if stage == Stage.RETIRED and kind not in _AFTER_RETIREMENT else None


# --- 15 to 18: already sold, not sold, on hold, not authentic


def _wrong_stage(case: Case) -> Reason | None:
    kind = case.event.kind
    if kind in (Kind.SHIPMENT, Kind.SALE):
        return Reason.ALREADY_SOLD if case.is_sold() else None
    if kind in (Kind.RESALE, Kind.TRANSFER, Kind.RECOVERY):
        return None if case.is_sold() else Reason.NOT_SOLD
    return None


def _is_held_against(case: Case) -> bool:
    kind, state = case.event.kind, case.state
    if not state.holds:
        return False
    counting = counting_holds(state, case.now)
    if kind in _HANDOVERS:
        return counting != 0
    if kind == Kind.DISPUTE:
        return bool(counting & Hold.DISPUTED.bit)
    if kind == Kind.HOLD:
        hold = case.detail.a
        return bool(counting >> hold & 1) and state.aside.setters[hold] != setter_of(state, hold, case.organization)
    if kind != Kind.RECOVERY or case.detail.a == Phase.VETO:
        return False
    owners = any(counting >> hold & 1 and state.aside.setters[hold] == state.holder for hold in Hold)
    return owners or bool(counting & (Hold.LOST.bit | Hold.STOLEN.bit))


def _on_hold(case: Case) -> Reason | None:
    return Reason.ON_HOLD if _is_held_against(case) else None


def _judged_fake(case: Case) -> Reason | None:
    is_fake = case.event.kind in _HANDOVERS and case.state.verdict == Outcome.NOT_AUTHENTIC
    return Reason.NOT_AUTHENTIC if is_fake else None


# --- 19 to 21: not the holder, consent missing, consent invalid


def _needs_holder_organization(case: Case) -> bool:
    """Is this an event that only the holding organization may sign, because no key could agree to it?"""
    kind, state = case.event.kind, case.state
    if kind in (Kind.SHIPMENT, Kind.SALE):
        return True
    if kind == Kind.RETIRE:
        return state.stage == Stage.LOT
    is_verification = kind == Kind.HOLD and case.detail.a == Hold.IN_VERIFICATION
    return (kind in _RESALES or is_verification) and is_organization(state.holder)


def _not_the_holder(case: Case) -> Reason | None:
    if not _needs_holder_organization(case) or case.is_holder():
        return None
    is_taken_back = case.event.kind == Kind.SHIPMENT and case.state.stage == Stage.UNSOLD and case.event.party == case.organization
    return None if is_taken_back and case.speaks() else Reason.NOT_THE_HOLDER


def _lacks_word(case: Case) -> bool:
    """Does the event need the holder's word, without `consented` and without being signed by the holder?"""
    if case.detail.consented or case.is_holder():
        return False
    kind, detail = case.event.kind, case.detail
    if kind == Kind.SERVICE:
        return not _may_service(case)
    if kind == Kind.RETIRE:
        return case.is_sold()
    if kind == Kind.HOLD:
        return case.is_sold() and detail.a not in BRANDS_HOLDS
    return kind == Kind.RELEASE and is_key(case.state.aside.setters[detail.a]) and not case.by_order()


def _may_service(case: Case) -> bool:
    if case.speaks():
        return True
    return any(
        lacks_accreditation(case, role, case.state.brand, case.state.category) is None for role in (Role.RETAILER, Role.AUTHENTICATOR)
    )


def _no_consent(case: Case) -> Reason | None:
    if _lacks_word(case):
        return Reason.CONSENT_MISSING
    if case.event.kind == Kind.ENROLMENT:
        return _no_enrolment_consent(case)
    if not (case.detail.consented or case.event.kind in _RESALES) or not is_key(case.state.holder):
        return None
    if case.approval is None:
        return Reason.CONSENT_MISSING
    return None if case.approval.valid else Reason.CONSENT_INVALID


def _no_enrolment_consent(case: Case) -> Reason | None:
    """The presenter's, and the brand's if it is a member that does not sign the batch itself."""
    approval = case.approval
    brand = NOBODY if case.opening is None else case.opening.brand
    needs_brand = brand != case.organization and case.authority.standing(brand).admitted
    if approval is None or (needs_brand and approval.endorsed is None):
        return Reason.CONSENT_MISSING
    return None if approval.valid and (approval.endorsed or not needs_brand) else Reason.CONSENT_INVALID


# --- 22 to 26: not disputed, waiting period, too early, superseded, not on hold


def _not_disputed(case: Case) -> Reason | None:
    is_idle = case.event.kind == Kind.RULING and not case.state.holds & Hold.DISPUTED.bit
    return Reason.NOT_DISPUTED if is_idle else None


def _waiting_period(case: Case) -> Reason | None:
    kind, number, aside = case.event.kind, case.detail.a, case.state.aside
    if kind == Kind.RELEASE:
        is_waiting = number == Hold.STOLEN and case.now < aside.stolen_release_at and not case.by_order()
    elif kind == Kind.RECOVERY and aside.recovery_key != NO_KEY:
        is_waiting = number == Phase.REQUEST or (number == Phase.COMPLETE and case.now < aside.recovery_ready_at)
    else:
        return None
    return Reason.WAITING_PERIOD if is_waiting else None


def _too_early(case: Case) -> Reason | None:
    kind, aside = case.event.kind, case.state.aside
    if case.event.occurred_at < case.state.last_occurred_at:
        return Reason.TOO_EARLY
    if kind == Kind.RULING and case.now < aside.disputed_at + case.terms.ruling_period:
        return None if case.speaks() else Reason.TOO_EARLY
    if kind == Kind.RECOVERY and case.detail.a != Phase.REQUEST:
        is_other = case.detail.a == Phase.COMPLETE and case.event.party[12:] != aside.recovery_key
        return Reason.TOO_EARLY if aside.recovery_key == NO_KEY or is_other else None
    return None


def _superseded(case: Case) -> Reason | None:
    return Reason.SUPERSEDED if case.event.head != case.state.head else None


def _not_on_hold(case: Case) -> Reason | None:
    return Reason.NOT_ON_HOLD if case.event.kind == Kind.RELEASE and not case.is_set() else None


_RULES: tuple[Callable[[Case], Reason | None], ...] = (
    malformed,
    _in_the_future,
    _unknown_organization,
    _out_of_place,
    unauthorized,
    suspended,
    _wrong_stage,
    _on_hold,
    _judged_fake,
    _not_the_holder,
    _no_consent,
    _not_disputed,
    _waiting_period,
    _too_early,
    _superseded,
    _not_on_hold,
)
