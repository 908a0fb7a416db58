"""Rows of the watches: whoever asked to be told when an answer would be another."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from ledger_api import columns


class WatchRow(SQLModel, table=True):
    """A question that is asked again by the loop: at `due_at`, which the indexer brings forward when it writes the item.

    `item` None: there is none, or none for whoever asks; then it is met by what the question names it.
    """

    __tablename__ = "watches"
    id: str = Field(sa_column=columns.name(primary=True))
    organization: bytes = Field(sa_column=columns.binary())
    item: bytes | None = Field(default=None, sa_column=columns.binary(null=True))
    gtin: str | None = Field(default=None, sa_column=columns.name(14, null=True))
    serial: str | None = Field(default=None, sa_column=columns.name(20, null=True))
    request: str = Field(sa_column=columns.text())  # the body as it came, JSON
    digest: bytes = Field(sa_column=columns.binary())  # of it: the same question again is the same watch
    answer: str = Field(sa_column=columns.text())  # JSON: what was last told (`watches.gist`)
    until: datetime = Field(sa_column=columns.time())
    due_at: datetime = Field(sa_column=columns.time())
    created_at: datetime = Field(sa_column=columns.time())
    __table_args__ = (
        Index("watches_question", "organization", "digest", unique=True),
        Index("watches_organization", "organization", "id"),
        Index("watches_item", "item"),
        Index("watches_named", "gtin", "serial"),
        Index("watches_due", "due_at"),
    )
