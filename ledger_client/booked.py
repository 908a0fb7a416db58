"""What bookings, the stores' counters, labels and webhook endpoints answer: models like those of `answers.py`, held to the same text."""

from datetime import datetime
from typing import Literal

from ledger_client.answers import Answer, Json

# --- bookings: the platform's view, a party's and the counter's ------------------------------------------------------


class Appointment(Answer):
    store: str
    starts_at: datetime
    ends_at: datetime
    mode: Literal["both", "seller", "buyer"]


class Links(Answer):
    """Send each to its party: whoever has a link acts as that party."""

    seller: str
    buyer: str


class BookingLine(Answer):
    number: int
    at: datetime
    state: str
    by: str
    why: str


class Booking(Answer):
    """`due_at`: when it goes on by itself if nothing happens; None: it has ended."""

    id: str
    reference: str
    state: str
    due_at: datetime | None
    partner: str
    price_cents: int
    stores: list[str]
    item: str | None
    appointment: Appointment | None
    links: Links | None
    new_holder: str | None
    hold_until: datetime | None
    is_resale_signed: bool
    case: str | None
    outcome: str | None
    resale: str | None
    journal: list[BookingLine]


class Bookings(Answer):
    bookings: list[Booking]
    next: str | None


class Invitation(Answer):
    """What whoever has a party's link is told. `code` is shown at the counter."""

    role: Literal["seller", "buyer"]
    state: str
    code: str
    brand: str
    category: str
    price_cents: int
    settle_by: datetime
    appointment: Appointment | None
    item: str | None
    brings_the_item: bool | None
    has_key: bool
    is_resale_signed: bool


class CounterBooking(Answer):
    booking: str
    state: str
    brand: str
    category: str
    gtin: str | None
    serial: str | None
    item: str | None
    appointment: Appointment | None
    case: str | None
    outcome: str | None


class CheckedIn(Answer):
    """`against`: what the ledger says against taking the item in."""

    role: str
    booking: CounterBooking
    against: list[str]


class Examined(Answer):
    """The desk's case in which the store's verdict is given."""

    case: str
    state: str
    method: str
    shot_list: list[str]
    missing: list[str]


# --- labels ----------------------------------------------------------------------------------------------------------


class Label(Answer):
    """The store's view."""

    serial: str
    state: str
    store: str
    item: str | None
    booking: str | None
    activated_at: datetime | None
    ended_at: datetime | None
    ended_why: str | None


class PublicLabel(Answer):
    """What whoever scans it is told."""

    serial: str
    state: str
    item: str
    verdict: str
    authenticator: str
    store: str
    fixed_at: datetime
    ended_at: datetime | None
    passport: str


# --- webhooks --------------------------------------------------------------------------------------------------------


class Endpoint(Answer):
    id: str
    url: str
    types: list[str] | None
    state: str
    why: str | None
    missed_after: int | None
    waiting: int
    created_at: datetime


class NewEndpoint(Endpoint):
    """`secret` is shown this once."""

    secret: str


class Endpoints(Answer):
    endpoints: list[Endpoint]


class Tested(Answer):
    notice: str


class Replayed(Answer):
    notices: int
    next: int | None


class Notices(Answer):
    """What was told, with or without any endpoint. Ask again with `after` set to `next`."""

    notices: list[Json]
    next: int
