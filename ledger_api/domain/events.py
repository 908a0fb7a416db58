"""What a caller may say happened: one typed body per kind, told apart by `kind`.

A payload has its known fields typed and stays open to the organization's own; it is kept as it was sent, never rebuilt from the model,
because its commitment covers every field. What of a body is committed and what goes on chain is `terms.py`'s business.
"""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Discriminator, Field, JsonValue, Tag, TypeAdapter
from typing_extensions import TypedDict

from ledger_api.domain.fields import (
    Address,
    Bytes32,
    ClaimKey,
    Country,
    Currency,
    Decimal,
    Did,
    DigitalLink,
    EvidenceHash,
    Gtin,
    Holder,
    Line,
    LotName,
    LotReference,
    OrganizationDid,
    Serial,
    Signature,
    Strict,
    Text,
    Time,
    Unit,
)

OutcomeName = Literal["authentic", "not-authentic", "inconclusive"]
MethodName = Literal["photo", "chip", "in-person"]
HoldName = Literal["lost", "stolen", "disputed", "recalled", "in-verification"]
PhaseName = Literal["request", "veto", "complete"]
CategoryName = Literal[
    "unspecified", "handbag", "watch", "shoes", "scarf", "jewellery", "clothing", "leather-goods", "eyewear", "car", "other"
]
Evidence = Annotated[list[EvidenceHash], Field(max_length=64)]
SequenceNumber = Annotated[int, Field(ge=1, lt=2**32)]

# --- which item ----------------------------------------------------------------------------------------------------


class BySerial(Strict):
    gtin: Gtin
    serial: Serial


class ById(Strict):
    id: Bytes32


class ByDigitalLink(Strict):
    digital_link: DigitalLink


class ByLot(Strict):
    supplier: Did
    lot: LotName


def _reference_shape(value: Any) -> str:
    members = value if isinstance(value, dict) else {}
    return next((member for member in ("id", "digital_link", "lot") if member in members), "serial")


ItemReference = Annotated[
    Annotated[BySerial, Tag("serial")]
    | Annotated[ById, Tag("id")]
    | Annotated[ByDigitalLink, Tag("digital_link")]
    | Annotated[ByLot, Tag("lot")],
    Discriminator(_reference_shape),
]

# --- agreement -----------------------------------------------------------------------------------------------------


class Consent(Strict):
    """The holder's EIP-712 `Consent` to this very event, on this very history."""

    deadline: Time
    signature: Signature
    carrier: OrganizationDid | None = None  # absent: anybody may carry it
    store: OrganizationDid | None = None  # booked: good only behind this store's verdict, from the group's first head


class Endorsement(Strict):
    """The brand's EIP-712 `Endorsement` of an enrolment, by one of its signers."""

    endorser: Address
    deadline: Time
    signature: Signature


# --- payloads ------------------------------------------------------------------------------------------------------

_OPEN = ConfigDict(strict=True, extra="allow")


class Quantity(TypedDict):
    value: Decimal
    unit: Unit


class Price(TypedDict):
    amount: Decimal
    currency: Currency


class OpenPayload(TypedDict, total=False):
    """No known fields: all of it is the organization's own."""

    __pydantic_config__ = _OPEN  # type: ignore[misc]  # pydantic's documented way to configure a TypedDict


class RawMaterialPayload(TypedDict):
    __pydantic_config__ = _OPEN  # type: ignore[misc]  # see OpenPayload
    material: Line
    origin: Country
    quantity: NotRequired[Quantity]
    certificates: NotRequired[Annotated[list[Line], Field(max_length=64)]]


class ManufacturePayload(TypedDict):
    __pydantic_config__ = _OPEN  # type: ignore[misc]  # see OpenPayload
    model: Line
    colour: NotRequired[Line]
    atelier: NotRequired[Line]
    lots: NotRequired[Annotated[list[LotReference], Field(max_length=64)]]


class ReferencePayload(TypedDict, total=False):
    __pydantic_config__ = _OPEN  # type: ignore[misc]  # see OpenPayload
    reference: Line


class SalePayload(TypedDict, total=False):
    __pydantic_config__ = _OPEN  # type: ignore[misc]  # see OpenPayload
    invoice: Line
    country: Country


class ResalePayload(TypedDict, total=False):
    __pydantic_config__ = _OPEN  # type: ignore[misc]  # see OpenPayload
    listing: Line
    price: Price


class VerdictPayload(TypedDict, total=False):
    __pydantic_config__ = _OPEN  # type: ignore[misc]  # see OpenPayload
    appraiser: Line
    evidence: Evidence
    grounds: Text


class EnrolmentPayload(TypedDict, total=False):
    __pydantic_config__ = _OPEN  # type: ignore[misc]  # see OpenPayload
    appraiser: Line
    evidence: Evidence
    model: Line
    colour: Line


class DisputePayload(TypedDict):
    __pydantic_config__ = _OPEN  # type: ignore[misc]  # see OpenPayload
    grounds: Text
    evidence: NotRequired[Evidence]


class GroundsPayload(TypedDict, total=False):
    __pydantic_config__ = _OPEN  # type: ignore[misc]  # see OpenPayload
    grounds: Text


class ServicePayload(TypedDict):
    __pydantic_config__ = _OPEN  # type: ignore[misc]  # see OpenPayload
    description: Text
    parts: NotRequired[Annotated[list[Line], Field(max_length=64)]]


class CorrectionPayload(TypedDict):
    __pydantic_config__ = _OPEN  # type: ignore[misc]  # see OpenPayload
    reason: Text
    replaces: NotRequired[dict[str, JsonValue]]


class RetirePayload(TypedDict, total=False):
    __pydantic_config__ = _OPEN  # type: ignore[misc]  # see OpenPayload
    reason: Text


# --- bodies --------------------------------------------------------------------------------------------------------


class RawMaterial(Strict):
    kind: Literal["raw-material"]
    occurred_at: Time
    lot: LotName
    payload: RawMaterialPayload


class Manufacture(Strict):
    kind: Literal["manufacture"]
    occurred_at: Time
    gtin: Gtin
    serial: Serial
    category: CategoryName | None = None
    payload: ManufacturePayload


class Shipment(Strict):
    kind: Literal["shipment"]
    occurred_at: Time
    item: ItemReference
    to: OrganizationDid
    payload: ReferencePayload = Field(default_factory=ReferencePayload)


class Sale(Strict):
    kind: Literal["sale"]
    occurred_at: Time
    item: ItemReference
    claim_key: ClaimKey
    payload: SalePayload = Field(default_factory=SalePayload)


class ChangeOfHands(Strict):
    """Resale and transfer: the holder agrees, by signature or (an organization) by being the one who sends."""

    kind: Literal["resale", "transfer"]
    occurred_at: Time
    item: ItemReference
    new_holder: Holder
    consent: Consent | None = None
    payload: ResalePayload = Field(default_factory=ResalePayload)


class Verdict(Strict):
    kind: Literal["verdict"]
    occurred_at: Time
    item: ItemReference
    outcome: OutcomeName
    method: MethodName
    expires_at: Time | None = None
    payload: VerdictPayload = Field(default_factory=VerdictPayload)


class Enrolment(Strict):
    kind: Literal["enrolment"]
    occurred_at: Time
    brand: Did
    gtin: Gtin
    serial: Serial
    category: CategoryName
    presenter_key: ClaimKey
    consent: Consent
    endorsement: Endorsement | None = None
    expires_at: Time | None = None
    payload: EnrolmentPayload = Field(default_factory=EnrolmentPayload)


class Dispute(Strict):
    kind: Literal["dispute"]
    occurred_at: Time
    item: ItemReference
    sequence: SequenceNumber | None = None  # absent: the item's effective verdict
    consent: Consent | None = None
    payload: DisputePayload


class Ruling(Strict):
    kind: Literal["ruling"]
    occurred_at: Time
    item: ItemReference
    outcome: OutcomeName
    expires_at: Time | None = None
    payload: GroundsPayload = Field(default_factory=GroundsPayload)


class Service(Strict):
    kind: Literal["service"]
    occurred_at: Time
    item: ItemReference
    consent: Consent | None = None
    payload: ServicePayload


class Hold(Strict):
    kind: Literal["hold"]
    occurred_at: Time
    item: ItemReference
    hold: HoldName
    until: Time | None = None  # of in-verification, and required there
    consent: Consent | None = None
    payload: ReferencePayload = Field(default_factory=ReferencePayload)


class Release(Strict):
    kind: Literal["release"]
    occurred_at: Time
    item: ItemReference
    hold: HoldName
    consent: Consent | None = None
    payload: ReferencePayload = Field(default_factory=ReferencePayload)


class Recovery(Strict):
    kind: Literal["recovery"]
    occurred_at: Time
    item: ItemReference
    phase: PhaseName
    new_key: ClaimKey | None = None
    consent: Consent | None = None
    payload: GroundsPayload = Field(default_factory=GroundsPayload)


class Correction(Strict):
    kind: Literal["correction"]
    occurred_at: Time
    item: ItemReference
    sequence: SequenceNumber
    outcome: OutcomeName | None = None
    payload: CorrectionPayload


class Retire(Strict):
    kind: Literal["retire"]
    occurred_at: Time
    item: ItemReference
    consent: Consent | None = None
    payload: RetirePayload = Field(default_factory=RetirePayload)


Later = (
    Shipment | Sale | ChangeOfHands | Verdict | Dispute | Ruling | Service | Hold | Release | Recovery | Correction | Retire
)  # of an item that exists, named by `item`
AnyEvent = RawMaterial | Manufacture | Enrolment | Later
EventIn = Annotated[AnyEvent, Field(discriminator="kind")]
EVENT = TypeAdapter[AnyEvent](EventIn)
