"""What has to be signed, asked for over HTTP and signed as a wallet signs it: no caller needs our hashing."""

from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from sqlalchemy import text

from ledger_verify.hashing import keccak
from tests import consortium
from tests.consortium import DIDS, GTIN, NOW, address_of, key_of, manufacture, rfc3339, sale, shipment, sign, transfer
from tests.doors import Doors

DEADLINE = rfc3339(NOW + 600)


def signed(owner: str, typed: dict[str, Any]) -> str:
    message = encode_typed_data(full_message=typed)
    return "0x" + sign(key_of(owner), keccak(b"\x19" + message.version + message.header + message.body)).hex()


def test_a_holder_signs_what_the_draft_says(doors: Doors) -> None:
    doors.post("MAISON", "/v1/events", [manufacture(), shipment()])
    doors.post("BOUTIQUE", "/v1/events", sale())
    event = transfer() | {"consent": {"deadline": DEADLINE, "carrier": DIDS["PLATFORM"]}}

    asked = doors.post("PLATFORM", "/v1/drafts", {"event": event}).json()
    event["consent"]["signature"] = signed("owner", asked["consent"])
    answer = doors.post("PLATFORM", "/v1/events", event)

    assert answer.status_code == 202, answer.json()
    with doors.engine.connect() as connection:
        assert connection.execute(text("SELECT event_hash FROM events WHERE kind = 6")).scalar_one().hex() == asked["event_hash"][2:]


def test_a_presenter_and_a_brand_sign_an_enrolment(doors: Doors) -> None:
    event: dict[str, Any] = {"kind": "enrolment", "occurred_at": "2025-05-01T09:00:00Z", "brand": DIDS["MAISON"], "gtin": GTIN}
    event |= {"serial": "OLD-1", "category": "handbag", "presenter_key": "0x" + address_of(key_of("presenter")).hex(), "payload": {}}
    event["consent"] = {"deadline": DEADLINE}
    event["endorsement"] = {"deadline": DEADLINE, "endorser": "0x" + address_of(key_of("MAISON")).hex()}

    asked = doors.post("EXPERT", "/v1/drafts", {"event": event}).json()
    event["consent"]["signature"] = signed("presenter", asked["consent"])
    event["endorsement"]["signature"] = signed("MAISON", asked["endorsement"])
    answer = doors.post("EXPERT", "/v1/events", event)

    assert answer.status_code == 202, answer.json()


@pytest.mark.parametrize(
    ("event", "status", "reason"),
    [(sale("NONE"), 409, "unknown-item"), (sale(occurred_at="2025-01-01T00:00:00"), 422, "time-zone-missing"), ({}, 422, "malformed")],
)
def test_a_draft_of_what_cannot_be_is_refused_with_the_reason(doors: Doors, event: dict[str, Any], status: int, reason: str) -> None:
    answer = doors.post("BOUTIQUE", "/v1/drafts", {"event": event})

    assert (answer.status_code, answer.json()["reason"]) == (status, reason)


def test_a_draft_of_an_organization_that_keeps_its_keys_is_refused(doors: Doors) -> None:
    answer = doors.post("SELF_KEYED", "/v1/drafts", {"event": manufacture()})

    assert answer.json()["reason"] == "signer-invalid"
    assert consortium.count(doors.engine, "events") == 0
