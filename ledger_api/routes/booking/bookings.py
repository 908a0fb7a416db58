"""A platform's bookings: opened when an order is accepted, followed, called off, told whether the sale goes on."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Query
from pydantic import Field, model_validator
from sqlalchemy import Connection

from ledger_api.columns import utc
from ledger_api.desk import policy
from ledger_api.desk.booking import counter, life, rows, settling
from ledger_api.desk.booking import stores as offers
from ledger_api.desk.booking.rows import AnyRow
from ledger_api.desk.errors import (
    BookingMoved,
    BookingReferenceTaken,
    CategoryNotServed,
    NoSuchBooking,
    NoSuchCampaign,
    NoSuchStore,
    ReferenceInvalid,
    StoreUnfit,
)
from ledger_api.domain.events import CategoryName, Price
from ledger_api.domain.fields import Bytes32, ClaimKey, Did, Gtin, Line, Serial, Strict
from ledger_api.routes.deps import Context, Ctx, Db, NewId, Verifier
from ledger_api.routes.desk.cases import References
from ledger_api.routes.desk.deps import Moment
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import Hex32, HexAddress, Out, hex_of, moment
from ledger_api.routes.schemas import Moment as Said
from ledger_api.store.engine import writing

router = APIRouter(prefix="/v1/bookings", tags=["bookings"])

PAGE = 50
STATES = " · ".join(f"`{state}`: {meaning}" for state, meaning in life.BOOKING.meanings.items())
PartyName = Annotated[str, Field(min_length=1, max_length=64)]


class BookingIn(Strict):
    reference: Annotated[str, Field(min_length=1, max_length=64)] = Field(description="Your order: the same reference is the same booking.")
    hashtag: Annotated[str, Field(pattern=r"^#?\w{2,48}$")] | None = Field(
        default=None, description="From the listing: whose stores, and the price."
    )
    store: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = Field(default=None, description="Instead of a hashtag.")
    brand: Did
    category: CategoryName
    gtin: Gtin | None = None
    serial: Serial | None = None
    item: Bytes32 | None = Field(default=None, description="Its id, where the ledger knows it and you do not know the serial.")
    seller: PartyName = Field(description="Your reference for the seller; no name is needed.")
    buyer: PartyName = Field(description="Your reference for the buyer.")
    new_holder: ClaimKey | None = Field(default=None, description="The buyer's claim key, when it is known already.")
    references: References = Field(default={}, description="The piece's numbers beside its serial, by the names of the partner's policy.")
    listing: Line | None = None
    price: Price | None = None
    settle_days: Annotated[int, Field(ge=1, le=30)] = Field(default=7, description="So long the parties have to settle on a time.")

    @model_validator(mode="after")
    def _leads_to_one_partner(self) -> "BookingIn":
        if (self.hashtag is None) == (self.store is None):
            raise ValueError("give the listing's `hashtag` or a `store`, one of them")
        return self


class AppointmentOut(Out):
    store: str
    starts_at: Said
    ends_at: Said
    mode: Literal["both", "seller", "buyer"] = Field(description="Both come, or one of them drops the item off.")
    seller_came_at: Said | None
    buyer_came_at: Said | None


class LinksOut(Out):
    """Send each to its party: whoever has a link acts as that party."""

    seller: str
    buyer: str


class LineOut(Out):
    number: int
    at: Said
    state: str
    by: str
    why: str
    facts: dict[str, Any]


class BookingOut(Out):
    id: str
    reference: str
    state: str = Field(description=STATES)
    due_at: Said | None = Field(description="When it goes on by itself if nothing happens; null: it has ended.")
    partner: Hex32
    price_cents: int = Field(description="0: free.")
    stores: list[str] = Field(description="Those that may be chosen.")
    item: Hex32 | None
    appointment: AppointmentOut | None
    links: LinksOut | None = Field(description="For the platform alone.")
    new_holder: HexAddress | None
    hold_until: Said | None = Field(description="The ledger lets go of the item then, whatever happens.")
    is_resale_signed: bool
    case: str | None
    outcome: str | None
    resale: Hex32 | None = Field(description="The event on the ledger that gave the item to the buyer's key.")
    journal: list[LineOut]


class BookingsOut(Out):
    bookings: list[BookingOut]
    next: str | None


class NewHolderIn(Strict):
    claim_key: ClaimKey


class SaleIn(Strict):
    goes_on: bool


def asked_booking(booking: str, caller: Verifier, db: Db) -> AnyRow:
    """A booking of this platform's. Another's is not there."""
    found = rows.booking(db, booking)
    if found is None or found.platform != caller.organization:
        raise NoSuchBooking
    return found


AskedBooking = Annotated[Any, Depends(asked_booking)]


@router.post(
    "",
    status_code=201,
    responses=errors(NoSuchCampaign, NoSuchStore, StoreUnfit, CategoryNotServed, ReferenceInvalid, BookingReferenceTaken),
)
def open_booking(body: BookingIn, caller: Verifier, ctx: Ctx, at: Moment, new_id: NewId) -> BookingOut:
    """An order was accepted: two links, one for each party, or the booking that you opened under this reference."""
    order = body.model_dump(mode="json", exclude={"item", "new_holder", "reference"}) | {
        "item": hex_of(body.item),
        "key": hex_of(body.new_holder),
    }
    new = settling.NewBooking(caller.organization, body.reference, order, body.item, body.new_holder, body.settle_days)
    with writing(ctx.engine) as connection:
        about = {"brand": body.brand, "category": body.category}
        if body.hashtag is not None:
            offer = offers.offer_of_campaign(connection, body.hashtag, now=at, **about)
        else:
            offer = offers.offer_of_store(connection, str(body.store), **about)
        policy.read(connection, offer.organization).check_references(body.category, body.references)
        made = settling.open_booking(connection, new, offer, ctx.card_secret, id=new_id, now=at)
        return shown(connection, made, links_of(ctx))


@router.get("", responses=errors())
def list_bookings(caller: Verifier, ctx: Ctx, db: Db, before: Annotated[str | None, Query(pattern="^[0-9a-f]{32}$")] = None) -> BookingsOut:
    """Your bookings, newest first."""
    found = rows.of_platform(db, caller.organization, before=before, most=PAGE)
    shapes = [shown(db, booking, links_of(ctx)) for booking in found]
    return BookingsOut(bookings=shapes, next=found[-1].id if len(found) == PAGE else None)


@router.get("/{booking}", responses=errors(NoSuchBooking))
def get_booking(booking: AskedBooking, ctx: Ctx, db: Db) -> BookingOut:
    return shown(db, booking, links_of(ctx))


@router.post("/{booking}/cancel", responses=errors(NoSuchBooking, BookingMoved))
def cancel_booking(booking: AskedBooking, ctx: Ctx, at: Moment) -> BookingOut:
    """The order is off. An item that was taken in is released and goes back."""
    with writing(ctx.engine) as connection:
        settling.call_off(connection, booking.id, by="platform", now=at)
        return shown(connection, rows.booking(connection, booking.id), links_of(ctx))


@router.put("/{booking}/new-holder", responses=errors(NoSuchBooking, BookingMoved))
def name_new_holder(booking: AskedBooking, body: NewHolderIn, ctx: Ctx, at: Moment) -> BookingOut:
    """The buyer's claim key, where the order did not say it. It cannot change once the holder has agreed to it."""
    with writing(ctx.engine) as connection:
        counter.name_buyer_key(connection, booking.id, body.claim_key, by="platform", now=at)
        return shown(connection, rows.booking(connection, booking.id), links_of(ctx))


@router.post("/{booking}/sale", responses=errors(NoSuchBooking, BookingMoved))
def settle_sale(booking: AskedBooking, body: SaleIn, ctx: Ctx, at: Moment) -> BookingOut:
    """Whether the sale of a verified item goes on: the store hands it to the buyer, or back. A recorded resale asks nobody."""
    with writing(ctx.engine) as connection:
        settling.go_on(connection, booking.id, is_sold=body.goes_on, now=at)
        return shown(connection, rows.booking(connection, booking.id), links_of(ctx))


# --- shapes ----------------------------------------------------------------------------------------------------------

Links = Callable[[str], LinksOut]


def links_of(ctx: Context) -> Links:
    def made(booking_id: str) -> LinksOut:
        seller, buyer = (link(ctx, settling.token(ctx.card_secret, booking_id, role)) for role in settling.ROLES)
        return LinksOut(seller=seller, buyer=buyer)

    return made


def link(ctx: Context, token: str) -> str:
    return f"{ctx.settings.base_url.rstrip('/')}/bookings/{token}"


def shown(connection: Connection, booking: AnyRow | None, links: Links | None) -> BookingOut:
    """As the platform and the partner see it; the links are the platform's alone."""
    assert booking is not None
    return BookingOut(
        id=booking.id,
        reference=booking.reference,
        state=booking.state,
        due_at=None if booking.state in life.ENDED else moment(utc(booking.due_at)),
        partner=str(hex_of(booking.organization)),
        price_cents=booking.price_cents,
        stores=orjson.loads(booking.stores),
        item=hex_of(booking.item),
        appointment=appointment(booking),
        links=None if links is None else links(booking.id),
        new_holder=None if booking.buyer_key is None else hex_of(booking.buyer_key[12:]),
        hold_until=None if booking.hold_until is None else moment(utc(booking.hold_until)),
        is_resale_signed=booking.resale_consent is not None,
        case=booking.case,
        outcome=booking.outcome,
        resale=hex_of(booking.resale_event),
        journal=[_line(one) for one in rows.told(connection, booking.id)],
    )


def appointment(booking: AnyRow) -> AppointmentOut | None:
    if booking.store is None:
        return None
    came = (None if at is None else moment(utc(at)) for at in (booking.seller_came_at, booking.buyer_came_at))
    seller, buyer = came
    return AppointmentOut(
        store=booking.store,
        starts_at=str(moment(utc(booking.starts_at))),
        ends_at=str(moment(utc(booking.ends_at))),
        mode=booking.mode,
        seller_came_at=seller,
        buyer_came_at=buyer,
    )


def _line(row: AnyRow) -> LineOut:
    facts = orjson.loads(row.facts)
    return LineOut(number=row.number, at=str(moment(utc(row.at))), state=row.state, by=row.by, why=row.why, facts=facts)
