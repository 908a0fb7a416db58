"""`POST /v1/verifications/bulk`: a list gets what each question alone would have got, in its order, and one bad line spoils no other."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import rfc8785
from eth_account import Account
from eth_account.messages import encode_typed_data
from httpx import Client, Response

from ledger_api.auth import Scope
from ledger_api.routes.verifications import LINES_AT_ONCE, Bulk
from ledger_api.store.engine import reading
from ledger_api.verification import answering
from ledger_api.verification.answering import NOTHING, Seen, Voice
from ledger_api.verification.asking import VerificationIn
from ledger_verify.hashing import keccak
from tests.fake_chain import NETWORK
from tests.gallery import GTIN, SERIALS, SERVICE, Gallery, address_of, sign, visiting

Json = dict[str, Any]
PATH = "/v1/verifications/bulk"


@pytest.fixture
def client(gallery: Gallery) -> Iterator[Client]:
    with visiting(gallery, gallery.key("platform", Scope.VERIFY)) as client:
        yield client


def questions() -> list[Json]:
    return [{"gtin": GTIN, "serial": serial, "expect": {"model": "Sac Lune"}} for serial in SERIALS.values()]


def lines_of(answer: Response) -> list[Json]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [orjson.loads(line) for line in answer.content.splitlines()]


def test_a_list_is_answered_as_each_question_alone_would_be(client: Client) -> None:
    lines = lines_of(client.post(PATH, json=questions()))

    alone = [client.post("/v1/verifications", json=one).json() for one in questions()]
    assert [line["index"] for line in lines] == list(range(len(SERIALS)))
    assert [line["answer"] for line in lines] == alone


def test_each_line_is_signed_and_names_its_own_question(client: Client) -> None:
    asked = questions()
    lines = lines_of(client.post(PATH, json=asked))

    for question, line in zip(asked, lines, strict=True):
        answer = line["answer"]
        signer = Account.recover_message(encode_typed_data(full_message=answer["typed_data"]), signature=answer["signature"])
        assert signer.lower() == answer["signer"]
        assert answer["typed_data"]["message"]["request"] == "0x" + keccak(rfc8785.dumps(question)).hex()


def test_a_line_that_cannot_be_read_is_answered_by_its_problem_and_spoils_no_other(client: Client) -> None:
    good = questions()[0]
    bad: list[Any] = [7, None, {}, {"gtin": "123", "serial": "A"}, good | {"unknown": 1}]

    lines = lines_of(client.post(PATH, json=[good, *bad, good]))

    assert [line["index"] for line in lines] == list(range(7))
    assert [line["error"]["code"] for line in lines[1:6]] == ["invalid-body"] * 5
    assert lines[4]["error"]["fields"][0]["field"] == "gtin"
    assert lines[0]["answer"]["reasons"] == lines[6]["answer"]["reasons"]


def test_questions_may_come_one_per_line(client: Client) -> None:
    body = b"\n".join([orjson.dumps(questions()[0]), b"{no json", b"", orjson.dumps(questions()[1])])

    lines = lines_of(client.post(PATH, content=body, headers={"Content-Type": "application/x-ndjson"}))

    assert [sorted(line) for line in lines] == [["answer", "index"], ["error", "index"], ["answer", "index"]]


@pytest.mark.parametrize("body", ["[]", "{}", "7", "[", orjson.dumps([{}] * 1_001).decode()])
def test_no_list_and_a_list_too_long_are_refused(client: Client, body: str) -> None:
    answer = client.post(PATH, content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-body")


def test_a_withheld_item_is_withheld_in_a_list_too(client: Client) -> None:
    lines = lines_of(client.post(PATH, json=[{"gtin": GTIN, "serial": SERIALS[piece]} for piece in ("withheld", "folded")]))

    assert [(line["answer"]["item"], line["answer"]["reasons"][0]["code"]) for line in lines] == [
        (None, "withheld"),
        (None, "unknown-item"),
    ]


def test_the_first_lines_leave_before_the_last_question_is_judged(gallery: Gallery) -> None:
    judged: list[int] = []

    def looked() -> Iterator[tuple[Any, VerificationIn, Seen]]:
        for number in range(3 * LINES_AT_ONCE):
            judged.append(number)
            value = {"gtin": GTIN, "serial": "NOBODY"}
            yield value, VerificationIn.model_validate(value), NOTHING

    with reading(gallery.engine) as connection:
        here = answering.as_of(connection)
    bulk = Bulk(Voice(NETWORK, sign, address_of(SERVICE)), gallery.engine, None, b"", here, int(gallery.now), "r")
    parts = bulk.lines(looked())

    first = next(parts)
    assert (first.count(b"\n"), len(judged)) == (LINES_AT_ONCE, LINES_AT_ONCE)
    assert sum(part.count(b"\n") for part in parts) == 2 * LINES_AT_ONCE


def test_a_list_counts_as_one_request_for_every_ten_questions(gallery: Gallery) -> None:
    """6,000 requests a minute are allowed to a key of the gallery: 59 lists of a thousand, and not 60."""
    with visiting(gallery, gallery.key("platform", Scope.VERIFY)) as client:
        statuses = [client.post(PATH, json=[0] * 1_000).status_code for _ in range(60)]

    assert statuses == [200] * 59 + [429]
