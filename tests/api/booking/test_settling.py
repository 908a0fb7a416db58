"""From an accepted order to a place at a store: links, times that fit, one drops it off, places exactly as many as there are."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial

import pytest
from httpx import Response
from sqlalchemy import text

from ledger_api.desk.booking import rows, stores
from ledger_api.desk.errors import CampaignTaken
from ledger_api.store.engine import reading, writing
from tests.api.booking.world import HASHTAG, SERIAL, TERMS, BookingWorld, key
from tests.consortium import DIDS, GTIN, count
from tests.doors import at_once, await_waiting


def test_a_hashtag_leads_to_its_partner_and_its_price(world: BookingWorld) -> None:
    world.doors.ask("PUT", "EXPERT", "/v1/campaigns/Roma7", json={"price_cents": 2_900})

    free, dear = world.open(), world.open(hashtag="roma7")
    unknown = world.doors.post("PLATFORM", "/v1/bookings", _order(reference="X", hashtag="#nobody"))
    unfit = world.doors.post("PLATFORM", "/v1/bookings", _order(reference="Y", category="shoes"))

    assert (free["price_cents"], dear["price_cents"]) == (0, 2_900)
    assert free["state"] == "inviting" and free["stores"] == [world.store]
    assert (unknown.status_code, unknown.json()["code"]) == (404, "no-such-campaign")
    assert (unfit.status_code, unfit.json()["code"]) == (409, "store-unfit")


def _order(**changes: object) -> dict[str, object]:
    body = {"reference": "R", "hashtag": f"#{HASHTAG}", "brand": DIDS["MAISON"], "category": "handbag", "seller": "s", "buyer": "b"}
    return body | {"gtin": GTIN, "serial": SERIAL} | changes


def test_the_same_order_is_the_same_booking_with_the_same_links(world: BookingWorld) -> None:
    first = world.doors.post("PLATFORM", "/v1/bookings", _order())
    again = world.doors.post("PLATFORM", "/v1/bookings", _order())
    other = world.doors.post("PLATFORM", "/v1/bookings", _order(buyer="somebody else"))

    assert first.json() == again.json()
    assert (other.status_code, other.json()["code"]) == (409, "booking-reference-taken")
    assert count(world.doors.engine, "bookings") == 1


def test_a_link_is_kept_nowhere_and_opens_one_booking_as_one_party(world: BookingWorld) -> None:
    booking = world.open()["id"]
    link, buyers = world.token(booking, "seller"), world.token(booking, "buyer")

    told = world.party(booking, "seller").json()
    with reading(world.doors.engine) as connection:
        kept = str(
            connection.execute(text("SELECT * FROM booking_invitations")).all() + connection.execute(text("SELECT * FROM bookings")).all()
        )

    assert told["role"] == "seller" and link != buyers and len(link) == 32
    assert link not in kept and told["code"] not in kept
    assert "b-1" not in str(told)
    assert world.doors.get(None, "/v1/invitations/" + "a" * 32).json()["code"] == "no-such-invitation"


def test_a_link_ends(world: BookingWorld) -> None:
    booking = world.open()["id"]

    world.later(days=61)

    assert world.party(booking, "seller").status_code == 404


def test_the_links_of_a_late_appointment_outlive_it(world: BookingWorld) -> None:
    booking = world.open(settle_days=30)["id"]
    world.later(days=29)
    answer = world.party(booking, "seller", "GET", f"/slots?store={world.store}&days=31")
    last = answer.json()["slots"][-1]["starts_at"]
    world.party(booking, "buyer", "POST", "/drop-off", {"store": world.store, "starts_at": last})

    world.at(world.starts_at(booking), plus=timedelta(days=59))
    late = [world.party(booking, role).status_code for role in ("seller", "buyer")]
    world.later(days=2)

    assert late == [200, 200] and world.party(booking, "seller").status_code == 404


def test_the_first_time_that_fits_both_is_theirs(world: BookingWorld) -> None:
    booking = world.open()["id"]
    early, middle, late = world.slots(booking)[:3]

    alone = world.mark(booking, "seller", late, middle).json()
    seen = world.party(booking, "buyer").json()
    both = world.mark(booking, "buyer", early, middle, late).json()

    assert alone["state"] == "inviting"
    assert [one["starts_at"] for one in seen["theirs"]] == [middle, late]
    assert both["state"] == "booked" and both["appointment"]["starts_at"] == middle and both["appointment"]["mode"] == "both"


def test_one_of_them_drops_the_item_off(world: BookingWorld) -> None:
    booking = world.open()["id"]
    first = world.slots(booking)[0]

    told = world.party(booking, "seller", "POST", "/drop-off", {"store": world.store, "starts_at": first}).json()

    assert told["state"] == "booked" and told["appointment"]["mode"] == "seller" and told["brings_the_item"]


def test_a_time_that_the_store_does_not_offer_is_refused(world: BookingWorld) -> None:
    booking = world.open()["id"]
    night = "2025-06-17T01:00:00Z"

    refused = world.mark(booking, "seller", night)
    elsewhere = world.party(booking, "seller", "PUT", "/slots", {"slots": [{"store": "0" * 32, "starts_at": world.slots(booking)[0]}]})

    assert (refused.status_code, refused.json()["code"]) == (422, "no-such-slot")
    assert elsewhere.json()["code"] == "no-such-store"
    assert world.party(booking, "seller").json()["yours"] == []


def test_a_full_time_is_not_offered_and_not_given(world: BookingWorld) -> None:
    late = world.open()["id"]
    first, second = world.slots(late)[:2]
    world.mark(late, "seller", first)
    for _ in range(TERMS["capacity"]):  # type: ignore[call-overload]  # a number
        world.booked()

    refused = world.mark(late, "buyer", first)
    other = world.mark(late, "buyer", second)

    assert first not in world.slots(late)
    assert (refused.status_code, refused.json()["code"]) == (409, "slot-full")
    assert other.json()["state"] == "inviting"


def test_whoever_cannot_come_frees_the_place(world: BookingWorld) -> None:
    booking = world.booked()

    again = world.party(booking, "buyer", "POST", "/another-time").json()
    off = world.party(booking, "seller", "POST", "/cancel").json()

    assert (again["state"], again["yours"], off["state"]) == ("inviting", [], "cancelled")
    assert count(world.doors.engine, "booking_places") == 0


def test_bookings_at_a_closed_store_go_back_to_their_parties(world: BookingWorld) -> None:
    moved, kept = world.booked(), world.booked()
    day = world.starts_at(kept).date().isoformat()
    world.party(kept, "buyer", "POST", "/another-time")
    later = next(slot for slot in world.slots(kept) if slot[:10] > day)
    world.mark(kept, "seller", later)
    world.mark(kept, "buyer", later)

    body = {"name": "Milano", "address": "Via Sempione 1", "terms": TERMS | {"closures": [{"first": day, "last": day}]}}
    answer = world.doors.ask("PUT", "EXPERT", f"/v1/stores/{world.store}", json=body)

    assert answer.status_code == 200, answer.text
    assert (world.state(moved), world.state(kept)) == ("inviting", "booked")
    assert world.journal(moved)[-1] == "store-closed"
    facts = {line["why"]: line["facts"] for line in world.look(moved)["journal"]}
    assert facts["store-closed"] == {"was": facts["settled"]["starts_at"]} and facts["settled"]["starts_at"].endswith("00Z")


@pytest.mark.parametrize("racers", [12])
def test_however_many_ask_at_once_a_time_has_as_many_places_as_the_store_has(world: BookingWorld, racers: int) -> None:
    bookings = [str(world.open()["id"]) for _ in range(racers)]
    first = world.slots(bookings[0])[0]
    body = {"store": world.store, "starts_at": first}

    with ThreadPoolExecutor(racers) as pool:
        answers = list(pool.map(lambda booking: world.party(booking, "seller", "POST", "/drop-off", body), bookings))

    codes = sorted(answer.status_code for answer in answers)
    assert codes == [200, 200] + [409] * (racers - 2), [answer.text for answer in answers]
    assert count(world.doors.engine, "booking_places") == TERMS["capacity"]
    assert sum(world.state(booking) == "booked" for booking in bookings) == TERMS["capacity"]


def test_parties_who_try_two_stores_in_opposite_order_do_not_wait_for_each_other(world: BookingWorld) -> None:
    other = world.doors.post("EXPERT", "/v1/stores", {"name": "Como", "address": "Via Plinio 2", "terms": TERMS}).json()["id"]
    world.doors.ask("PUT", "EXPERT", f"/v1/campaigns/{HASHTAG}", json={"stores": [world.store, other], "price_cents": 0})
    first, second = world.slots(world.open()["id"])[:2]
    for store in (world.store, other):  # the first time is full at both
        for _ in range(TERMS["capacity"]):  # type: ignore[call-overload]  # a number
            world.party(world.open()["id"], "seller", "POST", "/drop-off", {"store": store, "starts_at": first})
    one, two = world.open()["id"], world.open()["id"]
    choices = {one: [(world.store, first), (other, second)], two: [(other, first), (world.store, second)]}
    chosen = {booking: {"slots": [{"store": store, "starts_at": at} for store, at in its]} for booking, its in choices.items()}

    def mark(booking: str, role: str) -> Response:
        return world.party(booking, role, "PUT", "/slots", chosen[booking])

    for booking in (one, two):
        mark(booking, "seller")
    with ThreadPoolExecutor(2) as pool, writing(world.doors.engine) as connection:
        rows.locked_store(connection, world.store)
        answers = []
        for number, booking in enumerate((one, two), 1):
            answers.append(pool.submit(mark, booking, "buyer"))
            await_waiting(world.doors.engine, number)

    assert [answer.result().json()["state"] for answer in answers] == ["booked"] * 2, [answer.result().text for answer in answers]


def test_an_order_that_is_sent_twice_at_once_is_one_booking(world: BookingWorld) -> None:
    answers = at_once(world.doors.engine, "bookings", *[lambda: world.open(reference="ORDER")] * 2)

    assert answers[0]["id"] == answers[1]["id"] and answers[0]["links"] == answers[1]["links"]


def test_a_hashtag_that_two_partners_take_at_once_is_one_partners(world: BookingWorld) -> None:
    def take(organization: bytes) -> bytes | None:
        with writing(world.doors.engine) as connection, suppress(CampaignTaken):
            stores.keep_campaign(connection, organization, "Roma7", stores=None, price_cents=0, until=None, now=world.now())
            return organization
        return None

    taken = at_once(world.doors.engine, "campaigns", *(partial(take, bytes([number]) * 32) for number in (1, 2)))

    with reading(world.doors.engine) as connection:
        found = rows.campaign(connection, "roma7")
    assert found is not None and sorted(taken, key=lambda one: one is None) == [found.organization, None]


def test_slots_of_another_length_do_not_overbook(world: BookingWorld) -> None:
    booking = world.booked()
    world.booked()  # both places of the half hour are taken
    first = world.starts_at(booking)
    body = {"name": "Milano", "address": "Via Sempione 1", "terms": TERMS | {"slot_minutes": 60}}
    world.doors.ask("PUT", "EXPERT", f"/v1/stores/{world.store}", json=body)

    fresh = world.open()["id"]
    hour = first.replace(minute=0).isoformat().replace("+00:00", "Z")

    assert hour not in world.slots(fresh)
    answer = world.party(fresh, "seller", "POST", "/drop-off", {"store": world.store, "starts_at": hour})
    assert answer.json()["code"] in ("slot-full", "no-such-slot")


def test_nobody_else_sees_or_moves_a_booking_or_a_store(world: BookingWorld) -> None:
    booking = world.booked()
    stranger = world.doors.post("EXPERT", "/v1/stores", {"name": "Roma", "address": "Via Appia", "terms": TERMS}).json()["id"]

    for method, path in (("GET", ""), ("POST", "/cancel"), ("PUT", "/new-holder"), ("POST", "/sale")):
        body = {"claim_key": key("x")} if path == "/new-holder" else {"goes_on": True}
        answer = world.doors.ask(method, "BOUTIQUE", f"/v1/bookings/{booking}{path}", json=body if method != "GET" else None)
        assert answer.json()["code"] == "no-such-booking", path
    body = {"name": "Mine", "address": "x", "terms": TERMS}
    assert world.doors.ask("PUT", "MAISON", f"/v1/stores/{stranger}", json=body).json()["code"] == "no-such-store"
    assert world.doors.ask("PUT", "MAISON", f"/v1/campaigns/{HASHTAG}", json={}).json()["code"] == "not-an-authenticator"
    assert world.doors.ask("DELETE", "MAISON", f"/v1/campaigns/{HASHTAG}").json()["code"] == "no-such-campaign"


def test_a_car_is_only_a_category_and_its_vin_has_to_add_up(world: BookingWorld) -> None:
    body = {"name": "Milano", "address": "Via Sempione 1", "terms": TERMS | {"services": [{"category": "car"}]}}
    world.doors.ask("PUT", "EXPERT", f"/v1/stores/{world.store}", json=body)

    taken = world.doors.post("PLATFORM", "/v1/bookings", _order(category="car", references={"vin": "1M8GDM9AXKP042788"}))
    wrong = world.doors.post("PLATFORM", "/v1/bookings", _order(reference="X", category="car", references={"vin": "1M8GDM9A1KP042788"}))

    assert taken.status_code == 201, taken.text
    assert (wrong.json()["code"], wrong.json()["field"], wrong.json()["rule"]) == ("reference-invalid", "references.vin", "vin-check-digit")
