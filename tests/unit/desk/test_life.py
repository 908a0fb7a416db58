"""The states of a case: each means one thing, each can be reached, and each that is not an end leads on."""

from pathlib import Path

from ledger_api.desk.life import CASE, ENDED, drawn

DOCS = Path(__file__).resolve().parents[3] / "docs" / "desk.md"


def test_every_state_has_a_meaning_and_can_be_reached() -> None:
    named = {way.start for way in CASE.ways} | {way.end for way in CASE.ways}

    reached, waiting = {""}, [""]
    while waiting:
        here = waiting.pop()
        ahead = {way.end for way in CASE.ways if way.start == here} - reached
        reached |= ahead
        waiting.extend(ahead)

    assert named - {""} == set(CASE.meanings) == reached - {""}


def test_from_every_state_an_end_can_be_reached() -> None:
    ends = set(ENDED)
    grown = True
    while grown:
        before = len(ends)
        ends |= {way.start for way in CASE.ways if way.end in ends}
        grown = len(ends) > before

    assert set(CASE.meanings) <= ends


def test_only_a_verdict_can_be_taken_up_again_after_the_end() -> None:
    onward = {(way.start, way.end) for way in CASE.ways if way.start in ENDED}

    assert onward == {("concluded", "appealed"), ("concluded", "recording")}


def test_the_page_shows_the_table_as_it_is() -> None:
    assert drawn() in DOCS.read_text(encoding="utf-8")
