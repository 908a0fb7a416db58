"""A model of the ledger, driven at random against the real service; and the same machine against three that are broken on purpose."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import text

from ledger_api.errors import LaneMismatch
from ledger_api.outbox.lane import Lane, Sight
from ledger_api.outbox.worker import Worker
from ledger_api.store import lanes
from ledger_api.store.engine import writing
from tests.faults.fleet import fleet_of
from tests.faults.machine import LawBroken, Machine
from tests.faults.modelled import Ground

RUNS, STEPS = 16, 60
LONG_RUNS = 400
# how often each must have taken effect in the short form
EXPECTED = {
    "accepted": 200, "refused at the door": 60, "event repeated": 10, "worker killed": 20, "indexer restarted": 8,
    "indexer undid blocks": 20, "reorg that keeps ours": 8, "reorg that drops ours": 6, "reorg empty": 20,
    "reorg of depth 1": 12, "reorg of depth 2": 8,
    "reorg of depth 3+": 15, "transaction dropped": 4, "stranger carried our batch": 8, "nonce stolen": 6, "lane adopted": 5,
    "deadline passed": 8, "base fee spiked": 2, "retailer suspended": 6, "retailer reinstated": 3, "node takes and hangs": 2,
    "node drops and says yes": 1, "node does not answer": 2, "node says underpriced": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("model")
    url = f"sqlite:///{folder / 'ground.db'}"
    chosen = {"confirmations": 5, "batch_deadline_seconds": 600, "stuck_blocks": 2, "max_in_flight": 3}
    with fleet_of(folder, url, mine_by_hand=True, lanes=2, **chosen) as fleet:
        made = Ground(fleet)
        yield made
        made.close()


def run(machine: type[Machine], ground: Ground, folder: Path, *, seeds: Iterable[int]) -> Counter[str]:
    """What took effect over all runs. Each seed is two runs, one in which next to nothing happens and one at random.

    Raises:
        LawBroken: with the moves that led there, and the seed.
    """
    machine.ground, machine.folder, machine.took_effect = ground, folder, Counter()
    chosen = settings(
        max_examples=2, stateful_step_count=STEPS, deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.generate], print_blob=False,
    )  # fmt: skip
    for number in seeds:
        try:
            run_state_machine_as_test(seed(number)(machine), settings=chosen)
        except LawBroken as error:
            error.add_note(f"seed {number}")
            raise
    return machine.took_effect


def test_the_service_and_the_book_agree_whatever_happens(ground: Ground, tmp_path: Path, is_long: bool) -> None:
    first = random.randrange(10**9) if is_long else 0

    took_effect, runs = Counter[str](), LONG_RUNS if is_long else RUNS
    for start in range(first, first + 3 * runs, runs):  # what a busy machine let pass by comes up in further runs
        if not too_rare(took_effect):
            break
        took_effect += run(Machine, ground, tmp_path, seeds=range(start, start + runs))

    assert too_rare(took_effect) == {}


def too_rare(took_effect: Counter[str]) -> dict[str, int]:
    """Kinds of faults that took effect less often than expected."""
    return {kind: count for kind, count in EXPECTED.items() if took_effect[kind] < count}


# --- broken on purpose: a harness that catches nothing proves nothing


class WithoutUndoing(Machine):
    """An indexer that takes the chain's new hashes for granted: what a reorg took away stays in its records."""

    def index(self, steps: int) -> None:
        cursor = self.world.rows("SELECT next_block FROM chain_cursor")[0].next_block
        numbers = [row.number for row in self.world.rows("SELECT number FROM blocks")]
        if cursor - 1 <= self.world.head_number():
            found = self.world.node.batch([("eth_getBlockByNumber", (hex(number), False)) for number in numbers])
            values = [{"number": int(block["number"], 16), "hash": bytes.fromhex(block["hash"][2:])} for block in found if block]
            with writing(self.world.service.engine) as connection:
                connection.execute(text("UPDATE blocks SET hash = :hash WHERE number = :number"), values)
        super().index(steps)


class ImpatientLane(Lane):
    """Gives up what the node does not have, and carries it on the next nonce."""

    def resend(self, sight: Sight) -> int:
        lost = [flight for flight in self.flights() if sight.pending_nonces <= flight.nonce]
        with writing(self._engine) as connection:
            self._release(connection, lanes.carried_on(connection, self.relayer, [flight.nonce for flight in lost]))
            for flight in lost:
                connection.execute(text("UPDATE transactions SET status = 'replaced' WHERE id = :id"), {"id": flight.id})
        return 0


class ImpatientWorker(Worker):
    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.lane.__class__ = ImpatientLane


class WithNewNonces(Machine):
    """A worker that signs anew what it does not know the fate of, instead of sending the same bytes again."""

    def __init__(self) -> None:
        super().__init__()
        self.world.employ(ImpatientWorker)


class WithoutTips(Machine):
    """A door that judges on what the chain has, and forgets what it has accepted since."""

    def send(self, member: str, bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
        with writing(self.world.service.engine) as connection:
            connection.execute(text("DELETE FROM tips"))
        return super().send(member, bodies)


@pytest.mark.parametrize("broken", [WithoutUndoing, WithNewNonces, WithoutTips])
def test_a_service_that_is_broken_on_purpose_is_caught(ground: Ground, tmp_path: Path, broken: type[Machine]) -> None:
    with pytest.raises((LawBroken, LaneMismatch)):  # who gives nonces away may be stopped by the lane's own guard before a law is broken
        run(broken, ground, tmp_path, seeds=range(RUNS))
