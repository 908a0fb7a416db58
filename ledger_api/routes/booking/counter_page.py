"""The counter's page, for a partner's staff who are signed in at the desk: today's appointments, codes, labels. Forms without a script."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import orjson
from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection

from ledger_api.columns import utc
from ledger_api.desk import policy
from ledger_api.desk.booking import counter, examining, labels, rows, settling
from ledger_api.desk.booking import stores as offers
from ledger_api.desk.booking.rows import AnyRow
from ledger_api.desk.errors import NoSuchStore
from ledger_api.errors import CallerError
from ledger_api.routes.booking.counter import our_booking
from ledger_api.routes.booking.stores import mine
from ledger_api.routes.deps import Ctx, Db, NewId
from ledger_api.routes.desk.deps import Moment
from ledger_api.routes.desk.pages import gone, page
from ledger_api.routes.desk.sittings import DeskRoute, FormValues, Judging
from ledger_api.routes.pages import AGuest, Guest
from ledger_api.store.engine import writing
from ledger_api.store.records import organization_names
from ledger_verify.hashing import organization_id

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=DeskRoute)

DONE = ("checked_in", "came", "taken", "labelled", "reported")
TROUBLES: tuple[labels.Trouble, ...] = ("damaged", "lost", "void")
WRONG = ("no-such-code", "not-the-time", "booking-moved", "no-such-label", "label-moved", "item-has-a-label", "no-verdict-to-label")
SHEET = 24
Word = Annotated[str | None, Query(max_length=64)]


@router.get("/desk/bookings")
def counter_page(
    guest: AGuest, who: Judging, db: Db, at: Moment, store: Word = None, done: Word = None, wrong: Word = None, against: Word = None
) -> Response:
    """Who comes today, and what to do next."""
    stores = rows.stores_of(db, who.organization)
    here = next((one for one in stores if one.id == store), stores[0] if stores else None)
    words = {"done": done if done in DONE else None, "wrong": wrong.replace("-", "_") if wrong in WRONG else None, "against": against}
    today = [] if here is None else _today(db, here, at)
    zone = "" if here is None else offers.terms_of(here).time_zone
    lines = [_line(guest, db, booking, zone) for booking in today]
    printed = 0 if here is None else rows.printed(db, here.id)
    return page(guest, "counter.html", stores=stores, here=here, zone=zone, lines=lines, printed=printed, troubles=TROUBLES, **words)  # type: ignore[arg-type]  # none is a status


@router.post("/desk/bookings")
def do_at_counter(guest: AGuest, form: FormValues, who: Judging, ctx: Ctx, at: Moment, new_id: NewId) -> Response:
    said = {name: values[0].strip()[:64] for name, values in form.items() if values}
    back = {"store": said["store"]} if said.get("store") else {}
    try:
        with writing(ctx.engine) as connection:
            if said.get("do") == "print":
                store = mine(rows.store(connection, said.get("store", "")), who.organization)
                serials = labels.print_labels(connection, store, count=SHEET, now=at)
                return Response(labels.sheet(serials, base_url=ctx.settings.base_url, store=store.name), media_type="application/pdf")
            path, told = _done(connection, who, said, at, new_id)
    except NoSuchStore:
        return gone(guest, "/desk/bookings")
    except CallerError as error:
        return gone(guest, "/desk/bookings", wrong=error.code, **back)
    return gone(guest, path, **told, **(back if path == "/desk/bookings" else {}))


def _done(connection: Connection, who: AnyRow, said: dict[str, str], at: datetime, new_id: str) -> tuple[str, dict[str, str]]:
    """Where to look then, and what to say there."""
    here, by, booking = "/desk/bookings", f"staff {who.id}", said.get("booking", "")
    match said.get("do"):
        case "take-away":
            counter.take_away(connection, who.organization, said.get("code", ""), by=by, now=at)
            return here, {"done": "taken"}
        case "examine":
            terms = policy.read(connection, who.organization)
            case = examining.take_up(connection, who, booking, terms, gtin=None, serial=None, id=new_id, now=at)
            return f"/desk/cases/{case}", {}
        case "absent":
            our_booking(connection, booking, who)
            counter.leave_without_buyer(connection, booking, by=by, now=at)
            return here, {}
        case "cancel":
            our_booking(connection, booking, who)
            settling.call_off(connection, booking, by="store", now=at)
            return here, {}
        case "activate":
            labels.activate(connection, who.organization, said.get("serial", "").rpartition("/")[2], booking, by=who.id, now=at)
            return here, {"done": "labelled"}
        case "report":
            trouble: labels.Trouble = next((one for one in TROUBLES if one == said.get("trouble")), "damaged")
            why = said.get("why") or trouble
            labels.report(connection, who.organization, said.get("serial", "").rpartition("/")[2], trouble, why, now=at)
            return here, {"done": "reported"}
    party = counter.check_in(connection, who.organization, said.get("code", ""), by=by, now=at)
    if party.booking.state == "turned-away":
        found = orjson.loads(rows.told(connection, party.booking.id)[-1].facts).get("against", [])
        return here, {"against": ", ".join(found)[:64]}
    return here, {"done": "checked_in" if party.booking.state == "checked-in" and party.role == counter.brings(party.booking) else "came"}


# --- what the page shows -----------------------------------------------------------------------------------------------


def _today(connection: Connection, store: AnyRow, at: datetime) -> list[AnyRow]:
    """The store's day, and whatever of earlier days is still in its hands."""
    zone = ZoneInfo(offers.terms_of(store).time_zone)
    wall = at.astimezone(zone)
    midnight = datetime(wall.year, wall.month, wall.day, tzinfo=zone)
    first, last = midnight.astimezone(UTC), (midnight + timedelta(days=1)).astimezone(UTC)
    open_still = ("checked-in", "holding", "verifying", "closing", "releasing", "verified", "handing-over", "returning")
    recent = rows.of_store(connection, store.id, first=first - timedelta(days=30), last=last)
    return [booking for booking in recent if utc(booking.starts_at) >= first or booking.state in open_still]


def _line(guest: Guest, connection: Connection, booking: AnyRow, zone: str) -> dict[str, object]:
    order, wall = orjson.loads(booking.order), utc(booking.starts_at).astimezone(ZoneInfo(zone))
    label = rows.label_of(connection, booking.id)
    is_labelled = label is not None and label.state == "live"
    return {
        "id": booking.id,
        "state": booking.state,
        "word": guest.language.say("counter.booked" if booking.state == "booked" else "booking_state." + booking.state.replace("-", "_")),
        "when": f"{guest.language.date(wall)}, {wall:%H:%M}",
        "brand": organization_names(connection).get(organization_id(order["brand"]), ("", None))[1] or order["brand"],
        "category": guest.language.say("category." + order["category"]),
        "came": {"seller": booking.seller_came_at is not None, "buyer": booking.buyer_came_at is not None},
        "expected": ("seller", "buyer") if booking.mode == "both" else (booking.mode,),
        "case": booking.case,
        "can_label": booking.outcome == "authentic" and booking.state in ("verified", "handing-over", "completed") and not is_labelled,
        "can_cancel": booking.state in ("booked", "checked-in", "holding") or (booking.state == "verifying" and booking.case is None),
        "buyer_absent": booking.state == "checked-in" and booking.mode == "both" and booking.buyer_came_at is None,
    }
