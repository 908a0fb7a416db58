"""What a caller may say happened, typed: `record(events)` takes these. The service judges; nothing is judged here.

An item is named by `{"gtin", "serial"}`, `{"id"}`, `{"digital_link"}` or (a lot) `{"supplier", "lot"}`. Times are RFC 3339 with a zone.
"""

from typing import Any, Literal, NotRequired, TypedDict

ItemReference = dict[str, str]
Payload = dict[str, Any]
Outcome = Literal["authentic", "not-authentic", "inconclusive"]
HoldName = Literal["lost", "stolen", "disputed", "recalled", "in-verification"]


class Consent(TypedDict):
    """The holder's EIP-712 signature on this very event; `POST /v1/drafts` gives what has to be signed."""

    deadline: str
    signature: str
    carrier: NotRequired[str]
    store: NotRequired[str]


class _Event(TypedDict):
    occurred_at: str


class RawMaterial(_Event):
    kind: Literal["raw-material"]
    lot: str
    payload: Payload


class Manufacture(_Event):
    kind: Literal["manufacture"]
    gtin: str
    serial: str
    category: NotRequired[str]
    payload: Payload


class Shipment(_Event):
    kind: Literal["shipment"]
    item: ItemReference
    to: str
    payload: NotRequired[Payload]


class Sale(_Event):
    kind: Literal["sale"]
    item: ItemReference
    claim_key: str
    payload: NotRequired[Payload]


class ChangeOfHands(_Event):
    kind: Literal["resale", "transfer"]
    item: ItemReference
    new_holder: str
    consent: NotRequired[Consent]
    payload: NotRequired[Payload]


class Verdict(_Event):
    kind: Literal["verdict"]
    item: ItemReference
    outcome: Outcome
    method: Literal["photo", "chip", "in-person"]
    expires_at: NotRequired[str]
    payload: NotRequired[Payload]


class Enrolment(_Event):
    kind: Literal["enrolment"]
    brand: str
    gtin: str
    serial: str
    category: str
    presenter_key: str
    consent: Consent
    endorsement: NotRequired[dict[str, str]]
    expires_at: NotRequired[str]
    payload: NotRequired[Payload]


class Dispute(_Event):
    kind: Literal["dispute"]
    item: ItemReference
    sequence: NotRequired[int]
    consent: NotRequired[Consent]
    payload: Payload


class Ruling(_Event):
    kind: Literal["ruling"]
    item: ItemReference
    outcome: Outcome
    expires_at: NotRequired[str]
    payload: NotRequired[Payload]


class Service(_Event):
    kind: Literal["service"]
    item: ItemReference
    consent: NotRequired[Consent]
    payload: Payload


class Hold(_Event):
    kind: Literal["hold"]
    item: ItemReference
    hold: HoldName
    until: NotRequired[str]
    consent: NotRequired[Consent]
    payload: NotRequired[Payload]


class Release(_Event):
    kind: Literal["release"]
    item: ItemReference
    hold: HoldName
    consent: NotRequired[Consent]
    payload: NotRequired[Payload]


class Recovery(_Event):
    kind: Literal["recovery"]
    item: ItemReference
    phase: Literal["request", "veto", "complete"]
    new_key: NotRequired[str]
    consent: NotRequired[Consent]
    payload: NotRequired[Payload]


class Correction(_Event):
    kind: Literal["correction"]
    item: ItemReference
    sequence: int
    outcome: NotRequired[Outcome]
    payload: Payload


class Retire(_Event):
    kind: Literal["retire"]
    item: ItemReference
    consent: NotRequired[Consent]
    payload: NotRequired[Payload]


AnyEvent = (
    RawMaterial
    | Manufacture
    | Shipment
    | Sale
    | ChangeOfHands
    | Verdict
    | Enrolment
    | Dispute
    | Ruling
    | Service
    | Hold
    | Release
    | Recovery
    | Correction
    | Retire
)
