"""What became of a request: statuses that are honest until final, asked for or streamed."""

import threading
import time
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from ledger_api.routes import streaming
from tests.consortium import manufacture, record_all, shipment
from tests.doors import Doors, meanwhile


def cursor(doors: Doors, *, final_block: int) -> None:
    """How far the indexer is."""
    with doors.engine.begin() as connection:
        connection.execute(text("DELETE FROM chain_cursor"))
        connection.execute(
            text(
                "INSERT INTO chain_cursor (id, chain_id, genesis_hash, registry, ledger, code_hash, next_block, head_block, final_block)"
                " VALUES (1, 31337, :h, :h, :h, :h, 21, 20, :final)"
            ),
            {"h": b"h", "final": final_block},
        )


def refuse_all(doors: Doors, reason: int = 13) -> None:
    with doors.engine.begin() as connection:
        connection.execute(text("UPDATE events SET status = 'refused', reason = :reason"), {"reason": reason})


def refuse_above_final(doors: Doors) -> None:
    """In a block that a reorg may still take."""
    cursor(doors, final_block=9)
    refuse_all(doors)
    with doors.engine.begin() as connection:
        connection.execute(text("UPDATE events SET refused_block = 10"))


def take_back(doors: Doors) -> None:
    with doors.engine.begin() as connection:
        connection.execute(text("UPDATE events SET status = 'accepted', reason = NULL, refused_block = NULL"))


@pytest.fixture
def submission(doors: Doors) -> str:
    return str(doors.post("MAISON", "/v1/events", [manufacture(), shipment(), manufacture("A2")]).json()["submission"])


def messages(answer: Any) -> list[dict[str, str]]:
    parts = [part for part in answer.text.split("\n\n") if part and not part.startswith(":")]
    return [dict(line.split(": ", 1) for line in part.splitlines()) for part in parts]


def test_a_submission_goes_from_accepted_to_recorded_to_final(doors: Doors, submission: str) -> None:
    def status() -> str:
        return str(doors.get("MAISON", f"/v1/submissions/{submission}").json()["status"])

    seen = [status()]
    cursor(doors, final_block=9)
    record_all(doors.engine, block=10)
    seen.append(status())
    cursor(doors, final_block=10)
    seen.append(status())

    assert seen == ["accepted", "recorded", "final"]


def test_a_submission_is_refused_only_when_nothing_of_it_stands(doors: Doors, submission: str) -> None:
    refuse_all(doors)

    answer = doors.get("MAISON", f"/v1/submissions/{submission}").json()

    assert (answer["status"], answer["counts"]) == ("refused", {"accepted": 0, "recorded": 0, "final": 0, "refused": 3, "parked": 0})
    assert {(one["reason"], one["message"]) for one in answer["events"]} == {("suspended", "The organization is suspended.")}


def test_a_submissions_events_come_in_pages(doors: Doors, submission: str) -> None:
    first = doors.get("MAISON", f"/v1/submissions/{submission}?limit=2").json()
    rest = doors.get("MAISON", f"/v1/submissions/{submission}?limit=2&after={first['next']}").json()

    assert [one["position"] for one in first["events"] + rest["events"]] == [0, 1, 2]
    assert rest["next"] is None


def test_an_event_shows_its_payload_and_where_it_stands(doors: Doors, submission: str) -> None:
    event_id = doors.get("MAISON", f"/v1/submissions/{submission}").json()["events"][0]["event_id"]
    before = doors.get("MAISON", f"/v1/events/{event_id}").json()
    cursor(doors, final_block=10)
    record_all(doors.engine, block=10)
    after = doors.get("MAISON", f"/v1/events/{event_id}").json()

    assert (before["status"], before["sequence"], before["payload"]["serial"]) == ("accepted", None, "A1")
    assert (after["status"], after["sequence"], after["block"], after["payload"]["model"]) == ("final", 1, 10, "Sac Lune")


def test_an_event_that_only_the_chain_knows_is_shown_to_its_organization(doors: Doors, submission: str) -> None:
    event_id = doors.get("MAISON", f"/v1/submissions/{submission}").json()["events"][0]["event_id"]
    cursor(doors, final_block=10)
    record_all(doors.engine, block=10)
    with doors.engine.begin() as connection:
        connection.execute(text("DELETE FROM events"))

    assert doors.get("MAISON", f"/v1/events/{event_id}").json()["status"] == "final"
    assert doors.get("VERNE", f"/v1/events/{event_id}").status_code == 404


def test_a_stream_tells_each_change_until_it_is_final(doors: Doors, submission: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "POLL_SECONDS", 0.02)

    def happen() -> None:
        time.sleep(0.3)
        cursor(doors, final_block=9)
        record_all(doors.engine, block=10)
        time.sleep(0.3)
        cursor(doors, final_block=10)

    chain = threading.Thread(target=happen)
    chain.start()
    answer = doors.get("MAISON", f"/v1/submissions/{submission}/stream")
    chain.join()

    assert answer.headers["content-type"].startswith("text/event-stream")
    statuses = [orjson.loads(message["data"])["status"] for message in messages(answer)]
    assert (statuses[0], statuses[-1]) == ("accepted", "final")


def test_a_stream_does_not_end_with_a_refusal_that_a_reorg_takes_back_at_that_moment(
    doors: Doors, submission: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(streaming, "LONGEST_STREAM_SECONDS", 0.1)
    refuse_above_final(doors)

    with meanwhile(doors.engine, "refused_block >", lambda: take_back(doors)):
        answer = doors.get("MAISON", f"/v1/submissions/{submission}/stream")

    assert orjson.loads(messages(answer)[-1]["data"])["status"] == "accepted"


def test_a_stream_goes_on_after_a_break_without_saying_things_twice(doors: Doors, submission: str) -> None:
    cursor(doors, final_block=10)
    record_all(doors.engine, block=10)
    first = messages(doors.get("MAISON", f"/v1/submissions/{submission}/stream"))

    late = doors.get("MAISON", f"/v1/submissions/{submission}/stream", headers={"Last-Event-ID": "3-0-0-0"})
    heard = doors.get("MAISON", f"/v1/submissions/{submission}/stream", headers={"Last-Event-ID": first[-1]["id"]})

    assert messages(late) == first
    assert (heard.status_code, heard.content) == (204, b"")


def test_a_stream_that_lasts_too_long_ends_and_may_be_asked_for_again(
    doors: Doors, submission: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(streaming, "SILENCE_SECONDS", 0.02)
    monkeypatch.setattr(streaming, "LONGEST_STREAM_SECONDS", 0.1)

    answer = doors.get("MAISON", f"/v1/submissions/{submission}/stream")

    assert len(messages(answer)) == 1
    assert ": still the same" in answer.text


def test_a_refusal_that_a_reorg_may_still_take_back_does_not_end_the_stream(
    doors: Doors, submission: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "POLL_SECONDS", 0.02)
    refuse_above_final(doors)

    def reorg() -> None:
        time.sleep(0.3)
        take_back(doors)
        time.sleep(0.3)
        record_all(doors.engine, block=10)
        cursor(doors, final_block=10)

    chain = threading.Thread(target=reorg)
    chain.start()
    answer = doors.get("MAISON", f"/v1/submissions/{submission}/stream")
    chain.join()

    statuses = [orjson.loads(message["data"])["status"] for message in messages(answer)]
    assert (statuses[:2], statuses[-1]) == (["refused", "accepted"], "final")


def test_what_waits_behind_a_parked_event_says_behind_which(doors: Doors, submission: str) -> None:
    with doors.engine.begin() as connection:
        connection.execute(text("UPDATE events SET parked = 1, error = 'would-revert: no', failures = 10 WHERE id = 1"))
        connection.execute(text("UPDATE events SET parked = 1 WHERE id = 2"))

    answer = doors.get("MAISON", f"/v1/submissions/{submission}").json()
    letter, behind, free = answer["events"]

    assert letter["parked"] == {"code": "would-revert", "message": "no", "failures": 10, "behind": None}
    assert behind["parked"] == {"code": "would-revert", "message": "no", "failures": 10, "behind": letter["event_id"]}
    assert (free["parked"], answer["status"], answer["counts"]["parked"]) == (None, "accepted", 2)
    assert doors.get("MAISON", f"/v1/events/{behind['event_id']}").json()["parked"] == behind["parked"]


def test_refusals_at_the_door_are_counted_by_reason(doors: Doors, submission: str) -> None:
    wrong = manufacture("A9") | {"gtin": "03760001234567"}

    for _ in range(2):
        doors.post("MAISON", "/v1/events", [wrong, manufacture("A1")])

    with doors.engine.begin() as connection:
        counted = connection.execute(text("SELECT label, value FROM tallies WHERE name = 'refusals-door'")).all()
    assert [tuple(row) for row in counted] == [("gtin-check-digit", 2.0)]
