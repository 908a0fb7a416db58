"""Events that lean on the holder's signature: checked at the door against the tip, and kept for the contract."""

from typing import Any

import orjson
import pytest
from sqlalchemy import text

from ledger_api.store.engine import reading
from ledger_verify.hashing import Head
from ledger_verify.transition import state_from_bytes
from tests import consortium
from tests.consortium import NOW, consented, manufacture, named, sale, shipment, transfer, verdict
from tests.doors import Doors


@pytest.fixture
def sold(doors: Doors) -> Doors:
    doors.post("MAISON", "/v1/events", [manufacture(), shipment()])
    doors.post("BOUTIQUE", "/v1/events", sale())
    return doors


def hold(kind: str, **changes: Any) -> dict[str, Any]:
    return {"kind": "hold", "occurred_at": "2025-05-03T09:00:00Z", "item": named(), "hold": kind, "payload": {}} | changes


def reason_of(doors: Doors, member: str, body: dict[str, Any]) -> str:
    answer = doors.post(member, "/v1/events", body)
    return "accepted" if answer.status_code == 202 else str(answer.json()["reason"])


def test_a_gift_takes_the_owners_signature(sold: Doors) -> None:
    without = reason_of(sold, "STRANGER", transfer())
    with_it = reason_of(sold, "STRANGER", consented(sold.engine, transfer()))

    assert (without, with_it) == ("consent-missing", "accepted")


@pytest.mark.parametrize(
    ("owner", "terms"),
    [("thief", {}), ("owner", {"deadline": NOW - 1}), ("owner", {"carrier": consortium.PLATFORM}), ("owner", {"store": consortium.EXPERT})],
    ids=["by another key", "out of date", "for another carrier", "booked, without its verdict"],
)
def test_a_consent_that_is_not_for_this_is_refused(sold: Doors, owner: str, terms: dict[str, Any]) -> None:
    assert reason_of(sold, "STRANGER", consented(sold.engine, transfer(), owner, **terms)) == "consent-invalid"


def test_any_later_event_withdraws_a_consent(sold: Doors) -> None:
    agreed = consented(sold.engine, transfer())
    sold.post("EXPERT", "/v1/events", verdict())

    assert reason_of(sold, "STRANGER", agreed) == "consent-invalid"


def test_a_consent_to_one_new_holder_is_none_to_another(sold: Doors) -> None:
    agreed = consented(sold.engine, transfer())

    assert reason_of(sold, "STRANGER", transfer(to="thief") | {"consent": agreed["consent"]}) == "consent-invalid"


def test_the_owner_reports_a_theft_and_the_item_stays(sold: Doors) -> None:
    reported = reason_of(sold, "CONSORTIUM", consented(sold.engine, hold("stolen")))
    moved = sold.post("STRANGER", "/v1/events", consented(sold.engine, transfer()))

    assert reported == "accepted"
    assert (moved.json()["reason"], moved.json()["facts"]) == ("on-hold", {"holds": ["stolen"]})


def test_what_travels_beside_the_event_is_kept(sold: Doors) -> None:
    agreed = consented(sold.engine, transfer(), carrier=consortium.STRANGER)
    sold.post("STRANGER", "/v1/events", agreed)

    with reading(sold.engine) as connection:
        kept = orjson.loads(connection.execute(text("SELECT approval FROM events WHERE kind = 6")).scalar_one())
    assert kept["consent"] == {
        "carrier": "0x" + consortium.STRANGER.hex(),
        "store": "0x" + "00" * 32,
        "deadline": NOW + 3600,
        "signature": agreed["consent"]["signature"],
    }


def test_a_booked_consent_is_good_behind_its_stores_verdict_in_one_group(sold: Doors) -> None:
    booked = consented(sold.engine, transfer(occurred_at="2025-05-02T09:00:00Z"), store=consortium.EXPERT)
    sane = verdict(occurred_at="2025-05-01T09:00:00Z")

    apart = reason_of(sold, "EXPERT", booked)
    together = sold.post("EXPERT", "/v1/events?all_or_nothing=true", [sane, booked])

    assert apart == "consent-invalid"
    assert together.json()["accepted"] == 2


def test_a_booked_consent_is_not_good_behind_a_bad_verdict(sold: Doors) -> None:
    booked = consented(sold.engine, transfer(), store=consortium.EXPERT)

    answer = sold.post("EXPERT", "/v1/events?all_or_nothing=true", [verdict(outcome="inconclusive"), booked])

    assert [one["reason"] for one in answer.json()["results"]] == ["group-refused", "consent-invalid"]


def test_later_events_are_judged_on_a_provisional_aside_after_a_dispute(sold: Doors) -> None:
    dispute = {"kind": "dispute", "occurred_at": "2025-05-04T09:00:00Z", "item": named(), "payload": {"grounds": "not mine"}}
    ruling = {"kind": "ruling", "occurred_at": "2025-05-05T09:00:00Z", "item": named(), "outcome": "authentic", "payload": {}}

    assert reason_of(sold, "MAISON", dispute) == "accepted"
    with reading(sold.engine) as connection:
        tip = state_from_bytes(connection.execute(text("SELECT state FROM tips")).scalar_one())
    assert (tip.aside.disputed_at, tip.head == Head(bytes(32))) == (NOW, False)
    assert reason_of(sold, "MAISON", ruling) == "accepted"


def test_a_correction_names_the_organizations_own_event(sold: Doors) -> None:
    def correction(sequence: int) -> dict[str, Any]:
        body = {"kind": "correction", "occurred_at": "2025-05-05T09:00:00Z", "item": named(), "sequence": sequence}
        return body | {"payload": {"reason": "the colour is bleu", "replaces": {"colour": "bleu"}}}

    assert reason_of(sold, "BOUTIQUE", correction(1)) == "role-missing"
    assert reason_of(sold, "MAISON", correction(1)) == "accepted"
    assert reason_of(sold, "MAISON", correction(9)) == "malformed"


def test_a_correction_of_recorded_and_of_waiting_events_finds_its_history(sold: Doors) -> None:
    consortium.record_all(sold.engine)
    sold.post("EXPERT", "/v1/events", verdict())
    body = {"kind": "correction", "occurred_at": "2025-05-05T09:00:00Z", "item": named(), "sequence": 4, "outcome": "inconclusive"}

    assert reason_of(sold, "EXPERT", body | {"payload": {"reason": "looked again"}}) == "accepted"
