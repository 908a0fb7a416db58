"""Rows of the desk: cases, their journals, their shots, the checks that machines make, appraisers and what they said.

What is recorded of a case stands in the ledger like anybody's event; here is everything before and beside it. Photos are in the vault
by the hash of what was sent; when a case is erased its words and photos go and the hashes stay.
"""

from datetime import datetime

from sqlalchemy import Column, DateTime, Index, LargeBinary, String, Text, text
from sqlmodel import Field, SQLModel


def _bytes(*, primary: bool = False, null: bool = False) -> Column[bytes]:
    return Column(LargeBinary, primary_key=primary, nullable=null)


def _time(*, null: bool = False) -> Column[datetime]:
    return Column(DateTime(timezone=True), nullable=null)


def _name(length: int = 32, *, primary: bool = False, null: bool = False) -> Column[str]:
    return Column(String(length), primary_key=primary, nullable=null)


def _json(*, null: bool = False) -> Column[str]:
    return Column(Text, nullable=null)


class DeskPolicyRow(SQLModel, table=True):
    """How an authenticator's desk works, where it differs from `policy.toml`."""

    __tablename__ = "desk_policies"
    organization: bytes = Field(sa_column=_bytes(primary=True))
    body: str = Field(sa_column=_json())
    changed_at: datetime = Field(sa_column=_time())


class CaseRow(SQLModel, table=True):
    """Somebody asks one authenticator about one item. `life.CASE` says what its states mean and what leads from one to another."""

    __tablename__ = "cases"
    id: str = Field(sa_column=_name(primary=True))
    authenticator: bytes = Field(sa_column=_bytes())
    # who asks: an account, or a platform with its own reference
    account: str | None = Field(default=None, sa_column=_name(null=True))
    platform: bytes | None = Field(default=None, sa_column=_bytes(null=True))
    reference: str | None = Field(default=None, sa_column=_name(64, null=True))
    brand: bytes = Field(sa_column=_bytes())
    brand_did: str = Field(sa_column=_name(255))
    category: str = Field(sa_column=_name(16))
    gtin: str | None = Field(default=None, sa_column=_name(14, null=True))
    serial: str | None = Field(default=None, sa_column=_name(20, null=True))
    item: bytes | None = Field(default=None, sa_column=_bytes(null=True))  # where the ledger knows it
    value_eur: int | None = None  # what the asker says it is worth
    notes: str = Field(default="", sa_column=_json())
    method: str = Field(default="photo", sa_column=_name(16))  # or in-person
    state: str = Field(sa_column=_name(20))
    rank: int = 100  # in the queue: the lower, the sooner; then by deadline
    due_at: datetime = Field(sa_column=_time())
    created_at: datetime = Field(sa_column=_time())
    changed_at: datetime = Field(sa_column=_time())
    price_cents: int | None = None
    paid_at: datetime | None = Field(default=None, sa_column=_time(null=True))
    seat: int = 1  # whose opinion is wanted next: the first, the second, the senior's (3)
    needs: int = 1  # opinions that have to agree
    # what was concluded
    outcome: str | None = Field(default=None, sa_column=_name(16, null=True))
    confidence: int | None = None  # 0 to 100
    reasons: str | None = Field(default=None, sa_column=_json(null=True))  # JSON, codes
    appraiser_ref: str | None = Field(default=None, sa_column=_name(16, null=True))
    evidence: bytes | None = Field(default=None, sa_column=_bytes(null=True))  # keccak256 of the evidence document
    presenter: str | None = Field(default=None, sa_column=_json(null=True))  # JSON: what an enrolment in person was signed with
    verdict_event: bytes | None = Field(default=None, sa_column=_bytes(null=True))  # event id; None: the ledger does not know the item
    dispute_event: bytes | None = Field(default=None, sa_column=_bytes(null=True))  # of its appeal
    # an appeal is a case of its own about the same photos
    appeal_of: str | None = Field(default=None, sa_column=_name(null=True))
    known_outcome: str | None = Field(default=None, sa_column=_name(16, null=True))  # of a test case mixed into the queue: never recorded
    erased_at: datetime | None = Field(default=None, sa_column=_time(null=True))
    __table_args__ = (
        Index("cases_queue", "authenticator", "state", "rank", "due_at", "id"),
        Index("cases_account", "account", "id"),
        Index("cases_reference", "platform", "reference", unique=True),
        Index("cases_platform", "platform", "id"),
        Index("cases_state", "state", "due_at"),
        Index("cases_item", "item"),
        Index("cases_verdict", "verdict_event"),
        Index("cases_appeal", "appeal_of"),
    )


class EvidenceRow(SQLModel, table=True):
    """What a verdict rests on, as it was hashed: shots by their hashes, checks with their versions, opinions by pseudonymous references."""

    __tablename__ = "case_evidence"
    hash: bytes = Field(sa_column=_bytes(primary=True))
    case: str = Field(sa_column=_name())
    body: str = Field(sa_column=_json())  # JCS
    created_at: datetime = Field(sa_column=_time())
    __table_args__ = (Index("case_evidence_case", "case"),)


class JournalRow(SQLModel, table=True):
    """One change of a case, never changed itself. `by`: asker, platform, appraiser <reference>, desk or brand."""

    __tablename__ = "case_journal"
    case: str = Field(sa_column=_name(primary=True))
    number: int = Field(primary_key=True)
    at: datetime = Field(sa_column=_time())
    state: str = Field(sa_column=_name(20))
    by: str = Field(sa_column=_name(32))
    why: str = Field(sa_column=_name(64))
    facts: str = Field(default="{}", sa_column=_json())


class ShotRow(SQLModel, table=True):
    """A photo of one detail. The newest of a name counts."""

    __tablename__ = "shots"
    id: str = Field(sa_column=_name(primary=True))
    case: str = Field(sa_column=_name())
    name: str = Field(sa_column=_name())
    attempt: int
    original: str = Field(sa_column=_name(64))  # SHA-256 of what was sent: its name in the vault
    shown: str = Field(sa_column=_name(64))  # of the picture made anew from it, which people look at
    width: int
    height: int
    captured_at: datetime | None = Field(default=None, sa_column=_time(null=True))  # as the camera said
    device: str | None = Field(default=None, sa_column=_name(128, null=True))
    state: str = Field(sa_column=_name(8))  # good, poor, erased
    findings: str = Field(sa_column=_json())
    created_at: datetime = Field(sa_column=_time())
    __table_args__ = (Index("shots_case", "case", "name", "attempt", unique=True), Index("shots_original", "original"))


class CheckRow(SQLModel, table=True):
    """Something a machine looks at for a case. It assists; it never decides."""

    __tablename__ = "checks"
    id: str = Field(sa_column=_name(primary=True))
    case: str = Field(sa_column=_name())
    shot: str | None = Field(default=None, sa_column=_name(null=True))
    kind: str = Field(sa_column=_name(16))  # reuse, serial, tags
    state: str = Field(sa_column=_name(8))  # waiting, done, failed
    result: str | None = Field(default=None, sa_column=_json(null=True))
    version: str = Field(default="", sa_column=_name(64))
    tries: int = 0
    lease_until: datetime | None = Field(default=None, sa_column=_time(null=True))
    created_at: datetime = Field(sa_column=_time())
    done_at: datetime | None = Field(default=None, sa_column=_time(null=True))
    __table_args__ = (
        Index("checks_case", "case"),
        Index("checks_waiting", "created_at", "id", sqlite_where=text("state = 'waiting'"), postgresql_where=text("state = 'waiting'")),
    )


class AppraiserRow(SQLModel, table=True):
    """A person who judges for an authenticator, known to everybody else by the reference alone."""

    __tablename__ = "appraisers"
    id: str = Field(sa_column=_name(16, primary=True))
    organization: bytes = Field(sa_column=_bytes())
    key_id: str = Field(sa_column=Column(String(16), nullable=False, unique=True))  # of the API key they sign in with
    name: str = Field(sa_column=_name(255))
    is_senior: bool = False
    categories: str | None = Field(default=None, sa_column=_json(null=True))  # JSON; None: all
    is_active: bool = True
    created_at: datetime = Field(sa_column=_time())
    __table_args__ = (Index("appraisers_organization", "organization"),)


class AppraisalRow(SQLModel, table=True):
    """One opinion on a case, or the claim to give it. A seat is taken by one person at a time."""

    __tablename__ = "appraisals"
    case: str = Field(sa_column=_name(primary=True))
    seat: int = Field(primary_key=True)
    appraiser: str = Field(sa_column=_name(16))
    claimed_at: datetime = Field(sa_column=_time())
    lease_until: datetime = Field(sa_column=_time())
    decided_at: datetime | None = Field(default=None, sa_column=_time(null=True))
    outcome: str | None = Field(default=None, sa_column=_name(16, null=True))
    confidence: int | None = None
    reasons: str | None = Field(default=None, sa_column=_json(null=True))
    grounds: str | None = Field(default=None, sa_column=_json(null=True))  # JSON, by shot
    note: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    __table_args__ = (Index("appraisals_appraiser", "appraiser", "decided_at"),)
