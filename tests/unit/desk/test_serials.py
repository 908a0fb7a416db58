"""Comparing what was read with what was claimed: pure, but for one picture that is really read, without a network."""

import socket

import pytest

from benchmarks.photos import draw, jpeg
from ledger_api.desk.serials import Candidate, compare, folded, read


@pytest.mark.parametrize(
    ("texts", "claimed", "result"),
    [
        (["A3513268"], "A3513268", "match"),
        (["Nr. A351-3268"], "A3513268", "match"),
        (["A35I3Z6B"], "A3513268", "match-alike"),
        (["VN0O1"], "VNO01", "match-alike"),
        (["MADE IN FRANCE", "A3513268"], "A3513268", "match"),
        (["A3513269"], "A3513268", "mismatch"),
        (["MAISON"], "A3513268", "unreadable"),
        (["12"], "A3513268", "unreadable"),
        ([], "A3513268", "unreadable"),
        (["A3513268"], None, "nothing-claimed"),
    ],
)
def test_what_is_read_is_compared_letter_by_letter_and_look_alikes_are_told_apart(
    texts: list[str], claimed: str | None, result: str
) -> None:
    told = compare([Candidate(text, 0.9) for text in texts], claimed)

    assert told.result == result and told.compared_with == claimed


@pytest.mark.parametrize(
    ("texts", "known", "ledger"),
    [
        (["A3513268"], "A3513268", "match"),
        (["A35I3Z6B"], "A3513268", "match-alike"),
        (["A3513269"], "A3513268", "mismatch"),
        (["MAISON"], "A3513268", "unreadable"),
        (["A3513268"], None, "unknown"),
        ([], None, "unknown"),
    ],
)
@pytest.mark.parametrize("claimed", [None, "A3513268", "B9990001"])
def test_it_is_compared_with_the_ledger_whatever_was_claimed(texts: list[str], claimed: str | None, known: str | None, ledger: str) -> None:
    candidates = [Candidate(text, 0.9) for text in texts]

    told = compare(candidates, claimed, known)

    assert told.ledger == ledger and told.result == compare(candidates, claimed).result
    assert told.compared_with == claimed  # what the ledger calls it is not told: the asker may read this


def test_what_the_reader_is_not_sure_of_does_not_count() -> None:
    told = compare([Candidate("A3513268", 0.49), Candidate("B9990001", 0.8)], "A3513268")

    assert (told.result, told.read) == ("mismatch", "B9990001")


def test_look_alikes_fold_together_and_others_do_not() -> None:
    assert folded("O0QD") == "0000" and folded("Il1|") == "1111" and folded("5S8B2Z6G") == "55882266"
    assert folded("A3513268") != folded("A3513267")


@pytest.mark.parametrize("turned", [0, 2])
def test_a_serial_is_read_off_its_photo_upright_or_upside_down_and_nobody_is_asked(turned: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_arguments: object) -> None:
        raise AssertionError("a reader that asks the network")

    monkeypatch.setattr(socket.socket, "connect", nobody)
    photo = draw(2, shot="serial", serial="VN27B1274S", size=(1024, 768))

    told = read(jpeg(photo[::-1, ::-1].copy() if turned else photo), claimed="VN27B1274S")

    assert told.result == "match" and told.as_json()["candidates"]
