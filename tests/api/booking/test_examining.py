"""The counter's page in staff's hands: the shot list is photographed with the tablet, each photo is answered; then they decide."""

from typing import Any

import pytest
from httpx import Response
from sqlalchemy import text

from benchmarks.photos import draw, jpeg
from ledger_api.desk import appraising
from ledger_api.store.engine import writing
from tests.api.booking.test_counter import held, is_held
from tests.api.booking.world import BookingWorld
from tests.api.desk.world import photo
from tests.consortium import DIDS, record_all

OWN = {"Origin": "http://ledger.example"}
DECISION = {"outcome": "authentic", "confidence": "90", "reasons": "as-described", "note": "even strokes"}
LIST = ("front", "logo")


class Tablet:
    """Staff's browser, without a script."""

    def __init__(self, world: BookingWorld, booking: str) -> None:
        self.world = world
        signed_in = world.doors.ask("POST", None, "/desk/sign-in", data={"key": world.staff}, headers=OWN)
        self.headers = OWN | {"Cookie": f"desk={signed_in.cookies['desk']}"}
        taken_up = self.send("/desk/bookings", data={"do": "examine", "booking": booking})
        self.case = str(taken_up.headers["location"])

    def send(self, path: str, **body: Any) -> Response:
        return self.world.doors.ask("POST", None, path, headers=self.headers, **body)

    def look(self, path: str = "") -> str:
        answer = self.world.doors.get(None, path or self.case, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return str(answer.text)

    def take(self, name: str, body: bytes) -> Response:
        return self.send(f"{self.case}/shots/{name}", files={"photo": ("shot.jpg", body, "image/jpeg")})


def at_work(world: BookingWorld) -> Tablet:
    """At a bag that the ledger does not know; two shots of it are required, so that a test need not take eight."""
    world.photos("required")
    terms = world.doors.get("EXPERT", "/v1/desk/policy").json()
    optional = [shot | {"required": shot["required"] and "handbag" not in shot["categories"]} for shot in terms["shots"]]
    wanted = [{"name": name, "categories": [one["name"] for one in terms["categories"]]} for name in LIST]
    shots = [*wanted, *(shot for shot in optional if shot["name"] not in LIST)]
    assert world.doors.ask("PUT", "EXPERT", "/v1/desk/policy", json=terms | {"shots": shots}).status_code == 200
    booking = world.booked()
    world.at_the_counter(booking)
    return Tablet(world, booking)


def test_staff_photograph_the_shot_list_and_decide_by_forms_alone(world: BookingWorld) -> None:
    tablet = at_work(world)
    first = tablet.look()

    early = tablet.send(f"{tablet.case}/decision", data=DECISION)
    broken = tablet.take("front", b"no photo")
    poor = tablet.look(tablet.take("logo", photo("logo", spoiled="blurred")).headers["location"])
    good = tablet.look(tablet.take("logo", photo("logo")).headers["location"])
    tablet.take("front", photo("front"))
    decided = tablet.send(f"{tablet.case}/decision", data=DECISION)

    assert 'capture="environment"' in first and "Before you can decide, photograph: Front, Logo." in first
    assert early.status_code == 422 and "Photos of the piece are missing." in early.text and "even strokes" in early.text
    assert broken.status_code == 422 and "no photo that can be read" in broken.text
    assert "It is blurred." in poor and "Before you can decide, photograph: Front, Logo." in poor
    assert "Good. Everything can be seen." in good and "Before you can decide, photograph: Front." in good
    assert decided.headers["location"] == "/desk?done=conclude"
    assert good.count('name="photo"') == 9 and good.count('class="again"') == 1  # what is good can be taken again


def test_another_sites_page_and_another_appraiser_take_no_photo(world: BookingWorld) -> None:
    tablet = at_work(world)
    bo = world.doors.post("EXPERT", "/v1/desk/appraisers", {"name": "bo"}).json()["key"]
    cookie = world.doors.ask("POST", None, "/desk/sign-in", data={"key": bo}, headers=OWN).cookies["desk"]
    sent = {"photo": ("shot.jpg", jpeg(draw(11, shot="front", size=(840, 630))), "image/jpeg")}

    foreign = world.doors.ask(
        "POST", None, f"{tablet.case}/shots/front", files=sent, headers=tablet.headers | {"Origin": "https://elsewhere.example"}
    )
    other = world.doors.ask("POST", None, f"{tablet.case}/shots/front", files=sent, headers=OWN | {"Cookie": f"desk={cookie}"})

    assert (foreign.status_code, other.status_code) == (403, 409)
    assert "Before you can decide, photograph: Front, Logo." in tablet.look()


# --- the platform reads the case, and is not at the counter ---------------------------------------------------------------


def waiting(world: BookingWorld) -> tuple[str, str]:
    """A booking and its case, which nobody has on the desk: whoever had it was silent for too long."""
    booking = held(world)
    case = str(world.desk("POST", f"/{booking}/examine", {}).json()["case"])
    world.later(minutes=21)
    with writing(world.doors.engine) as connection:
        assert appraising.free_overdue_claims(connection, now=world.now(), most=10) == 1
    return booking, case


def test_staff_examine_also_where_the_platform_has_used_the_cases_reference(world: BookingWorld) -> None:
    booking = held(world)
    order = {"authenticator": DIDS["EXPERT"], "brand": DIDS["MAISON"], "category": "handbag", "reference": f"booking {booking}"}
    assert world.doors.post("PLATFORM", "/v1/cases", order).status_code == 201

    answer = world.desk("POST", f"/{booking}/examine", {})

    assert answer.status_code in (200, 201) and world.state(booking) == "verifying", answer.text


def test_a_case_is_not_taken_back_behind_its_bookings_back(world: BookingWorld) -> None:
    booking, case = waiting(world)

    refused = world.doors.post("PLATFORM", f"/v1/cases/{case}/withdraw")
    claimed = world.doors.ask("POST", None, "/v1/desk/claims", token=world.staff, json={"case": case})

    assert (refused.status_code, refused.json()["code"], refused.json()["booking"]) == (409, "case-of-booking", booking)
    assert "/v1/bookings/{booking}/cancel" in refused.json()["detail"]
    assert claimed.json()["case"] == case and world.state(booking) == "verifying"


def test_a_case_that_waits_for_anybody_ends_with_its_booking(world: BookingWorld) -> None:
    booking, case = waiting(world)

    assert world.doors.post("PLATFORM", f"/v1/bookings/{booking}/cancel").json()["state"] == "releasing"

    assert world.doors.get("PLATFORM", f"/v1/cases/{case}").json()["state"] == "withdrawn"


@pytest.mark.parametrize("by", ["hand", "time"])
def test_a_booking_whose_case_has_ended_without_an_opinion_ends_too(world: BookingWorld, by: str) -> None:
    booking, case = waiting(world)
    with writing(world.doors.engine) as connection:  # as an earlier version let it happen
        connection.execute(text("UPDATE cases SET state = 'withdrawn', booking = NULL WHERE id = :case"), {"case": case})

    if by == "hand":
        assert world.party(booking, "seller", "POST", "/cancel").json()["state"] == "releasing"
    world.later(days=6, seconds=1)
    world.work()
    record_all(world.doors.engine, block=12)
    world.work()

    assert (world.state(booking), is_held(world)) == ("returning", False)


def test_nobody_but_who_examines_it_sends_photos_of_an_item_at_the_counter(world: BookingWorld) -> None:
    tablet = at_work(world)
    case = tablet.case.rpartition("/")[2]

    sent = world.doors.ask("PUT", "PLATFORM", f"/v1/cases/{case}/shots/front", content=photo("front"))
    tablet.take("front", photo("front"))
    shots = {shot["name"]: shot["attempt"] for shot in world.doors.get("PLATFORM", f"/v1/cases/{case}").json()["shots"]}
    told = world.doors.get("PLATFORM", f"/v1/cases/{case}").json()["journal"]

    assert (sent.status_code, sent.json()["code"]) == (409, "photographed-in-person")
    assert (shots["front"], shots["logo"]) == (1, 0)
    assert [line["by"] for line in told if line["why"] == "shot-good"] == ["appraiser"]
