"""The two parties' page without a script: times are marked, settled, changed and called off by forms; and the label's page."""

import re
from datetime import UTC, datetime

import pytest

from tests.api.booking.test_closing import settled
from tests.api.booking.test_counter import held
from tests.api.booking.test_labels import activate, printed, report
from tests.api.booking.world import BookingWorld, key


def page(world: BookingWorld, booking: str, role: str = "seller", query: str = "") -> str:
    answer = world.doors.get(None, f"/bookings/{world.token(booking, role)}{query}", headers={"Accept": "text/html"})
    assert answer.status_code == 200, answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"] and answer.headers["referrer-policy"] == "no-referrer"
    return answer.text


def send(world: BookingWorld, booking: str, role: str, **fields: str) -> str:
    path = f"/bookings/{world.token(booking, role)}"
    answer = world.doors.ask("POST", None, path, data=fields)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]).removeprefix(path)


def field_of(world: BookingWorld, start: str) -> str:
    return f"slot-{int(datetime.fromisoformat(start).astimezone(UTC).timestamp())}-{world.store}"


def test_both_settle_on_a_time_by_forms_alone(world: BookingWorld) -> None:
    booking = str(world.open()["id"])
    offered = re.findall(r'name="(slot-\d+-[0-9a-f]{32})"', page(world, booking))
    send(world, booking, "seller", **{offered[1]: "1", offered[2]: "1"}, do="mark")

    proposed = re.findall(r'type="hidden" name="(slot-[^"]+)"', page(world, booking, "buyer"))
    send(world, booking, "buyer", **{proposed[0]: "1"}, do="mark")

    shown = page(world, booking)
    assert proposed == offered[1:3] and world.state(booking) == "booked"
    assert world.code(booking, "seller") in shown and "Via Sempione 1" in shown and "calendar.ics" in shown


def test_the_time_is_that_of_the_clock_at_the_store(world: BookingWorld) -> None:
    booking = world.booked()
    hour = world.starts_at(booking).hour + 2  # Rome in June

    assert f", {hour:02d}:" in page(world, booking)


def test_a_wrong_choice_is_said_and_changes_nothing(world: BookingWorld) -> None:
    booking = str(world.open()["id"])
    first, second = world.slots(booking)[:2]

    two = send(world, booking, "seller", **{field_of(world, first): "1", field_of(world, second): "1"}, do="drop-off")
    night = send(world, booking, "seller", **{field_of(world, "2025-06-17T01:00:00Z"): "1"}, do="mark")
    early = send(world, booking, "seller", do="another-time")
    no_key = send(world, booking, "buyer", do="key", address="0x12")

    assert (two, night, early, no_key) == ("?wrong=one", "?wrong=slot", "?wrong=moved", "?wrong=key")
    said = 'class="errors" role="alert">'
    assert said not in page(world, booking, query="?wrong=nonsense") and said in page(world, booking, query="?wrong=one")
    assert world.state(booking) == "inviting"


def test_a_party_drops_off_changes_its_mind_and_calls_off(world: BookingWorld) -> None:
    booking = str(world.open()["id"])
    send(world, booking, "seller", **{field_of(world, world.slots(booking)[0]): "1"}, do="drop-off")
    dropped = world.look(booking)["appointment"]["mode"]

    send(world, booking, "seller", do="another-time")
    send(world, booking, "buyer", do="call-off")

    assert dropped == "seller" and world.state(booking) == "cancelled"
    assert "<form" not in page(world, booking)


def test_only_the_buyer_says_where_the_piece_goes(world: BookingWorld) -> None:
    booking = str(world.open()["id"])

    send(world, booking, "seller", do="key", address=key("thief"))
    nothing = world.look(booking)["new_holder"]
    send(world, booking, "buyer", do="key", address=key("buyer"))

    assert (nothing, world.look(booking)["new_holder"]) == (None, key("buyer"))


@pytest.mark.parametrize("tag", ["en", "fr", "it", "zh-Hans", "zh-Hant"])
def test_every_language_has_the_page(world: BookingWorld, tag: str) -> None:
    booking = held(world)

    shown = page(world, booking, query=f"?lang={tag}")

    assert f'<html lang="{tag}"' in shown and "party.js" in shown and 'data-say="paper"' in shown


def test_a_link_that_opens_nothing_gets_the_honest_page(world: BookingWorld) -> None:
    answer = world.doors.get(None, "/bookings/" + "a" * 32, headers={"Accept": "text/html"})

    assert answer.status_code == 404 and "<html" in answer.text


def test_the_calendar_file_is_the_appointment(world: BookingWorld) -> None:
    from icalendar import Calendar

    booking = str(world.open()["id"])
    early = world.party(booking, "seller", "GET", "/calendar.ics").json()["code"]
    first = world.slots(booking)[0]
    world.mark(booking, "seller", first)
    world.mark(booking, "buyer", first)

    told = world.party(booking, "buyer", "GET", "/calendar.ics")
    event = Calendar.from_ical(told.text).walk("VEVENT")[0]

    assert early == "nothing-booked" and told.headers["content-type"].startswith("text/calendar")
    assert event["DTSTART"].dt == world.starts_at(booking) and str(event["LOCATION"]) == "Via Sempione 1"
    assert len(event.walk("VALARM")) == 2 and "s-1" not in told.text


def test_a_label_tells_whoever_scans_it(world: BookingWorld) -> None:
    booking = settled(world, "authentic")
    serial = printed(world, 1)[0]
    activate(world, serial, booking)

    live = world.doors.get(None, f"/labels/{serial}", headers={"Accept": "text/html"}).text
    report(world, serial, "lost")
    dead = world.doors.get(None, f"/labels/{serial}", headers={"Accept": "text/html"}).text

    assert "This label is on its piece" in live and "This label counts no more" in dead
    assert "authentic" not in live.partition("<article")[2].partition("</article>")[0].lower()


def counter(world: BookingWorld, **fields: str) -> str:
    """The counter's page after a form, as staff see it who have just signed in."""
    own = {"Origin": "http://ledger.example"}
    signed_in = world.doors.ask("POST", None, "/desk/sign-in", data={"key": world.staff}, headers=own)
    cookie = {"Cookie": f"desk={signed_in.cookies['desk']}"}
    where = "/desk/bookings"
    if fields:
        answer = world.doors.ask("POST", None, where, data=fields, headers=own | cookie)
        assert answer.status_code == 303, answer.text
        where = str(answer.headers["location"])
    return str(world.doors.get(None, where, headers=cookie).text)


def test_the_counter_checks_in_by_code_and_hands_out(world: BookingWorld) -> None:
    world.born()
    booking = world.booked()
    early = counter(world, do="check-in", code=world.code(booking, "seller"))
    world.at(world.starts_at(booking))

    came = counter(world, do="check-in", code=world.code(booking, "seller"))
    wrong = counter(world, do="take-away", code="AAAA-AAAA")
    off = counter(world, do="cancel", booking=booking)

    assert "not the time" in early and "Checked in." in came and "No appointment of yours" in wrong
    assert "Called off" in off and world.state(booking) == "cancelled"


def test_a_stranger_has_no_counter(world: BookingWorld) -> None:
    answer = world.doors.get(None, "/desk/bookings")

    assert answer.status_code == 303 and answer.headers["location"].startswith("/desk")


def test_the_counter_reports_a_torn_label_and_fixes_another(world: BookingWorld) -> None:
    booking = settled(world, "authentic")
    torn, new = printed(world, 2)
    activate(world, torn, booking)
    assert 'value="activate"' not in counter(world)

    told = counter(world, do="report", serial=f"http://ledger.example/labels/{torn}", trouble="damaged", why="torn at the handle")
    again = counter(world, do="report", serial=torn, trouble="lost", why="gone")
    fixed = counter(world, do="activate", booking=booking, serial=new)

    assert "Reported." in told and 'value="activate"' in told and "used or reported before" in again and "is bound to the piece" in fixed
    assert [world.doors.get(None, f"/v1/labels/{serial}").json()["state"] for serial in (torn, new)] == ["damaged", "live"]


def test_the_counter_speaks_of_visitors_and_not_to_them(world: BookingWorld) -> None:
    world.booked()
    world.at(world.starts_at(next(iter(world.opened))))

    shown = counter(world)

    assert "Expected" in shown and "Your appointment" not in shown
    assert "clock at the store (Europe/Rome)" in shown and "All dates are UTC" not in shown


def test_the_counter_leads_to_a_case_with_the_shot_list_of_its_category(world: BookingWorld) -> None:
    booking = world.booked()  # of a bag that the ledger does not know
    world.at_the_counter(booking)

    shown = counter(world, do="examine", booking=booking)

    wanted = world.doors.ask("GET", None, f"/v1/desk/cases/{world.look(booking)['case']}", token=world.staff).json()["shot_list"]
    assert len(wanted) > 3 and shown.partition('id="to-see"')[2].partition("</section>")[0].count("<strong>") == len(wanted)
