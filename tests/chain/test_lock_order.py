"""Nobody waits for who waits for him: the worker, its lanes, the indexer and whoever accepts events, on the same items."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from ledger_api.errors import LaneBusy
from ledger_api.outbox import rejudge
from ledger_api.store import tallies
from ledger_api.store.engine import lock_items, reading, stripes, writing
from ledger_api.tables import EventRow
from ledger_verify.hashing import Head, ItemId, OrganizationId
from ledger_verify.transition import Kind, Reason, Role
from tests.chain.outbox_world import OutboxWorld
from tests.doors import await_waiting

pytestmark = pytest.mark.chain
_events = EventRow.__table__  # type: ignore[attr-defined]  # SQLModel adds it at run time


@pytest.fixture
def items(world: OutboxWorld, maison: OrganizationId) -> list[ItemId]:
    """On the ledger, each under a lock of its own, in the order in which these are taken."""
    made = {item[0]: item for item in (world.manufacture(maison) for _ in range(5))}
    assert len(stripes(made.values())) >= 3
    world.settle(world.worker(), turns=4)
    return sorted(made.values())[:3]


def break_group(world: OutboxWorld, maison: OrganizationId, unit: str, stale: ItemId, other: ItemId) -> None:
    """Two events that stand or fall together, signed by others too; the first follows a head that its item does not have."""
    world.accept(maison, stale, Kind.SERVICE, unit=unit, approval={"by": "another"}, head=Head(b"\x01" * 32))
    world.accept(maison, other, Kind.SERVICE, unit=unit, approval={"by": "another"})


def test_what_ends_takes_along_what_stood_or_fell_with_it_however_far_that_goes(
    world: OutboxWorld, maison: OrganizationId, items: list[ItemId]
) -> None:
    low, middle, high = items
    break_group(world, maison, "first", high, middle)
    world.accept(maison, middle, Kind.SERVICE, unit="second", approval={"by": "another"})
    world.accept(maison, low, Kind.SERVICE, unit="second", approval={"by": "another"})

    rejudge.look_again(world.around, {high}, now=world.now)

    ended = [(row.status, row.reason) for row in world.rows() if row.unit is not None]
    superseded, together = ("refused", Reason.SUPERSEDED), ("refused", Reason.GROUP_REFUSED)
    assert ended == [superseded, together, superseded, together]
    with reading(world.engine) as connection:
        counted = {label: value for name, label, value in tallies.read(connection) if name == tallies.WORKER}
    assert counted == {Reason.SUPERSEDED.code: 2, Reason.GROUP_REFUSED.code: 2}
    assert [world.tip(item).sequence for item in items] == [1, 1, 1]


def test_a_group_that_ends_turns_nobody_away_who_accepts_events_of_its_items(
    world: OutboxWorld, maison: OrganizationId, items: list[ItemId]
) -> None:
    low, _, high = items
    break_group(world, maison, "group", high, low)

    def accept() -> None:
        with writing(world.engine) as connection:
            lock_items(connection, [high, low])

    with ThreadPoolExecutor(2) as pool, writing(world.engine) as connection:
        lock_items(connection, [low])
        accepting = pool.submit(accept)
        await_waiting(world.engine, 1)
        ending = pool.submit(rejudge.look_again, world.around, {high}, now=world.now)
        await_waiting(world.engine, 2)
    accepting.result()
    ending.result()

    assert [row.status for row in world.rows() if row.unit is not None] == ["refused", "refused"]


def test_the_indexer_waits_for_who_accepts_events_of_an_item_of_which_it_hears_a_refusal_alone(
    world: OutboxWorld, maison: OrganizationId, items: list[ItemId]
) -> None:
    shop = world.admit("shop", Role.RETAILER, accredited_by=maison)
    worker = world.worker(later=60)
    world.ship(maison, items[0], shop)
    world.settle(worker, turns=4)
    world.serve(shop, items[0])
    world.registrar.suspend(shop)
    worker.turn()
    world.mine()

    with ThreadPoolExecutor(1) as pool, writing(world.engine) as connection:
        lock_items(connection, [items[0]])
        indexing = pool.submit(world.index)
        await_waiting(world.engine, 1)
    indexing.result()

    assert (world.rows()[-1].status, world.rows()[-1].reason) == ("refused", Reason.SUSPENDED)


def test_a_lane_leaves_events_that_are_in_other_hands(world: OutboxWorld, maison: OrganizationId, items: list[ItemId]) -> None:
    served = [world.serve(maison, item) for item in items]

    with ThreadPoolExecutor(1) as pool:
        with writing(world.engine) as connection:
            connection.execute(select(_events.c.id).where(_events.c.payload == served[1].payload).with_for_update())
            carrying = pool.submit(world.worker(later=60).turn)
            if world.engine.dialect.name == "postgresql":  # on SQLite it waits for the whole write
                assert isinstance(carrying.exception(timeout=60), LaneBusy)
        wait([carrying])

    world.settle(world.worker(later=120), turns=4)
    assert [world.recorded_times(event) for event in served] == [1, 1, 1]


def test_who_has_lost_the_lane_gives_nothing_back_of_what_travels(world: OutboxWorld, maison: OrganizationId) -> None:
    """A process that was frozen when its node had refused the bytes, and wakes when another has sent them."""
    world.mine_by_hand()
    world.manufacture(maison)
    frozen, other = world.worker(), world.worker(later=60)
    frozen.turn()
    sight = other.lane.look()
    other.lane.hold(datetime.now(UTC) + timedelta(seconds=60))

    with pytest.raises(LaneBusy):
        frozen.lane.cancel(frozen.lane.flights()[0], sight, datetime.now(UTC))

    assert [batch.status for batch in world.batches()] == ["sent"]
