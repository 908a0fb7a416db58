"""A store's calendar: opening hours on the wall become slots in time. Pure; zones come from the IANA database.

A store opens and closes by the clock on its wall. Where that clock jumps (daylight saving), hours that do not exist are not offered and
hours that come twice are offered twice: a slot is an instant, and its length is time that passes.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

LOOK_AHEAD = timedelta(days=60)
MOST_DAYS = 31  # in one answer
LONGEST = timedelta(hours=4)  # slot
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WallTime = Annotated[str, StringConstraints(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
Day = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Hours(_Part):
    """Open from one time on the wall to another, of the same day (24:00 is its end)."""

    opens: WallTime
    closes: WallTime

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> "Hours":
        if self.opens >= self.closes:
            raise ValueError(f"opens at {self.opens} and closes at {self.closes}: a day's hours end after they begin")
        return self


class Closure(_Part):
    """Days on which the store is closed, both included."""

    first: Day
    last: Day
    why: Annotated[str, Field(max_length=255)] = ""

    @field_validator("first", "last")
    @classmethod
    def _is_a_day(cls, day: str) -> str:
        date.fromisoformat(day)
        return day

    def holds(self, day: date) -> bool:
        return self.first <= day.isoformat() <= self.last


class Service(_Part):
    """What the store's staff can judge. `brand` absent: of every brand."""

    category: Name
    brand: Annotated[str, StringConstraints(pattern=r"^did:", max_length=255)] | None = None


class Terms(_Part):
    """How a store works: data that its partner writes."""

    time_zone: Annotated[str, Field(max_length=64, examples=["Europe/Rome"])]
    hours: dict[Weekday, Annotated[list[Hours], Field(max_length=6)]]
    slot_minutes: Annotated[int, Field(ge=1, le=240)] = 30
    notice_minutes: Annotated[int, Field(ge=0, le=10_080, description="A place is taken at least so long before.")] = 120
    late_minutes: Annotated[int, Field(ge=0, le=240, description="So long after the beginning the item may still be brought.")] = 30
    capacity: Annotated[int, Field(ge=1, le=100, description="Appointments at one time.")] = 1
    services: Annotated[list[Service], Field(min_length=1, max_length=500)]
    closures: Annotated[list[Closure], Field(max_length=366)] = []

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, zone: str) -> str:
        if zone not in available_timezones():
            raise ValueError("no time zone of the IANA database has this name")
        return zone

    @model_validator(mode="after")
    def _has_hours_that_do_not_overlap(self) -> "Terms":
        for day, hours in self.hours.items():
            ordered = sorted(hours, key=lambda one: one.opens)
            if any(earlier.closes > later.opens for earlier, later in pairwise(ordered)):
                raise ValueError(f"two opening times of {day} overlap")
        return self

    def sees(self, brand: str, category: str) -> bool:
        return any(service.category == category and service.brand in (None, brand) for service in self.services)


class Slot(NamedTuple):
    """Both in UTC."""

    starts_at: datetime
    ends_at: datetime


def slots_of(terms: Terms, day: date) -> Iterator[Slot]:
    """The slots of one day on the store's wall, in time's order."""
    if any(closure.holds(day) for closure in terms.closures):
        return
    zone, length = ZoneInfo(terms.time_zone), timedelta(minutes=terms.slot_minutes)
    for hours in sorted(terms.hours.get(WEEKDAYS[day.weekday()], ()), key=lambda one: one.opens):  # type: ignore[call-overload]  # a Weekday
        start, closes = _instant(day, hours.opens, zone, fold=0), _instant(day, hours.closes, zone, fold=1)
        while start + length <= closes:
            yield Slot(start, start + length)
            start += length


def slots_between(terms: Terms, first: datetime, last: datetime) -> Iterator[Slot]:
    """Those that begin from `first` on and before `last`."""
    zone = ZoneInfo(terms.time_zone)
    day, end = first.astimezone(zone).date() - timedelta(days=1), last.astimezone(zone).date()
    while day <= end:
        yield from (slot for slot in slots_of(terms, day) if first <= slot.starts_at < last)
        day += timedelta(days=1)


def slot_at(terms: Terms, starts_at: datetime) -> Slot | None:
    """The one that begins then; None: the store offers none."""
    day = starts_at.astimezone(ZoneInfo(terms.time_zone)).date()
    return next((slot for slot in slots_of(terms, day) if slot.starts_at == starts_at), None)


def first_common(mine: Sequence[tuple[datetime, str]], theirs: Sequence[tuple[datetime, str]]) -> list[tuple[datetime, str]]:
    """(start, store) that fit both, the earliest first."""
    return sorted(set(mine) & set(theirs))


def _instant(day: date, wall: str, zone: ZoneInfo, *, fold: int) -> datetime:
    """When the wall's clock shows it. Twice: `fold` chooses. Never (the clock jumps over it): the moment of the jump."""
    midnight = wall == "24:00"
    shown = datetime.combine(day + timedelta(days=midnight), time(0) if midnight else time.fromisoformat(wall))
    at = shown.replace(tzinfo=zone, fold=0 if midnight else fold).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == shown:
        return at
    before, after = (shown.replace(tzinfo=zone, fold=side).astimezone(UTC) for side in (1, 0))
    return _jump(before, after, zone)


def _jump(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first second of the new offset between two instants that have different ones."""
    old = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        before, after = (middle, after) if middle.astimezone(zone).utcoffset() == old else (before, middle)
    return after
