"""What is recorded together: verdict, release and resale as one group, less when that is refused, and the ends that follow."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from ledger_api.desk.booking import rows
from ledger_api.desk.rows import cases
from ledger_api.store.engine import reading, writing
from ledger_verify.transition import Kind, Reason
from tests.api.booking.test_counter import held, is_held, sign_next
from tests.api.booking.world import SERIAL, BookingWorld, key
from tests.consortium import named, record_all


def decide(world: BookingWorld, booking: str, outcome: str) -> str:
    answer = world.desk("POST", f"/{booking}/examine", {})
    assert answer.status_code == 201, answer.text
    case = str(answer.json()["case"])
    body = {"outcome": outcome, "confidence": 90, "reasons": ["as-described"], "grounds": {"logo": "letters and spacing"}}
    judged = world.doors.ask("POST", None, f"/v1/desk/cases/{case}/decision", token=world.staff, json=body)
    assert judged.json()["next"] == "conclude", judged.text
    return case


def settled(world: BookingWorld, outcome: str, *, signed: bool = True) -> str:
    """A booking that was decided; what it asked of the ledger is recorded."""
    booking = held(world)
    if signed:
        assert sign_next(world, booking).status_code == 200
    decide(world, booking, outcome)
    world.work()
    record_all(world.doors.engine, block=12)
    world.work()
    return booking


def groups(world: BookingWorld) -> list[list[str]]:
    """Live events of the bag since the hold, by the all-or-nothing group they travel in."""
    asked = text("SELECT kind, unit FROM events WHERE kind IN (6, 7, 13, 5) AND status <> 'refused' ORDER BY submission, position")
    with reading(world.doors.engine) as connection:
        found = connection.execute(asked).all()
    units: dict[Any, list[str]] = {}
    for row in found:
        units.setdefault(row.unit, []).append(Kind(row.kind).code)
    return list(units.values())


def refuse_group(world: BookingWorld, guilty: Kind, reason: Reason) -> None:
    """As the indexer would, when the chain refused the group: the guilty event with its reason, the others for its sake."""
    with writing(world.doors.engine) as connection:
        refused = "UPDATE events SET status = 'refused', reason = CASE kind WHEN :guilty THEN :reason ELSE :others END"
        said = {"guilty": int(guilty), "reason": int(reason), "others": int(Reason.GROUP_REFUSED)}
        connection.execute(text(f"{refused} WHERE status = 'accepted'"), said)
        connection.execute(text("DELETE FROM tips"))


def sent(world: BookingWorld) -> str:
    """A booking whose group, a resale with it, is on its way to the ledger."""
    booking = held(world)
    assert sign_next(world, booking).status_code == 200
    decide(world, booking, "authentic")
    world.work()
    assert (world.state(booking), groups(world)) == ("closing", [["verdict", "release", "transfer"]])
    return booking


def holder(world: BookingWorld) -> str:
    item = world.doors.get("PLATFORM", f"/v1/bookings/{next(iter(world.opened))}").json()["item"]
    return next(
        name for name in ("owner", "buyer") if world.doors.get(None, f"/v1/items/{item}/consent-terms?key={key(name)}").json()["is_holder"]
    )


def test_verdict_release_and_resale_are_one_group(world: BookingWorld) -> None:
    booking = settled(world, "authentic")

    told = world.look(booking)
    assert groups(world) == [["verdict", "release", "transfer"]]  # this partner is no retailer: a transfer hands it over
    assert (told["state"], told["outcome"], holder(world)) == ("handing-over", "authentic", "buyer")
    assert told["resale"] is not None
    assert world.doors.get("PLATFORM", f"/v1/cases/{told['case']}").json()["state"] == "concluded"
    assert world.desk("POST", "/take-away", {"code": world.code(booking, "seller")}).json()["code"] == "no-such-code"
    assert world.desk("POST", "/take-away", {"code": world.code(booking, "buyer")}).json()["state"] == "completed"


def test_two_loops_that_see_one_booking_closing_bring_its_group_once(world: BookingWorld) -> None:
    booking = held(world)
    assert sign_next(world, booking).status_code == 200
    decide(world, booking, "authentic")
    with reading(world.doors.engine) as connection:
        seen = rows.booking(connection, booking)
    assert world.closer._see_decision(seen, world.now())
    with reading(world.doors.engine) as connection:
        seen = rows.booking(connection, booking)
        case = cases.case(connection, seen.case)

    brought = [world.closer._bring(seen, case, world.now() + timedelta(seconds=after)) for after in (0, 1)]
    record_all(world.doors.engine, block=12)
    world.work()

    assert brought == [True, False]
    assert groups(world) == [["verdict", "release", "transfer"]]
    assert world.look(booking)["resale"] is not None and holder(world) == "buyer"


@pytest.mark.parametrize("outcome", ["not-authentic", "inconclusive"])
def test_without_authentic_the_item_is_released_and_nobody_elses(world: BookingWorld, outcome: str) -> None:
    booking = settled(world, outcome)

    assert groups(world) == [["verdict", "release"]]
    assert (world.state(booking), holder(world)) == ("returning", "owner")


@pytest.mark.parametrize(("goes_on", "end"), [(True, "handing-over"), (False, "returning")])
def test_without_the_holders_agreement_the_platform_says_whether_the_sale_goes_on(world: BookingWorld, goes_on: bool, end: str) -> None:
    booking = settled(world, "authentic", signed=False)
    verified = world.state(booking)

    world.doors.post("PLATFORM", f"/v1/bookings/{booking}/sale", {"goes_on": goes_on})

    assert (verified, world.state(booking), holder(world), is_held(world)) == ("verified", end, "owner", False)


def test_a_silent_platform_keeps_nobodys_item(world: BookingWorld) -> None:
    booking = settled(world, "authentic", signed=False)

    world.later(days=3, seconds=1)
    world.work()

    assert world.look(booking)["journal"][-1]["why"] == "platform-silent" and world.state(booking) == "returning"


def test_a_group_that_the_chain_refuses_is_sent_again_without_the_resale_and_the_reason_is_told(world: BookingWorld) -> None:
    booking = sent(world)
    refuse_group(world, Kind.TRANSFER, Reason.CONSENT_INVALID)
    world.work()
    record_all(world.doors.engine, block=13)
    world.work()

    journal = {line["why"]: line["facts"] for line in world.look(booking)["journal"]}
    assert groups(world) == [["verdict", "release"]]
    assert (world.state(booking), holder(world)) == ("verified", "owner")
    assert (journal["refused"]["reason"], journal["refused"]["plan"]) == ("consent-invalid", 1)
    assert (journal["verified"]["refused"], journal["verified"]["block"]) == ("consent-invalid", 13)
    with reading(world.doors.engine) as connection:
        asked = text("SELECT body FROM webhook_notices WHERE subject = :subject AND type = 'booking.verified'")
        told = connection.execute(asked, {"subject": f"booking:{booking}"}).scalars().all()
    assert len(told) == 2 and all('"refused":"consent-invalid"' in body for body in told)


def test_a_group_on_a_history_that_moved_on_is_sent_again_as_it_was(world: BookingWorld) -> None:
    booking = sent(world)
    refuse_group(world, Kind.VERDICT, Reason.SUPERSEDED)
    world.later(seconds=1)
    world.work()
    record_all(world.doors.engine, block=13)
    world.work()

    assert (world.state(booking), holder(world)) == ("handing-over", "buyer")


# --- the end of the hold --------------------------------------------------------------------------------------------------


def test_a_group_that_the_ledger_has_not_answered_is_waited_for_beyond_the_end_of_the_hold(world: BookingWorld) -> None:
    booking = sent(world)

    world.later(days=8)
    world.work()
    waiting = world.state(booking)
    record_all(world.doors.engine, block=13)  # the block had it in time, and the indexer reads it now
    world.work()

    assert (waiting, world.state(booking), holder(world)) == ("closing", "handing-over", "buyer")


def test_a_group_that_is_recorded_between_two_steps_of_a_turn_is_no_end(world: BookingWorld) -> None:
    booking = sent(world)
    world.later(days=8)
    record_all(world.doors.engine, block=13)

    with reading(world.doors.engine) as connection:
        late = rows.booking(connection, booking)
    ended = world.closer._end(late, world.now())
    world.work()

    assert (ended, world.state(booking)) == (False, "handing-over")


def test_a_verdict_whose_group_was_refused_when_the_hold_ended_is_the_desks_to_bring(world: BookingWorld) -> None:
    booking = sent(world)
    refuse_group(world, Kind.TRANSFER, Reason.CONSENT_INVALID)
    world.later(days=8)
    world.work()
    ended = world.look(booking)
    world.closer.scribe.turn(world.now())
    record_all(world.doors.engine, block=13)
    world.closer.scribe.turn(world.now())

    case = world.doors.get("PLATFORM", f"/v1/cases/{ended['case']}").json()
    assert (ended["state"], ended["journal"][-1]["why"], ended["resale"]) == ("returning", "not-recorded", None)
    assert (case["state"], case["verdict"] is not None, holder(world), is_held(world)) == ("concluded", True, "owner", False)
    appealed = world.doors.post("PLATFORM", f"/v1/cases/{ended['case']}/appeal", {"grounds": "It was in the shop of the maison."})
    assert appealed.status_code == 202, appealed.text


def test_an_agreement_that_something_withdrew_leaves_the_resale_out(world: BookingWorld) -> None:
    booking = held(world)
    sign_next(world, booking)
    service = {"kind": "service", "occurred_at": world.now().isoformat(), "item": named(SERIAL), "payload": {"description": "a new zip"}}
    assert world.doors.post("MAISON", "/v1/events", service).status_code == 202
    decide(world, booking, "authentic")
    world.work()
    record_all(world.doors.engine, block=13)
    world.work()

    assert (world.state(booking), holder(world)) == ("verified", "owner")
    assert any(line["why"] == "refused" and line["facts"]["reason"] == "consent-invalid" for line in world.look(booking)["journal"])


def test_an_item_that_is_stolen_while_it_is_looked_at_is_not_sold(world: BookingWorld) -> None:
    from tests.consortium import consented

    booking = held(world)
    sign_next(world, booking)
    body = {"kind": "hold", "occurred_at": world.now().isoformat(), "item": named(SERIAL), "hold": "stolen", "payload": {}}
    world.doors.post("CONSORTIUM", "/v1/events", consented(world.doors.engine, body, deadline=int(world.doors.time) + 60))
    decide(world, booking, "authentic")
    world.work()
    record_all(world.doors.engine, block=13)
    world.work()

    assert (world.state(booking), holder(world)) == ("verified", "owner")


def test_a_verdict_that_the_ledger_never_takes_ends_the_hold_all_the_same(world: BookingWorld) -> None:
    booking = held(world)
    decide(world, booking, "authentic")
    world.closer.turn(world.now())
    for _ in range(2):
        world.closer.turn(world.now())
        refuse_group(world, Kind.VERDICT, Reason.NOT_ACCREDITED)
        world.closer.turn(world.now())
    world.work()
    record_all(world.doors.engine, block=13)
    world.work()

    assert (world.state(booking), is_held(world)) == ("returning", False)
    case = world.look(booking)["case"]
    assert world.doors.get("PLATFORM", f"/v1/cases/{case}").json()["verdict"] is None


def test_nobody_is_told_of_what_was_decided_before_it_was(world: BookingWorld) -> None:
    booking = held(world)
    case = world.desk("POST", f"/{booking}/examine", {}).json()["case"]

    again = world.desk("POST", f"/{booking}/examine", {})

    assert again.json()["code"] == "booking-moved"
    assert world.doors.get("PLATFORM", f"/v1/cases/{case}").json()["outcome"] is None


def test_an_item_that_was_called_off_while_somebody_looked_is_released(world: BookingWorld) -> None:
    booking = held(world)
    case = world.desk("POST", f"/{booking}/examine", {}).json()["case"]

    world.party(booking, "seller", "POST", "/cancel")
    world.work()
    record_all(world.doors.engine, block=12)
    world.work()

    assert (world.state(booking), world.doors.get("PLATFORM", f"/v1/cases/{case}").json()["state"]) == ("returning", "withdrawn")


def test_what_is_decided_cannot_be_called_off(world: BookingWorld) -> None:
    booking = held(world)
    decide(world, booking, "authentic")

    refused = world.party(booking, "seller", "POST", "/cancel")

    assert (refused.status_code, refused.json()["code"]) == (409, "booking-moved")


def test_both_organizations_hear_that_the_money_may_move(world: BookingWorld) -> None:
    booking = settled(world, "authentic")

    with reading(world.doors.engine) as connection:
        asked = text("SELECT type, body FROM webhook_notices WHERE subject = :subject AND type = 'booking.handing-over'")
        told = connection.execute(asked, {"subject": f"booking:{booking}"}).all()

    assert len(told) == 2 and all('"resale":"0x' in row.body for row in told)
