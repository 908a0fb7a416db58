"""What the ledger answers, as frozen models. They name the members that a program acts on; what else an answer holds is left aside, so
that a newer service does not break an older client. `tests/api/test_client.py` holds every member to the service's OpenAPI document.
"""

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

Json = dict[str, Any]
Status = Literal["accepted", "recorded", "final", "refused"]


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    @classmethod
    def read(cls, content: bytes) -> Self:
        """From the body of a good answer. Raises pydantic.ValidationError."""
        return cls.model_validate_json(content)


# --- events ----------------------------------------------------------------------------------------------------------


class EventResult(Answer):
    index: int
    status: Literal["accepted", "duplicate", "refused"]
    event_id: str | None
    item: str | None
    submission: str | None
    reason: str | None
    field: str | None
    message: str | None


class SubmissionResult(Answer):
    submission: str | None
    accepted: int
    duplicates: int
    refused: int
    results: list[EventResult]


class Event(Answer):
    event_id: str
    item: str
    kind: str
    occurred_at: datetime
    status: Status
    reason: str | None
    message: str | None
    submission: str | None
    sequence: int | None
    block: int | None
    transaction: str | None
    payload: Json | None


class SubmittedEvent(Answer):
    position: int
    event_id: str
    item: str
    kind: str
    status: Status
    reason: str | None
    message: str | None


class Submission(Answer):
    id: str
    status: Status
    created_at: datetime
    events: list[SubmittedEvent]
    next: int | None


# --- items -----------------------------------------------------------------------------------------------------------


class AsOf(Answer):
    block: int
    final_block: int


class Named(Answer):
    id: str
    did: str | None
    name: str | None


class Holder(Answer):
    type: Literal["owner", "organization"]
    organization: Named | None = None


class Standing(Answer):
    reason: str | None
    since: datetime | None
    until: datetime | None


class Verdict(Answer):
    outcome: Literal["authentic", "not-authentic", "inconclusive"]
    method: Literal["photo", "chip", "in-person", "ruling"]
    by: Named
    at: datetime
    expires_at: datetime | None
    sequence: int
    standing: Standing | None = None


class Hold(Answer):
    hold: Literal["lost", "stolen", "disputed", "recalled", "in-verification"]
    since: datetime
    by: Named | Literal["owner"]
    sequence: int
    until: datetime | None


class Entry(Answer):
    sequence: int
    kind: str
    occurred_at: datetime
    recorded_at: datetime
    organization: Named
    facts: Json
    event_id: str
    block: int
    transaction: str
    corrects: int | None
    corrected_by: int | None
    void: Literal["compromised"] | None
    standing: Standing | None = None


class Chain(Answer):
    chain_id: int
    ledger: str
    registry: str


class Passport(Answer):
    """Of an item; of a lot `brand`, `gtin`, `model` and `colour` are absent and `supplier` and `name` are there."""

    id: str
    type: Literal["item", "lot"]
    brand: Named | None = None
    supplier: Named | None = None
    name: str | None = None
    gtin: str | None = None
    model: str | None = None
    colour: str | None = None
    category: str | None = None
    stage: Literal["lot", "unsold", "sold", "enrolled", "retired"]
    holder: Holder
    verdict: Verdict | None
    holds: list[Hold]
    sequence: int
    head: str
    word: str
    story: list[Entry]
    chain: Chain


class Item(Answer):
    status: Literal["recorded", "final"]
    as_of: AsOf
    passport: Passport


class LeftOut(Answer):
    sequence: int
    kind: str
    reason: str
    by: int | None


class Story(Answer):
    status: Literal["recorded", "final"]
    as_of: AsOf
    view: Literal["journal", "effective"]
    events: list[Entry]
    left_out: list[LeftOut]
    next: int | None


# --- verifications ---------------------------------------------------------------------------------------------------


class Reason(Answer):
    code: str
    decision: Literal["quarantine", "reject"]
    message: str
    facts: Json


class Block(Answer):
    block: int
    block_hash: str
    time: datetime
    final_block: int
    final: bool


class Signed(Answer):
    """`typed_data` is an EIP-712 statement; how to check it stands in the description of its door."""

    issued_at: datetime
    valid_until: datetime
    signer: str
    digest: str
    signature: str
    typed_data: Json


class Verification(Signed):
    decision: Literal["accept", "quarantine", "reject"]
    reasons: list[Reason]
    item: Json | None
    as_of: Block
    watch: "Watching | None" = None


class Watching(Answer):
    id: str
    until: datetime


class VerificationLine(Answer):
    """`answer`, or `error`: a problem document, as a single question would have got it."""

    index: int
    answer: Verification | None = None
    error: Json | None = None


class Verifications(Answer):
    """In the order of the questions."""

    lines: list[VerificationLine]

    @classmethod
    def read(cls, content: bytes) -> Self:
        return cls(lines=[VerificationLine.model_validate_json(line) for line in content.splitlines() if line])


class Watch(Answer):
    id: str
    item: str
    request: Json
    decision: str
    reasons: list[str]
    until: datetime


class Watches(Answer):
    watches: list[Watch]
    next: str | None


# --- listings --------------------------------------------------------------------------------------------------------


class ListingReason(Answer):
    code: str
    step: str
    message: str


class ListingVerified(Answer):
    decision: Literal["accept", "quarantine", "reject"]
    reasons: list[str]


class Partner(Answer):
    """Whom the listing's hashtag leads to."""

    partner: str
    hashtag: str | None
    price_cents: int
    stores: list[str]


class Sign(Answer):
    code: str
    points: int
    count: int
    message: str


class Suspicion(Answer):
    """That one serial is on several objects; 0 to 100."""

    score: int
    reasons: list[Sign]


class ListingPhoto(Answer):
    """`reused`: it shows what somebody else's photo showed before."""

    number: int
    state: Literal["waiting", "done", "failed"]
    screened: Literal["off", "clear", "flagged"] | None
    reused: bool
    created_at: datetime


class Listing(Answer):
    id: str
    reference: str
    item: str | None
    state: Literal["live", "closed", "withdrawn"]
    next: Literal["list", "ask-consent", "open-case", "book-verification", "wait", "refuse"]
    reasons: list[ListingReason]
    verification: ListingVerified | None
    authenticator: str | None
    review: str
    photos: list[ListingPhoto]
    booking: Partner | None
    suspicion: Suspicion
    watch: Watching | None = None


class BadgeListing(Answer):
    id: str
    platform: Named
    reference: str
    title: str
    url: str
    origin: str


class Badge(Signed):
    """Good for a listing only where `alive` and `belongs` are true."""

    listing: BadgeListing
    alive: bool
    belongs: bool | None
    says: str
    verdict: Verdict | None
    item: str | None
    page: str
    item_page: str | None
    block: int


# --- the desk --------------------------------------------------------------------------------------------------------


class Shot(Answer):
    name: str
    required: bool
    state: Literal["missing", "good", "poor", "erased"]
    attempt: int
    defects: list[str]
    photo: str | None


class Case(Answer):
    id: str
    reference: str | None
    state: str
    brand: str
    category: str
    item: str | None
    due_at: datetime
    price_cents: int | None
    paid: bool
    shots: list[Shot]
    missing: list[str]
    tags: dict[str, str]
    outcome: str | None
    confidence: int | None
    reasons: list[str]
    verdict: str | None


class ShotAnswer(Answer):
    photo: str
    name: str
    attempt: int
    state: Literal["good", "poor"]
    defects: list[str]


# --- statistics ------------------------------------------------------------------------------------------------------


class Rate(Answer):
    value: float
    low: float
    high: float


class Authenticator(Answer):
    organization: Named
    opinions: int
    overturned: int
    overturn_rate: Rate | None
    is_small: bool


class Authenticators(Answer):
    as_of: AsOf
    definition: str
    authenticators: list[Authenticator]
