"""Every answer's shape. Bytes leave as lower-case `0x` hex, times as UTC RFC 3339; what is absent is `null`, never missing."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ledger_api.domain import statuses
from ledger_api.domain.fields import Address, Country, Did, OrganizationDid, Strict, Time

Hex32 = Annotated[str, Field(pattern=r"^0x[0-9a-f]{64}$")]
HexAddress = Annotated[str, Field(pattern=r"^0x[0-9a-f]{40}$")]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
EventStatus = Annotated[Literal["accepted", "recorded", "final", "refused"], Field(description=statuses.told(statuses.EVENT))]
SubmissionStatus = Annotated[Literal["accepted", "recorded", "final", "refused"], Field(description=statuses.told(statuses.SUBMISSION))]
RoleName = Literal["supplier", "brand", "retailer", "platform", "authenticator"]


def hex_of(value: bytes | None) -> str | None:
    return None if value is None else "0x" + value.hex()


def moment(value: datetime | int | None) -> str | None:
    if value is None:
        return None
    aware = datetime.fromtimestamp(value, UTC) if isinstance(value, int) else value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)
    return aware.strftime("%Y-%m-%dT%H:%M:%SZ")


class Out(BaseModel):
    model_config = ConfigDict(extra="forbid")


# --- events ----------------------------------------------------------------------------------------------------------


class EventResultOut(Out):
    index: int
    status: Literal["accepted", "duplicate", "refused"]
    event_id: Hex32 | None = Field(description="How a repeat is recognised; null when the event has no readable item.")
    item: Hex32 | None
    submission: str | None = Field(description="Of a duplicate: the submission that brought the first one.")
    reason: str | None
    field: str | None
    message: str | None
    facts: dict[str, Any]


class SubmissionResultOut(Out):
    submission: str | None = Field(description="What to follow; null when nothing new was accepted.")
    accepted: int
    duplicates: int
    refused: int
    results: list[EventResultOut]


class SummaryOut(Out):
    """The last line of an NDJSON answer."""

    submission: str | None
    accepted: int
    duplicates: int
    refused: int


class ParkedOut(Out):
    """The event is accepted, could not be carried, and waits for an operator."""

    code: str = Field(description="What was in the way when it was tried last; the codes are listed in docs/operations.md.")
    message: str
    failures: int = Field(description="How often it was tried.")
    behind: Hex32 | None = Field(description="The event that this one waits behind; null: itself is what could not be carried.")


class EventOut(Out):
    event_id: Hex32
    event_hash: Hex32
    item: Hex32
    organization: Hex32
    kind: str
    occurred_at: Moment
    status: EventStatus
    reason: str | None
    message: str | None
    parked: ParkedOut | None
    submission: str | None
    sequence: int | None
    block: int | None
    recorded_at: Moment | None
    transaction: Hex32 | None
    payload: dict[str, Any] | None = Field(description="The committed object: payload and typed facts.")


class SubmittedEventOut(Out):
    position: int
    event_id: Hex32
    item: Hex32
    kind: str
    status: EventStatus
    reason: str | None
    message: str | None
    parked: ParkedOut | None


class CountsOut(Out):
    accepted: int = 0
    recorded: int = 0
    final: int = 0
    refused: int = 0
    parked: int = Field(default=0, description="Of the accepted ones, how many wait for an operator.")


class SubmissionOut(Out):
    id: str
    status: SubmissionStatus
    created_at: Moment
    counts: CountsOut
    events: list[SubmittedEventOut]
    next: int | None = Field(description="Ask again with `after` set to this for the following events.")


# --- members ---------------------------------------------------------------------------------------------------------

Name = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=255)]
Visibility = Literal["public", "withheld", "folded"]
ScopeName = Annotated[str, StringConstraints(strict=True, max_length=64)]


class OrganizationIn(Strict):
    did: Did
    name: Name
    roles: Annotated[list[RoleName], Field(min_length=1, max_length=5)]
    country: Country | None = None
    visibility: Visibility = "public"
    signer: Address | None = Field(default=None, description="Its first signer; absent: the service makes a key and keeps it.")


class RolesIn(Strict):
    roles: Annotated[list[RoleName], Field(min_length=1, max_length=5)]


class SuccessorIn(Strict):
    successor: OrganizationDid


class SignerIn(Strict):
    address: Address


class CompromisedIn(Strict):
    since_block: Annotated[int, Field(ge=0, lt=2**48)]


class AccreditationIn(Strict):
    brand: Did | None = Field(
        default=None, description="Absent: the caller's organization; for an admin the consortium, on everybody's items."
    )
    role: RoleName
    categories: Annotated[list[str], Field(max_length=64)] | None = Field(default=None, description="Absent: all; empty: withdrawn.")
    starts_at: Time | None = None
    ends_at: Time | None = None


class TransactionOut(Out):
    transaction: Hex32 | None = Field(description="Mined; lists show the change once the indexer has followed. null: it was so already.")
    organization: Hex32


class SignerOut(Out):
    address: HexAddress
    added_block: int
    retired_block: int | None
    compromised_since: int | None


class AccreditationOut(Out):
    brand: Hex32
    role: RoleName
    categories: list[str] | None = Field(description="null: all; empty: withdrawn.")
    starts_at: Moment | None
    ends_at: Moment | None
    block: int


class OrganizationOut(Out):
    id: Hex32
    did: str
    name: str
    country: str | None
    visibility: Visibility
    status: Literal["pending", "member", "suspended"]
    roles: list[RoleName]
    successor: Hex32 | None


class OrganizationDetailOut(OrganizationOut):
    signers: list[SignerOut]
    accreditations: list[AccreditationOut]


class OrganizationsOut(Out):
    organizations: list[OrganizationOut]
    next: str | None


# --- keys ------------------------------------------------------------------------------------------------------------


class KeyIn(Strict):
    name: Name
    scopes: Annotated[list[ScopeName], Field(min_length=1, max_length=32)]
    organization: OrganizationDid | None = Field(default=None, description="Absent: the caller's own; others for an admin only.")


class NewKeyOut(Out):
    id: str
    token: str = Field(description="Shown this once.")
    organization: Hex32
    name: str
    scopes: list[str]


class KeyOut(Out):
    id: str
    organization: Hex32
    did: str | None
    name: str
    scopes: list[str]
    created_at: Moment
    revoked_at: Moment | None


class KeysOut(Out):
    keys: list[KeyOut]
    next: str | None


# --- items -----------------------------------------------------------------------------------------------------------


class AsOfOut(Out):
    block: int = Field(description="The ledger was read up to this block.")
    final_block: int = Field(description="Up to this block nothing can fall out of the chain any more.")


class NamedOut(Out):
    id: Hex32
    did: str | None
    name: str | None


class HolderOut(Out):
    type: Literal["owner", "organization"] = Field(description="`owner`: a consumer, of whom nothing else is ever said.")
    organization: NamedOut | None = None


class GiverStandingOut(Out):
    """Why who gave an opinion could not give it today. What time alone brings about is read from `until`."""

    reason: Literal["compromised", "suspended", "accreditation-withdrawn", "accreditation-expired", "signer-retired"] | None
    since: Moment | None
    until: Moment | None = Field(description="When the accreditation ends; past it, the opinion's author is no longer accredited.")


class VerdictOut(Out):
    outcome: Literal["authentic", "not-authentic", "inconclusive"]
    method: Literal["photo", "chip", "in-person", "ruling"]
    by: NamedOut
    at: Moment
    expires_at: Moment | None
    sequence: int
    standing: GiverStandingOut | None = None


class HoldOut(Out):
    hold: Literal["lost", "stolen", "disputed", "recalled", "in-verification"]
    since: Moment
    by: NamedOut | Literal["owner"]
    sequence: int
    until: Moment | None


class RecoveryOut(Out):
    requested_at: Moment
    ready_at: Moment
    sequence: int


class MaterialOut(Out):
    lot: Hex32 | None
    name: str
    material: str | None
    origin: str | None
    supplier: NamedOut
    named_by: Literal["brand", "supplier"] = Field(description="`supplier` once its own shipment of the lot to the brand stands.")


class EntryOut(Out):
    sequence: int
    kind: str
    occurred_at: Moment
    recorded_at: Moment
    organization: NamedOut
    facts: dict[str, Any]
    event_hash: Hex32
    event_id: Hex32
    block: int
    transaction: Hex32
    corrects: int | None
    corrected_by: int | None
    void: Literal["compromised"] | None
    standing: GiverStandingOut | None = Field(default=None, description="Of opinions alone; null: their author stands, with no end.")


class ChainOut(Out):
    chain_id: int
    ledger: HexAddress
    registry: HexAddress


class _Passport(Out):
    id: Hex32
    stage: Literal["lot", "unsold", "sold", "enrolled", "retired"]
    holder: HolderOut
    verdict: VerdictOut | None
    holds: list[HoldOut]
    recovery: RecoveryOut | None
    sequence: int
    head: Hex32
    word: Hex32
    materials: list[MaterialOut]
    story: list[EntryOut]
    chain: ChainOut


class ItemPassport(_Passport):
    type: Literal["item"]
    brand: NamedOut
    gtin: str | None
    model: str | None
    colour: str | None
    category: str


class LotPassport(_Passport):
    type: Literal["lot"]
    supplier: NamedOut
    name: str | None
    material: str | None
    origin: str | None
    certificates: list[str]


class PassportOut(Out):
    status: Literal["recorded", "final"]
    as_of: AsOfOut
    passport: Annotated[ItemPassport | LotPassport, Field(discriminator="type")]


class ReplacedOut(Out):
    facts: dict[str, Any]
    by: int | None


class StandingEntryOut(EntryOut):
    replaced: ReplacedOut | None = Field(
        default=None,
        description="In the effective view: the facts before their correction, or an enrolment's before the brand's own record.",
    )
    outranks: list[int] = Field(
        default_factory=list, description="In the effective view: the opinions, or the enrolment, that this one replaced."
    )
    overruled_by: int | None = Field(default=None, description="In the effective view: the opinion that outranks this enrolment's.")


class LeftOutOut(Out):
    sequence: int
    kind: str
    reason: Literal["compromised", "applied", "withdrawn", "overruled"]
    by: int | None = Field(description="The sequence that says so.")


class ItemEventsOut(Out):
    status: Literal["recorded", "final"]
    as_of: AsOfOut
    view: Literal["journal", "effective"]
    events: list[StandingEntryOut]
    left_out: list[LeftOutOut]
    next: int | None = Field(description="Ask again with `after` set to this.")
