"""A store's calendar: capacity is exact on the days on which the clock on its wall jumps, and hours are data that is checked."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from pydantic import ValidationError

from ledger_api.desk.booking.slots import Terms, first_common, slot_at, slots_between, slots_of

EVERY_DAY = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def terms(zone: str, opens: str = "10:00", closes: str = "18:00", **changes: object) -> Terms:
    hours = {day: [{"opens": opens, "closes": closes}] for day in EVERY_DAY}
    told = {"time_zone": zone, "hours": hours, "slot_minutes": 30, "services": [{"category": "handbag"}]}
    return Terms.model_validate(told | changes)


def hours_of(zone: str, day: date, opens: str, closes: str) -> float:
    return len(list(slots_of(terms(zone, opens, closes), day))) / 2


@pytest.mark.parametrize(
    ("zone", "day", "real_hours"),
    [
        ("Europe/Paris", date(2026, 3, 29), 23),  # 02:00 becomes 03:00
        ("Europe/Paris", date(2026, 10, 25), 25),  # 03:00 becomes 02:00
        ("Europe/Paris", date(2026, 10, 26), 24),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Asia/Shanghai", date(2026, 3, 29), 24),  # no daylight saving
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),  # its clock jumps by half an hour
    ],
)
def test_a_store_that_never_closes_has_as_many_slots_as_the_day_has_half_hours(zone: str, day: date, real_hours: float) -> None:
    found = list(slots_of(terms(zone, "00:00", "24:00"), day))

    assert len(found) == real_hours * 2
    assert all(earlier.ends_at == later.starts_at for earlier, later in pairwise(found))
    assert {slot.ends_at - slot.starts_at for slot in found} == {timedelta(minutes=30)}


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York"])
def test_office_hours_keep_the_time_on_the_wall_across_a_change(zone: str) -> None:
    before, after = date(2026, 10, 24), date(2026, 11, 2)  # both zones change between them

    first, second = next(slots_of(terms(zone), before)), next(slots_of(terms(zone), after))

    assert second.starts_at - first.starts_at == timedelta(days=9, hours=1)


def test_an_hour_that_does_not_exist_is_not_offered() -> None:
    day = date(2026, 3, 29)

    assert hours_of("Europe/Paris", day, "02:00", "03:00") == 0
    assert hours_of("Europe/Paris", day, "02:30", "04:00") == 1  # from 03:00 on, when the wall's clock has jumped
    assert next(slots_of(terms("Europe/Paris", "02:30", "04:00"), day)).starts_at == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_an_hour_that_comes_twice_is_offered_twice() -> None:
    day = date(2026, 10, 25)

    found = list(slots_of(terms("Europe/Paris", "02:00", "03:00"), day))

    assert [slot.starts_at for slot in found] == [datetime(2026, 10, 25, hour, minute, tzinfo=UTC) for hour in (0, 1) for minute in (0, 30)]


def test_a_slot_is_found_by_its_instant_and_by_no_other() -> None:
    offered = terms("Europe/Rome")
    start = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)  # ten o'clock on the wall

    assert slot_at(offered, start) is not None
    assert slot_at(offered, start + timedelta(minutes=15)) is None
    assert slot_at(offered, start - timedelta(hours=1)) is None


def test_a_closure_takes_its_days_and_the_slots_of_a_range_are_in_order() -> None:
    offered = terms("Europe/Rome", closures=[{"first": "2026-12-24", "last": "2026-12-26", "why": "holidays"}])

    found = list(slots_between(offered, datetime(2026, 12, 23, tzinfo=UTC), datetime(2026, 12, 28, tzinfo=UTC)))

    assert {slot.starts_at.day for slot in found} == {23, 27}
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"time_zone": "Europe/Atlantis"}, "no time zone"),
        ({"hours": {"monday": [{"opens": "18:00", "closes": "10:00"}]}}, "end after they begin"),
        ({"hours": {"monday": [{"opens": "09:00", "closes": "12:00"}, {"opens": "11:00", "closes": "15:00"}]}}, "overlap"),
        ({"capacity": 0}, "greater than or equal to 1"),
        ({"closures": [{"first": "2026-13-01", "last": "2026-13-02"}]}, "month must be in 1..12"),
    ],
)
def test_terms_that_make_no_sense_say_what_is_wrong(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        terms("Europe/Paris", **changes)


def test_the_first_common_time_is_the_earliest() -> None:
    nine, ten, noon = (datetime(2026, 12, 1, hour, tzinfo=UTC) for hour in (9, 10, 12))

    assert first_common([(noon, "a"), (ten, "b"), (nine, "a")], [(ten, "b"), (noon, "a"), (nine, "b")]) == [(ten, "b"), (noon, "a")]
