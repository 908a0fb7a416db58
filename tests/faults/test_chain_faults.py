"""What the chain takes back, refuses or makes dear: every accepted event is recorded once all the same, or refused with its reason.

Workers and indexer run here in the test's own process on a chain that mines when told, so that a fault falls between two chosen steps.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_api.chain.rpc import unhex
from ledger_api.errors import ReorgTooDeep
from ledger_api.indexer.blooms import may_contain
from ledger_verify.hashing import OrganizationId
from ledger_verify.state import Event, word
from ledger_verify.transition import Reason, Role
from ledger_verify.wire import RECORDED
from tests import servers
from tests.chain.outbox_world import OutboxWorld
from tests.faults import chain_faults as faults
from tests.faults.chain_faults import Effects

LIMIT = 4  # confirmations of these worlds: a reorg may go so deep
STRANGER = 7  # a relayer's key that no lane of ours uses; it has ether


@pytest.fixture
def lost_world(database_url: str, tmp_path: Path) -> Iterator[OutboxWorld]:
    """One that does not come to a good end."""
    with servers.anvil() as url:
        made = OutboxWorld(url, tmp_path / "home", database_url, stuck_blocks=2, confirmations=LIMIT)
        yield made
        made.close()


@pytest.fixture
def world(lost_world: OutboxWorld) -> Iterator[OutboxWorld]:
    yield lost_world
    lost_world.audit()


@pytest.fixture
def maison(world: OutboxWorld) -> OrganizationId:
    organization = world.admit("maison", Role.BRAND)
    world.mine_by_hand()
    return organization


def a_life(world: OutboxWorld, maison: OrganizationId) -> list[Event]:
    item = world.manufacture(maison)
    return [world.serve(maison, item), world.serve(maison, item)]


def in_flight(world: OutboxWorld, maison: OrganizationId, worker: object, count: int) -> list[Event]:
    """So many transactions of the worker are with the node, none is mined."""
    events = []
    for _ in range(count):
        events += a_life(world, maison)
        worker.turn()  # type: ignore[attr-defined]
    return events


def assert_recorded_once(world: OutboxWorld, events: list[Event]) -> None:
    assert set(world.statuses()) <= {"recorded", "final"}
    counts = faults.recorded_counts(world.node, world.deployment.ledger)
    assert [counts[event.payload] for event in events] == [1] * len(events)
    assert set(counts.values()) == {1}


def assert_one_landed_per_nonce(world: OutboxWorld) -> None:
    """No gap, and of each nonce one transaction that the chain has."""
    for relayer in {row.relayer for row in world.transactions()}:
        landed = sorted(row.nonce for row in world.transactions() if row.relayer == relayer and row.status in ("mined", "reverted"))
        assert landed == list(range(len(landed)))
        saved = {row.nonce for row in world.transactions() if row.relayer == relayer}
        assert saved == set(landed)


def test_the_bloom_of_a_real_block_speaks_of_the_ledger_exactly_when_something_was_recorded(
    world: OutboxWorld, maison: OrganizationId
) -> None:
    world.mine()
    worker = world.worker()
    world.manufacture(maison)
    world.settle(worker, turns=1)
    worker.turn()  # it sees the receipt
    blooms = [
        unhex(world.node.call("eth_getBlockByNumber", which, False)["logsBloom"])
        for which in (hex(faults.head_of(world.node) - 1), "latest")
    ]

    told = [may_contain(bloom, [world.deployment.ledger]) and may_contain(bloom, [RECORDED]) for bloom in blooms]

    assert told == [False, True]


# --- the pool


@pytest.mark.parametrize("lost", [(0,), (1, 2), (0, 1, 2, 3)])
def test_transactions_dropped_from_the_pool_go_out_again(world: OutboxWorld, maison: OrganizationId, lost: tuple[int, ...]) -> None:
    worker, effects = world.worker(), Effects()
    events = in_flight(world, maison, worker, 4)
    saved = [row.hash for row in world.transactions()]

    for place in reversed(lost):  # Anvil lets go of what comes after, too
        effects["dropped"] += faults.drop(world.node, saved[place])
    world.settle(worker, turns=4)

    assert effects == {"dropped": len(lost)}
    assert_recorded_once(world, events)
    assert_one_landed_per_nonce(world)


@pytest.mark.parametrize("blocks", [3, 8])
def test_a_base_fee_that_leaps_is_outbid_with_the_same_nonces(world: OutboxWorld, maison: OrganizationId, blocks: int) -> None:
    worker, effects = world.worker(), Effects()
    events = in_flight(world, maison, worker, 3)
    before = {row.nonce: int(row.max_fee_wei) for row in world.transactions()}

    for _ in range(blocks):
        effects["spike"] += faults.spike(world.node, 60)
        worker.turn()
    world.settle(worker, turns=8)

    assert effects == {"spike": blocks}
    assert_recorded_once(world, events)
    assert_one_landed_per_nonce(world)
    landed = {row.nonce: int(row.max_fee_wei) for row in world.transactions() if row.status == "mined"}
    assert landed.keys() == before.keys() and landed[0] > before[0]


# --- reorgs


@pytest.mark.parametrize("depth", [1, 2, LIMIT])
def test_a_reorg_that_drops_our_transactions_brings_them_back(world: OutboxWorld, maison: OrganizationId, depth: int) -> None:
    worker, effects = world.worker(), Effects()
    events = []
    for _ in range(depth):
        events += a_life(world, maison)
        world.settle(worker, turns=1)
    hashes = [row.hash for row in world.transactions()]

    effects["reorg"] += faults.reorg(world.node, depth)
    effects["fell out"] += [faults.outcome(world.node, hashed) for hashed in hashes].count("none")
    world.settle(worker, turns=depth + 5)

    assert effects == {"reorg": 1, "fell out": depth}
    assert_recorded_once(world, events)
    assert_one_landed_per_nonce(world)
    assert [row.hash for row in world.transactions()] == hashes


def test_a_reorg_one_block_deeper_than_the_limit_stops_indexer_and_worker(lost_world: OutboxWorld) -> None:
    world, maison = lost_world, lost_world.admit("maison", Role.BRAND)
    world.mine_by_hand()
    worker, effects = world.worker(), Effects()
    for _ in range(LIMIT + 1):
        a_life(world, maison)
        world.settle(worker, turns=1)
    before = world.statuses(), [(row.hash, row.status) for row in world.transactions()]

    effects["reorg"] += faults.reorg(world.node, LIMIT + 1)
    for goes_on in (world.index, worker.turn):
        with pytest.raises(ReorgTooDeep):
            goes_on()

    assert effects == {"reorg": 1}
    assert (world.statuses(), [(row.hash, row.status) for row in world.transactions()]) == before


def test_a_reorg_that_keeps_half_of_our_transactions_loses_none(world: OutboxWorld, maison: OrganizationId) -> None:
    worker, effects = world.worker(), Effects()
    events = []
    for _ in range(3):
        events += a_life(world, maison)
        world.settle(worker, turns=1)
    rows = world.transactions()

    effects["reorg"] += faults.reorg(world.node, 3, [(rows[0].raw, 2)])
    effects["kept"] += faults.outcome(world.node, rows[0].hash) == "mined"
    effects["fell out"] += [faults.outcome(world.node, row.hash) for row in rows].count("none")
    world.settle(worker, turns=6)

    assert effects == {"reorg": 1, "kept": 1, "fell out": 2}
    assert_recorded_once(world, events)
    assert_one_landed_per_nonce(world)


def test_a_reorg_that_turns_the_order_of_two_lanes_around_records_once(world: OutboxWorld, maison: OrganizationId) -> None:
    lanes, effects = [world.worker(lane=0), world.worker(lane=1)], Effects()
    events = []
    for worker in lanes:
        events += a_life(world, maison)
        world.settle(worker, turns=1)
    first, second = world.transactions()

    effects["reorg"] += faults.reorg(world.node, 2, [(second.raw, 0), (first.raw, 1)])
    places = [int(world.node.call("eth_getTransactionReceipt", "0x" + row.hash.hex())["blockNumber"], 16) for row in (first, second)]
    effects["turned around"] += places[0] == places[1] + 1
    for worker in lanes * 2:
        world.settle(worker, turns=2)

    assert effects == {"reorg": 1, "turned around": 1}
    assert_recorded_once(world, events)
    assert_one_landed_per_nonce(world)


def test_a_chain_rolled_back_by_a_node_grows_again_with_our_bytes(world: OutboxWorld, maison: OrganizationId) -> None:
    worker, effects = world.worker(), Effects()
    events = []
    for _ in range(2):
        events += a_life(world, maison)
        world.settle(worker, turns=1)

    effects["rolled back"] += faults.roll_back(world.node, 2)
    worker.turn()
    world.index()
    world.settle(worker, turns=4)

    assert effects == {"rolled back": 1}
    assert_recorded_once(world, events)
    assert_one_landed_per_nonce(world)


def test_a_transaction_that_reverts_at_its_old_height_after_a_reorg_is_looked_up_again(world: OutboxWorld, maison: OrganizationId) -> None:
    worker, effects = world.worker(), Effects()
    item = world.manufacture(maison)
    world.settle(worker, turns=1)
    state, signer = world.tip(item), world.keyring.signer(maison)
    event = world.serve(maison, item)
    world.settle(worker, turns=1)
    worker.turn()
    ours = world.transactions()[-1]
    theirs = faults.service_on(item, state, 1)
    body = faults.record_elsewhere(world.deployment, signer, maison, state, theirs)
    raw = faults.signed_as(world.node, world.keyring.relayer(STRANGER), to=world.deployment.ledger, body=body)

    effects["reorg"] += faults.reorg(world.node, 1, [(raw, 0), (ours.raw, 0)])
    effects["reverted"] += faults.outcome(world.node, ours.hash) == "reverted"
    assert ours.status == "mined"
    world.told_elsewhere.append(theirs)
    world.settle(worker, turns=6)

    assert effects == {"reorg": 1, "reverted": 1}
    assert_recorded_once(world, [event, theirs])
    assert word(world.tip(item)) == world.word(item)


@pytest.mark.parametrize("is_kept", [False, True])
def test_a_refusal_that_falls_out_with_its_cause_becomes_a_record(world: OutboxWorld, maison: OrganizationId, is_kept: bool) -> None:
    with world.mining():
        shop = world.admit("shop", Role.RETAILER, accredited_by=maison)
    worker, effects = world.worker(), Effects()
    item = world.manufacture(maison)
    world.ship(maison, item, shop)
    world.settle(worker, turns=1)
    event, height = world.serve(shop, item), faults.head_of(world.node)
    with world.mining():
        world.registrar.suspend(shop)
    world.settle(worker, turns=1)
    depth, ours = faults.head_of(world.node) - height, world.transactions()[-1]
    effects["refused"] += world.reasons()[-1] == Reason.SUSPENDED

    effects["reorg"] += faults.reorg(world.node, depth, [(ours.raw, depth - 1)] if is_kept else [])
    effects["kept"] += faults.outcome(world.node, ours.hash) == "mined"
    owner = "0x" + world.keyring.owner().address.hex()
    world.node.call("anvil_setBalance", owner, "0x0")  # or the worker would suspend it again
    world.settle(worker, turns=6)

    assert effects == {"refused": 1, "reorg": 1, "kept": int(is_kept)}
    assert_recorded_once(world, [event])
    assert_one_landed_per_nonce(world)
    world.node.call("anvil_setBalance", owner, hex(10**20))
    with world.mining():
        assert world.registrar.suspend(shop) == b""  # said again: what fell out has landed, and nothing more needs saying
    world.index()
