"""What the worker survives: its own death, other workers, the node, the fees, strangers and reorgs.

Every test ends the same way: each accepted event is recorded exactly once, or reported refused with its reason.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger_api.chain import transactions
from ledger_api.chain.rpc import Node, Refusal
from ledger_api.errors import LaneBusy, LaneMismatch, NodeRefused, NodeUnreachable, RelayerUnfunded
from ledger_api.keys import Signer
from ledger_api.outbox import Surroundings
from ledger_verify.hashing import OrganizationId
from ledger_verify.state import Event, word
from ledger_verify.transition import Reason, Role
from tests import servers
from tests.chain.outbox_world import OutboxWorld

pytestmark = pytest.mark.chain
STEPS = ("hold", "check", "follow", "resend", "outbid", "settle", "gather", "save", "send")
GWEI = 10**9


class Killed(BaseException):
    """The process ends here."""


class HangingNode(Node):
    """Takes a transaction and never answers, as often as told."""

    hangs = 1

    def ask(self, method: str, *params: Any) -> Any:
        answer = super().ask(method, *params)
        if method == "eth_sendRawTransaction" and self.hangs:
            self.hangs -= 1
            raise NodeUnreachable
        return answer


class LaggingNode(Node):
    """A replica: while `is_behind`, questions in a batch get the answers of the last time it was not."""

    is_behind = False

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._seen: dict[str, Any] = {}

    def batch(self, calls: Any) -> list[Any]:
        asked = list(calls)
        if self.is_behind and all(repr(call) in self._seen for call in asked):
            return [self._seen[repr(call)] for call in asked]
        answers = super().batch(asked)
        self._seen.update((repr(call), answer) for call, answer in zip(asked, answers, strict=True))
        return answers


class PickyNode(Node):
    """Takes no transaction above a size."""

    largest = 30_000

    def ask(self, method: str, *params: Any) -> Any:
        if method == "eth_sendRawTransaction" and len(params[0]) // 2 > self.largest:
            return Refusal(-32000, "oversized data: transaction size 99999, limit 30000", None)
        return super().ask(method, *params)


@pytest.fixture
def chain_url() -> Iterator[str]:
    with servers.anvil() as url:
        yield url


@pytest.fixture
def world(chain_url: str, database_url: str, tmp_path: Path) -> Iterator[OutboxWorld]:
    made = OutboxWorld(chain_url, tmp_path / "home", database_url, stuck_blocks=2)
    yield made
    made.close()


@pytest.fixture
def maison(world: OutboxWorld) -> OrganizationId:
    organization = world.admit("maison", Role.BRAND)
    world.mine_by_hand()
    return organization


def kill_at(world: OutboxWorld, step: str) -> None:
    def between(passed: str) -> None:
        if passed == step:
            raise Killed

    with pytest.raises(Killed):
        world.worker().turn(between)


def two_events(world: OutboxWorld, maison: OrganizationId) -> list[Event]:
    item = world.manufacture(maison)
    return [world.serve(maison, item), world.serve(maison, item)]


def assert_recorded_once(world: OutboxWorld, events: list[Event]) -> None:
    assert set(world.statuses()) <= {"recorded", "final"}
    assert [world.recorded_times(event) for event in events] == [1] * len(events)


@pytest.mark.parametrize("step", STEPS)
def test_a_worker_killed_after_any_step_loses_and_repeats_nothing(world: OutboxWorld, maison: OrganizationId, step: str) -> None:
    events = two_events(world, maison)

    kill_at(world, step)
    world.settle(world.worker(later=60), turns=3)

    assert_recorded_once(world, events)
    assert len(world.transactions()) == 1


def test_what_was_saved_and_not_sent_goes_out_first(world: OutboxWorld, maison: OrganizationId) -> None:
    events = two_events(world, maison)
    kill_at(world, "save")
    saved = world.transactions()
    events += two_events(world, maison)

    world.worker(later=60).turn()
    world.mine()
    world.index()

    assert [row.status for row in saved] == ["saved"]
    assert [row.hash for row in world.transactions()][:1] == [saved[0].hash]
    assert_recorded_once(world, events)


def test_two_workers_never_share_a_lane(world: OutboxWorld, maison: OrganizationId) -> None:
    events = two_events(world, maison)
    first, second = world.worker(), world.worker()
    first.turn()

    with pytest.raises(LaneBusy):
        second.turn()

    world.settle(first, turns=2)
    assert_recorded_once(world, events)


def test_a_worker_that_lost_its_lease_saves_nothing(world: OutboxWorld, maison: OrganizationId) -> None:
    events = two_events(world, maison)
    slow, other = world.worker(), world.worker(later=60)

    def overtaken(step: str) -> None:
        if step == "gather":
            other.turn()

    with pytest.raises(LaneBusy):
        slow.turn(overtaken)

    world.settle(other, turns=2)
    assert_recorded_once(world, events)
    assert len(world.transactions()) == 1


def test_a_worker_that_lost_its_lease_settles_nothing(world: OutboxWorld, maison: OrganizationId) -> None:
    events = two_events(world, maison)
    slow, other = world.worker(), world.worker(later=60)
    slow.turn()
    world.mine()

    def overtaken(step: str) -> None:
        if step == "hold":
            other.lane.hold(other._clock())

    with pytest.raises(LaneBusy):
        slow.turn(overtaken)
    assert [row.status for row in world.transactions()] == ["sent"]

    world.settle(other, turns=2)
    assert_recorded_once(world, events)


def test_two_lanes_carry_together_and_record_each_event_once(world: OutboxWorld, maison: OrganizationId) -> None:
    events = [event for _ in range(10) for event in two_events(world, maison)]
    lanes = [world.worker(lane=0), world.worker(lane=1)]

    for _ in range(3):
        for worker in lanes:
            worker.turn()
            events += two_events(world, maison)
        world.mine()
        world.index()
    world.settle(lanes[1], turns=3)

    assert_recorded_once(world, events)
    assert len({row.relayer for row in world.transactions()}) == 2


def test_a_transaction_the_node_dropped_is_sent_again(world: OutboxWorld, maison: OrganizationId) -> None:
    events = two_events(world, maison)
    worker = world.worker()
    worker.turn()
    world.node.call("anvil_dropTransaction", "0x" + world.transactions()[0].hash.hex())

    world.settle(worker, turns=3)

    assert_recorded_once(world, events)
    assert len(world.transactions()) == 1


def test_a_node_that_hangs_after_taking_a_transaction_gets_the_same_bytes_again(
    chain_url: str, world: OutboxWorld, maison: OrganizationId
) -> None:
    events = two_events(world, maison)
    around = Surroundings(world.engine, HangingNode(chain_url), world.keyring, world.deployment, world.settings)
    worker = world.worker(around=around)

    with pytest.raises(NodeUnreachable):
        worker.turn()
    assert [row.status for row in world.transactions()] == ["saved"]
    world.settle(worker, turns=2)

    assert_recorded_once(world, events)
    assert len(world.transactions()) == 1


def test_a_replica_that_lags_repeats_bytes_and_nothing_else(chain_url: str, world: OutboxWorld, maison: OrganizationId) -> None:
    events, node = two_events(world, maison), LaggingNode(chain_url)
    worker = world.worker(around=Surroundings(world.engine, node, world.keyring, world.deployment, world.settings))
    worker.turn()
    world.mine()
    worker.lane.follow(world.worker().lane.look(), worker._clock())  # another replica has seen it mined
    node.is_behind = True
    worker.turn()
    after_lagging = [row.status for row in world.transactions()]
    events += two_events(world, maison)
    worker.turn()
    node.is_behind = False

    world.settle(worker, turns=3)

    assert after_lagging == ["sent"]
    assert_recorded_once(world, events)
    assert [row.status for row in world.transactions()] == ["mined", "mined"]


def test_a_node_that_takes_small_transactions_only_gets_small_ones(chain_url: str, world: OutboxWorld, maison: OrganizationId) -> None:
    events = [event for _ in range(100) for event in two_events(world, maison)]
    around = Surroundings(world.engine, PickyNode(chain_url), world.keyring, world.deployment, world.settings)
    worker = world.worker(around=around)

    for _ in range(8):
        with contextlib.suppress(NodeRefused):
            worker.turn()
        world.mine()
        world.index()

    assert_recorded_once(world, events)
    assert {row.status for row in world.transactions()} == {"replaced", "mined"}


def test_a_relayer_without_ether_says_so_and_loses_nothing(world: OutboxWorld, maison: OrganizationId) -> None:
    events = two_events(world, maison)
    poor = world.worker(lane=9)

    with pytest.raises(RelayerUnfunded) as caught:
        poor.turn()
    world.node.call("anvil_setBalance", caught.value.facts["relayer"], hex(10**18))
    world.settle(poor, turns=2)

    assert_recorded_once(world, events)
    assert len(world.transactions()) == 1


def test_a_stuck_transaction_is_outbid_with_its_own_nonce(world: OutboxWorld, maison: OrganizationId) -> None:
    events = two_events(world, maison)
    worker = world.worker()
    worker.turn()
    for _ in range(4):
        world.node.call("anvil_setNextBlockBaseFeePerGas", hex(50 * GWEI))
        world.mine()
        worker.turn()

    world.settle(worker, turns=2)

    rows = world.transactions()
    assert_recorded_once(world, events)
    assert {row.nonce for row in rows} == {rows[0].nonce}
    assert [row.status for row in rows] == ["replaced", "mined"]
    assert int(rows[1].max_fee_wei) * 1000 >= int(rows[0].max_fee_wei) * 1125


def test_fees_stop_at_the_cap(database_url: str, chain_url: str, tmp_path: Path) -> None:
    world = OutboxWorld(chain_url, tmp_path / "home", database_url, stuck_blocks=1, max_fee_gwei=4)
    maison = world.admit("maison", Role.BRAND)
    world.mine_by_hand()
    events = two_events(world, maison)
    worker = world.worker()
    worker.turn()
    for _ in range(4):
        world.node.call("anvil_setNextBlockBaseFeePerGas", hex(50 * GWEI))
        world.mine()
        with pytest.raises(Exception, match="base fee"):
            worker.turn()
    world.node.call("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
    world.mine()

    world.settle(worker, turns=3)

    assert_recorded_once(world, events)
    assert max(int(row.max_fee_wei) for row in world.transactions()) <= 4 * GWEI
    world.close()


def test_a_reorg_puts_the_same_bytes_into_another_block(world: OutboxWorld, maison: OrganizationId) -> None:
    events = two_events(world, maison)
    worker = world.worker()
    worker.turn()
    world.mine()
    world.index()
    world.node.call("anvil_reorg", 1, [])

    world.settle(worker, turns=4)

    assert_recorded_once(world, events)
    assert [row.status for row in world.transactions()] == ["mined"]


def test_a_worker_that_slept_through_a_reorg_sends_again_what_fell_out(world: OutboxWorld, maison: OrganizationId) -> None:
    events = two_events(world, maison)
    worker = world.worker()
    worker.turn()
    world.mine()
    worker.turn()
    world.node.call("anvil_reorg", 1, [])
    world.mine(world.network.confirmations + 2)
    world.index()

    world.settle(worker, turns=5)

    assert_recorded_once(world, events)
    assert [row.status for row in world.transactions()] == ["mined"]


def test_a_nonce_that_nobody_saved_stops_the_lane_until_it_is_adopted(world: OutboxWorld, maison: OrganizationId) -> None:
    events = two_events(world, maison)
    world.settle(world.worker(), turns=1)
    spend_nonce(world, nonce=1)
    world.mine()
    events += two_events(world, maison)
    worker = world.worker(later=60)

    with pytest.raises(LaneMismatch):
        worker.turn()
    worker.lane.hold(worker._clock())
    assert worker.lane.adopt(worker._clock()) == [1]

    world.settle(worker, turns=2)
    assert_recorded_once(world, events)
    assert [row.status for row in world.transactions()] == ["mined", "foreign", "mined"]


def test_a_stolen_relayer_key_stops_the_lane_and_loses_no_event(world: OutboxWorld, maison: OrganizationId) -> None:
    events = two_events(world, maison)
    worker = world.worker()
    worker.turn()
    world.node.call("anvil_dropTransaction", "0x" + world.transactions()[0].hash.hex())
    spend_nonce(world, nonce=0)
    world.mine()

    with pytest.raises(LaneMismatch):
        world.settle(worker, turns=6)
    assert worker.lane.adopt(worker._clock()) == [0]

    world.settle(worker, turns=3)
    assert_recorded_once(world, events)


def test_a_strangers_nonce_that_a_reorg_frees_is_filled(chain_url: str, database_url: str, tmp_path: Path) -> None:
    world = OutboxWorld(chain_url, tmp_path / "home", database_url, confirmations=20)
    maison = world.admit("maison", Role.BRAND)
    world.mine_by_hand()
    events = two_events(world, maison)
    world.settle(world.worker(), turns=1)
    spend_nonce(world, nonce=1)
    world.mine()
    worker = world.worker(later=60)
    worker.lane.adopt(worker._clock())
    events += two_events(world, maison)
    world.settle(worker, turns=1)
    world.node.call("anvil_reorg", 2, [])
    used_after_reorg = int(world.node.call("eth_getTransactionCount", "0x" + worker.lane.relayer.hex(), "latest"), 16)

    with pytest.raises(LaneMismatch):
        world.settle(worker, turns=8)
    worker.lane.adopt(worker._clock())
    world.settle(worker, turns=4)

    assert used_after_reorg == 1
    assert_recorded_once(world, events)
    world.close()


def test_a_stranger_who_carries_our_batch_first_changes_nothing(world: OutboxWorld, maison: OrganizationId) -> None:
    events = two_events(world, maison)
    worker = world.worker()
    worker.turn()
    ours = transactions.read(world.transactions()[0].raw)
    send(world, world.keyring.relayer(7), 0, to=ours.to, body=ours.body, gas=ours.gas, priority=9 * GWEI)
    world.mine()
    world.index()

    world.settle(worker, turns=3)

    assert_recorded_once(world, events)
    assert [row.status for row in world.transactions()] == ["reverted"]


def test_an_event_refused_on_chain_takes_nothing_else_with_it(world: OutboxWorld, maison: OrganizationId) -> None:
    with world.mining():
        shop = world.admit("shop", Role.RETAILER, accredited_by=maison)
    items = [world.manufacture(maison) for _ in range(3)]
    world.ship(maison, items[0], shop)
    world.serve(shop, items[0])
    after = world.recall(maison, items[0])
    with world.mining():
        world.registrar.suspend(shop)

    world.settle(world.worker(), turns=10)

    rows = world.rows()
    assert [row.status for row in rows[:3]] == ["final"] * 3
    assert [(row.status, row.reason) for row in rows[3:5]] == [("refused", Reason.SUSPENDED)] * 2
    assert (rows[5].status, world.recorded_times(after)) == ("final", 1)
    assert world.word(items[0]) == word(world.tip(items[0]))


def spend_nonce(world: OutboxWorld, *, nonce: int) -> None:
    """Somebody else uses the relayer's key."""
    relayer = world.keyring.relayer(0)
    send(world, relayer, nonce, to=relayer.address, body=b"", gas=21_000, priority=GWEI)


def send(world: OutboxWorld, signer: Signer, nonce: int, *, to: bytes, body: bytes, gas: int, priority: int) -> None:
    unsigned = transactions.Transaction(31337, nonce, priority, 100 * GWEI, gas, to, body)
    world.node.call("eth_sendRawTransaction", "0x" + transactions.sign(unsigned, signer.sign).raw.hex())
