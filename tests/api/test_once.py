"""Idempotency-Key: one answer for one key and body, whatever was lost on the way."""

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import text
from starlette.types import Message

from ledger_api.domain.parsing import parse_event
from ledger_api.errors import DatabaseBusy, IdempotencyInFlight
from ledger_api.intake import Order
from ledger_api.routes import events
from ledger_api.routes.once import Once, request_hash
from ledger_api.store.engine import reading, writing
from ledger_verify.hashing import OrganizationId
from tests import consortium
from tests.consortium import count, manufacture, sale
from tests.doors import Doors

KEY = {"Idempotency-Key": "order-7"}


def test_the_same_key_and_body_give_the_same_answer(doors: Doors) -> None:
    first = doors.post("MAISON", "/v1/events", manufacture(), headers=KEY)
    again = doors.post("MAISON", "/v1/events", manufacture(), headers=KEY)

    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.json()["accepted"] == 1


def test_a_refusal_is_kept_too(doors: Doors) -> None:
    first = doors.post("BOUTIQUE", "/v1/events", sale(), headers=KEY)
    again = doors.post("BOUTIQUE", "/v1/events", sale(), headers=KEY)

    assert first.status_code == 409
    assert (again.status_code, again.content, again.headers["content-type"]) == (409, first.content, "application/problem+json")


def test_the_same_key_with_another_body_is_a_mismatch(doors: Doors) -> None:
    doors.post("MAISON", "/v1/events", manufacture(), headers=KEY)

    answer = doors.post("MAISON", "/v1/events", manufacture("B2"), headers=KEY)

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-mismatch")
    assert count(doors.engine, "events") == 1


def test_a_key_belongs_to_its_caller(doors: Doors) -> None:
    doors.post("MAISON", "/v1/events", manufacture(), headers=KEY)

    assert doors.post("VERNE", "/v1/events", manufacture("B2"), headers=KEY).json()["accepted"] == 1


def claim(doors: Doors, body: bytes) -> Once:
    from ledger_api.auth import Principal

    key_id = doors.token("MAISON").split("_")[1]
    caller = Principal(key_id, OrganizationId(consortium.MAISON), frozenset())
    return Once(doors.context, caller, "order-7", request_hash("POST", "/v1/events?", body))


def test_a_request_that_is_still_being_answered_is_a_conflict(doors: Doors) -> None:
    body = b'{"kind":"manufacture"}'
    claim(doors, body).__enter__()

    answer = doors.ask("POST", "MAISON", "/v1/events", content=body, headers=KEY)

    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency-in-flight")


def test_a_claim_whose_process_died_is_free_after_a_minute(doors: Doors) -> None:
    body = b'{"kind":"manufacture"}'
    claim(doors, body).__enter__()
    doors.time += 61

    answer = doors.ask("POST", "MAISON", "/v1/events", content=body, headers=KEY)

    assert answer.json()["code"] == "event-unreadable"


def test_a_long_answer_renews_its_claim_with_every_chunk(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger_api.routes.events.LONGEST_LIST", 1)
    body = b"\n".join(json.dumps(manufacture(serial)).encode() for serial in ("A1", "A2", "A3"))
    meanwhile: list[str] = []

    def parse_slowly(line: bytes) -> Any:
        doors.time += 40
        if b"A3" in line:
            with pytest.raises(IdempotencyInFlight):
                claim(doors, body).__enter__()
            meanwhile.append("in flight")
        return parse_event(json.loads(line))

    monkeypatch.setattr("ledger_api.routes.events._parse_line", parse_slowly)
    headers = KEY | {"Content-Type": "application/x-ndjson"}
    answer = doors.ask("POST", "MAISON", "/v1/events", content=body, headers=headers)

    assert meanwhile == ["in flight"]
    assert json.loads(answer.text.splitlines()[-1])["accepted"] == 3


def test_lines_whose_caller_hangs_up_before_reading_any_give_their_claim_back(doors: Doors) -> None:
    """As when a connection is reset between the head of the answer and its first line: nobody ever asks for the rest. Whoever still holds
    the response, as a traceback does until the garbage collector comes, holds no claim."""
    body = b"\n".join(json.dumps(manufacture(serial)).encode() for serial in ("A1", "A2"))
    order = Order(organization=OrganizationId(consortium.MAISON), now=int(doors.time), submission="ab" * 16, request_id="cut")
    response = events._stream(doors.context, order, claim(doors, body), body)

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def into_nothing(_: Message) -> None:
        await asyncio.sleep(0)

    async def answered() -> None:
        await response({"type": "http", "asgi": {"spec_version": "2.3"}}, gone, into_nothing)

    asyncio.run(answered())

    answer = doors.ask("POST", "MAISON", "/v1/events", content=body, headers=KEY | {"Content-Type": "application/x-ndjson"})

    assert json.loads(answer.text.splitlines()[-1])["duplicates"] == 2


def test_lines_whose_answer_could_not_be_kept_give_their_claim_back(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    body, headers = json.dumps(manufacture()).encode(), KEY | {"Content-Type": "application/x-ndjson"}

    def busy(*_: Any, **__: Any) -> None:
        raise DatabaseBusy

    with monkeypatch.context() as patch:
        patch.setattr("ledger_api.store.submissions.keep_answer", busy)
        answer = doors.ask("POST", "MAISON", "/v1/events", content=body, headers=headers)
    again = doors.ask("POST", "MAISON", "/v1/events", content=body, headers=headers)

    assert json.loads(answer.text.splitlines()[-1])["problem"]["code"] == "database-busy"
    assert json.loads(again.text.splitlines()[-1])["duplicates"] == 1


def test_a_request_that_was_slow_touches_no_other_requests_claim(doors: Doors) -> None:
    """It was taken for dead, and the key is used for another body by now."""
    slow = claim(doors, b"one body")
    slow.__enter__()
    slow.__exit__(None, None, None)  # by whoever had taken it over, and failed
    other = claim(doors, b"another body")
    other.__enter__()

    slow.__exit__(None, None, None)
    slow.keep_now(202, b"of one body")

    with pytest.raises(IdempotencyInFlight):
        claim(doors, b"another body").__enter__()


def test_a_request_that_failed_gives_its_claim_back(doors: Doors) -> None:
    doors.ask("POST", "MAISON", "/v1/events", content=b"[]", headers=KEY)

    assert doors.post("MAISON", "/v1/events", manufacture(), headers=KEY).json()["accepted"] == 1


def test_the_answer_is_kept_in_the_commit_that_accepts(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: Any, **__: Any) -> None:
        raise RuntimeError("the process dies before the commit")

    with pytest.raises(RuntimeError), claim(doors, b"x") as once, writing(doors.engine) as connection:
        connection.execute(text("INSERT INTO tips (item, state) VALUES (:item, :state)"), {"item": b"i", "state": b"s"})
        once.keep(connection, 202, b"{}")
        lost()

    with reading(doors.engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM idempotency")).scalar_one() == 0
    assert count(doors.engine, "tips") == 0


def test_lines_are_answered_alike_under_one_key(doors: Doors) -> None:
    body = b'{"kind":"x"}\n{"kind":"y"}'
    headers = KEY | {"Content-Type": "application/x-ndjson"}

    first = doors.ask("POST", "MAISON", "/v1/events", content=body, headers=headers)
    again = doors.ask("POST", "MAISON", "/v1/events", content=body, headers=headers)

    assert (again.status_code, again.content, again.headers["content-type"]) == (202, first.content, first.headers["content-type"])
