"""Rows of booked verification: stores, campaigns, bookings, who is invited, times that fit, places taken, labels, journals.

A party is known by the reference that the platform gave and by the hash of the link it was sent: no name, no account.
"""

from datetime import datetime

from sqlalchemy import Boolean, Column, Index, Integer, text
from sqlmodel import Field, SQLModel

from ledger_api import columns


class StoreRow(SQLModel, table=True):
    """Where a partner sees items. `terms`: opening hours, services, closures, as `slots.Store` reads them."""

    __tablename__ = "stores"
    id: str = Field(sa_column=columns.name(primary=True))
    organization: bytes = Field(sa_column=columns.binary())
    name: str = Field(sa_column=columns.name(255))
    address: str = Field(sa_column=columns.text())
    terms: str = Field(sa_column=columns.text())
    is_open: bool = Field(default=True, sa_column=Column(Boolean, nullable=False))  # False: takes no new bookings
    created_at: datetime = Field(sa_column=columns.time())
    changed_at: datetime = Field(sa_column=columns.time())
    __table_args__ = (Index("stores_organization", "organization", "id"),)


class CampaignRow(SQLModel, table=True):
    """What a hashtag on a listing means: whose stores, at what price."""

    __tablename__ = "campaigns"
    tag: str = Field(sa_column=columns.name(64, primary=True))  # folded: `#Milan12` is `milan12`
    shown: str = Field(sa_column=columns.name(64))  # as its partner writes it
    organization: bytes = Field(sa_column=columns.binary())
    stores: str | None = Field(default=None, sa_column=columns.text(null=True))  # JSON; None: all of the partner's
    price_cents: int = Field(default=0, sa_column=Column(Integer, nullable=False))  # 0: free
    until: datetime | None = Field(default=None, sa_column=columns.time(null=True))
    created_at: datetime = Field(sa_column=columns.time())
    __table_args__ = (Index("campaigns_organization", "organization"),)


class BookingRow(SQLModel, table=True):
    """One order that waits for a verification in person. `life.BOOKING` says what its states mean."""

    __tablename__ = "bookings"
    id: str = Field(sa_column=columns.name(primary=True))
    platform: bytes = Field(sa_column=columns.binary())
    reference: str = Field(sa_column=columns.name(64))
    organization: bytes = Field(sa_column=columns.binary())  # the partner
    campaign: str | None = Field(default=None, sa_column=columns.name(64, null=True))
    price_cents: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    stores: str = Field(sa_column=columns.text())  # JSON: those that may be chosen
    order: str = Field(sa_column=columns.text())  # JSON: what was asked, as it was asked
    item: bytes | None = Field(default=None, sa_column=columns.binary(null=True))
    state: str = Field(sa_column=columns.name(16))
    due_at: datetime = Field(sa_column=columns.time())
    settle_by: datetime = Field(sa_column=columns.time())
    created_at: datetime = Field(sa_column=columns.time())
    changed_at: datetime = Field(sa_column=columns.time())
    # the appointment
    mode: str | None = Field(default=None, sa_column=columns.name(8, null=True))  # both, or who drops the item off: seller, buyer
    store: str | None = Field(default=None, sa_column=columns.name(null=True))
    starts_at: datetime | None = Field(default=None, sa_column=columns.time(null=True))
    ends_at: datetime | None = Field(default=None, sa_column=columns.time(null=True))
    reminded_at: datetime | None = Field(default=None, sa_column=columns.time(null=True))
    # at the counter
    seller_came_at: datetime | None = Field(default=None, sa_column=columns.time(null=True))
    buyer_came_at: datetime | None = Field(default=None, sa_column=columns.time(null=True))
    buyer_key: bytes | None = Field(default=None, sa_column=columns.binary(null=True))  # 32 bytes: who holds it after the sale
    hold_until: datetime | None = Field(default=None, sa_column=columns.time(null=True))
    hold_at: datetime | None = Field(default=None, sa_column=columns.time(null=True))  # occurred at
    hold_event: bytes | None = Field(default=None, sa_column=columns.binary(null=True))
    resale_consent: str | None = Field(default=None, sa_column=columns.text(null=True))  # JSON, as the holder signed it
    # the verdict and what goes with it
    case: str | None = Field(default=None, sa_column=columns.name(null=True))
    outcome: str | None = Field(default=None, sa_column=columns.name(16, null=True))
    plan: int = Field(default=0, sa_column=Column(Integer, nullable=False))  # how much is still tried together: `closing.PLANS`
    release_event: bytes | None = Field(default=None, sa_column=columns.binary(null=True))
    resale_event: bytes | None = Field(default=None, sa_column=columns.binary(null=True))
    __table_args__ = (
        Index("bookings_reference", "platform", "reference", unique=True),
        Index("bookings_platform", "platform", "id"),
        Index("bookings_due", "state", "due_at"),
        Index("bookings_store", "store", "starts_at"),
        Index("bookings_case", "case"),
    )


class InvitationRow(SQLModel, table=True):
    """A party's link and its code at the counter, both by their hashes."""

    __tablename__ = "booking_invitations"
    token_hash: bytes = Field(sa_column=columns.binary(primary=True))
    booking: str = Field(sa_column=columns.name())
    role: str = Field(sa_column=columns.name(8))  # seller or buyer
    code_hash: bytes = Field(sa_column=columns.binary())
    until: datetime = Field(sa_column=columns.time())
    __table_args__ = (
        Index("booking_invitations_party", "booking", "role", unique=True),
        Index("booking_invitations_code", "code_hash", unique=True),
    )


class MarkRow(SQLModel, table=True):
    """A time that fits a party."""

    __tablename__ = "booking_marks"
    booking: str = Field(sa_column=columns.name(primary=True))
    role: str = Field(sa_column=columns.name(8, primary=True))
    store: str = Field(sa_column=columns.name(primary=True))
    starts_at: datetime = Field(sa_column=columns.time(primary=True))


class PlaceRow(SQLModel, table=True):
    """A place that is taken: the key makes it impossible to give one twice."""

    __tablename__ = "booking_places"
    store: str = Field(sa_column=columns.name(primary=True))
    starts_at: datetime = Field(sa_column=columns.time(primary=True))
    number: int = Field(primary_key=True)  # from 1 to the store's capacity
    ends_at: datetime = Field(sa_column=columns.time())
    booking: str = Field(sa_column=columns.name())
    __table_args__ = (Index("booking_places_booking", "booking", unique=True),)


class BookingJournalRow(SQLModel, table=True):
    """One change of a booking, never changed itself. `by`: seller, buyer, platform, store, staff <reference> or desk."""

    __tablename__ = "booking_journal"
    booking: str = Field(sa_column=columns.name(primary=True))
    number: int = Field(primary_key=True)
    at: datetime = Field(sa_column=columns.time())
    state: str = Field(sa_column=columns.name(16))
    by: str = Field(sa_column=columns.name())
    why: str = Field(sa_column=columns.name(64))
    facts: str = Field(default="{}", sa_column=columns.text())


class LabelRow(SQLModel, table=True):
    """A tag with a serial. Printed ones wait in a drawer; a live one is bound to an item, its verdict and the store."""

    __tablename__ = "labels"
    serial: str = Field(sa_column=columns.name(16, primary=True))
    organization: bytes = Field(sa_column=columns.binary())
    store: str = Field(sa_column=columns.name())
    state: str = Field(sa_column=columns.name(8))  # printed, live, damaged, lost, void
    item: bytes | None = Field(default=None, sa_column=columns.binary(null=True))
    booking: str | None = Field(default=None, sa_column=columns.name(null=True))
    case: str | None = Field(default=None, sa_column=columns.name(null=True))
    verdict_event: bytes | None = Field(default=None, sa_column=columns.binary(null=True))
    by: str | None = Field(default=None, sa_column=columns.name(16, null=True))  # the appraiser who fixed it
    created_at: datetime = Field(sa_column=columns.time())
    activated_at: datetime | None = Field(default=None, sa_column=columns.time(null=True))
    ended_at: datetime | None = Field(default=None, sa_column=columns.time(null=True))
    ended_why: str | None = Field(default=None, sa_column=columns.text(null=True))
    __table_args__ = (
        Index(
            "labels_one_live_for_each_item",
            "item",
            unique=True,
            sqlite_where=text("state = 'live'"),
            postgresql_where=text("state = 'live'"),
        ),
        Index("labels_store", "organization", "store", "state"),
        Index("labels_item", "item", "activated_at"),
        Index("labels_booking", "booking"),
    )
