"""What a booking's state means and what leads from one to another, as one table; `step` moves a booking along it (`course`).

Every move is written into the booking's journal in the same transaction, and the platform and the partner are told. Every state that is
no end has a deadline in `DEADLINES`: left alone, a booking ends, and with it the hold on the item.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Table

from ledger_api.desk.booking.tables import BookingJournalRow, BookingRow
from ledger_api.desk.course import Course, Facts
from ledger_api.desk.errors import BookingMoved
from ledger_api.domain.statuses import Life, Way
from ledger_api.webhooks import telling

BOOKING = Life(
    "booking",
    {
        "inviting": "Both parties are invited; no time is settled yet.",
        "booked": "A place at a store is theirs, at a time that fits both, or at which one of them drops the item off.",
        "checked-in": "The item is at the counter; its holder is to agree to the hold.",
        "holding": "The holder agreed; the hold is on its way to the ledger.",
        "verifying": "The item is in verification: staff look at it.",
        "closing": "Staff have decided; the verdict, the end of the hold and perhaps the resale are on their way to the ledger.",
        "releasing": "It ends without a verdict; the end of the hold is on its way to the ledger.",
        "verified": "Authentic by the store's verdict and free of the hold; the platform says whether the sale goes on.",
        "handing-over": "The item waits at the store for the buyer.",
        "returning": "The item waits at the store for whoever brought it.",
        "completed": "The buyer has the item.",
        "returned": "Whoever brought the item has it back.",
        "uncollected": "Nobody came for the item in time; the store keeps it, the ledger holds it no more.",
        "cancelled": "A party, the platform or the store called it off before the item was taken in.",
        "expired": "No time was settled in time.",
        "no-show": "A party did not come.",
        "turned-away": "The store did not take the item in: something stands against it, or its holder did not agree.",
    },
    (
        Way("", "inviting", "the order was accepted: both are invited"),
        Way("inviting", "booked", "a time fits both and has a place, or one of them drops the item off"),
        Way("inviting", "cancelled", "a party or the platform called it off"),
        Way("inviting", "expired", "no time was settled in time"),
        Way("booked", "inviting", "a party needs another time, or the store closed that day"),
        Way("booked", "checked-in", "the item was brought, and nothing stands against it"),
        Way("booked", "turned-away", "the ledger says lost, stolen, disputed, recalled, not authentic or retired"),
        Way("booked", "no-show", "nobody brought the item in time"),
        Way("booked", "cancelled", "a party, the platform or the store called it off"),
        Way("checked-in", "holding", "the holder signed for the hold"),
        Way("checked-in", "verifying", "no key holds it: there is nothing to hold on the ledger"),
        Way("checked-in", "turned-away", "the holder did not sign in time"),
        Way("checked-in", "no-show", "the buyer did not come, and whoever brought the item leaves with it"),
        Way("checked-in", "cancelled", "a party, the platform or the store called it off"),
        Way("holding", "verifying", "the hold is recorded"),
        Way("holding", "checked-in", "the ledger refused the hold: it is to be signed again"),
        Way("holding", "releasing", "called off, or the ledger did not answer in time"),
        Way("verifying", "closing", "staff decided"),
        Way("verifying", "releasing", "called off, or the time was up"),
        Way("closing", "handing-over", "verdict, release and resale are recorded together"),
        Way("closing", "verified", "authentic and released; the resale was not agreed to, or could not be"),
        Way("closing", "returning", "not authentic, inconclusive, or the hold ended with nothing on its way to the ledger"),
        Way("closing", "releasing", "the ledger refused the verdict: only the hold is ended"),
        Way("releasing", "returning", "the hold is released, or its end date has passed"),
        Way("verified", "handing-over", "the platform said that the sale goes on"),
        Way("verified", "returning", "the platform said that it does not, or nothing in time"),
        Way("handing-over", "completed", "the buyer took the item"),
        Way("handing-over", "uncollected", "the buyer did not come in time"),
        Way("returning", "returned", "whoever brought the item took it"),
        Way("returning", "uncollected", "nobody came in time"),
    ),
)
ENDED = frozenset({"completed", "returned", "uncollected", "cancelled", "expired", "no-show", "turned-away"})
# while the ledger holds the item for us; whichever way leads out of these ends the hold, or waits until its end date has
LOCKED = frozenset({"holding", "verifying", "closing", "releasing"})


class Deadline(NamedTuple):
    """Where a booking goes that is left alone, after how long, and the word for it in the journal. `lasts` None: until the hold ends."""

    end: str
    lasts: timedelta | None
    why: str


REMINDER = "reminder"
LATE = timedelta(minutes=30)  # after the beginning of the slot, unless the store says otherwise
EARLY = timedelta(hours=1)  # before it
HOLD_LASTS = timedelta(days=7)
DEADLINES: Mapping[str, Deadline] = {
    "inviting": Deadline("expired", timedelta(days=7), "no-time-settled"),
    "booked": Deadline("no-show", LATE, "nobody-came"),
    "checked-in": Deadline("turned-away", timedelta(hours=2), "not-signed"),
    "holding": Deadline("releasing", timedelta(hours=6), "ledger-silent"),
    "verifying": Deadline("releasing", timedelta(days=6), "not-decided"),
    "closing": Deadline("returning", None, "not-recorded"),
    "releasing": Deadline("returning", None, "hold-ended"),
    "verified": Deadline("returning", timedelta(days=3), "platform-silent"),
    "handing-over": Deadline("uncollected", timedelta(days=14), "not-collected"),
    "returning": Deadline("uncollected", timedelta(days=14), "not-collected"),
}

bookings: Table = BookingRow.__table__  # type: ignore[attr-defined]  # SQLModel sets it
journal: Table = BookingJournalRow.__table__  # type: ignore[attr-defined]


def due(state: str, *, now: datetime, hold_until: datetime | None = None) -> datetime:
    """When a booking that enters this state is to be looked at again."""
    deadline = DEADLINES.get(state)
    if deadline is None:
        return now
    return now + deadline.lasts if deadline.lasts is not None else hold_until or now + HOLD_LASTS


def note(connection: Connection, booking: Any, *, by: str, at: datetime, why: str, facts: Facts | None = None) -> None:
    """A line in the journal that changes no state. Of reminders both organizations are told."""
    _BOOKINGS.write(connection, booking.id, booking.state, by=by, at=at, why=why, facts=facts)
    if why == REMINDER:
        _BOOKINGS.say(connection, booking.id, at=at, why=why, facts=facts)


def _tell(connection: Connection, now: Row[Any], at: datetime, why: str, facts: Facts) -> None:
    """By webhook, to the platform and to the partner: what the booking is now."""
    body = {
        "booking": now.id,
        "reference": now.reference,
        "state": now.state,
        "why": why,
        "facts": dict(facts),
        "store": now.store,
        "starts_at": _said(now.starts_at),
        "hold_until": _said(now.hold_until),
        "item": None if now.item is None else "0x" + now.item.hex(),
        "case": now.case,
        "outcome": now.outcome,
        "resale": None if now.resale_event is None else "0x" + now.resale_event.hex(),
    }
    kind = f"booking.{why if why == REMINDER else now.state}"
    for organization in sorted({now.platform, now.organization}):
        telling.tell(connection, organization, kind, f"booking:{now.id}", body, at=at)


def _said(at: datetime | None) -> str | None:
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")


_BOOKINGS = Course(BOOKING, ENDED, bookings, journal, BookingMoved, _tell, brings=lambda state, at: {"due_at": due(state, now=at)})
begin, step = _BOOKINGS.begin, _BOOKINGS.step


def paths(state: str = "", seen: tuple[tuple[str, str], ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every path of the table to an end, each way gone at most twice: for the tests that check them all."""
    if state in ENDED:
        yield (state,)
        return
    for way in BOOKING.ways:
        step = (way.start, way.end)
        if way.start == state and seen.count(step) < 2:
            yield from ((state, *rest) for rest in paths(way.end, (*seen, step)))


def drawn() -> str:
    """The table as docs/booking.md shows it, with where each state goes when left alone."""
    return _BOOKINGS.drawn(_left_alone)


def _left_alone(state: str) -> str:
    deadline = DEADLINES.get(state)
    if deadline is None:
        return ""
    when = "when the hold ends" if deadline.lasts is None else f"after {_in_words(deadline.lasts)}"
    return f" Left alone: `{deadline.end}` {when}."


def _in_words(lasts: timedelta) -> str:
    minutes = int(lasts.total_seconds() // 60)
    size, word = next((size, word) for size, word in ((1440, "day"), (60, "hour"), (1, "minute")) if minutes % size == 0)
    return f"{minutes // size} {word}{'s' if minutes // size > 1 else ''}"


if __name__ == "__main__":
    print(drawn())  # noqa: T201  # docs/booking.md is written with this
