"""Places are counted in time that passes, whatever the clock on the store's wall shows and whichever clock hangs there tomorrow."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from ledger_api.desk.booking import rows
from ledger_api.store.engine import reading
from tests.api.booking.world import EVERY_DAY, TERMS, BookingWorld

ALL_DAY = {"hours": {day: [{"opens": "00:00", "closes": "24:00"}] for day in EVERY_DAY}}


def write_terms(world: BookingWorld, **changes: Any) -> None:
    body = {"name": "Milano", "address": "Via Sempione 1", "terms": TERMS | changes}
    answer = world.doors.ask("PUT", "EXPERT", f"/v1/stores/{world.store}", json=body)
    assert answer.status_code == 200, answer.text


def drop_off(world: BookingWorld, start: str) -> str:
    """The new booking's state, or why it has no place."""
    booking = world.open()["id"]
    answer = world.party(booking, "seller", "POST", "/drop-off", {"store": world.store, "starts_at": start}).json()
    return str(answer.get("code") if "state" not in answer else answer["state"])


def left(world: BookingWorld, starts: Sequence[str]) -> list[int]:
    """Places that are offered at these times; 0: none is."""
    told = world.party(next(iter(world.opened)), "seller", "GET", f"/slots?store={world.store}&days=14").json()["slots"]
    offered = {slot["starts_at"]: slot["places"] for slot in told}
    return [offered.get(start, 0) for start in starts]


def busiest(world: BookingWorld) -> int:
    """How many have a place at one moment, at most."""
    with reading(world.doors.engine) as connection:
        taken = [(rows.utc(row.starts_at), rows.utc(row.ends_at)) for row in connection.execute(rows.places.select())]
    return max(sum(start <= moment < end for start, end in taken) for moment, _ in taken)


def test_the_hour_that_comes_twice_has_its_places_twice(world: BookingWorld) -> None:
    write_terms(world, **ALL_DAY)
    world.at(datetime(2025, 10, 24, 12, tzinfo=UTC))
    world.open()
    twice = [f"2025-10-26T0{hour}:{minute}:00Z" for hour in (0, 1) for minute in ("00", "30")]  # 02:00 to 03:00 in Rome, two times

    before = left(world, twice)
    ends = [[drop_off(world, start) for _ in range(3)] for start in twice]

    assert before == [2, 2, 2, 2] and left(world, twice) == [0, 0, 0, 0]
    assert ends == [["booked", "booked", "slot-full"]] * 4
    assert busiest(world) == TERMS["capacity"]


def test_a_store_that_gets_another_time_zone_keeps_its_appointments_and_gives_no_place_twice(world: BookingWorld) -> None:
    kept, other = world.booked(), world.booked()  # both places of one half hour
    start = world.starts_at(kept)
    write_terms(world, time_zone="Asia/Kathmandu")  # five hours and three quarters: its half hours lie across those of Rome
    around = [(start + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ") for minutes in (-15, 15)]

    full = left(world, around)
    world.party(other, "seller", "POST", "/cancel")
    freed = left(world, around)
    ends = [drop_off(world, start) for start in (*around, *around)]

    assert (world.state(kept), world.starts_at(kept)) == ("booked", start)
    assert (full, freed) == ([0, 0], [1, 1])
    assert ends == ["booked", "booked", "slot-full", "slot-full"] and busiest(world) == TERMS["capacity"]


def test_appointments_at_a_time_that_is_night_by_the_new_clock_are_chosen_again(world: BookingWorld) -> None:
    booking = world.booked()

    write_terms(world, time_zone="America/New_York")

    assert (world.state(booking), world.journal(booking)[-1]) == ("inviting", "store-closed")
    with reading(world.doors.engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM booking_places")).scalar_one() == 0
