"""Overturn rates through the door, from logs that the indexer read: corrections, void keys, hidden items and reorgs included."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from ledger_api.indexer.loop import catch_up
from ledger_verify.codes import Kind
from tests.doors import meanwhile
from tests.following import clock, new_database
from tests.judging import AUTHENTIC, FAKE, Judging
from tests.reading_app import client_of, reading_app


@pytest.fixture
def judging(database_url: str) -> Iterator[Judging]:
    engine = new_database(database_url)
    yield Judging(engine)
    engine.dispose()


def test_what_the_logs_say_is_what_is_counted(judging: Judging) -> None:
    wronged, corrected, stands = (judging.bag(serial) for serial in ("S-1", "S-2", "S-3"))
    judging.says(judging.pixel, wronged, FAKE)
    judging.rules(wronged, AUTHENTIC)
    judging.says(judging.pixel, corrected, FAKE)
    judging.world.record(judging.pixel, corrected, Kind.CORRECTION, time=2, a=AUTHENTIC, payload={"reason": "the wrong photographs"})
    judging.says(judging.pixel, stands, AUTHENTIC)
    judging.says(judging.lens, stands, AUTHENTIC, 3)
    judging.block()

    told = judging.told()

    counts = {name: told[name] for name in ("opinions", "authentic", "not_authentic", "reviewed", "overturned", "corrected")}
    assert counts == {"opinions": 2, "authentic": 1, "not_authentic": 1, "reviewed": 2, "overturned": 1, "corrected": 1}
    assert [(one["item"], one["sequence"], one["by"]) for one in told["overturned_opinions"]] == [("0x" + wronged.hex(), 2, 4)]
    assert judging.told("lens")["opinions"] == 1


def test_what_is_counted_is_as_of_the_block_that_is_named(judging: Judging) -> None:
    """Also when the indexer comes in between: who counts up to that block finds the same."""
    bag = judging.bag("S-1")
    judging.block()

    def judged() -> None:
        judging.says(judging.pixel, bag, FAKE)
        judging.block()

    def counted() -> tuple[int, int]:
        told = judging.told()
        return told["as_of"]["block"], told["opinions"]

    before = counted()
    with meanwhile(judging.engine, "FROM chain_cursor", judged):
        between = counted()

    assert between in (before, (before[0] + 1, 1))


def test_a_compromised_key_neither_counts_nor_overturns(judging: Judging) -> None:
    bag = judging.bag("S-1")
    judging.says(judging.pixel, bag, FAKE)
    height = judging.block() + 1
    judging.says(judging.lens, bag, AUTHENTIC, 3)
    judging.block()
    assert judging.told()["overturned"] == 1

    judging.world.compromise(judging.lens, height)
    judging.block()

    assert (judging.told()["overturned"], judging.told()["reviewed"]) == (0, 0)
    assert (judging.told("lens")["opinions"], judging.told("lens")["void"]) == (0, 1)


def test_a_ruling_that_falls_out_of_the_chain_overturns_nothing(judging: Judging) -> None:
    bag = judging.bag("S-1")
    judging.says(judging.pixel, bag, FAKE)
    judging.block()
    judging.rules(bag, AUTHENTIC)
    judging.block()
    assert judging.told()["overturned"] == 1

    judging.world.reorg(1)
    catch_up(judging.indexer, clock=clock)

    assert judging.told()["overturned"] == 0


def test_items_that_their_brand_does_not_show_are_counted_and_not_named(judging: Judging) -> None:
    bag = judging.bag("S-1")
    judging.says(judging.pixel, bag, FAKE)
    judging.rules(bag, AUTHENTIC)
    judging.block()
    with judging.engine.begin() as connection:
        connection.execute(text("UPDATE profiles SET visibility = 'folded' WHERE did = 'did:web:maison.example'"))

    told = judging.told()

    assert (told["overturned"], told["overturned_opinions"]) == (1, [])
    assert bag.hex() not in str(told)


def test_the_list_names_every_author_and_what_is_counted(judging: Judging) -> None:
    bag = judging.bag("S-1")
    judging.says(judging.pixel, bag, FAKE)
    judging.says(judging.maison, bag, AUTHENTIC, 3)
    judging.block()

    with client_of(reading_app(judging.engine)) as client:
        told = client.get("/v1/statistics/authenticators").json()

    assert [one["organization"]["did"] for one in told["authenticators"]] == ["did:web:pixel.example"]  # a brand's word is none
    assert told["authenticators"][0]["overturn_rate"]["value"] == 1.0
    assert "weighs most" in told["definition"]
