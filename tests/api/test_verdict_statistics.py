"""`GET /v1/statistics/verdicts` over logs that the indexer read: what it counts, what it names, what it hides, when it counts anew."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from ledger_api.indexer.loop import catch_up
from ledger_api.statistics.keeping import VerdictCounter
from ledger_api.statistics.verdicts import RULES, unpacked
from ledger_verify.codes import Kind
from tests.fake_chain import NETWORK
from tests.following import clock, new_database
from tests.judging import AUTHENTIC, FAKE, UNSURE, Judging
from tests.reading_app import client_of, reading_app

WEEK = "2025-W24"  # of the fake chain's first blocks
PIXEL, LENS = "did:web:pixel.example", "did:web:lens.example"


@pytest.fixture
def judging(database_url: str) -> Iterator[Judging]:
    """PIXEL has judged ten bags from photos, LENS six watches in person."""
    engine = new_database(database_url)
    judging = Judging(engine)
    for number in range(10):
        judging.says(judging.pixel, judging.bag(f"S-{number}"), FAKE if number < 3 else AUTHENTIC)
    for number in range(6):
        watch = judging.world.manufacture(judging.maison, f"W-{number}", category=2)
        judging.says(judging.lens, watch, UNSURE if number == 5 else AUTHENTIC, 3)
    judging.block()
    yield judging
    engine.dispose()


def numbers(counts: dict[str, Any]) -> dict[str, int]:
    """What is not zero."""
    return {name: value for name, value in counts.items() if value and name != "fake_rate"}


def test_each_week_has_its_numbers_with_the_rate_its_denominator_and_interval(judging: Judging) -> None:
    told = judging.verdicts()

    (week,) = told["groups"]
    assert week["key"] == WEEK and week["counts"] == told["total"]
    assert numbers(told["total"]) == {"verdicts": 16, "authentic": 12, "not_authentic": 3, "inconclusive": 1}
    rate = told["total"]["fake_rate"]
    assert (rate["not_authentic"], rate["of"], rate["value"]) == (3, 15, 0.2)
    assert (rate["low"], rate["high"]) == pytest.approx((0.0705, 0.4519), abs=1e-4)


def test_the_answer_says_which_question_and_which_blocks_it_is_of(judging: Judging) -> None:
    told = judging.verdicts(group_by="method", brand="did:web:maison.example", from_week=WEEK)

    newest = judging.world.chain.blocks[-1]
    assert told["query"] == {
        "group_by": "method",
        "from_week": WEEK,
        "to_week": None,
        "brand": "did:web:maison.example",
        "category": None,
        "method": None,
        "authenticator": None,
    }
    assert told["blocks"]["to_block"] == newest.number and told["blocks"]["block_hash"] == "0x" + newest.hash.hex()
    assert told["definition"] == RULES and "{" not in RULES


@pytest.mark.parametrize(
    ("grouping", "expected"),
    [("category", {"handbag": 10, "watch": 6}), ("method", {"photo": 10, "in-person": 6}), ("authenticator", {PIXEL: 10, LENS: 6})],
)
def test_verdicts_are_told_by_each_of_their_sides(judging: Judging, grouping: str, expected: dict[str, int]) -> None:
    told = judging.verdicts(group_by=grouping)

    assert {group["did"] or group["key"]: group["counts"]["verdicts"] for group in told["groups"]} == expected


@pytest.mark.parametrize(
    "query",
    [
        {"category": "watch"},
        {"method": "in-person"},
        {"authenticator": LENS},
        {"authenticator": LENS, "category": "watch", "to_week": WEEK},
    ],
)
def test_filters_choose(judging: Judging, query: dict[str, str]) -> None:
    assert numbers(judging.verdicts(**query)["total"]) == {"verdicts": 6, "authentic": 5, "inconclusive": 1}


def test_a_ruling_a_correction_and_a_dispute_move_the_numbers_of_the_week_of_the_verdict(judging: Judging) -> None:
    ruled, corrected, disputed = (judging.bag(f"R-{number}") for number in range(3))
    for bag in (ruled, corrected, disputed):
        judging.says(judging.pixel, bag, FAKE)
    judging.block()
    before = numbers(judging.verdicts()["total"])

    judging.rules(ruled, AUTHENTIC)
    judging.world.record(judging.pixel, corrected, Kind.CORRECTION, time=2, a=AUTHENTIC, payload={"reason": "the wrong photographs"})
    judging.world.record(judging.pixel, disputed, Kind.DISPUTE, time=2, payload={})
    judging.world.record(judging.pixel, disputed, Kind.CORRECTION, time=2, a=AUTHENTIC, payload={"reason": "appeal"})
    judging.block()

    assert before == {"verdicts": 19, "authentic": 12, "not_authentic": 6, "inconclusive": 1}
    moved = {"authentic": 15, "not_authentic": 3, "appealed": 2, "overturned": 2, "corrected": 1}
    assert numbers(judging.verdicts()["total"]) == before | moved


def test_a_key_marked_as_compromised_takes_its_verdicts_out(judging: Judging) -> None:
    with client_of(reading_app(judging.engine)) as client:
        before = client.get("/v1/statistics/verdicts").json()
        judging.world.compromise(judging.lens, 1)
        judging.block()
        after = client.get("/v1/statistics/verdicts").json()

    assert numbers(before["total"])["verdicts"] == 16
    assert numbers(after["total"]) == {"verdicts": 10, "authentic": 7, "not_authentic": 3, "void": 6}


def test_a_reorg_takes_back_what_fell_out(judging: Judging) -> None:
    with client_of(reading_app(judging.engine)) as client:
        for number in range(5):
            judging.says(judging.pixel, judging.bag(f"T-{number}"), FAKE)
        judging.block()
        before = client.get("/v1/statistics/verdicts").json()
        judging.world.reorg(1)
        catch_up(judging.indexer, clock=clock)
        after = client.get("/v1/statistics/verdicts").json()

    assert (numbers(before["total"])["not_authentic"], numbers(after["total"])["not_authentic"]) == (8, 3)
    assert before["blocks"]["block_hash"] != after["blocks"]["block_hash"]


def test_blocks_that_say_nothing_move_the_range_and_not_the_numbers(judging: Judging) -> None:
    with client_of(reading_app(judging.engine)) as client:
        before = client.get("/v1/statistics/verdicts").json()
        judging.block()
        after = client.get("/v1/statistics/verdicts").json()

    assert after["blocks"]["to_block"] == before["blocks"]["to_block"] + 1
    assert after["groups"] == before["groups"]


def test_where_counting_takes_long_the_last_count_is_told_for_a_while(judging: Judging) -> None:
    times = iter([0.0, 3.0, 10.0, 53.0, 53.0, 54.0])  # three seconds of counting, asked again at ten and at fifty-three
    counter = VerdictCounter(NETWORK, clock=lambda: next(times))
    first = counter.count(judging.engine)
    judging.says(judging.pixel, judging.bag("L-1"), FAKE)
    judging.block()

    while_resting, rested = counter.count(judging.engine), counter.count(judging.engine)

    assert while_resting is first
    assert [unpacked(sum(one.cells.values())).verdicts for one in (first, rested)] == [16, 17]
    assert rested.blocks.to_block == first.blocks.to_block + 1


def test_a_few_verdicts_are_hidden_and_cannot_be_had_by_subtraction(judging: Judging) -> None:
    for number in range(2):
        scarf = judging.world.manufacture(judging.maison, f"C-{number}", category=4)
        judging.says(judging.pixel, scarf, FAKE)
    judging.block()

    told = judging.verdicts(group_by="category")

    assert {group["key"]: group["counts"] and group["counts"]["verdicts"] for group in told["groups"]} == {
        "handbag": 10,
        "watch": None,
        "scarf": None,
    }
    assert judging.verdicts(category="watch")["total"] is judging.verdicts(category="scarf")["total"] is None
    assert told["total"]["verdicts"] == 18 and told["smallest"] == 5


def test_brands_that_show_nothing_are_counted_all_the_same(judging: Judging) -> None:
    with judging.engine.begin() as connection:
        connection.execute(text("UPDATE profiles SET visibility = 'folded' WHERE did = 'did:web:maison.example'"))

    assert judging.verdicts()["total"]["verdicts"] == 16


def test_an_empty_ledger_has_no_verdicts(database_url: str) -> None:
    engine = new_database(database_url)
    with client_of(reading_app(engine)) as client:
        told = client.get("/v1/statistics/verdicts").json()
    engine.dispose()

    assert told["groups"] == [] and told["total"]["verdicts"] == 0 and told["total"]["fake_rate"] is None
    assert told["blocks"]["block_hash"] is None


@pytest.mark.parametrize(
    "query",
    ["group_by=colour", "from_week=2026-W60", "from_week=2026-W20&to_week=2026-W10", "category=x", "method=ruling", "x=1", "brand=0x1"],
)
def test_what_cannot_be_meant_is_refused_with_its_field(judging: Judging, query: str) -> None:
    with client_of(reading_app(judging.engine)) as client:
        answer = client.get(f"/v1/statistics/verdicts?{query}")

    assert answer.status_code == 422 and answer.json()["code"] == "invalid-body"
    assert query.split("=")[0] in answer.text
