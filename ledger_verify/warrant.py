"""May this organization do this? Rules 11 to 13 of docs/protocol.md §8: role missing, not accredited, suspended."""

from collections.abc import Callable

from ledger_verify.case import BRANDS_HOLDS, Case, DoesNotOpen
from ledger_verify.codes import Hold, Kind, Method, Outcome, Phase, Reason, Role, Stage
from ledger_verify.hashing import OrganizationId, is_organization, item_id, next_head
from ledger_verify.state import Link

# --- 11 to 13: role missing, not accredited, suspended


def _has_role(case: Case, role: Role) -> bool:
    return bool(case.authority.standing(case.organization).roles & role)


def lacks_accreditation(case: Case, role: Role, brand: OrganizationId, category: int) -> Reason | None:
    if not _has_role(case, role):
        return Reason.ROLE_MISSING
    return None if case.authority.is_accredited(brand, case.organization, role, category) else Reason.NOT_ACCREDITED


def _speaks_or_is(case: Case, role: Role) -> Reason | None:
    if case.speaks():
        return None
    return lacks_accreditation(case, role, case.state.brand, case.state.category)


def _only_speaker(case: Case) -> Reason | None:
    return None if case.speaks() else Reason.ROLE_MISSING


def _may_make(case: Case) -> Reason | None:
    if case.state.stage == Stage.ENROLLED:
        return None
    return None if _has_role(case, Role.BRAND) else Reason.ROLE_MISSING


def _may_enrol(case: Case) -> Reason | None:
    opening = case.opening
    if opening is None or item_id(opening.brand, opening.serial_commitment) != case.event.item:
        raise DoesNotOpen("brand and serial commitment do not make the id of the enrolled item")
    return lacks_accreditation(case, Role.AUTHENTICATOR, opening.brand, case.detail.c)


def _may_dispute(case: Case) -> Reason | None:
    if case.detail.consented or case.is_holder() or case.speaks():
        return None
    return Reason.ROLE_MISSING if case.state.stage == Stage.LOT else _speaks_or_is(case, Role.AUTHENTICATOR)


def _may_rule(case: Case) -> Reason | None:
    return None if case.organization == case.authority.consortium else _only_speaker(case)


def _may_hold(case: Case) -> Reason | None:
    if not case.is_sold():
        return None if case.is_holder() else _only_speaker(case)
    if case.detail.a in BRANDS_HOLDS:
        return _only_speaker(case)
    if case.detail.a == Hold.IN_VERIFICATION:
        return lacks_accreditation(case, Role.AUTHENTICATOR, case.state.brand, case.state.category)
    return None  # the owner's; see _lacks_consent


def _may_release(case: Case) -> Reason | None:
    """A hold that an organization set ends by whoever speaks for it; one that a key set, by its consent (asked later);
    any by the consortium's order."""
    setter = case.state.aside.setters[case.detail.a]
    if not case.is_set() or not is_organization(setter) or case.organization == case.authority.consortium:
        return None
    return None if case.authority.speaks_for(case.organization, OrganizationId(setter)) else Reason.ROLE_MISSING


def _may_recover(case: Case) -> Reason | None:
    return None if case.detail.a == Phase.VETO else _only_speaker(case)


def _may_correct(case: Case) -> Reason | None:
    history = _opened_history(case)
    if history[0].organization != case.organization:
        return Reason.ROLE_MISSING
    if case.detail.a == Outcome.NONE:
        return None
    return _only_speaker(case) if case.state.verdict_method == Method.RULING else _speaks_or_is(case, Role.AUTHENTICATOR)


def _opened_history(case: Case) -> tuple[Link, ...]:
    """Exactly the links from the corrected event to the tip."""
    opening, state = case.opening, case.state
    if opening is None or len(opening.history) != state.sequence - case.detail.time + 1:
        raise DoesNotOpen("the history does not reach from the corrected event to the tip")
    head = opening.prior_head
    for link in opening.history:
        head = next_head(head, link.event_hash, link.organization)
    if head != state.head:
        raise DoesNotOpen("the history does not lead to the item's head")
    return opening.history


def _may_retire(case: Case) -> Reason | None:
    return _only_speaker(case) if case.state.stage == Stage.UNSOLD else None


_AUTHORITY: dict[int, Callable[[Case], Reason | None]] = {
    Kind.RAW_MATERIAL: lambda case: None if _has_role(case, Role.SUPPLIER) else Reason.ROLE_MISSING,
    Kind.MANUFACTURE: _may_make,
    Kind.SALE: lambda case: _speaks_or_is(case, Role.RETAILER),
    Kind.RESALE: lambda case: None if _has_role(case, Role.PLATFORM | Role.RETAILER) else Reason.ROLE_MISSING,
    Kind.VERDICT: lambda case: _speaks_or_is(case, Role.AUTHENTICATOR),
    Kind.ENROLMENT: _may_enrol,
    Kind.DISPUTE: _may_dispute,
    Kind.RULING: _may_rule,
    Kind.HOLD: _may_hold,
    Kind.RELEASE: _may_release,
    Kind.RECOVERY: _may_recover,
    Kind.CORRECTION: _may_correct,
    Kind.RETIRE: _may_retire,
}


def unauthorized(case: Case) -> Reason | None:
    rule = _AUTHORITY.get(case.event.kind)
    return None if rule is None else rule(case)


def suspended(case: Case) -> Reason | None:
    if case.authority.standing(case.organization).suspended:
        return Reason.SUSPENDED
    receiver = case.receiver()
    return Reason.SUSPENDED if receiver is not None and case.authority.standing(receiver).suspended else None
