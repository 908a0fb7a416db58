"""An appointment as a calendar file (RFC 5545), with two reminders of its own. It names the place, and neither party."""

from datetime import timedelta

from ledger_api.columns import utc
from ledger_api.desk.booking.rows import AnyRow


def calendar_file(booking: AnyRow, store: AnyRow, *, role: str, words: str, link: str) -> bytes:
    """The same appointment is the same entry, however often it is fetched; a later one takes its place."""
    from icalendar import Alarm, Calendar, Event  # the extra `desk` alone has it

    event = Event()
    event.add("uid", f"{booking.id}-{role}@booking.ledger")
    event.add("dtstamp", utc(booking.changed_at))
    event.add("sequence", int(utc(booking.changed_at).timestamp() - utc(booking.created_at).timestamp()))
    event.add("dtstart", utc(booking.starts_at))
    event.add("dtend", utc(booking.ends_at))
    event.add("summary", f"{words} · {store.name}")
    event.add("location", store.address)
    event.add("description", link)
    event.add("url", link)
    event.add("status", "CONFIRMED" if booking.state != "cancelled" else "CANCELLED")
    for before in (timedelta(days=1), timedelta(hours=2)):
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", words)
        alarm.add("trigger", -before)
        event.add_component(alarm)
    calendar = Calendar()
    calendar.add("prodid", "-//provenance ledger//booked verification//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    return bytes(calendar.to_ical())
