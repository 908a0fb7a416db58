"""Names that are given, freed and looked up while others record them: one serial is one item's, and what is there is found."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from ledger_api.intake import Submission
from ledger_api.store.engine import reading, writing
from tests.consortium import MAISON, TANNERY, VERNE, accept, count, manufacture, opened, raw_material, record_all, statuses
from tests.doors import await_done_or_waiting, meanwhile


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = opened(database_url)
    yield engine
    engine.dispose()


def test_a_name_is_not_freed_of_an_item_that_comes_to_be_at_this_moment(engine: Engine) -> None:
    """Refused on the chain, its birth is sent again while another brand takes the serial: one of the two has it, and its name."""
    accept(engine, MAISON, manufacture())
    with writing(engine) as connection:
        connection.execute(text("UPDATE events SET status = 'refused', reason = 13"))
        connection.execute(text("DELETE FROM tips"))

    with ThreadPoolExecutor(1) as pool:
        sent = list[Future[Submission]]()

        def send_again() -> None:
            sent.append(pool.submit(accept, engine, MAISON, manufacture()))
            await_done_or_waiting(engine, sent[0])

        with meanwhile(engine, "DELETE FROM identifiers", send_again):
            taken = accept(engine, VERNE, manufacture())
    ours = sent[0].result()

    assert (statuses(taken) + statuses(ours)).count("accepted") == 1
    with reading(engine) as connection:
        names = connection.execute(text("SELECT item FROM identifiers")).scalars().all()
        living = connection.execute(text("SELECT item FROM events WHERE status = 'accepted'")).scalars().all()
    assert names == living


def test_a_lot_that_is_recorded_at_this_moment_is_no_unknown_one(engine: Engine) -> None:
    """It is on its way until it is on the ledger; there is no moment between the two."""
    accept(engine, TANNERY, raw_material())

    with meanwhile(engine, "FROM tips", lambda: record_all(engine)):
        made = accept(engine, MAISON, manufacture(lots=("LOT-1",)))

    assert statuses(made) == ["accepted"]


def test_a_serial_that_is_recorded_at_this_moment_is_taken(engine: Engine) -> None:
    accept(engine, MAISON, manufacture())

    with meanwhile(engine, "FROM tips", lambda: record_all(engine)):
        taken = accept(engine, VERNE, manufacture())

    assert statuses(taken) == ["already-recorded"]
    assert count(engine, "identifiers") == 1
