"""Second opinions: who may be asked, who sees it, and what answers."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session

from ledger_api.tables import CursorRow
from ledger_verify.hashing import organization_id
from tests.consortium import DIDS, EXPERT, NOW, STRANGER, manufacture, record_all, sale, shipment, verdict
from tests.doors import Doors, meanwhile

SOON, LATER = "2025-06-22T00:00:00Z", "2025-08-01T00:00:00Z"


@pytest.fixture
def bag(doors: Doors) -> Iterator[str]:
    """Sold, recorded, judged by nobody. STRANGER is made a second authenticator for everybody."""
    with doors.engine.begin() as connection:
        connection.execute(text("UPDATE organizations SET roles = 16 WHERE id = :it"), {"it": STRANGER})
        row = "SELECT 1, 9, brand, :it, role, scope, 0, 0 FROM accreditations WHERE organization = :expert"
        columns = "block_number, log_index, brand, organization, role, scope, from_time, until_time"
        connection.execute(text(f"INSERT INTO accreditations ({columns}) {row}"), {"it": STRANGER, "expert": EXPERT})
    doors.post("MAISON", "/v1/events", [manufacture(), shipment()])
    sold = doors.post("BOUTIQUE", "/v1/events", [sale()]).json()
    record_all(doors.engine)
    cursor = CursorRow(
        chain_id=1, genesis_hash=b"", registry_address=b"", ledger=b"", code_hash=b"", next_block=11, head_block=10, final_block=10
    )
    with Session(doors.engine) as session:
        session.add(cursor)
        session.commit()
    yield sold["results"][0]["item"]


def ask(doors: Doors, who: str, item: str, until: str = SOON) -> Any:
    return doors.post(who, "/v1/opinion-requests", {"item": item, "until": until})


def listed(doors: Doors, who: str, asked: str = "of-me") -> list[dict[str, Any]]:
    answer = doors.get(who, f"/v1/opinion-requests?asked={asked}")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["requests"])


def judge(doors: Doors, who: str, outcome: str = "authentic", look: str = "first") -> None:
    answer = doors.post(who, "/v1/events", verdict(outcome=outcome, payload={"appraiser": f"{who}, {look} look"}))
    assert answer.status_code == 202, answer.text
    record_all(doors.engine)


def test_a_request_is_found_by_whoever_is_accredited_for_the_item_and_by_nobody_else(doors: Doors, bag: str) -> None:
    made = ask(doors, "BOUTIQUE", bag)

    assert made.status_code == 200 and made.json()["status"] == "open"
    assert [one["item"] for one in listed(doors, "EXPERT")] == [bag]
    assert listed(doors, "EXPERT")[0]["asked_by"] == "0x" + organization_id(DIDS["BOUTIQUE"]).hex()
    assert listed(doors, "PLATFORM") == listed(doors, "BOUTIQUE") == []


def test_an_item_that_a_reorg_takes_at_that_moment_is_unknown(doors: Doors, bag: str) -> None:
    def taken() -> None:
        with doors.engine.begin() as connection:
            connection.execute(text("DELETE FROM items"))

    with meanwhile(doors.engine, "INSERT INTO opinion_requests", taken):
        answer = ask(doors, "BOUTIQUE", bag)

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-item")


def test_the_next_verdict_of_somebody_new_answers_it(doors: Doors, bag: str) -> None:
    ask(doors, "BOUTIQUE", bag)

    judge(doors, "EXPERT")

    (mine,) = listed(doors, "BOUTIQUE", "by-me")
    assert (mine["status"], mine["answered_by"]) == ("answered", 4)
    assert listed(doors, "STRANGER") == []


def test_who_has_judged_the_item_is_not_asked_for_the_second_opinion_and_does_not_answer_it(doors: Doors, bag: str) -> None:
    judge(doors, "EXPERT", "not-authentic")
    ask(doors, "BOUTIQUE", bag)
    assert listed(doors, "EXPERT") == []
    assert [one["item"] for one in listed(doors, "STRANGER")] == [bag]

    judge(doors, "EXPERT", "not-authentic", look="second")
    assert listed(doors, "BOUTIQUE", "by-me")[0]["status"] == "open"
    judge(doors, "STRANGER")

    assert listed(doors, "BOUTIQUE", "by-me")[0]["answered_by"] == 6


def test_a_request_that_ended_is_overdue_and_may_be_made_again(doors: Doors, bag: str) -> None:
    ask(doors, "BOUTIQUE", bag)
    doors.time = NOW + 30 * 86_400

    assert listed(doors, "EXPERT") == []
    assert listed(doors, "BOUTIQUE", "by-me")[0]["status"] == "overdue"
    assert ask(doors, "BOUTIQUE", bag, LATER).json()["status"] == "open"
    assert len(listed(doors, "EXPERT")) == 1


@pytest.mark.parametrize("until", ["2025-06-01T00:00:00Z", "2027-01-01T00:00:00Z"])
def test_a_request_ends_in_the_future_and_within_a_year(doors: Doors, bag: str, until: str) -> None:
    assert ask(doors, "BOUTIQUE", bag, until).status_code == 422


def test_nothing_is_asked_about_an_item_that_is_not_there_or_not_shown(doors: Doors, bag: str) -> None:
    with doors.engine.begin() as connection:
        connection.execute(text("UPDATE profiles SET visibility = 'withheld' WHERE did = :did"), {"did": DIDS["MAISON"]})

    assert ask(doors, "PLATFORM", "0x" + "99" * 32).status_code == 404
    assert ask(doors, "PLATFORM", bag).status_code == 403
    assert ask(doors, "BOUTIQUE", bag).status_code == 200


def test_an_authenticator_that_is_suspended_is_asked_nothing(doors: Doors, bag: str) -> None:
    ask(doors, "BOUTIQUE", bag)
    with doors.engine.begin() as connection:
        connection.execute(text("UPDATE organizations SET suspended = true WHERE id = :it"), {"it": EXPERT})

    assert listed(doors, "EXPERT") == []


def test_pages_of_requests_hold_together(doors: Doors, bag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger_api.routes.opinion_requests.PAGE", 1)
    for who in ("MAISON", "BOUTIQUE"):
        ask(doors, who, bag)

    first = doors.get("EXPERT", "/v1/opinion-requests").json()
    second = doors.get("EXPERT", f"/v1/opinion-requests?after={first['next']}").json()

    assert {one["asked_by"] for page in (first, second) for one in page["requests"]} == {
        "0x" + organization_id(DIDS[name]).hex() for name in ("MAISON", "BOUTIQUE")
    }
