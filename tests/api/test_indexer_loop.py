"""The loop: goes on after what passes, stops at what must be looked at, and dies at any moment without a trace."""

from datetime import timedelta
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import Engine

from ledger_api.errors import ContractMissing, NodeUnreachable
from ledger_api.indexer.following import check, step
from ledger_api.indexer.loop import catch_up, follow
from ledger_verify.codes import Kind
from tests.doors import meanwhile
from tests.fake_chain import FakeChain, World
from tests.following import NOW, clock, copy_payload_store, following, mirror, new_database, value, without


class Unreliable(FakeChain):
    """The same chain behind a node that breaks off at the calls whose numbers are given; `after` is called at every call."""

    def __init__(self, chain: FakeChain, *, fails: set[int], stop: Event | None = None, stop_at: int = 0, error: type[Exception]) -> None:
        self.__dict__ = chain.__dict__
        self._fails, self._error, self._stop, self._stop_at, self._number = fails, error, stop, stop_at, 0

    def batch(self, calls: Any) -> list[Any]:
        self._number += 1
        if self._stop is not None and self._number >= self._stop_at:
            self._stop.set()
        if self._number in self._fails:
            raise self._error()
        return super().batch(calls)


@pytest.fixture
def world(engine: Engine) -> World:
    world = World(FakeChain(), engine)
    maison = world.admit("did:web:maison.example", "Maison")
    bag = world.manufacture(maison, "S-1", model="Lune")
    world.mine()
    world.record(maison, bag, Kind.SERVICE, payload={"description": "waxed"})
    world.mine()
    return world


def test_who_starts_with_a_new_database_as_another_does_begins_nothing_anew(world: World, engine: Engine) -> None:
    """The other has made the cursor and read the chain while this one thought that there was none."""
    late = following(engine, world.chain, owner="late")

    with meanwhile(engine, "INSERT INTO chain_cursor", lambda: catch_up(following(engine, world.chain), clock=clock)):
        cursor = check(late)
    catch_up(late, clock=lambda: NOW + timedelta(minutes=1))

    assert cursor.next_block == 3
    assert value(engine, "SELECT count(*) FROM records") == 2


@pytest.mark.parametrize("error", [NodeUnreachable, RuntimeError])
def test_the_loop_goes_on_after_a_failure_and_misses_nothing(world: World, engine: Engine, error: type[Exception]) -> None:
    stop = Event()
    node = Unreliable(world.chain, fails={1, 3, 4, 6}, stop=stop, stop_at=14, error=error)

    follow(following(engine, node), stop, clock=clock, poll_seconds=0.001)

    assert value(engine, "SELECT count(*) FROM records") == 2


def test_the_loop_stops_at_what_a_person_must_look_at(world: World, engine: Engine) -> None:
    world.chain.code = b""

    with pytest.raises(ContractMissing):
        follow(following(engine, world.chain), Event(), clock=clock, poll_seconds=0.001)


def test_the_lease_is_given_back_at_the_end(world: World, engine: Engine) -> None:
    stop = Event()
    thread = Thread(target=follow, args=(following(engine, world.chain), stop), kwargs={"poll_seconds": 0.001})
    thread.start()
    while value(engine, "SELECT count(*) FROM records") < 2:
        stop.wait(0.01)
    stop.set()
    thread.join()

    assert value(engine, "SELECT count(*) FROM leases") == 0


def test_a_dead_indexer_s_work_is_taken_over_when_its_lease_has_run_out(world: World, engine: Engine) -> None:
    dead, heir = following(engine, world.chain, owner="dead"), following(engine, world.chain, owner="heir")
    check(dead)
    step(dead, now=NOW)
    assert step(heir, now=NOW + timedelta(seconds=dead.lease_seconds - 1)).leased_elsewhere

    progress = step(heir, now=NOW + timedelta(seconds=dead.lease_seconds + 1))

    assert not progress.leased_elsewhere


def test_an_indexer_that_is_made_anew_after_every_step_ends_in_the_same_database(engine: Engine, tmp_path: Any) -> None:
    """The crash twin: the same chain, reorgs included, followed by one process and by one that dies all the time."""
    twin = new_database(f"sqlite:///{tmp_path}/twin.db")
    world = World(FakeChain(), engine)
    steady, reborn = following(engine, world.chain), 0
    maison = world.admit("did:web:maison.example", "Maison")
    for number in range(12):
        bag = world.manufacture(maison, f"S-{number}", model="Lune")
        world.record(maison, bag, Kind.SERVICE, payload={"description": "waxed"})
        world.mine()
        copy_payload_store_again(engine, twin)
        if number % 3 == 2:
            world.reorg(1)
        catch_up(steady, clock=clock)
        for _ in range(4):
            mortal = following(twin, world.chain, owner=f"life {reborn}")
            check(mortal)
            step(mortal, now=NOW + timedelta(seconds=60 * reborn))
            reborn += 1

    assert without(mirror(twin), "blocks") == without(mirror(engine), "blocks")
    assert value(twin, "SELECT next_block FROM chain_cursor") == world.chain.blocks[-1].number + 1


def copy_payload_store_again(source: Engine, target: Engine) -> None:
    with target.begin() as connection:
        for table in ("payloads", "identifiers", "profiles"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    copy_payload_store(source, target)
