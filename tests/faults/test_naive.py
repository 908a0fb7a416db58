"""The harness and the auditor catch a worker and an indexer that are wrong: what they are for.

Every scene is played twice: with the naive one, and the audit has to find what it did; with the real one, and it finds nothing.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger_api.audit import audit
from ledger_api.audit.report import Report
from tests.faults import points
from tests.faults.fleet import verdict
from tests.faults.lying_node import Lie
from tests.faults.nursery import Nursery
from tests.faults.stage import MINE, Stage, stage_of

PATIENCE_SECONDS = 0.3  # nothing moves between two looks


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery")) as made:
        yield made


@pytest.fixture
def stage(tmp_path: Path, nursery: Nursery) -> Iterator[Stage]:
    with stage_of(tmp_path, f"sqlite:///{tmp_path / 'ledger.db'}", nursery=nursery, stuck_blocks=50) as made:
        made.cast()
        yield made


# --- scenes: `is_naive` says who works or indexes


def no_fault(stage: Stage, is_naive: bool) -> None:
    for number in stage.births(2):
        stage.accept(stage.maison, verdict(number))
    stage.work("turn", MINE, "turn", naive=is_naive)
    stage.index(naive=is_naive)


def killed_between_sending_and_saving(stage: Stage, is_naive: bool) -> None:
    site = "faults.naive:NaiveWorker.turn:commit#1" if is_naive else "outbox.lane:Lane.send:commit#1"
    stage.nursery.points = [f"{site}:before"]
    stage.births(2)
    stage.work("turn", MINE, "turn", naive=is_naive)

    assert stage.nursery.deaths == 1


def a_receipt_that_a_reorg_takes_back(stage: Stage, is_naive: bool) -> None:
    stage.births(2)
    stage.work("turn", MINE, "turn", naive=is_naive)
    stage.fleet.node.call("anvil_reorg", 1, [])
    if not is_naive:
        stage.work("turn", MINE, "turn")
    stage.work("turn", MINE, "turn", naive=is_naive)


def a_transaction_dropped_with_a_yes(stage: Stage, is_naive: bool) -> None:
    stage.proxy.arm(Lie.DROP_SEND)
    first = stage.births(1)[0]
    stage.accept(stage.maison, verdict(first))
    stage.work("turn", ["evm_mine", []], "turn", naive=is_naive)
    stage.births(1)
    stage.work("turn", MINE, "turn", MINE, naive=is_naive)

    assert stage.proxy.took_effect[Lie.DROP_SEND] == 1


def an_answer_that_never_came(stage: Stage, is_naive: bool) -> None:
    stage.proxy.arm(Lie.CLOSE_TAKEN, method="eth_sendRawTransaction")
    stage.births(2)
    stage.work("turn", "turn", MINE, "turn", naive=is_naive)

    assert stage.proxy.took_effect[Lie.CLOSE_TAKEN] == 1


def killed_between_cursor_and_effects(stage: Stage, is_naive: bool) -> None:
    stage.nursery.points = ["indexer.following:_write:commit#1:before"]
    stage.births(2)
    stage.work("turn", MINE, "turn")
    stage.index(naive=is_naive)

    assert stage.nursery.deaths == 1


def a_block_that_falls_out(stage: Stage, is_naive: bool) -> None:
    stage.births(2)
    stage.work("turn", MINE, "turn")
    stage.index(naive=is_naive)
    stage.fleet.node.call("anvil_reorg", 1, [])
    stage.mine()
    stage.index(naive=is_naive)


def a_range_answered_with_silence(stage: Stage, is_naive: bool) -> None:
    stage.births(2)
    stage.work("turn", MINE, "turn")
    stage.proxy.arm(Lie.NO_LOGS, times=2)
    stage.index(naive=is_naive)
    stage.proxy.be_honest()

    assert stage.proxy.took_effect[Lie.NO_LOGS] >= 1


SETTLED, GAP, ACCEPTED = "nothing waits any more", "no lane has a gap in its nonces", "every accepted event is recorded once or refused"
# who is caught at what
WORKERS = {
    killed_between_sending_and_saving: GAP,
    a_receipt_that_a_reorg_takes_back: ACCEPTED,
    an_answer_that_never_came: GAP,
}
INDEXERS = {
    killed_between_cursor_and_effects: ACCEPTED,
    a_block_that_falls_out: ACCEPTED,
    a_range_answered_with_silence: ACCEPTED,
}
Scene = Callable[[Stage, bool], None]


def _ends(stage: Stage, scene: Scene, *, works_naively: bool, indexes_naively: bool) -> Report:
    """A good start, the scene, some rounds in which everything could be put right, and what the audit says then."""
    stage.births(1)
    stage.work("turn", MINE, "turn", naive=works_naively)
    stage.index(naive=indexes_naively)
    scene(stage, works_naively or indexes_naively)
    for _ in range(4):
        stage.work("turn", MINE, "turn", naive=works_naively)
        stage.index(naive=indexes_naively)
    stage.mine(2)
    stage.index(naive=indexes_naively)
    return audit(stage.fleet.service, rebuild=False, settled=True, patience=PATIENCE_SECONDS)


def _findings(report: Report) -> dict[str, list[str]]:
    return {check.name: check.findings for check in report.checks if check.found}


@pytest.mark.parametrize("scene", WORKERS, ids=lambda scene: scene.__name__)
def test_a_naive_worker_is_caught(stage: Stage, scene: Scene) -> None:
    report = _ends(stage, scene, works_naively=True, indexes_naively=False)

    assert WORKERS[scene] in _findings(report)


def test_a_naive_worker_that_sends_nothing_again_jams_its_lane(stage: Stage) -> None:
    report = _ends(stage, a_transaction_dropped_with_a_yes, works_naively=True, indexes_naively=False)

    assert SETTLED in _findings(report)
    assert report.waiting == report.in_flight["travelling"] == 2


@pytest.mark.parametrize("scene", INDEXERS, ids=lambda scene: scene.__name__)
def test_a_naive_indexer_is_caught(stage: Stage, scene: Scene) -> None:
    report = _ends(stage, scene, works_naively=False, indexes_naively=True)

    assert INDEXERS[scene] in _findings(report)


@pytest.mark.parametrize("scene", [*WORKERS, a_transaction_dropped_with_a_yes, *INDEXERS], ids=lambda scene: scene.__name__)
def test_the_real_ones_are_clean_after_the_same(stage: Stage, scene: Scene) -> None:
    report = _ends(stage, scene, works_naively=False, indexes_naively=False)

    assert _findings(report) == {}
    assert report.waiting == 0


def test_the_naive_ones_are_clean_as_long_as_nothing_goes_wrong(stage: Stage) -> None:
    report = _ends(stage, no_fault, works_naively=True, indexes_naively=True)

    assert _findings(report) == {}
    assert report.recorded == 5


def test_where_the_naive_worker_can_die_is_read_from_its_code() -> None:
    effects = {site.function: site.effect for site in points.naive_sites()}

    assert effects["NaiveWorker.turn"] in ("ask", "commit")
    assert "catch_up" in effects
