"""At the counter: codes, what the ledger says against an item, what its holder signs, and every end a booking can come to by itself."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from ledger_api.desk.booking import counter, rows
from ledger_api.desk.errors import BookingMoved
from ledger_api.store.engine import reading, writing
from ledger_verify.hashing import Head, ItemId, consent_digest
from tests.api.booking.world import SERIAL, BookingWorld, key
from tests.consortium import NETWORK, consented, count, key_of, named, record_all, sign


def signed(paper: dict[str, Any], who: str = "owner") -> dict[str, str]:
    """The paper, signed as a wallet would."""
    said = paper["typed_data"]["message"]
    digest = consent_digest(
        NETWORK.domain_separator,
        action=said["action"],
        item=ItemId(bytes.fromhex(said["item"][2:])),
        head=Head(bytes.fromhex(said["head"][2:])),
        old_holder=bytes.fromhex(said["oldHolder"][2:]),
        new_holder=bytes.fromhex(said["newHolder"][2:]),
        detail=int(paper["detail"]),
        carrier=bytes.fromhex(said["carrier"][2:]),
        store=bytes.fromhex(said["store"][2:]),
        deadline=said["deadline"],
    )
    return {"paper": paper["paper"], "signature": "0x" + sign(key_of(who), digest).hex()}


def sign_next(world: BookingWorld, booking: str, who: str = "owner") -> Any:
    paper = world.party(booking, "seller", "GET", "/papers")
    assert paper.status_code == 200, paper.text
    return world.party(booking, "seller", "POST", "/papers", signed(paper.json(), who))


def held(world: BookingWorld) -> str:
    """A booking whose item is in verification, on the ledger."""
    world.born()
    booking = world.booked(new_holder=key("buyer"))
    world.at_the_counter(booking)
    assert sign_next(world, booking).status_code == 200
    record_all(world.doors.engine, block=11)
    world.work()
    assert world.state(booking) == "verifying"
    return booking


def is_held(world: BookingWorld) -> bool:
    """Whether the door would refuse a transfer by the holder now."""
    from tests.consortium import transfer

    body = transfer(SERIAL, occurred_at=world.now().isoformat())
    answer = world.doors.post("PLATFORM", "/v1/events", consented(world.doors.engine, body, deadline=int(world.doors.time) + 3600))
    return bool(answer.json().get("reason") == "on-hold")


def test_the_holder_signs_and_the_item_is_in_verification(world: BookingWorld) -> None:
    booking = held(world)

    assert world.journal(booking) == ["invited", "marked", "marked", "settled", "seller-came", "taken-in", "hold-signed", "held"]
    assert world.look(booking)["hold_until"] is not None
    assert is_held(world)


def test_a_stranger_at_the_counter_cannot_sign(world: BookingWorld) -> None:
    world.born()
    booking = world.booked()
    world.at_the_counter(booking)

    answer = sign_next(world, booking, who="thief")

    assert (answer.status_code, answer.json()["code"]) == (409, "consent-not-signed")
    assert world.state(booking) == "checked-in"


def test_the_resale_is_agreed_to_before_the_outcome_and_to_one_key_alone(world: BookingWorld) -> None:
    booking = held(world)

    agreed = sign_next(world, booking).json()
    other = world.doors.ask("PUT", "PLATFORM", f"/v1/bookings/{booking}/new-holder", json={"claim_key": key("somebody else")})

    assert agreed["is_resale_signed"] is True
    assert other.json()["code"] == "booking-moved"
    assert world.party(booking, "seller", "GET", "/papers").json()["code"] == "nothing-to-sign"


def test_what_happens_meanwhile_withdraws_the_agreement_and_it_can_be_given_again(world: BookingWorld) -> None:
    booking = held(world)
    sign_next(world, booking)
    service = {"kind": "service", "occurred_at": world.now().isoformat(), "item": named(SERIAL), "payload": {"description": "a new zip"}}
    world.doors.post("MAISON", "/v1/events", service)

    assert world.party(booking, "seller", "GET", "/papers").json()["paper"] == "resale"


def test_an_agreement_to_the_sale_to_another_key_than_the_buyers_is_not_kept(world: BookingWorld) -> None:
    """The platform names another key while the holder's signature is looked at."""
    booking = held(world)
    paper = signed(world.party(booking, "seller", "GET", "/papers").json())
    with reading(world.doors.engine) as connection:
        seen = rows.booking(connection, booking)
    named = world.doors.ask("PUT", "PLATFORM", f"/v1/bookings/{booking}/new-holder", json={"claim_key": key("somebody else")})

    at_the_counter = counter.Counter(world.doors.context.intake)
    with pytest.raises(BookingMoved):
        at_the_counter.sign(seen, "resale", bytes.fromhex(paper["signature"][2:]), by="seller", submission="f" * 32, now=world.now())

    assert named.status_code == 200 and world.look(booking)["is_resale_signed"] is False
    assert sign_next(world, booking).json()["is_resale_signed"] is True


def test_a_refusal_that_was_seen_before_the_hold_was_signed_again_ends_no_newer_one(world: BookingWorld) -> None:
    """Two loops look at a hold that the ledger refused; the holder signs again between the two."""
    world.born()
    booking = world.booked(new_holder=key("buyer"))
    world.at_the_counter(booking)
    sign_next(world, booking)
    with writing(world.doors.engine) as connection:
        connection.execute(text("UPDATE events SET status = 'refused', reason = 1 WHERE status = 'accepted'"))
        connection.execute(text("DELETE FROM tips"))
        seen = rows.booking(connection, booking)

    world.later(seconds=1)
    followed = [world.closer._follow_hold(seen, world.now())]
    assert sign_next(world, booking).json()["state"] == "holding"
    followed.append(world.closer._follow_hold(seen, world.now()))

    assert (followed, world.state(booking)) == ([True, False], "holding")


@pytest.mark.parametrize("hold", ["stolen", "lost"])
def test_an_item_that_is_reported_is_turned_away(world: BookingWorld, hold: str) -> None:
    world.born()
    booking = world.booked()
    world.at(world.starts_at(booking))
    body = {"kind": "hold", "occurred_at": world.now().isoformat(), "item": named(SERIAL), "hold": hold, "payload": {}}
    reported = world.doors.post("CONSORTIUM", "/v1/events", consented(world.doors.engine, body, deadline=int(world.doors.time) + 60))
    assert reported.status_code == 202, reported.text

    answer = world.come(booking).json()

    assert (answer["booking"]["state"], answer["against"]) == ("turned-away", [hold])
    assert count(world.doors.engine, "booking_places") == 0


def test_an_item_without_a_holders_key_is_examined_without_a_hold(world: BookingWorld) -> None:
    booking = world.booked()  # the ledger does not know the bag

    state = world.at_the_counter(booking)

    assert state == "verifying" and world.look(booking)["hold_until"] is None
    assert world.journal(booking)[-1] == "nothing-to-hold"


def test_a_code_opens_nothing_at_another_partner_or_at_another_time(world: BookingWorld) -> None:
    booking = world.booked()
    stranger = world.doors.post("EXPERT", "/v1/desk/appraisers", {"name": "bo"}).json()["key"]

    early = world.come(booking)
    wrong = world.desk("POST", "/check-in", {"code": "AAAA-AAAA"})
    world.at(world.starts_at(booking), plus=timedelta(minutes=31))
    late = world.come(booking)

    assert stranger and (early.json()["code"], wrong.json()["code"], late.json()["code"]) == (
        "not-the-time",
        "no-such-code",
        "not-the-time",
    )


def test_late_but_in_time_is_noted(world: BookingWorld) -> None:
    booking = world.booked()
    world.at(world.starts_at(booking), plus=timedelta(minutes=20))

    world.come(booking)

    came = next(line for line in world.look(booking)["journal"] if line["why"] == "seller-came")
    assert came["facts"] == {"minutes_late": 20}


# --- every end that comes by itself, or by somebody who calls it off -----------------------------------------------------


def test_nobody_settles(world: BookingWorld) -> None:
    booking = str(world.open(settle_days=2)["id"])

    world.later(days=2, seconds=1)
    world.work()

    assert world.state(booking) == "expired"


def test_nobody_comes(world: BookingWorld) -> None:
    booking = world.booked()
    world.at(world.starts_at(booking), plus=timedelta(minutes=31))

    world.work()

    last = world.look(booking)["journal"][-1]
    assert (last["state"], last["facts"]["absent"]) == ("no-show", ["seller", "buyer"])
    assert count(world.doors.engine, "booking_places") == 0


def test_only_the_buyer_comes(world: BookingWorld) -> None:
    booking = world.booked()
    world.at(world.starts_at(booking))
    world.come(booking, "buyer")

    world.later(minutes=31)
    world.work()

    assert world.look(booking)["journal"][-1]["facts"]["absent"] == ["seller"]


def test_only_the_seller_comes_and_leaves_with_the_item(world: BookingWorld) -> None:
    world.born()
    booking = world.booked()
    world.at_the_counter(booking)

    early = world.desk("POST", f"/{booking}/buyer-absent")
    world.later(minutes=31)
    gone = world.desk("POST", f"/{booking}/buyer-absent")

    assert (early.json()["code"], gone.json()["state"]) == ("not-the-time", "no-show")


def test_the_holder_does_not_sign(world: BookingWorld) -> None:
    world.born()
    booking = world.booked()
    world.at_the_counter(booking)

    world.later(hours=2, seconds=1)
    world.work()

    assert (world.state(booking), is_held(world)) == ("turned-away", False)


@pytest.mark.parametrize("who", ["seller", "buyer", "platform", "store"])
def test_called_off_while_in_verification_the_item_is_released(world: BookingWorld, who: str) -> None:
    booking = held(world)

    match who:
        case "platform":
            answer = world.doors.post("PLATFORM", f"/v1/bookings/{booking}/cancel")
        case "store":
            answer = world.desk("POST", f"/{booking}/cancel")
        case _:
            answer = world.party(booking, who, "POST", "/cancel")
    assert answer.json()["state"] == "releasing", answer.text
    world.work()
    record_all(world.doors.engine, block=12)
    world.work()

    assert (world.state(booking), is_held(world)) == ("returning", False)
    taken = world.desk("POST", "/take-away", {"code": world.code(booking, "seller")})
    assert taken.json()["state"] == "returned"


def test_an_item_that_nobody_judges_is_released_and_one_that_nobody_fetches_stays_behind(world: BookingWorld) -> None:
    booking = held(world)

    world.later(days=6, seconds=1)
    world.work()
    record_all(world.doors.engine, block=12)
    world.work()
    returning = world.state(booking)
    world.later(days=15)
    world.work()

    assert (returning, world.state(booking), is_held(world)) == ("returning", "uncollected", False)


def test_a_ledger_that_never_answers_locks_nothing_for_ever(world: BookingWorld) -> None:
    world.born()
    booking = world.booked()
    world.at_the_counter(booking)
    sign_next(world, booking)

    world.later(hours=7)  # the hold is never recorded, nor is its release
    world.work()
    releasing = world.state(booking)
    world.later(days=8)
    world.work()

    assert (releasing, world.state(booking), is_held(world)) == ("releasing", "returning", False)


def test_a_reminder_goes_out_once(world: BookingWorld) -> None:
    booking = world.booked()
    world.at(world.starts_at(booking), plus=timedelta(hours=-20))

    world.work()
    world.work()

    assert world.journal(booking).count("reminder") == 1


def test_whoever_moves_an_appointment_is_reminded_of_the_new_one(world: BookingWorld) -> None:
    booking = world.booked()
    world.at(world.starts_at(booking), plus=timedelta(hours=-20))
    world.work()
    world.party(booking, "buyer", "POST", "/another-time")
    later = world.slots(booking)[-1]
    world.mark(booking, "seller", later)
    world.mark(booking, "buyer", later)

    world.work()
    early = world.journal(booking).count("reminder")
    world.at(world.starts_at(booking), plus=timedelta(hours=-20))
    world.work()
    world.work()

    told = [line["facts"]["starts_at"] for line in world.look(booking)["journal"] if line["why"] == "reminder"]
    assert (early, len(told), told[-1]) == (1, 2, later)


def test_the_holder_signs_from_afar_where_the_buyer_drops_the_item_off(world: BookingWorld) -> None:
    world.born()
    booking = str(world.open(new_holder=key("buyer"))["id"])
    first = world.slots(booking)[0]
    assert world.party(booking, "buyer", "POST", "/drop-off", {"store": world.store, "starts_at": first}).json()["brings_the_item"]
    world.at(world.starts_at(booking))
    assert world.come(booking, "buyer").json()["booking"]["state"] == "checked-in"

    pages = {role: world.doors.get(None, f"/bookings/{world.token(booking, role)}").text for role in ("seller", "buyer")}
    signed_hold = sign_next(world, booking)
    record_all(world.doors.engine, block=11)
    world.work()

    assert ('data-step="agree"' in pages["seller"], 'data-step="agree"' in pages["buyer"]) == (True, False)
    assert (signed_hold.status_code, world.state(booking), is_held(world)) == (200, "verifying", True)
