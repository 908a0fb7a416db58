"""The counter's doors, for a partner's staff: today's appointments, who has come, who takes the item away."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import orjson
from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy import Connection

from ledger_api.desk import policy
from ledger_api.desk.booking import counter, examining, rows, settling
from ledger_api.desk.booking import stores as offers
from ledger_api.desk.booking.rows import AnyRow
from ledger_api.desk.errors import BookingMoved, NoSuchBooking, NoSuchCode, NoSuchStore, NotAnAppraiser, NotTheTime
from ledger_api.domain.fields import Gtin, Serial, Strict
from ledger_api.routes.booking.bookings import STATES, AppointmentOut, BookingOut, appointment, shown
from ledger_api.routes.booking.stores import mine
from ledger_api.routes.deps import Ctx, Db, NewId
from ledger_api.routes.desk.deps import Appraiser, Moment
from ledger_api.routes.desk.queue import DeskCaseOut, desk_case
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import Hex32, Out, hex_of
from ledger_api.store.engine import writing

router = APIRouter(prefix="/v1/desk/bookings", tags=["bookings"])


class CodeIn(Strict):
    code: Annotated[str, Field(min_length=8, max_length=16)] = Field(description="As the party shows or says it.")


class ExamineIn(Strict):
    """Numbers that the order did not say, as they are read off the item."""

    gtin: Gtin | None = None
    serial: Serial | None = None


class CounterBookingOut(Out):
    booking: str
    state: str = Field(description=STATES)
    brand: str
    category: str
    gtin: str | None
    serial: str | None
    item: Hex32 | None
    appointment: AppointmentOut | None
    case: str | None
    outcome: str | None


class DayOut(Out):
    store: str
    time_zone: str
    bookings: list[CounterBookingOut]


class CheckedInOut(Out):
    role: str
    booking: CounterBookingOut
    against: list[str] = Field(description="What the ledger says against taking the item in; the store turns it away.")


@router.get("", responses=errors(NotAnAppraiser, NoSuchStore))
def list_counter(
    who: Appraiser,
    db: Db,
    at: Moment,
    store: Annotated[str, Query(pattern="^[0-9a-f]{32}$")],
    day: Annotated[date | None, Query(description="On the store's wall; absent: today.")] = None,
) -> DayOut:
    """The appointments of a day at one of your stores."""
    found = mine(rows.store(db, store), who.organization)
    zone = ZoneInfo(offers.terms_of(found).time_zone)
    wanted = day or at.astimezone(zone).date()
    first, last = (_midnight(wanted + timedelta(days=more), zone) for more in (0, 1))
    booked = rows.of_store(db, store, first=first, last=last)
    return DayOut(store=store, time_zone=zone.key, bookings=[at_the_counter(booking) for booking in booked])


@router.post("/check-in", responses=errors(NotAnAppraiser, NoSuchCode, NotTheTime, BookingMoved))
def check_in(body: CodeIn, who: Appraiser, ctx: Ctx, at: Moment) -> CheckedInOut:
    """Somebody says a code. When it is the one who brings the item, the item is taken in, unless the ledger says something against it."""
    with writing(ctx.engine) as connection:
        party = counter.check_in(connection, who.organization, body.code, by=f"staff {who.id}", now=at)
        against = _against(connection, party.booking)
    return CheckedInOut(role=party.role, booking=at_the_counter(party.booking), against=against)


@router.post("/take-away", responses=errors(NotAnAppraiser, NoSuchCode, BookingMoved))
def take_away(body: CodeIn, who: Appraiser, ctx: Ctx, at: Moment) -> CounterBookingOut:
    """Somebody says a code and takes the item: the buyer after the sale, else whoever brought it."""
    with writing(ctx.engine) as connection:
        return at_the_counter(counter.take_away(connection, who.organization, body.code, by=f"staff {who.id}", now=at))


@router.get("/{booking}", responses=errors(NotAnAppraiser, NoSuchBooking))
def get_counter_booking(booking: str, who: Appraiser, db: Db) -> BookingOut:
    return shown(db, our_booking(db, booking, who), None)


@router.post("/{booking}/examine", status_code=201, responses=errors(NotAnAppraiser, NoSuchBooking, BookingMoved))
def examine(booking: str, body: ExamineIn, who: Appraiser, ctx: Ctx, at: Moment, new_id: NewId) -> DeskCaseOut:
    """Take the item up: its case is on your desk. Send photos of the shot list and decide by the doors of `/v1/desk/cases/{case}`.

    The verdict is recorded together with the end of the hold and, where the holder agreed, the resale.
    """
    with writing(ctx.engine) as connection:
        terms = policy.read(connection, who.organization)
        case = examining.take_up(connection, who, booking, terms, gtin=body.gtin, serial=body.serial, id=new_id, now=at)
        return desk_case(connection, case, who)


@router.post("/{booking}/buyer-absent", responses=errors(NotAnAppraiser, NoSuchBooking, BookingMoved, NotTheTime))
def note_absent_buyer(booking: str, who: Appraiser, ctx: Ctx, at: Moment) -> CounterBookingOut:
    """The buyer did not come, and whoever brought the item leaves with it."""
    with writing(ctx.engine) as connection:
        our_booking(connection, booking, who)
        counter.leave_without_buyer(connection, booking, by=f"staff {who.id}", now=at)
        return at_the_counter(rows.booking(connection, booking))


@router.post("/{booking}/cancel", responses=errors(NotAnAppraiser, NoSuchBooking, BookingMoved))
def cancel_at_counter(booking: str, who: Appraiser, ctx: Ctx, at: Moment) -> CounterBookingOut:
    """The store calls it off."""
    with writing(ctx.engine) as connection:
        our_booking(connection, booking, who)
        settling.call_off(connection, booking, by="store", now=at)
        return at_the_counter(rows.booking(connection, booking))


# --- shapes ----------------------------------------------------------------------------------------------------------


def our_booking(connection: Connection, booking_id: str, who: AnyRow) -> AnyRow:
    """Raises NoSuchBooking: it is not there, or another partner's."""
    found = rows.booking(connection, booking_id)
    if found is None or found.organization != who.organization:
        raise NoSuchBooking
    return found


def at_the_counter(booking: AnyRow | None) -> CounterBookingOut:
    """What staff need to see: no party's reference, no price between the parties."""
    assert booking is not None
    order = orjson.loads(booking.order)
    return CounterBookingOut(
        booking=booking.id,
        state=booking.state,
        brand=order["brand"],
        category=order["category"],
        gtin=order.get("gtin"),
        serial=order.get("serial"),
        item=hex_of(booking.item),
        appointment=appointment(booking),
        case=booking.case,
        outcome=booking.outcome,
    )


def _against(connection: Connection, booking: AnyRow) -> list[str]:
    if booking.state != "turned-away":
        return []
    found: list[str] = orjson.loads(rows.told(connection, booking.id)[-1].facts).get("against", [])
    return found


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
