"""The item on the counter, examined: a case of the desk's, in person, whose verdict waits for the booking's group.

The shot list, the opinions, four eyes and the evidence are the desk's own. Only who brings the verdict to the ledger differs: where the
ledger knows the item, the booking does, together with the end of the hold and the resale (`closing`).
"""

from dataclasses import replace
from datetime import datetime

import orjson
from sqlalchemy import Connection

from ledger_api.desk import in_person
from ledger_api.desk import life as case_life
from ledger_api.desk.asking import OPEN_STATES, NewCase
from ledger_api.desk.booking import life, rows
from ledger_api.desk.booking.rows import AnyRow
from ledger_api.desk.errors import BookingMoved, NoSuchBooking
from ledger_api.desk.policy import Policy
from ledger_api.desk.rows import cases
from ledger_api.desk.rows import queue as line


def take_up(
    connection: Connection, who: AnyRow, booking_id: str, policy: Policy, *, gtin: str | None, serial: str | None, id: str, now: datetime
) -> str:
    """The case's id; it is on `who`'s desk. Numbers that the order did not say are read off the item.

    Raises:
        NoSuchBooking, BookingMoved: it is not in verification, or somebody has taken it up.
    """
    booking = rows.locked(connection, booking_id)
    if booking is None or booking.organization != who.organization:
        raise NoSuchBooking(booking=booking_id)
    if booking.state != "verifying" or booking.case is not None:
        raise BookingMoved(booking=booking_id, state=booking.state, case=booking.case, expected=["verifying"])
    new = _new_case(booking, gtin=gtin, serial=serial)
    if cases.by_reference(connection, booking.platform, str(new.reference)) is not None:
        new = replace(new, reference=None)  # the platform has given it to a case of its own
    in_person.open_in_person(connection, who, new, policy, id=id, now=now)
    # the platform asks, so that it reads the certificate and may appeal; the group is the booking's where there is something to group
    cases.change(connection, id, platform=booking.platform, booking=None if booking.item is None else booking_id)
    rows.change(connection, booking_id, case=id)
    life.note(connection, booking, by=f"staff {who.id}", at=now, why="taken-up", facts={"case": id})
    return id


def _new_case(booking: AnyRow, *, gtin: str | None, serial: str | None) -> NewCase:
    order = orjson.loads(booking.order)
    price = order.get("price") or {}
    return NewCase(
        booking.organization,
        order["brand"],
        order["category"],
        order.get("gtin") or gtin,
        order.get("serial") or serial,
        booking.item,
        int(float(price["amount"])) if price.get("currency") == "EUR" else None,
        method="in-person",
        reference=f"booking {booking.id}",
        references=order.get("references") or {},
    )


def let_go(connection: Connection, booking: AnyRow, *, now: datetime) -> bool:
    """The case ends without an opinion, or has; False: there is one, and the verdict is on its way."""
    case = None if booking.case is None else cases.locked_case(connection, booking.case)
    if case is None or case.state in ("withdrawn", "expired"):
        return True
    if case.state == "appraising":
        line.drop(connection, case.id, case.seat)
        case_life.step(connection, case.id, "appraising", "queued", by="desk", at=now, why="called-off")
    elif case.state not in OPEN_STATES:
        return False
    state = "queued" if case.state == "appraising" else case.state
    case_life.step(connection, case.id, state, "withdrawn", by="desk", at=now, why="called-off", booking=None)
    return True


def leave_to_desk(connection: Connection, booking: AnyRow) -> bool:
    """The verdict is the desk's alone to bring from here; False: it is on its way with what the booking sent, or there already."""
    case = cases.locked_case(connection, booking.case)
    assert case is not None
    told = None if case.verdict_event is None else cases.standing(connection, case.verdict_event)
    if told is not None and told.status != "refused":
        return False
    cases.change(connection, case.id, booking=None)
    return True
