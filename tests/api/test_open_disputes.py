"""Disputes that wait for a ruling: who is told of them, with what their authors said, and until when."""

from typing import Any

import pytest
from sqlalchemy import text

from ledger_verify.state import RULING_PERIOD, pack_detail
from tests.api.test_ownership import NOW, Owned
from tests.consortium import MAISON, VERNE, manufacture, named, record_all, verdict
from tests.doors import Doors

INVOICE = "0x" + "ab" * 32
GROUNDS = "Bought in the boutique, with its invoice."


@pytest.fixture
def contested(doors: Doors) -> Owned:
    """A bag that was judged a fake; its owner contradicts that, and all of it is recorded."""
    owned = Owned(doors)
    assert doors.post("EXPERT", "/v1/events", verdict(outcome="not-authentic")).status_code == 202
    consent = owned.signed(9, detail=pack_detail(time=4, consented=True))
    status, _ = owned.send("dispute", {"sequence": 4, "grounds": GROUNDS, "evidence": [INVOICE], "consent": consent})
    assert status == 202
    record_all(doors.engine)
    return owned


def waiting_for(doors: Doors, who: str) -> list[dict[str, Any]]:
    answer = doors.get(who, "/v1/disputes")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["disputes"])


def test_the_brand_that_has_to_rule_reads_what_the_owner_said(doors: Doors, contested: Owned) -> None:
    (told,) = waiting_for(doors, "MAISON")

    assert (told["item"], told["sequence"], told["contests"], told["by_owner"]) == (contested.item, 5, 4, True)
    assert (told["grounds"], told["evidence"]) == (GROUNDS, [INVOICE])
    assert told["brand"] == "0x" + MAISON.hex()


def test_nobody_else_is_told(doors: Doors, contested: Owned) -> None:
    assert [waiting_for(doors, who) for who in ("VERNE", "BOUTIQUE", "PLATFORM", "EXPERT", "CONSORTIUM")] == [[]] * 5
    assert doors.get(None, "/v1/disputes").status_code == 401


def test_a_ruling_or_a_release_takes_it_from_the_list(doors: Doors, contested: Owned) -> None:
    at, other = {"occurred_at": "2025-06-15T15:06:40Z"}, {"item": named("B2")}
    ruling = {"kind": "ruling", "outcome": "authentic", "item": {"id": contested.item}, "payload": {"grounds": "The atelier knows it."}}
    release = {"kind": "release", "hold": "disputed", "payload": {}} | other
    doors.post("MAISON", "/v1/events", [manufacture("B2"), {"kind": "dispute", "payload": {"grounds": "A sister piece."}} | other | at])
    record_all(doors.engine)
    assert len(waiting_for(doors, "MAISON")) == 2

    for event in (ruling, release):
        answer = doors.post("MAISON", "/v1/events", event | at)
        assert answer.status_code == 202, answer.text
    record_all(doors.engine)

    assert waiting_for(doors, "MAISON") == []


def test_the_consortium_is_told_when_the_brand_let_its_time_pass(doors: Doors, contested: Owned) -> None:
    doors.time = NOW + RULING_PERIOD + 3600

    (told,) = waiting_for(doors, "CONSORTIUM")

    assert told["item"] == contested.item
    assert told["consortium_from"] < "2026"


def test_a_successor_rules_in_the_place_of_a_brand_that_is_gone(doors: Doors, contested: Owned) -> None:
    with doors.engine.begin() as connection:
        connection.execute(text("UPDATE organizations SET successor = :it WHERE id = :gone"), {"it": VERNE, "gone": MAISON})

    assert [one["item"] for one in waiting_for(doors, "VERNE")] == [contested.item]


def test_pages_go_on_after_their_last_item(doors: Doors, contested: Owned, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger_api.routes.open_disputes.PAGE", 1)

    first = doors.get("MAISON", "/v1/disputes").json()
    rest = doors.get("MAISON", f"/v1/disputes?after={first['next']}").json()

    assert (len(first["disputes"]), first["next"]) == (1, contested.item)
    assert rest == {"disputes": [], "next": None}
