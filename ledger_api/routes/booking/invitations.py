"""The two parties' doors: a link is all they need. What it opens is one booking, as one of the two."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field
from sqlalchemy import Connection

from ledger_api.columns import utc
from ledger_api.desk.booking import calendar, counter, rows, settling, slots
from ledger_api.desk.booking import stores as offers
from ledger_api.desk.booking.settling import Party
from ledger_api.desk.errors import BookingMoved, NoSuchInvitation, NoSuchSlot, NoSuchStore, NothingBooked, NothingToSign, SlotFull
from ledger_api.domain.fields import ClaimKey, Signature, Strict, Time
from ledger_api.errors import ConsentNotSigned, ConsentRefused, Forbidden
from ledger_api.routes.booking.bookings import STATES, AppointmentOut, appointment, link
from ledger_api.routes.booking.stores import LATEST, FreeSlotsOut, slot_shown
from ledger_api.routes.deps import Anonymous, Ctx, Db, NewId
from ledger_api.routes.desk.deps import Moment
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import Hex32, Out, hex_of, moment
from ledger_api.routes.schemas import Moment as Said
from ledger_api.store.engine import reading, writing

router = APIRouter(prefix="/v1/invitations/{token}", tags=["bookings"])


class ChoiceIn(Strict):
    store: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    starts_at: Time

    def choice(self) -> settling.Choice:
        return datetime.fromtimestamp(min(self.starts_at, LATEST), UTC), self.store


class ChoicesIn(Strict):
    slots: Annotated[list[ChoiceIn], Field(max_length=settling.MOST_MARKS)] = Field(
        description="All that fit you; what you said before is forgotten."
    )


class ChoiceOut(Out):
    store: str
    starts_at: Said


class InvitedStoreOut(Out):
    id: str
    name: str
    address: str
    time_zone: str


class InvitationOut(Out):
    role: Literal["seller", "buyer"]
    state: str = Field(description=STATES)
    code: str = Field(description="Say it at the counter.")
    brand: str
    category: str
    price_cents: int
    settle_by: Said
    stores: list[InvitedStoreOut]
    yours: list[ChoiceOut] = Field(description="Times that you said fit you.")
    theirs: list[ChoiceOut] = Field(description="Times that the other one said fit them: choose one of these and it is settled.")
    appointment: AppointmentOut | None
    item: Hex32 | None
    brings_the_item: bool | None = Field(description="Whether you are the one who does; null: no time is settled.")
    has_key: bool = Field(description="Whether it is known to which key the item is to pass.")
    is_resale_signed: bool


class PaperOut(Out):
    paper: Literal["hold", "resale"]
    until: Said = Field(description="The hold ends then, whatever happens; the agreement to the resale too.")
    typed_data: dict[str, Any] = Field(description="EIP-712 (`eth_signTypedData_v4`), for the key that holds the item.")
    detail: str = Field(description="`message.detail` in decimal: it has 64 bits, which JavaScript's numbers have not.")


class SignatureIn(Strict):
    paper: Literal["hold", "resale"]
    signature: Signature


class KeyIn(Strict):
    claim_key: ClaimKey


def invited(token: str, _guest: Anonymous, db: Db, at: Moment) -> Party:
    """Raises NoSuchInvitation."""
    return settling.party(db, token[:64], now=at)


Invited = Annotated[Any, Depends(invited)]


@router.get("", responses=errors(NoSuchInvitation, key=False))
def get_invitation(token: str, party: Invited, db: Db) -> InvitationOut:
    return shown(db, party, token)


@router.get("/slots", responses=errors(NoSuchInvitation, NoSuchStore, key=False))
def list_invited_slots(
    party: Invited,
    db: Db,
    at: Moment,
    store: Annotated[str, Query(pattern="^[0-9a-f]{32}$")],
    days: Annotated[int, Query(ge=1, le=slots.MOST_DAYS)] = 14,
) -> FreeSlotsOut:
    """Free times at one of the stores that may be chosen."""
    found = rows.store(db, store) if store in orjson.loads(party.booking.stores) else None
    if found is None:
        raise NoSuchStore
    free = settling.free_slots(db, found, first=at, last=at + timedelta(days=days), now=at)
    return FreeSlotsOut(store=store, time_zone=offers.terms_of(found).time_zone, slots=[slot_shown(slot, left) for slot, left in free])


@router.put("/slots", responses=errors(NoSuchInvitation, BookingMoved, NoSuchStore, NoSuchSlot, SlotFull, key=False))
def mark_slots(token: str, party: Invited, body: ChoicesIn, ctx: Ctx, at: Moment) -> InvitationOut:
    """Times that fit you. The first that fits both and has a place is booked at once."""
    with writing(ctx.engine) as connection:
        settling.mark(connection, party.booking.id, party.role, [one.choice() for one in body.slots], now=at)
        return _again(connection, token, at)


@router.post("/drop-off", responses=errors(NoSuchInvitation, BookingMoved, NoSuchStore, NoSuchSlot, SlotFull, key=False))
def drop_off(token: str, party: Invited, body: ChoiceIn, ctx: Ctx, at: Moment) -> InvitationOut:
    """You bring the item alone, at this time; the other one need not come."""
    with writing(ctx.engine) as connection:
        settling.drop_off(connection, party.booking.id, party.role, body.choice(), now=at)
        return _again(connection, token, at)


@router.post("/another-time", responses=errors(NoSuchInvitation, BookingMoved, key=False))
def choose_again(token: str, party: Invited, ctx: Ctx, at: Moment) -> InvitationOut:
    """You cannot come: the place is free again, and both choose anew."""
    with writing(ctx.engine) as connection:
        settling.choose_again(connection, party.booking.id, party.role, now=at)
        return _again(connection, token, at)


@router.post("/cancel", responses=errors(NoSuchInvitation, BookingMoved, key=False))
def cancel_invitation(token: str, party: Invited, ctx: Ctx, at: Moment) -> InvitationOut:
    """You call it off. An item that was taken in is released and goes back."""
    with writing(ctx.engine) as connection:
        settling.call_off(connection, party.booking.id, by=party.role, now=at)
        return _again(connection, token, at)


@router.get("/calendar.ics", response_class=Response, responses=errors(NoSuchInvitation, NothingBooked, key=False))
def get_calendar(token: str, party: Invited, ctx: Ctx, db: Db) -> Response:
    """The appointment as a calendar file, with reminders a day and two hours before."""
    booking = party.booking
    store = None if booking.store is None else rows.store(db, booking.store)
    if store is None:
        raise NothingBooked(state=booking.state)
    words = orjson.loads(booking.order)["category"].capitalize()
    body = calendar.calendar_file(booking, store, role=party.role, words=f"{words}, verification", link=link(ctx, token))
    headers = {"Content-Disposition": 'attachment; filename="appointment.ics"', "Cache-Control": "private, no-store"}
    return Response(body, media_type="text/calendar; charset=utf-8", headers=headers)


@router.put("/key", responses=errors(NoSuchInvitation, BookingMoved, Forbidden, key=False))
def name_key(token: str, party: Invited, body: KeyIn, ctx: Ctx, at: Moment) -> InvitationOut:
    """The buyer's claim key: who holds the item after the sale. It cannot change once the holder has agreed to it."""
    if party.role != "buyer":
        raise Forbidden("The buyer says to which key the item is to pass.")
    with writing(ctx.engine) as connection:
        counter.name_buyer_key(connection, party.booking.id, body.claim_key, by="buyer", now=at)
        return _again(connection, token, at)


@router.get("/papers", responses=errors(NoSuchInvitation, NothingToSign, key=False))
def get_paper(party: Invited, ctx: Ctx, at: Moment) -> PaperOut:
    """What the holder is to sign now: first the hold, then the resale, which is good only behind the store's *authentic*."""
    found = counter.Counter(ctx.intake).paper(party.booking, at)
    if found is None or found[1].consent is None:
        raise NothingToSign(booking=party.booking.id, state=party.booking.state)
    paper, drafted = found
    typed = dict(drafted.consent or {})
    until = str(moment(utc(party.booking.hold_until)))
    return PaperOut(paper=paper, until=until, typed_data=typed, detail=str(typed["message"]["detail"]))


@router.post("/papers", responses=errors(NoSuchInvitation, NothingToSign, ConsentNotSigned, ConsentRefused, BookingMoved, key=False))
def sign_paper(token: str, party: Invited, body: SignatureIn, ctx: Ctx, at: Moment, new_id: NewId) -> InvitationOut:
    """The holder's signature under what `GET …/papers` gave."""
    counter.Counter(ctx.intake).sign(party.booking, body.paper, body.signature, by=party.role, submission=new_id, now=at)
    with reading(ctx.engine) as connection:
        return _again(connection, token, at)


# --- shapes ----------------------------------------------------------------------------------------------------------


def _again(connection: Connection, token: str, at: datetime) -> InvitationOut:
    return shown(connection, settling.party(connection, token[:64], now=at), token)


def shown(connection: Connection, party: Party, token: str) -> InvitationOut:
    """What this party sees. Of the other one: the times that fit, and nothing else."""
    booking, order = party.booking, orjson.loads(party.booking.order)
    marked = rows.marked(connection, booking.id)
    other = "buyer" if party.role == "seller" else "seller"
    stores = (rows.store(connection, store_id) for store_id in orjson.loads(booking.stores))
    return InvitationOut(
        role=party.role,
        state=booking.state,
        code=settling.code(token),
        brand=order["brand"],
        category=order["category"],
        price_cents=booking.price_cents,
        settle_by=str(moment(utc(booking.settle_by))),
        stores=[
            InvitedStoreOut(id=store.id, name=store.name, address=store.address, time_zone=offers.terms_of(store).time_zone)
            for store in stores
            if store is not None
        ],
        yours=[ChoiceOut(store=store, starts_at=str(moment(at))) for at, store in marked[party.role]],
        theirs=[ChoiceOut(store=store, starts_at=str(moment(at))) for at, store in marked[other]],
        appointment=appointment(booking),
        item=hex_of(booking.item),
        brings_the_item=None if booking.mode is None else counter.brings(booking) == party.role,
        has_key=booking.buyer_key is not None,
        is_resale_signed=booking.resale_consent is not None,
    )
