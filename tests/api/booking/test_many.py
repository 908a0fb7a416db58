"""A loop that looks at a hundred at a time: those that cannot move hold up nobody behind them."""

from typing import Any

from sqlalchemy import insert, text

from ledger_api.desk.booking import rows
from ledger_api.desk.booking.life import bookings
from ledger_api.desk.rows.cases import cases
from ledger_api.desk.rows.paging import AT_ONCE
from ledger_api.store.engine import writing
from tests.api.booking.test_closing import decide, sent
from tests.api.booking.test_counter import held
from tests.api.booking.world import BookingWorld
from tests.consortium import record_all

CROWD = range(AT_ONCE + 5)


def crowd(world: BookingWorld, table: Any, like: str, **changes: Any) -> None:
    """Copies of a row, in line before it whichever way one counts."""
    with writing(world.doors.engine) as connection:
        row = connection.execute(table.select().where(table.c.id == like)).one()._asdict()
        own = {"due_at": rows.utc(row["due_at"]).replace(year=2024)} | changes
        connection.execute(insert(table), [row | own | {"id": f"{n:032x}", "reference": f"crowd {n}"} for n in CROWD])


def test_a_crowd_that_nobody_has_judged_holds_up_no_verdict(world: BookingWorld) -> None:
    booking = held(world)
    crowd(world, bookings, booking, case=None, due_at=world.now().replace(year=2026))
    decide(world, booking, "authentic")

    world.work()
    record_all(world.doors.engine, block=12)
    world.work()

    assert world.state(booking) == "verified"


def test_a_crowd_that_waits_for_the_ledger_holds_up_no_deadline(world: BookingWorld) -> None:
    booking = sent(world)
    forgotten = str(world.open(settle_days=2)["id"])
    crowd(world, bookings, booking)
    world.later(days=3)

    world.work()

    assert (world.state(booking), world.state(forgotten)) == ("closing", "expired")


def test_a_crowd_of_cases_that_bookings_bring_holds_up_no_other_verdict(world: BookingWorld) -> None:
    booking = held(world)
    case = decide(world, booking, "authentic")
    crowd(world, cases, case)
    with writing(world.doors.engine) as connection:
        connection.execute(text("UPDATE cases SET booking = NULL WHERE id = :case"), {"case": case})

    moved = world.closer.scribe.turn(world.now())

    assert moved == 1 and world.doors.get("PLATFORM", f"/v1/cases/{case}").json()["state"] == "recording"
