"""The fast read of a passport: one statement on one connection, whatever becomes of the database under it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from ledger_api.errors import DatabaseBusy
from ledger_api.indexer.loop import catch_up
from ledger_api.store.reading import PassportReader
from tests.fake_chain import GTIN, FakeChain, World
from tests.following import clock, following


@pytest.fixture
def world(engine: Engine) -> World:
    world = World(FakeChain(), engine)
    maison = world.admit("did:web:maison.example", "Maison")
    world.manufacture(maison, "S-1", model="Lune")
    world.mine()
    catch_up(following(engine, world.chain), clock=clock)
    return world


@pytest.fixture
def reader(world: World, database_url: str) -> Iterator[PassportReader]:
    reader = PassportReader(database_url)
    yield reader
    reader.close()


def test_a_commit_is_seen_by_the_next_read(reader: PassportReader, world: World, engine: Engine) -> None:
    assert reader.by_serial(GTIN, "S-2") is None
    maison = world.admit("did:web:maison.example", "Maison")
    world.chain._pending.clear()
    world.manufacture(maison, "S-2")
    world.mine()

    catch_up(following(engine, world.chain), clock=clock)

    assert reader.by_serial(GTIN, "S-2") is not None


def test_many_threads_may_read_at_once(reader: PassportReader) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: reader.by_serial(GTIN, "S-1"), range(400)))

    assert len(set(found)) == 1 and found[0] is not None


def test_an_item_that_is_only_accepted_is_not_found(reader: PassportReader, world: World) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    world.manufacture(maison, "S-3")

    assert reader.by_serial(GTIN, "S-3") is None


def test_a_lost_connection_is_made_anew(reader: PassportReader, engine: Engine) -> None:
    assert reader.by_serial(GTIN, "S-1") is not None
    if engine.dialect.name == "postgresql":  # a file has no server to lose
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"))

    assert reader.by_serial(GTIN, "S-1") is not None


def test_a_database_that_is_away_is_busy(tmp_path: object) -> None:
    reader = PassportReader(f"sqlite:///{tmp_path}/nowhere/ledger.db")

    with pytest.raises(DatabaseBusy):
        reader.by_serial(GTIN, "S-1")
