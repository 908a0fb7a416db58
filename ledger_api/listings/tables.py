"""Rows of the listings: what a platform offers, its photos, and where and how often an item was seen.

Of whoever looked an item up nothing is kept: `seen` counts by hour, and by a place only where somebody named a coarse one.
"""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from ledger_api import columns


class ListingRow(SQLModel, table=True):
    """Something a platform offers, under a reference of its own."""

    __tablename__ = "listings"
    id: str = Field(sa_column=columns.name(primary=True))
    platform: bytes = Field(sa_column=columns.binary())
    reference: str = Field(sa_column=columns.name(64))
    item: bytes | None = Field(default=None, sa_column=columns.binary(null=True))  # where the ledger knows it
    question: str | None = Field(default=None, sa_column=columns.text(null=True))  # JSON: what verification is asked; None: no identifier
    title: str = Field(sa_column=columns.name(255))
    url: str = Field(sa_column=columns.name(2048))
    origin: str = Field(sa_column=columns.name(255))  # of the url: where its badge is at home
    offer: str = Field(default="{}", sa_column=columns.text())  # JSON: brand, model, colour, category, seller, price, hashtags
    authenticator: bytes | None = Field(default=None, sa_column=columns.binary(null=True))  # whose desk looks at its photos
    latitude: float | None = None  # rounded to one decimal
    longitude: float | None = None
    state: str = Field(default="live", sa_column=columns.name(9))  # live, closed (sold), withdrawn
    created_at: datetime = Field(sa_column=columns.time())
    changed_at: datetime = Field(sa_column=columns.time())
    __table_args__ = (
        Index("listings_reference", "platform", "reference", unique=True),
        Index("listings_platform", "platform", "id"),
        Index("listings_item", "item", "state"),
    )


class ListingPhotoRow(SQLModel, table=True):
    """A photo of it, made safe like the desk's, kept in the same vault and recognised by the same marks (`photo_prints.shot` is its id).

    It is its own place in the line of what machines look at. Forgotten, it stays until the vault has let it go.
    """

    __tablename__ = "listing_photos"
    id: str = Field(sa_column=columns.name(primary=True))
    listing: str = Field(sa_column=columns.name())
    number: int | None = None  # its place in the listing; None: forgotten
    original: str = Field(sa_column=columns.name(64))  # SHA-256 of what was sent: its name in the vault
    shown: str = Field(sa_column=columns.name(64))
    state: str = Field(default="waiting", sa_column=columns.name(8))  # waiting, done, failed
    findings: str = Field(default="{}", sa_column=columns.text())  # JSON: what was screened and flagged, what showed the same before
    tries: int = 0
    lease_until: datetime | None = Field(default=None, sa_column=columns.time(null=True))
    created_at: datetime = Field(sa_column=columns.time())
    checked_at: datetime | None = Field(default=None, sa_column=columns.time(null=True))
    __table_args__ = (
        Index("listing_photos_number", "listing", "number", unique=True),
        Index("listing_photos_original", "original"),
        Index("listing_photos_shown", "shown"),
        Index(
            "listing_photos_waiting",
            "created_at",
            "id",
            sqlite_where=text("state = 'waiting' AND number IS NOT NULL"),
            postgresql_where=text("state = 'waiting' AND number IS NOT NULL"),
        ),
        Index("listing_photos_forgotten", "id", sqlite_where=text("number IS NULL"), postgresql_where=text("number IS NULL")),
    )


class SeenRow(SQLModel, table=True):
    """How often an item was seen within an hour, and how: scan (a lookup by its code), sighting (a platform named a place), spent-key."""

    __tablename__ = "item_seen"
    item: bytes = Field(sa_column=columns.binary(primary=True))
    hour: datetime = Field(sa_column=columns.time(primary=True))
    how: str = Field(sa_column=columns.name(9, primary=True))
    place: str = Field(default="", sa_column=columns.name(16, primary=True))  # "48.9,2.4"; empty: none was named
    count: int
    __table_args__ = (Index("item_seen_hour", "hour"),)


class DoubtRow(SQLModel, table=True):
    """A listed item: something was seen of it since it was last asked whether it is on several objects, or it is suspected to be."""

    __tablename__ = "doubts"
    item: bytes = Field(sa_column=columns.binary(primary=True))
    suspected: bool  # as the platforms were last told
    due_at: datetime = Field(sa_column=columns.time())
    __table_args__ = (Index("doubts_due", "due_at"),)
