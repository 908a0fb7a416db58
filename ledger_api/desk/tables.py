"""Rows of the desk: cases, their journals, their shots, the checks that machines make, appraisers and what they said.

What is recorded of a case stands in the ledger like anybody's event; here is everything before and beside it. Photos are in the vault
by the hash of what was sent, without its notes; when a case is erased its words and photos go and the hashes stay.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, String, text
from sqlmodel import Field, SQLModel

from ledger_api import columns


class DeskPolicyRow(SQLModel, table=True):
    """How an authenticator's desk works, where it differs from `policy.toml`."""

    __tablename__ = "desk_policies"
    organization: bytes = Field(sa_column=columns.binary(primary=True))
    body: str = Field(sa_column=columns.text())
    changed_at: datetime = Field(sa_column=columns.time())


class CaseRow(SQLModel, table=True):
    """Somebody asks one authenticator about one item. `life.CASE` says what its states mean and what leads from one to another."""

    __tablename__ = "cases"
    id: str = Field(sa_column=columns.name(primary=True))
    authenticator: bytes = Field(sa_column=columns.binary())
    # who asks: an account, or a platform with its own reference
    account: str | None = Field(default=None, sa_column=columns.name(null=True))
    platform: bytes | None = Field(default=None, sa_column=columns.binary(null=True))
    reference: str | None = Field(default=None, sa_column=columns.name(64, null=True))
    brand: bytes = Field(sa_column=columns.binary())
    brand_did: str = Field(sa_column=columns.name(255))
    category: str = Field(sa_column=columns.name(16))
    gtin: str | None = Field(default=None, sa_column=columns.name(14, null=True))
    serial: str | None = Field(default=None, sa_column=columns.name(20, null=True))
    item: bytes | None = Field(default=None, sa_column=columns.binary(null=True))  # where the ledger knows it
    value_eur: int | None = None  # what the asker says it is worth
    references: str | None = Field(default=None, sa_column=columns.text(null=True))  # JSON: the piece's numbers beside its serial
    notes: str = Field(default="", sa_column=columns.text())
    method: str = Field(default="photo", sa_column=columns.name(16))  # or in-person
    state: str = Field(sa_column=columns.name(20))
    rank: int = 100  # in the queue: the lower, the sooner; then by deadline
    due_at: datetime = Field(sa_column=columns.time())
    created_at: datetime = Field(sa_column=columns.time())
    changed_at: datetime = Field(sa_column=columns.time())
    price_cents: int | None = None
    paid_at: datetime | None = Field(default=None, sa_column=columns.time(null=True))
    seat: int = 1  # whose opinion is wanted next: the first, the second, the senior's (3)
    needs: int = 1  # opinions that have to agree
    # what was concluded
    outcome: str | None = Field(default=None, sa_column=columns.name(16, null=True))
    confidence: int | None = None  # 0 to 100
    reasons: str | None = Field(default=None, sa_column=columns.text(null=True))  # JSON, codes
    appraiser_ref: str | None = Field(default=None, sa_column=columns.name(16, null=True))
    evidence: bytes | None = Field(default=None, sa_column=columns.binary(null=True))  # keccak256 of the evidence document
    presenter: str | None = Field(default=None, sa_column=columns.text(null=True))  # JSON: what an enrolment in person was signed with
    verdict_event: bytes | None = Field(
        default=None, sa_column=columns.binary(null=True)
    )  # event id; None: the ledger does not know the item
    dispute_event: bytes | None = Field(default=None, sa_column=columns.binary(null=True))  # of its appeal
    # an appeal is a case of its own about the same photos
    appeal_of: str | None = Field(default=None, sa_column=columns.name(null=True))
    booking: str | None = Field(
        default=None, sa_column=columns.name(null=True)
    )  # whose group brings its verdict to the ledger; None: it goes alone
    known_outcome: str | None = Field(
        default=None, sa_column=columns.name(16, null=True)
    )  # of a test case mixed into the queue: never recorded
    seed_of: str | None = Field(default=None, sa_column=columns.name(null=True))  # the concluded case that a test case was made from
    erased_at: datetime | None = Field(default=None, sa_column=columns.time(null=True))
    __table_args__ = (
        Index("cases_queue", "authenticator", "state", "rank", "due_at", "id"),
        Index("cases_account", "account", "id"),
        Index("cases_reference", "platform", "reference", unique=True),
        Index("cases_platform", "platform", "id"),
        Index("cases_state", "state", "due_at"),
        Index("cases_item", "item"),
        Index("cases_verdict", "verdict_event"),
        Index("cases_appeal", "appeal_of"),
        Index("cases_seed", "seed_of"),
        Index("cases_known", "authenticator", "known_outcome", "id"),
    )


class EvidenceRow(SQLModel, table=True):
    """What a verdict rests on, as it was hashed: shots by their hashes, checks with their versions, opinions by pseudonymous references."""

    __tablename__ = "case_evidence"
    hash: bytes = Field(sa_column=columns.binary(primary=True))
    case: str = Field(sa_column=columns.name())
    body: str = Field(sa_column=columns.text())  # JCS
    created_at: datetime = Field(sa_column=columns.time())
    __table_args__ = (Index("case_evidence_case", "case"),)


class JournalRow(SQLModel, table=True):
    """One change of a case, never changed itself. `by`: asker, platform, appraiser <reference>, desk or brand."""

    __tablename__ = "case_journal"
    case: str = Field(sa_column=columns.name(primary=True))
    number: int = Field(primary_key=True)
    at: datetime = Field(sa_column=columns.time())
    state: str = Field(sa_column=columns.name(20))
    by: str = Field(sa_column=columns.name())
    why: str = Field(sa_column=columns.name(64))
    facts: str = Field(default="{}", sa_column=columns.text())


class ShotRow(SQLModel, table=True):
    """A photo of one detail. The newest of a name counts."""

    __tablename__ = "shots"
    id: str = Field(sa_column=columns.name(primary=True))
    case: str = Field(sa_column=columns.name())
    name: str = Field(sa_column=columns.name())
    attempt: int
    original: str = Field(sa_column=columns.name(64))  # SHA-256 of what was sent, without its notes: its name in the vault
    shown: str = Field(sa_column=columns.name(64))  # of the picture made anew from it, which people look at
    width: int
    height: int
    captured_at: datetime | None = Field(default=None, sa_column=columns.time(null=True))  # as the camera said
    device: str | None = Field(default=None, sa_column=columns.name(128, null=True))
    state: str = Field(sa_column=columns.name(8))  # good, poor, erased
    findings: str = Field(sa_column=columns.text())
    created_at: datetime = Field(sa_column=columns.time())
    __table_args__ = (Index("shots_case", "case", "name", "attempt", unique=True), Index("shots_original", "original"))


class CheckRow(SQLModel, table=True):
    """Something a machine looks at for a case. It assists; it never decides."""

    __tablename__ = "checks"
    id: str = Field(sa_column=columns.name(primary=True))
    case: str = Field(sa_column=columns.name())
    shot: str | None = Field(default=None, sa_column=columns.name(null=True))
    kind: str = Field(sa_column=columns.name(16))  # reuse, serial, tags
    state: str = Field(sa_column=columns.name(8))  # waiting, done, failed
    result: str | None = Field(default=None, sa_column=columns.text(null=True))
    version: str = Field(default="", sa_column=columns.name(64))
    tries: int = 0
    lease_until: datetime | None = Field(default=None, sa_column=columns.time(null=True))
    created_at: datetime = Field(sa_column=columns.time())
    done_at: datetime | None = Field(default=None, sa_column=columns.time(null=True))
    __table_args__ = (
        Index("checks_case", "case"),
        Index("checks_waiting", "created_at", "id", sqlite_where=text("state = 'waiting'"), postgresql_where=text("state = 'waiting'")),
    )


class PhotoPrintRow(SQLModel, table=True):
    """How a photo would be recognised: its marks (`likeness.Marks`), whole. Goes with the photo. `shot` may be a listing's photo too."""

    __tablename__ = "photo_prints"
    photo: int | None = Field(default=None, primary_key=True)
    shot: str = Field(sa_column=Column(String(32), nullable=False, unique=True))
    version: str = Field(sa_column=columns.name(16))
    width: int
    height: int
    marks: bytes = Field(sa_column=columns.binary())


class PhotoMarkRow(SQLModel, table=True):
    """The same marks one by one, found by any of four bands of 16 bits."""

    __tablename__ = "photo_marks"
    photo: int = Field(primary_key=True)
    number: int = Field(primary_key=True)
    hash: int = Field(sa_column=Column(BigInteger, nullable=False))
    a: int
    b: int
    c: int
    d: int
    __table_args__ = tuple(Index(f"photo_marks_{band}", band, "photo", "hash") for band in "abcd")


class ReviewRow(SQLModel, table=True):
    """A case or a listing of which somebody has to say whether it may be listed. One waits at a time; another may follow a decided one."""

    __tablename__ = "reviews"
    id: str = Field(sa_column=columns.name(primary=True))
    organization: bytes = Field(sa_column=columns.binary())  # whose reviewers look
    kind: str = Field(sa_column=columns.name(8))  # case, listing
    subject: str = Field(sa_column=columns.name(64))
    photos: str = Field(sa_column=columns.text())  # JSON: their names in the vault
    flags: str = Field(sa_column=columns.text())  # JSON: photo, label, score
    version: str = Field(sa_column=columns.name(64))  # of what flagged it; empty: a person did
    state: str = Field(sa_column=columns.name(8))  # waiting, allowed, refused
    labels: str | None = Field(default=None, sa_column=columns.text(null=True))  # JSON: what the reviewer saw
    grounds: str | None = Field(default=None, sa_column=columns.text(null=True))
    reviewer: str | None = Field(default=None, sa_column=columns.name(16, null=True))
    created_at: datetime = Field(sa_column=columns.time())
    decided_at: datetime | None = Field(default=None, sa_column=columns.time(null=True))
    __table_args__ = (
        Index("reviews_subject", "kind", "subject"),
        Index(
            "reviews_waiting",
            "kind",
            "subject",
            unique=True,
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index("reviews_queue", "organization", "state", "id"),
    )


class AppraiserRow(SQLModel, table=True):
    """A person who judges for an authenticator, known to everybody else by the reference alone."""

    __tablename__ = "appraisers"
    id: str = Field(sa_column=columns.name(16, primary=True))
    organization: bytes = Field(sa_column=columns.binary())
    key_id: str = Field(sa_column=Column(String(16), nullable=False, unique=True))  # of the API key they sign in with
    name: str = Field(sa_column=columns.name(255))
    is_senior: bool = False
    categories: str | None = Field(default=None, sa_column=columns.text(null=True))  # JSON; None: all
    is_active: bool = True
    created_at: datetime = Field(sa_column=columns.time())
    __table_args__ = (Index("appraisers_organization", "organization"),)


class SittingRow(SQLModel, table=True):
    """A browser in which somebody of the desk is signed in, by the SHA-256 of what its cookie holds. It is worth what the key is worth."""

    __tablename__ = "desk_sittings"
    token_hash: bytes = Field(sa_column=columns.binary(primary=True))
    key_id: str = Field(sa_column=columns.name(16))
    created_at: datetime = Field(sa_column=columns.time())
    expires_at: datetime = Field(sa_column=columns.time())
    __table_args__ = (Index("desk_sittings_expiry", "expires_at"),)


class AppraisalRow(SQLModel, table=True):
    """One opinion on a case, or the claim to give it. A seat is taken by one person at a time."""

    __tablename__ = "appraisals"
    case: str = Field(sa_column=columns.name(primary=True))
    seat: int = Field(primary_key=True)
    appraiser: str = Field(sa_column=columns.name(16))
    claimed_at: datetime = Field(sa_column=columns.time())
    lease_until: datetime = Field(sa_column=columns.time())
    decided_at: datetime | None = Field(default=None, sa_column=columns.time(null=True))
    outcome: str | None = Field(default=None, sa_column=columns.name(16, null=True))
    confidence: int | None = None
    reasons: str | None = Field(default=None, sa_column=columns.text(null=True))
    grounds: str | None = Field(default=None, sa_column=columns.text(null=True))  # JSON, by shot
    note: str | None = Field(default=None, sa_column=columns.text(null=True))
    __table_args__ = (Index("appraisals_appraiser", "appraiser", "decided_at"),)
