"""The service under every lie of a node: it may wait, it may ask again, but in the end each event is recorded once.

First each lie by itself, told where it does the most harm and counted; then, against the command line's own processes, all of them at
once by seeded rates, and a node that goes up and down.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from tests.doors import eventually
from tests.faults import lies
from tests.faults.fleet import Brand, Fleet, fleet_of, verdict
from tests.faults.lying_node import Lie, LyingNode
from tests.faults.stage import MINE, Stage, stage_of

SEED = 3
READ_SECONDS = 0.5
COMMANDS = ("work --lane 0", "index")
# requests that only a loop at work makes: the worker's look, its sending, its receipts; the indexer's logs
AT_WORK = ("eth_maxPriorityFeePerGas", "eth_sendRawTransaction", "eth_getTransactionReceipt", "eth_getLogs")
BY_RATE = frozenset(Lie) - {Lie.DOWN, Lie.TOO_LARGE}
ONE_BY_ONE = [lie for lie in Lie if lie is not Lie.DOWN]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("lies")
    with stage_of(folder, f"sqlite:///{folder / 'ledger.db'}", node_read_seconds=READ_SECONDS) as made:
        made.proxy.hold_seconds = 2 * READ_SECONDS
        made.proxy.delay_seconds = READ_SECONDS / 2
        made.cast()
        yield made
        made.proxy.be_honest()
        made.finish()
        made.fleet.audit()


@pytest.fixture
def stage_at_rest(stage: Stage) -> Stage:
    stage.proxy.be_honest()
    stage.proxy.took_effect.clear()
    stage.finish()
    return stage


@pytest.mark.parametrize("lie", ONE_BY_ONE, ids=lambda lie: lie.name)
def test_a_lie_is_survived(stage_at_rest: Stage, lie: Lie) -> None:
    stage = stage_at_rest
    for number in stage.births(2):
        stage.accept(stage.maison, verdict(number))

    _live_with(stage, lie)
    stage.proxy.be_honest()
    stage.finish()

    assert stage.proxy.took_effect[lie] >= 1
    stage.fleet.audit(rebuild=False)


def _live_with(stage: Stage, lie: Lie) -> None:
    if lie in lies.OF_RANGES:
        stage.work()
        stage.mine(80)
        stage.proxy.arm(lie, times=2)
        stage.index()
        return
    methods = ["eth_getLogs"] if lie in lies.OF_LOGS else ["eth_sendRawTransaction"] if lie in lies.SENDING else AT_WORK
    for method in methods:
        stage.proxy.arm(lie, times=2 if len(methods) == 1 else 1, method=method)
    stage.work("turn", MINE, "turn", MINE, "turn")
    stage.index()
    stage.index()


def test_a_node_that_never_answers_for_more_than_so_many_blocks_is_followed(stage_at_rest: Stage) -> None:
    """In words that we know, in words that nobody knows, and by not answering at all: wherever the indexer starts from, it gets on."""
    stage, proxy = stage_at_rest, stage_at_rest.proxy
    stage.release_leases()  # the scenes before this one lived in days to come
    indexer = stage.fleet.start("index", env={"LEDGER_RPC_URL": proxy.url})
    proxy.widest = 5

    for lie in sorted(lies.LIMITS):
        proxy.rates = {lie: 1.0}
        indexer.process.send_signal(signal.SIGSTOP)  # it is to find many blocks at once, not each as it is made
        stage.mine(80)
        indexer.process.send_signal(signal.SIGCONT)
        stage.births(2)
        stage.work("turn", MINE, "turn")
        eventually(lambda: not any(stage.fleet.hanging().values()), seconds=150)
    proxy.be_honest()
    told, code = dict(proxy.took_effect), indexer.end()
    proxy.widest = 1

    assert code == 0
    assert told.keys() == lies.LIMITS and min(told.values()) >= 1
    stage.fleet.audit(rebuild=False)


def test_a_lie_that_would_change_nothing_is_not_told_and_not_counted(stage_at_rest: Stage) -> None:
    stage = stage_at_rest
    stage.proxy.arm(Lie.LOG_TWICE)
    stage.proxy.arm(Lie.DROP_SEND)

    stage.mine(3)
    stage.work()
    stage.index()

    assert stage.proxy.is_armed()
    assert not stage.proxy.took_effect


@contextmanager
def _fleet_behind_a_proxy(folder: Path) -> Iterator[tuple[Fleet, LyingNode, Brand]]:
    """Worker and indexer at work, told nothing but the truth so far."""
    url = f"sqlite:///{folder / 'ledger.db'}"
    with fleet_of(folder, url, block_time=1, node_read_seconds=1) as fleet, LyingNode(fleet.chain_url, seed=SEED) as proxy:
        maison = fleet.brand("maison")
        proxy.hold_seconds = 1.5
        fleet.rpc_url = proxy.url
        for command in COMMANDS:
            fleet.start(command)
        fleet.accept(maison, fleet.births(1))
        fleet.settle()
        yield fleet, proxy, maison


def _send_for(fleet: Fleet, maison: Brand, seconds: float, *, until: Callable[[int], bool]) -> None:
    """Events coming in all the time, whoever dies being succeeded; on a slow machine for longer, `until` so many are enough."""
    random, sent, began = Random(SEED), 0, time.monotonic()
    while (passed := time.monotonic() - began) < seconds or (not until(sent) and passed < 8 * seconds):
        first = fleet._serials
        count = random.randint(1, 4)
        fleet.accept(maison, fleet.births(count))
        fleet.accept(maison, [verdict(first)])
        sent += count + 1
        _succeed(fleet)
        time.sleep(0.2)
    assert until(sent), f"seed {SEED}: {sent} events"


def _succeed(fleet: Fleet) -> None:
    """As whatever watches over the processes does. They end only to be looked at, or because the node was away when they began."""
    for command in COMMANDS:
        if not any(member.command == command.split()[0] and member.is_alive() for member in fleet.members):
            fleet.start(command)


def test_all_lies_at_once_by_seeded_rates(tmp_path: Path, is_long: bool) -> None:
    seconds, rate = (120, 0.01) if is_long else (8, 0.03)
    with _fleet_behind_a_proxy(tmp_path) as (fleet, proxy, maison):
        proxy.rates |= dict.fromkeys(BY_RATE, rate)
        told, kinds = proxy.took_effect, 20 if is_long else 6
        _send_for(fleet, maison, seconds, until=lambda sent: sent >= 5 * seconds and sum(told.values()) >= seconds and len(told) >= kinds)
        proxy.be_honest()
        _succeed(fleet)
        fleet.settle(seconds=120)

        fleet.audit()


def test_a_node_that_goes_up_and_down(tmp_path: Path) -> None:
    with _fleet_behind_a_proxy(tmp_path) as (fleet, proxy, maison):
        proxy.flap(0.7, 0.7, times=24)
        _send_for(fleet, maison, 4.2, until=lambda _sent: proxy.took_effect[Lie.DOWN] >= 3)
        proxy.be_honest()
        _succeed(fleet)
        fleet.settle(seconds=120)

        fleet.audit()
