"""The two parties' page and the label's: forms that work without a script; only what an owner signs needs one, and their key.

A party's link is the whole permission: no cookie is set, so a form of somebody else's page has nothing to ride on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import orjson
from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection

from ledger_api.columns import utc
from ledger_api.desk.booking import counter, labels, life, rows, settling
from ledger_api.desk.booking import stores as offers
from ledger_api.desk.booking.rows import AnyRow
from ledger_api.desk.booking.settling import Choice, Party
from ledger_api.desk.errors import BookingMoved, NoSuchSlot, NoSuchStore, SlotFull
from ledger_api.domain.identifiers import Unreadable, address
from ledger_api.routes.booking.bookings import link
from ledger_api.routes.deps import Anonymous, Ctx
from ledger_api.routes.desk.deps import Moment
from ledger_api.routes.desk.forms import Form
from ledger_api.routes.desk.pages import PageRoute, gone
from ledger_api.routes.owning import PROBLEMS
from ledger_api.routes.pages import AGuest, Guest
from ledger_api.store.engine import reading, writing
from ledger_api.store.records import organization_names
from ledger_api.web.languages import Language
from ledger_api.web.rendering import qr_code
from ledger_verify.hashing import claim_holder, organization_id

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=PageRoute)

DAYS = 3  # shown at once
SIGNING = ("checked-in", "holding", "verifying")
CAN_CALL_OFF = ("inviting", "booked", "checked-in", "holding", "verifying")
NEEDS_CODE = ("booked", "checked-in", "handing-over", "returning")
PAPER_PROBLEMS = (*PROBLEMS, "nothing-to-sign", "booking-moved", "consent-refused")
PRIVATE = {"Cache-Control": "private, no-store"}
Offset = Annotated[int, Query(ge=0, le=56)]


@dataclass(frozen=True, slots=True)
class Time:
    value: str  # what the form sends
    day: str
    hour: str
    is_marked: bool = False


@router.get("/bookings/{token}")
def booking_page(
    token: str, guest: AGuest, _guest: Anonymous, at: Moment, store: str | None = None, ahead: Offset = 0, wrong: str | None = None
) -> Response:
    """What a link opens: a time to choose, the appointment, what is to be signed, or how it ended."""
    with reading(guest.ctx.engine) as connection:
        party = settling.party(connection, token[:64], now=at)
        told = _told(guest, connection, party, token[:64], store=store, ahead=ahead, at=at)
    known = wrong if wrong in ("moved", "slot", "one", "key") else None
    answer = guest.page("booking.html", is_scripted=True, wrong=known, problems=PAPER_PROBLEMS, **told)
    answer.headers.update(PRIVATE)
    return answer


@router.post("/bookings/{token}")
def change_booking(token: str, guest: AGuest, _guest: Anonymous, form: Form, ctx: Ctx, at: Moment) -> Response:
    path, wrong = f"/bookings/{token[:64]}", None
    try:
        with writing(ctx.engine) as connection:
            wrong = _changed(connection, settling.party(connection, token[:64], now=at), form, at)
    except BookingMoved:
        wrong = "moved"
    except (SlotFull, NoSuchSlot, NoSuchStore):
        wrong = "slot"
    return gone(guest, path, **({"wrong": wrong} if wrong else {}))


def _changed(connection: Connection, party: Party, form: dict[str, str], at: datetime) -> str | None:
    """What is wrong with what was typed; None: it is done."""
    booking, role = party.booking.id, party.role
    chosen = _chosen(form)
    match form.get("do"):
        case "drop-off":
            if len(chosen) != 1:
                return "one"
            settling.drop_off(connection, booking, role, chosen[0], now=at)
        case "another-time":
            settling.choose_again(connection, booking, role, now=at)
        case "call-off":
            settling.call_off(connection, booking, by=role, now=at)
        case "key":
            try:
                key = claim_holder(address(form.get("address", "")))
            except Unreadable:
                return "key"
            if role == "buyer":
                counter.name_buyer_key(connection, booking, key, by="buyer", now=at)
        case _:
            settling.mark(connection, booking, role, chosen, now=at)
    return None


def _chosen(form: dict[str, str]) -> list[Choice]:
    """Of fields `slot-<unix>-<store>`."""
    found = []
    for name in form:
        mark, _, rest = name.partition("-")
        seconds, _, store = rest.partition("-")
        if mark == "slot" and seconds.isascii() and seconds.isdigit() and len(seconds) <= 10:
            found.append((datetime.fromtimestamp(int(seconds), UTC), store[:32]))
    return found


# --- what the page shows -----------------------------------------------------------------------------------------------


def _told(guest: Guest, connection: Connection, party: Party, token: str, *, store: str | None, ahead: int, at: datetime) -> dict[str, Any]:
    booking, order = party.booking, orjson.loads(party.booking.order)
    allowed = [one for one in (rows.store(connection, store_id) for store_id in orjson.loads(booking.stores)) if one is not None]
    here = next((one for one in allowed if one.id == (booking.store or store)), allowed[0])
    zone = ZoneInfo(offers.terms_of(here).time_zone)
    code = settling.code(token)
    return {
        "token": token,
        "booking": booking,
        "state": booking.state.replace("-", "_"),
        "is_over": booking.state in life.ENDED,
        "role": party.role,
        "eyebrow": f"{_brand(connection, order['brand'])} · {guest.language.say('category.' + order['category'])}",
        "price": f"€{booking.price_cents // 100}.{booking.price_cents % 100:02d}" if booking.price_cents else None,
        "settle_by": _day(guest.language, utc(booking.settle_by).astimezone(zone)),
        "stores": allowed,
        "store": here,
        "zone": zone.key,
        "ahead": ahead,
        "further": ahead + DAYS,
        "code": code,
        "code_picture": qr_code(code),
        "shows_code": booking.state in NEEDS_CODE,
        "can_call_off": booking.state in CAN_CALL_OFF,
        "can_sign": booking.state in SIGNING and party.role == "seller" and booking.hold_until is not None,  # whoever brings it
        "brings": booking.mode is not None and counter.brings(booking) == party.role,
        "hold_until": None if booking.hold_until is None else _day(guest.language, utc(booking.hold_until).astimezone(zone)),
        "link": link(guest.ctx, token),
        **_times(guest.language, connection, party, here, zone, ahead=ahead, at=at),
    }


def _times(
    language: Language, connection: Connection, party: Party, here: AnyRow, zone: ZoneInfo, *, ahead: int, at: datetime
) -> dict[str, Any]:
    booking = party.booking
    if booking.starts_at is not None:
        starts_at = utc(booking.starts_at).astimezone(zone)
        return {"when": f"{_day(language, starts_at)}, {starts_at:%H:%M}", "proposed": [], "days": []}
    marked = rows.marked(connection, booking.id)
    mine, theirs = set(marked[party.role]), marked["buyer" if party.role == "seller" else "seller"]
    first = at + timedelta(days=ahead)
    free = (
        settling.free_slots(connection, here, first=first, last=first + timedelta(days=DAYS), now=at) if booking.state == "inviting" else []
    )
    times = [_time(language, (slot.starts_at, here.id), zone, is_marked=(slot.starts_at, here.id) in mine) for slot, _ in free]
    proposed = [_time(language, choice, zone, is_marked=False) for choice in theirs if choice[0] > at]
    return {"when": None, "proposed": proposed, "days": _by_day(times)}


def _time(language: Language, choice: Choice, zone: ZoneInfo, *, is_marked: bool) -> Time:
    wall = choice[0].astimezone(zone)
    return Time(f"slot-{int(choice[0].timestamp())}-{choice[1]}", _day(language, wall), f"{wall:%H:%M}", is_marked)


def _by_day(times: Sequence[Time]) -> list[tuple[str, list[Time]]]:
    days: dict[str, list[Time]] = {}
    for time in times:
        days.setdefault(time.day, []).append(time)
    return list(days.items())


def _day(language: Language, wall: datetime | date) -> str:
    return language.date(wall)  # type: ignore[arg-type]  # a day is all that it reads


def _brand(connection: Connection, did: str) -> str:
    return organization_names(connection).get(organization_id(did), (did, None))[1] or did


# --- labels ------------------------------------------------------------------------------------------------------------


@router.get("/labels/{serial}")
def label_page(serial: str, guest: AGuest, _guest: Anonymous) -> Response:
    """What a label on an item says, and whether it still counts."""
    with reading(guest.ctx.engine) as connection:
        label = labels.find(connection, serial[:32])
        store = rows.store(connection, label.store)
    fixed = _day(guest.language, utc(label.activated_at))
    ended = None if label.ended_at is None else _day(guest.language, utc(label.ended_at))
    name = "" if store is None else store.name
    return guest.page("label.html", label=label, serial=labels.spaced(label.serial), store=name, fixed=fixed, ended=ended)
