"""Handing over: the buyer sees whether the owner's consent is for the item as the buyer saw it."""

from typing import Any

import pytest

from ledger_verify.hashing import claim_holder, keccak
from tests.api.test_ownership import HEIR, NOW, OWNER, THIEF, Owned
from tests.consortium import address_of, verdict
from tests.doors import Doors, at_once

BUYER = "0x" + address_of(HEIR).hex()


@pytest.fixture
def owned(doors: Doors) -> Owned:
    return Owned(doors)


def put(owned: Owned, buyer: str = BUYER, **changes: Any) -> tuple[int, str | None]:
    consent = owned.signed(6, **{"new_holder": claim_holder(bytes.fromhex(buyer[2:]))} | changes)
    answer = owned.doors.ask("PUT", None, f"/v1/items/{owned.item}/offers/{buyer}", json={"consent": consent})
    return answer.status_code, None if answer.status_code == 204 else answer.json()["code"]


def seen(owned: Owned, buyer: str = BUYER) -> dict[str, Any]:
    found: dict[str, Any] = owned.doors.get(None, f"/v1/items/{owned.item}/offers/{buyer}").json()
    return found


def test_a_buyer_sees_an_offer_for_exactly_what_he_saw_and_takes_it(owned: Owned) -> None:
    before = seen(owned)
    assert put(owned) == (204, None)
    offer = seen(owned)

    consent = owned.signed(6, new_holder=claim_holder(address_of(HEIR)), deadline=offer["deadline_seconds"])
    taken = owned.send("transfer", {"new_holder": BUYER, "consent": consent | {"signature": offer["signature"]}})

    assert (before["standing"], offer["standing"], offer["offered_head"]) == ("none", "open", before["head"])
    assert taken[0] == 202
    assert seen(owned)["standing"] == "taken"


def test_any_event_in_between_withdraws_the_offer(owned: Owned) -> None:
    put(owned)
    owned.doors.post("EXPERT", "/v1/events", verdict())

    told = seen(owned)

    assert told["standing"] == "withdrawn"
    assert told["head"] != told["offered_head"]


def test_an_offer_ends_with_its_deadline(owned: Owned) -> None:
    put(owned, deadline=NOW + 60)
    owned.doors.time += 61

    assert seen(owned)["standing"] == "expired"


def test_an_offer_is_for_one_buyer(owned: Owned) -> None:
    put(owned)

    assert seen(owned, "0x" + address_of(THIEF).hex())["standing"] == "none"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"chain_id": 1}, "consent-to-another-chain"),
        ({"ledger": b"\x09" * 20}, "consent-to-another-ledger"),
        ({"item": keccak(b"another")}, "consent-to-another-item"),
        ({"head": keccak(b"another")}, "consent-withdrawn"),
        ({"deadline": NOW - 1}, "consent-expired"),
        ({"key": THIEF}, "consent-not-the-holder"),
        ({"new_holder": claim_holder(address_of(OWNER))}, "consent-to-another-deed"),
    ],
)
def test_nobody_can_leave_an_offer_that_is_not_good(owned: Owned, changes: dict[str, Any], code: str) -> None:
    assert put(owned, **changes) == (409, code)
    assert seen(owned)["standing"] == "none"


def test_a_later_offer_takes_the_place_of_the_first(owned: Owned) -> None:
    put(owned, deadline=NOW + 60)
    put(owned, deadline=NOW + 7200)

    assert seen(owned)["deadline_seconds"] == NOW + 7200


def test_what_is_no_address_is_said_to_be_none(owned: Owned) -> None:
    answer = owned.doors.get(None, f"/v1/items/{owned.item}/offers/0x12")

    assert (answer.status_code, answer.json()["field"]) == (422, "path.buyer")


def test_an_offer_that_is_left_twice_at_once_is_left(owned: Owned) -> None:
    assert at_once(owned.doors.engine, "offers", *[lambda: put(owned)] * 2) == [(204, None)] * 2
    assert seen(owned)["standing"] == "open"
