"""Rows of the notices: who is told where, what was told, what is still to be delivered, and every attempt.

A notice is written by whoever makes it happen. The loop gives it its `position` among its organization's notices and a delivery for each
endpoint that wants it; deliveries of one subject to one endpoint stand in one line, and only the first of a line is sent.
"""

from datetime import datetime

from sqlalchemy import Column, Index, String, text
from sqlmodel import Field, SQLModel

from ledger_api import columns


class EndpointRow(SQLModel, table=True):
    """Where an organization wants to be told. Its secrets follow from the salts and a key of the keyring."""

    __tablename__ = "webhook_endpoints"
    id: str = Field(sa_column=columns.name(primary=True))
    organization: bytes = Field(sa_column=columns.binary())
    url: str = Field(sa_column=columns.name(2048))
    description: str = Field(default="", sa_column=columns.name(255))
    types: str | None = Field(default=None, sa_column=columns.text(null=True))  # JSON list; None: all
    state: str = Field(default="active", sa_column=columns.name(8))  # active, paused (by its organization), disabled (by us)
    why: str | None = Field(default=None, sa_column=columns.name(null=True))  # it is disabled: gone, failing
    failing_since: datetime | None = Field(default=None, sa_column=columns.time(null=True))  # the first failure since the last success
    stopped_at: datetime | None = Field(default=None, sa_column=columns.time(null=True))
    missed_after: int | None = None  # stopped: notices after this position were not delivered; a replay brings them
    salt: bytes = Field(sa_column=columns.binary())
    old_salt: bytes | None = Field(default=None, sa_column=columns.binary(null=True))  # of the secret before; signs too until `old_until`
    old_until: datetime | None = Field(default=None, sa_column=columns.time(null=True))
    created_at: datetime = Field(sa_column=columns.time())
    __table_args__ = (Index("webhook_endpoints_organization", "organization", "id"),)


class NoticeRow(SQLModel, table=True):
    """Something that happened, as it is told: `body` is sent byte for byte, at every attempt, under the same `id`."""

    __tablename__ = "webhook_notices"
    number: int | None = Field(default=None, primary_key=True)
    id: str = Field(sa_column=Column(String(40), nullable=False, unique=True))
    organization: bytes = Field(sa_column=columns.binary())
    endpoint: str | None = Field(
        default=None, sa_column=columns.name(null=True)
    )  # told to this one alone (a test); None: to all that want it
    type: str = Field(sa_column=columns.name(40))
    subject: str = Field(sa_column=columns.name(80))
    body: str = Field(sa_column=columns.text())
    created_at: datetime = Field(sa_column=columns.time())
    position: int | None = None  # among all notices, given once it can be seen: the cursor
    __table_args__ = (
        Index(
            "webhook_notices_new",
            "number",
            sqlite_where=text("position IS NULL"),
            postgresql_where=text("position IS NULL"),
        ),
        Index("webhook_notices_organization", "organization", "position"),
        Index("webhook_notices_position", "position", unique=True),
    )


class DeliveryRow(SQLModel, table=True):
    """One notice for one endpoint; a replay (`round` 1, 2, …) is another delivery of the same notice."""

    __tablename__ = "webhook_deliveries"
    id: int | None = Field(default=None, primary_key=True)
    endpoint: str = Field(sa_column=columns.name())
    notice: int
    round: int = 0
    subject: str = Field(sa_column=columns.name(80))
    state: str = Field(default="waiting", sa_column=columns.name(12))  # waiting, delivered, given-up
    tries: int = 0
    status: int | None = None  # the last answer's
    why: str | None = Field(default=None, sa_column=columns.name(null=True))  # there was no good answer
    done_at: datetime | None = Field(default=None, sa_column=columns.time(null=True))
    __table_args__ = (
        Index("webhook_deliveries_notice", "notice", "endpoint", "round", unique=True),
        Index("webhook_deliveries_log", "endpoint", "id"),
        Index(
            "webhook_deliveries_waiting",
            "endpoint",
            "subject",
            "id",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
    )


class LineRow(SQLModel, table=True):
    """Deliveries of one subject that wait for one endpoint: the first of them is tried at `due_at`, by `owner` once it is taken."""

    __tablename__ = "webhook_lines"
    endpoint: str = Field(sa_column=columns.name(primary=True))
    subject: str = Field(sa_column=columns.name(80, primary=True))
    due_at: datetime = Field(sa_column=columns.time())
    owner: str | None = Field(default=None, sa_column=columns.name(96, null=True))
    __table_args__ = (Index("webhook_lines_due", "due_at"), Index("webhook_lines_owner", "owner"))


class AttemptRow(SQLModel, table=True):
    """One request, and what came of it: a status, or why there was none."""

    __tablename__ = "webhook_attempts"
    id: int | None = Field(default=None, primary_key=True)
    delivery: int
    at: datetime = Field(sa_column=columns.time())
    milliseconds: int
    status: int | None = None
    why: str | None = Field(default=None, sa_column=columns.name(null=True))
    __table_args__ = (Index("webhook_attempts_delivery", "delivery", "id"),)


class NotifierRow(SQLModel, table=True):
    """A process that delivers. What a dead one had taken is anybody's."""

    __tablename__ = "webhook_notifiers"
    owner: str = Field(sa_column=columns.name(96, primary=True))
    expires_at: datetime = Field(sa_column=columns.time())
