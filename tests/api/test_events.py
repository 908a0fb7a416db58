"""The brand ingestion door: one event, lists, lines, repeats, refusals. Each test runs on SQLite and on PostgreSQL."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from ledger_api.errors import DatabaseBusy
from ledger_api.routes import events
from ledger_api.store.engine import reading
from ledger_verify.transition import state_from_bytes
from tests import consortium
from tests.consortium import count, manufacture, named, raw_material, record_all, sale, shipment, verdict
from tests.doors import Doors

NDJSON = {"Content-Type": "application/x-ndjson"}


def lines(*bodies: Any) -> str:
    return "\n".join(body if isinstance(body, str) else json.dumps(body) for body in bodies)


def told(answer: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.text.splitlines()]


# --- one event


def test_an_event_is_accepted_durably_with_everything_that_belongs_to_it(doors: Doors) -> None:
    answer = doors.post("MAISON", "/v1/events", manufacture())

    assert answer.status_code == 202
    body = answer.json()
    assert (body["accepted"], body["results"][0]["status"]) == (1, "accepted")
    assert {table: count(doors.engine, table) for table in ("events", "payloads", "identifiers", "tips", "submissions")} == dict.fromkeys(
        ("events", "payloads", "identifiers", "tips", "submissions"), 1
    )


def test_a_refused_event_answers_a_problem_with_its_reason(doors: Doors) -> None:
    answer = doors.post("BOUTIQUE", "/v1/events", sale("NOT-MADE"))

    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["code"], answer.json()["reason"]) == ("event-refused", "unknown-item")


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"occurred_at": "2025-02-01T09:00:00"}, "time-zone-missing", "occurred_at"),
        ({"gtin": "03760001000398"}, "gtin-check-digit", "gtin"),
        ({"serial": "THIS-SERIAL-IS-LONGER-THAN-TWENTY"}, "serial-invalid", "serial"),
        ({"serial": "é"}, "serial-invalid", "serial"),
        ({"colour": "noir"}, "malformed", "colour"),
        ({"kind": "birth"}, "malformed", "kind"),
        ({"payload": {"model": 7}}, "malformed", "payload.model"),
        ({"payload": {"model": "x", "gtin": "1"}}, "malformed", "payload.gtin"),
        ({"payload": {"model": "x", "weight": 2**60}}, "malformed", "payload"),
    ],
)
def test_an_event_that_cannot_be_read_is_named_by_reason_and_field(doors: Doors, changes: dict[str, Any], reason: str, field: str) -> None:
    answer = doors.post("MAISON", "/v1/events", manufacture() | changes)

    assert answer.status_code == 422
    assert (answer.json()["reason"], answer.json()["field"]) == (reason, field)
    assert count(doors.engine, "events") == 0


def test_an_event_from_the_future_is_refused(doors: Doors) -> None:
    answer = doors.post("MAISON", "/v1/events", manufacture(occurred_at="2099-01-01T00:00:00Z"))

    assert answer.json()["reason"] == "in-the-future"


def test_the_first_reason_in_the_protocols_order_is_given(doors: Doors) -> None:
    wrong_in_three_ways = manufacture(occurred_at="2025-02-01T09:00:00", gtin="1", serial="")

    assert doors.post("MAISON", "/v1/events", wrong_in_three_ways).json()["reason"] == "time-zone-missing"


# --- lists


def test_one_poison_event_among_a_thousand_changes_nothing_for_the_others(doors: Doors) -> None:
    bodies: list[Any] = [manufacture(f"S{number}") for number in range(1000)]
    bodies[500] = {"kind": "manufacture", "payload": {"a": [[[]]]}, "gtin": "\ud83d"[:0], "serial": None}

    answer = doors.post("MAISON", "/v1/events", bodies)

    assert answer.status_code == 202
    assert (answer.json()["accepted"], answer.json()["refused"]) == (999, 1)
    assert answer.json()["results"][500]["reason"] == "malformed"
    assert count(doors.engine, "events") == 999


def test_later_events_of_a_list_are_judged_on_what_earlier_ones_leave(doors: Doors) -> None:
    bodies = [manufacture(), shipment(), shipment(to="BOUTIQUE", occurred_at="2025-03-02T09:00:00Z")]

    results = doors.post("MAISON", "/v1/events", bodies).json()["results"]

    assert [one["reason"] or one["status"] for one in results] == ["accepted", "accepted", "not-the-holder"]


def test_a_list_follows_the_heads_of_its_own_events(doors: Doors) -> None:
    doors.post("MAISON", "/v1/events", [manufacture(), shipment()])

    with reading(doors.engine) as connection:
        born, moved = connection.execute(text("SELECT head, state FROM events ORDER BY id")).all()
    assert born.head == bytes(32)
    assert moved.head == state_from_bytes(born.state).head


@pytest.mark.parametrize("body", [[], 7, "x", None, [{}] * 1001])
def test_a_body_of_another_shape_is_refused_whole(doors: Doors, body: Any) -> None:
    answer = doors.post("MAISON", "/v1/events", body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-body")


def test_what_is_no_json_is_refused_with_its_place(doors: Doors) -> None:
    answer = doors.ask("POST", "MAISON", "/v1/events", content=b'{"kind": ')

    assert (answer.status_code, answer.json()["code"], answer.json()["line"]) == (422, "invalid-body", 1)


def test_all_or_nothing_refuses_the_neighbours_of_a_refused_event(doors: Doors) -> None:
    answer = doors.post("MAISON", "/v1/events?all_or_nothing=true", [manufacture("G1"), manufacture("G2", lots=("NO-LOT",))])

    assert [one["reason"] for one in answer.json()["results"]] == ["group-refused", "unknown-lot"]
    assert count(doors.engine, "events") == 0


def test_all_or_nothing_events_share_a_unit(doors: Doors) -> None:
    answer = doors.post("MAISON", "/v1/events?all_or_nothing=true", [manufacture("G1"), manufacture("G2")])

    assert count(doors.engine, "events", f"unit = '{answer.json()['submission']}'") == 2


# --- lots


def test_a_manufacture_needs_each_lot_that_it_names(doors: Doors) -> None:
    doors.post("TANNERY", "/v1/events", raw_material("LOT-1"))

    answer = doors.post("MAISON", "/v1/events", [manufacture("A1", lots=("LOT-1",)), manufacture("A2", lots=("LOT-1", "LOT-2"))])

    first, second = answer.json()["results"]
    assert first["status"] == "accepted"
    assert (second["reason"], second["facts"]) == ("unknown-lot", {"lots": ["LOT-2"]})


def test_a_lot_that_only_the_chain_still_knows_counts(doors: Doors) -> None:
    doors.post("TANNERY", "/v1/events", raw_material("LOT-1"))
    record_all(doors.engine)

    answer = doors.post("MAISON", "/v1/events", manufacture(lots=("LOT-1",)))

    assert answer.status_code == 202


# --- lines


def test_lines_are_answered_one_by_one_under_one_submission(doors: Doors) -> None:
    bodies = [manufacture(f"L{number}") for number in range(2500)] + ["{not json", manufacture("L0")]

    answer = doors.ask("POST", "MAISON", "/v1/events", content=lines(*bodies), headers=NDJSON)

    *results, summary = told(answer)
    assert [one["index"] for one in results] == list(range(2502))
    assert (results[2500]["reason"], results[2501]["status"]) == ("malformed", "duplicate")
    assert {name: summary[name] for name in ("accepted", "duplicates", "refused")} == {"accepted": 2500, "duplicates": 1, "refused": 1}
    assert count(doors.engine, "submissions") == 1
    assert count(doors.engine, "events", f"submission = '{summary['submission']}'") == 2500


def test_a_line_may_speak_of_an_item_that_an_earlier_line_made(doors: Doors) -> None:
    bodies = [manufacture(f"L{number}") for number in range(1100)] + [shipment("L3")]

    answer = doors.ask("POST", "MAISON", "/v1/events", content=lines(*bodies), headers=NDJSON)

    assert told(answer)[-1]["accepted"] == 1101


def test_no_lines_are_no_body(doors: Doors) -> None:
    answer = doors.ask("POST", "MAISON", "/v1/events", content="\n \n", headers=NDJSON)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-body")


def test_lines_that_cannot_go_on_say_so_and_may_be_sent_again(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = [manufacture(f"L{number}") for number in range(1001)]
    real, chunks = events.accept_events, iter([True, False])

    def tiring(*parts: Any, **named_parts: Any) -> Any:
        if next(chunks):
            return real(*parts, **named_parts)
        raise DatabaseBusy

    with monkeypatch.context() as patched:
        patched.setattr(events, "accept_events", tiring)
        broken = told(doors.ask("POST", "MAISON", "/v1/events", content=lines(*bodies), headers=NDJSON))
    again = told(doors.ask("POST", "MAISON", "/v1/events", content=lines(*bodies), headers=NDJSON))

    assert (len(broken), broken[-1]["problem"]["code"]) == (1001, "database-busy")
    assert {name: again[-1][name] for name in ("accepted", "duplicates")} == {"accepted": 1, "duplicates": 1000}


# --- repeats


def test_the_same_event_again_is_a_duplicate_of_the_first_submission(doors: Doors) -> None:
    first = doors.post("MAISON", "/v1/events", manufacture()).json()

    again = doors.post("MAISON", "/v1/events", manufacture(occurred_at="2025-02-01T10:00:00+01:00")).json()

    assert (again["accepted"], again["duplicates"], again["submission"]) == (0, 1, None)
    assert again["results"][0]["submission"] == first["submission"]
    assert count(doors.engine, "events") == 1


def test_the_same_event_is_a_duplicate_after_it_was_recorded_and_after_operations_were_lost(doors: Doors) -> None:
    doors.post("MAISON", "/v1/events", manufacture())
    record_all(doors.engine)
    with doors.engine.begin() as connection:
        connection.execute(text("DELETE FROM events"))

    again = doors.post("MAISON", "/v1/events", manufacture()).json()

    assert (again["duplicates"], again["results"][0]["submission"]) == (1, None)


def test_the_same_event_under_a_new_blinding_key_is_still_the_first_one(doors: Doors) -> None:
    doors.post("MAISON", "/v1/events", [manufacture(), shipment()])
    doors.keys.epochs[consortium.MAISON] = 2

    again = doors.post("MAISON", "/v1/events", [manufacture(), shipment()]).json()

    assert again["duplicates"] == 2


def test_the_same_events_sent_in_parallel_are_accepted_once(doors: Doors) -> None:
    bodies = [manufacture(f"P{number}") for number in range(50)]
    doors.token("MAISON")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: doors.post("MAISON", "/v1/events", bodies), range(8)))

    assert [answer.status_code for answer in answers] == [202] * 8
    assert sum(answer.json()["accepted"] for answer in answers) == 50
    assert sum(answer.json()["duplicates"] for answer in answers) == 350
    assert count(doors.engine, "events") == 50


def test_different_events_of_one_item_in_parallel_follow_one_another(doors: Doors) -> None:
    doors.post("MAISON", "/v1/events", manufacture())
    doors.token("EXPERT")
    bodies = [verdict(payload={"appraiser": f"APR-{number}"}) for number in range(12)]

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda body: doors.post("EXPERT", "/v1/events", body), bodies))

    with reading(doors.engine) as connection:
        heads = connection.execute(text("SELECT head FROM events ORDER BY id")).scalars().all()
    assert len(set(heads)) == 13


def test_the_same_identity_with_other_content_is_already_recorded(doors: Doors) -> None:
    doors.post("MAISON", "/v1/events", manufacture())

    answer = doors.post("MAISON", "/v1/events", manufacture(payload={"model": "Sac Lune (relabelled)"}))

    assert answer.json()["reason"] == "already-recorded"


def test_a_serial_of_another_brands_item_is_already_recorded(doors: Doors) -> None:
    doors.post("MAISON", "/v1/events", manufacture())

    answer = doors.post("VERNE", "/v1/events", manufacture())

    assert answer.json()["reason"] == "already-recorded"


def test_a_serial_whose_first_item_never_came_to_be_is_free_again(doors: Doors) -> None:
    doors.post("MAISON", "/v1/events", manufacture())
    with doors.engine.begin() as connection:
        connection.execute(text("UPDATE events SET status = 'refused', reason = 13"))
        connection.execute(text("DELETE FROM tips"))

    answer = doors.post("VERNE", "/v1/events", manufacture())

    assert answer.status_code == 202
    assert count(doors.engine, "identifiers") == 1


# --- refused before


def test_a_refused_event_that_is_refused_again_gives_the_first_reason(doors: Doors) -> None:
    doors.post("MAISON", "/v1/events", [manufacture(), shipment()])
    first = doors.post("MAISON", "/v1/events", sale())
    doors.post("BOUTIQUE", "/v1/events", sale(owner="somebody"))

    again = doors.post("MAISON", "/v1/events", sale())

    assert (first.json()["reason"], again.json()["reason"]) == ("not-the-holder", "not-the-holder")


def test_a_refused_event_may_be_sent_again_and_be_accepted(doors: Doors) -> None:
    doors.post("MAISON", "/v1/events", manufacture())
    refused = doors.post("BOUTIQUE", "/v1/events", sale())
    doors.post("MAISON", "/v1/events", shipment())

    again = doors.post("BOUTIQUE", "/v1/events", sale())

    assert (refused.status_code, again.status_code) == (409, 202)


def test_an_event_that_the_contract_refused_gives_that_reason_again(doors: Doors) -> None:
    doors.post("MAISON", "/v1/events", [manufacture(), shipment()])
    doors.post("BOUTIQUE", "/v1/events", sale())
    with doors.engine.begin() as connection:
        connection.execute(text("UPDATE events SET status = 'refused', reason = 12 WHERE kind = 4"))
        connection.execute(text("UPDATE tips SET state = (SELECT state FROM events WHERE kind = 3)"))
    consortium.suspend(doors.engine, consortium.BOUTIQUE)

    again = doors.post("BOUTIQUE", "/v1/events", sale())

    assert again.json()["reason"] == "not-accredited"


# --- what is committed


def test_names_of_items_may_be_given_in_four_ways(doors: Doors) -> None:
    born = doors.post("MAISON", "/v1/events", manufacture()).json()["results"][0]["item"]
    link = f"https://id.maison.example/01/{consortium.GTIN}/21/A1?17=290101"
    references: list[dict[str, str]] = [named(), {"id": born}, {"digital_link": link}, named(gtin=consortium.GTIN[1:])]

    answers = [
        doors.post("EXPERT", "/v1/events", verdict(item=reference, payload={"appraiser": str(number)}))
        for number, reference in enumerate(references)
    ]

    assert [answer.json()["results"][0]["item"] for answer in answers] == [born] * 4


def test_a_lot_is_named_by_its_supplier_and_name(doors: Doors) -> None:
    born = doors.post("TANNERY", "/v1/events", raw_material()).json()["results"][0]["item"]
    reference = {"supplier": consortium.DIDS["TANNERY"], "lot": "LOT-1"}

    moved = doors.post("TANNERY", "/v1/events", shipment(item=reference, to="MAISON"))

    assert moved.json()["results"][0]["item"] == born


def test_a_serial_stands_nowhere_that_goes_on_chain(doors: Doors) -> None:
    doors.post("MAISON", "/v1/events", manufacture("VERY-SECRET-1"))

    with reading(doors.engine) as connection:
        row = connection.execute(text("SELECT item, party, detail, payload, head, event_hash FROM events")).one()
    assert all(b"VERY-SECRET-1" not in bytes(column) for column in row)


@pytest.mark.parametrize("event_id", ["0x12", "x", "0x" + "00" * 32])
def test_an_event_that_is_none_is_not_found(doors: Doors, event_id: str) -> None:
    assert doors.get("MAISON", f"/v1/events/{event_id}").status_code == 404


def test_a_key_without_scopes_for_events_sends_and_reads_none(doors: Doors) -> None:
    verifier = doors.token("MAISON", frozenset({"verify"}))

    sent = doors.post(None, "/v1/events", manufacture(), token=verifier)
    read = doors.get(None, "/v1/events/0x" + "00" * 32, token=verifier)

    assert (sent.status_code, sent.json()["scope"], read.status_code) == (403, "events:write", 403)


def test_an_organization_that_keeps_its_keys_is_sent_to_the_other_door(doors: Doors) -> None:
    answer = doors.post("SELF_KEYED", "/v1/events", manufacture())

    assert (answer.status_code, answer.json()["reason"]) == (409, "signer-invalid")
