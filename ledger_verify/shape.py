"""Is the event well formed, by itself and for this item? The first rule of docs/protocol.md §8."""

from collections.abc import Callable

from ledger_verify.case import Case
from ledger_verify.codes import LAST_CATEGORY, LONGEST_VERIFICATION, Hold, Kind, Method, Outcome, Phase, Reason, Stage
from ledger_verify.hashing import ZERO32, Commitment, is_key, is_organization, item_id
from ledger_verify.state import HOLD_COUNT

_A, _B, _TIME, _C, _CONSENTED = 0xFF, 0xFF << 8, 0xFFFFFFFFFF << 16, 0x7F << 56, 1 << 63


def _is_any(party: bytes) -> bool:
    return True


def _is_zero(party: bytes) -> bool:
    return party == ZERO32


def _is_somebody(party: bytes) -> bool:
    return party != ZERO32


# which fields of the detail a kind names, and what its party must be; a recovery's party depends on its phase
_SHAPES: dict[int, tuple[int, Callable[[bytes], bool]]] = {
    Kind.RAW_MATERIAL: (0, _is_any),
    Kind.MANUFACTURE: (_C, _is_any),
    Kind.SHIPMENT: (0, is_organization),
    Kind.SALE: (0, is_key),
    Kind.RESALE: (0, _is_somebody),
    Kind.TRANSFER: (0, _is_somebody),
    Kind.VERDICT: (_A | _B | _TIME, _is_zero),
    Kind.ENROLMENT: (_A | _B | _TIME | _C | _CONSENTED, is_key),
    Kind.DISPUTE: (_TIME | _CONSENTED, _is_zero),
    Kind.RULING: (_A | _TIME, _is_zero),
    Kind.SERVICE: (_CONSENTED, _is_zero),
    Kind.HOLD: (_A | _TIME | _CONSENTED, _is_zero),
    Kind.RELEASE: (_A | _CONSENTED, _is_zero),
    Kind.RECOVERY: (_A | _CONSENTED, _is_any),
    Kind.CORRECTION: (_A | _TIME, _is_zero),
    Kind.RETIRE: (_CONSENTED, _is_zero),
}


def malformed(case: Case) -> Reason | None:
    shape = _SHAPES.get(case.event.kind)
    if shape is None:
        return Reason.MALFORMED
    fields, is_party = shape
    if case.event.detail & ~fields or not is_party(case.event.party):
        return Reason.MALFORMED
    state, detail = case.state, case.detail
    if detail.consented and is_organization(state.holder) and not case.is_holder():
        return Reason.MALFORMED
    well_formed = _WELL_FORMED.get(case.event.kind)
    return None if well_formed is None or well_formed(case) else Reason.MALFORMED


def _is_own_birth(case: Case) -> bool:
    is_joined = case.event.kind == Kind.MANUFACTURE and case.state.stage == Stage.ENROLLED
    maker = case.state.brand if is_joined else case.organization
    return case.detail.c <= LAST_CATEGORY and case.event.item == item_id(maker, Commitment(case.event.party))


def _expires_later(case: Case) -> bool:
    return case.detail.time == 0 or case.detail.time > case.event.occurred_at


def _is_verdict(case: Case) -> bool:
    return 1 <= case.detail.a <= Outcome.INCONCLUSIVE and Method.PHOTO <= case.detail.b <= Method.IN_PERSON and _expires_later(case)


def _is_enrolment(case: Case) -> bool:
    detail = case.detail
    is_seen = detail.a == Outcome.AUTHENTIC and detail.b == Method.IN_PERSON
    return is_seen and detail.consented and detail.c <= LAST_CATEGORY and _expires_later(case)


def _is_ruling(case: Case) -> bool:
    return 1 <= case.detail.a <= Outcome.INCONCLUSIVE and _expires_later(case)


def _is_hold(case: Case) -> bool:
    if case.detail.a != Hold.IN_VERIFICATION:
        return case.detail.a < HOLD_COUNT and case.detail.time == 0
    in_window = case.now < case.detail.time <= case.now + LONGEST_VERIFICATION
    return in_window and case.state.stage not in (Stage.LOT, Stage.UNSOLD)


def _is_recovery(case: Case) -> bool:
    detail, party = case.detail, case.event.party
    if case.is_sold() and is_organization(case.state.holder):
        return False
    if detail.a == Phase.VETO:
        return detail.consented and party == ZERO32
    return detail.a in (Phase.REQUEST, Phase.COMPLETE) and not detail.consented and is_key(party)


def _is_correction(case: Case) -> bool:
    detail, state = case.detail, case.state
    if not 1 <= detail.time <= state.sequence or detail.a > Outcome.INCONCLUSIVE:
        return False
    return detail.a == Outcome.NONE or detail.time == state.verdict_sequence


_WELL_FORMED: dict[int, Callable[[Case], bool]] = {
    Kind.RAW_MATERIAL: _is_own_birth,
    Kind.MANUFACTURE: _is_own_birth,
    Kind.VERDICT: _is_verdict,
    Kind.ENROLMENT: _is_enrolment,
    Kind.DISPUTE: lambda case: case.detail.time <= case.state.sequence,
    Kind.RULING: _is_ruling,
    Kind.HOLD: _is_hold,
    Kind.RELEASE: lambda case: case.detail.a < HOLD_COUNT,
    Kind.RECOVERY: _is_recovery,
    Kind.CORRECTION: _is_correction,
}
