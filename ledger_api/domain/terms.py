"""From a body to what the chain sees: the event's party and detail, and the facts that are committed with its payload.

docs/protocol.md §4 has the table; each `match` here is one of its columns. Pure, and total over the kinds.
"""

from typing import Any

from ledger_api.domain.events import (
    AnyEvent,
    ChangeOfHands,
    Consent,
    Correction,
    Dispute,
    Enrolment,
    Hold,
    Manufacture,
    RawMaterial,
    Recovery,
    Release,
    Retire,
    Ruling,
    Sale,
    Service,
    Shipment,
    Verdict,
)
from ledger_api.domain.fields import rfc3339
from ledger_verify import transition as ledger
from ledger_verify.transition import Kind, pack_detail

NOBODY = bytes(32)
UNSPECIFIED = "unspecified"
KINDS = {kind.code: kind for kind in Kind}
_OUTCOMES = {outcome.code: int(outcome) for outcome in ledger.Outcome}
_METHODS = {method.code: int(method) for method in ledger.Method}
_HOLDS = {hold.code: int(hold) for hold in ledger.Hold}
_CATEGORIES = {category.code: int(category) for category in ledger.Category}
_PHASES = {"request": 1, "veto": 2, "complete": 3}
_CONSENTED = (ChangeOfHands, Enrolment, Dispute, Service, Hold, Release, Recovery, Retire)
_TIMES = {"expires_at", "until"}
# fields of a body that are facts of the event and not of its payload; keys, holders and consents are never committed
_COMMITTED: dict[type[AnyEvent], tuple[str, ...]] = {
    RawMaterial: ("lot",),
    Manufacture: ("gtin", "serial", "category"),
    Shipment: (),
    Sale: (),
    ChangeOfHands: (),
    Verdict: ("outcome", "method", "expires_at"),
    Enrolment: ("brand", "gtin", "serial", "category", "expires_at"),
    Dispute: ("sequence",),
    Ruling: ("outcome", "expires_at"),
    Service: (),
    Hold: ("hold", "until"),
    Release: ("hold",),
    Recovery: ("phase",),
    Correction: ("sequence", "outcome"),
    Retire: (),
}


def kind_of(body: AnyEvent) -> Kind:
    return KINDS[body.kind]


def reserved(body: AnyEvent) -> tuple[str, ...]:
    """Names that the payload may not use, because the body's own facts are committed under them."""
    return _COMMITTED[type(body)]


def committed(body: AnyEvent) -> dict[str, Any]:
    """The object whose leaves are salted and committed. Times are UTC, so that one instant has one commitment."""
    whole = dict(body.payload)
    for name in _COMMITTED[type(body)]:
        value = getattr(body, name)
        if value is not None:
            whole[name] = rfc3339(value) if name in _TIMES else value
    return whole


def consent_of(body: AnyEvent) -> Consent | None:
    return body.consent if isinstance(body, _CONSENTED) else None


def party_of(body: AnyEvent) -> bytes:
    """The event's party, for kinds where the body alone says it; a birth's party is a commitment made with a blinding key."""
    match body:
        case Shipment():
            return body.to
        case Sale():
            return body.claim_key
        case ChangeOfHands():
            return body.new_holder
        case Enrolment():
            return body.presenter_key
        case Recovery():
            return body.new_key or NOBODY
        case (
            RawMaterial() | Manufacture() | Verdict() | Dispute() | Ruling() | Service() | Hold() | Release() | Correction() | Retire()
        ):  # pragma: no branch  # the union is closed
            return NOBODY


def detail_of(body: AnyEvent) -> int:  # noqa: C901  # one column of a table, a line per kind
    match body:
        case Manufacture():
            return pack_detail(c=_CATEGORIES[body.category or UNSPECIFIED])
        case Verdict():
            return pack_detail(a=_OUTCOMES[body.outcome], b=_METHODS[body.method], time=body.expires_at or 0)
        case Enrolment():
            return pack_detail(a=1, b=3, time=body.expires_at or 0, c=_CATEGORIES[body.category or UNSPECIFIED], consented=True)
        case Dispute():
            return pack_detail(time=body.sequence or 0, consented=body.consent is not None)
        case Ruling():
            return pack_detail(a=_OUTCOMES[body.outcome], time=body.expires_at or 0)
        case Hold():
            return pack_detail(a=_HOLDS[body.hold], time=body.until or 0, consented=body.consent is not None)
        case Release():
            return pack_detail(a=_HOLDS[body.hold], consented=body.consent is not None)
        case Recovery():
            return pack_detail(a=_PHASES[body.phase], consented=body.phase == "veto")
        case Correction():
            return pack_detail(a=_OUTCOMES[body.outcome] if body.outcome else 0, time=body.sequence)
        case Service() | Retire():
            return pack_detail(consented=body.consent is not None)
        case RawMaterial() | Shipment() | Sale() | ChangeOfHands():  # pragma: no branch  # the union is closed
            return 0
