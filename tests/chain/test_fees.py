"""Fees on a real chain: what landing cost is kept, and gas that is free needs no ether."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_api.chain.pricing import dearer_word_gas
from ledger_api.store import tallies
from ledger_api.store.engine import reading
from ledger_verify.hashing import OrganizationId
from ledger_verify.transition import Role
from tests import servers
from tests.chain.outbox_world import OutboxWorld

pytestmark = pytest.mark.chain
NOT_A_DEVELOPMENT_RELAYER = 9  # its key is made here, and nobody sends it ether


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[OutboxWorld]:
    """On a private network whose gas is free."""
    with servers.anvil(has_free_gas=True) as url:
        made = OutboxWorld(url, tmp_path / "home", database_url, stuck_blocks=1, fee_profile="private", confirmations=2)
        yield made
        made.close()


@pytest.fixture
def maison(world: OutboxWorld) -> OrganizationId:
    organization = world.admit("maison", Role.BRAND)
    world.mine_by_hand()
    return organization


def cost_of(world: OutboxWorld) -> list[tuple[str, int | None, int | None]]:
    return [(row.status, row.gas_used, row.gas_price_wei) for row in world.transactions()]


def test_what_landing_cost_is_kept_until_a_reorg_undoes_it(world: OutboxWorld, maison: OrganizationId) -> None:
    world.manufacture(maison)
    worker = world.worker()
    worker.turn()
    before = cost_of(world)
    world.mine()
    worker.turn()
    receipt = world.node.call("eth_getTransactionReceipt", "0x" + world.transactions()[0].hash.hex())
    landed = cost_of(world)
    world.node.call("anvil_reorg", 1, [])

    worker.lane.follow(worker.lane.look(), worker._clock())

    assert before == [("sent", None, None)]
    assert landed == [("mined", int(receipt["gasUsed"], 16), int(receipt["effectiveGasPrice"], 16))]
    assert landed[0][1] > 21_000
    assert cost_of(world) == [("sent", None, None)]


def test_the_counters_of_costs_never_fall_though_a_reorg_takes_the_transaction_back(world: OutboxWorld, maison: OrganizationId) -> None:
    """A counter that falls reads as one that began anew, and `increase` would add all that was ever paid."""
    world.manufacture(maison)
    worker = world.worker()
    worker.turn()
    world.mine()
    worker.turn()
    landed = counted(world)
    world.node.call("anvil_reorg", 1, [])

    worker.lane.follow(worker.lane.look(), worker._clock())
    taken_back = counted(world)
    world.settle(worker, turns=4)

    (row,) = world.transactions()
    assert landed == taken_back != {}
    assert counted(world)["gas"] == landed["gas"] + row.gas_used
    assert counted(world)["fee-wei"] == landed["fee-wei"] + row.gas_used * row.gas_price_wei


def counted(world: OutboxWorld) -> dict[str, float]:
    with reading(world.engine) as connection:
        return {one.name: one.value for one in tallies.read(connection) if one.name in (tallies.GAS, tallies.FEE_WEI)}


def test_a_new_word_costs_here_what_it_costs_everywhere_today(world: OutboxWorld) -> None:
    assert dearer_word_gas(world.node, world.keyring.relayer(0).address) == 0


def test_a_relayer_without_ether_carries_where_gas_is_free(world: OutboxWorld, maison: OrganizationId) -> None:
    world.manufacture(maison)
    worker = world.worker(lane=NOT_A_DEVELOPMENT_RELAYER)
    balance = int(world.node.call("eth_getBalance", "0x" + worker.lane.relayer.hex(), "latest"), 16)

    world.settle(worker, turns=4)

    assert balance == 0
    assert world.statuses() == ["final"]
    assert [(status, price) for status, _, price in cost_of(world)] == [("mined", 0)]


def test_where_gas_is_free_what_waits_is_not_outbid(world: OutboxWorld, maison: OrganizationId) -> None:
    world.manufacture(maison)
    worker = world.worker()
    worker.turn()
    transaction = "0x" + world.transactions()[0].hash.hex()

    for _ in range(3):
        world.node.call("anvil_dropTransaction", transaction)
        world.mine()
        worker.turn()
    waited = cost_of(world)
    world.settle(worker, turns=2)

    assert waited == [("sent", None, None)]
    assert [row.status for row in world.transactions()] == ["mined"]
