"""Faults of the chain and of other hands in any order, chosen by a seed, while three lanes carry events on the same items.

Everything that took effect is counted, a failure names its seed, and the auditor has the last word.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from ledger_api.chain import transactions
from ledger_api.errors import BusyError
from ledger_api.indexer.loop import catch_up
from ledger_api.outbox.worker import Worker
from ledger_api.store.engine import reading
from tests.faults import chain_faults as faults
from tests.faults.chain_faults import Effects
from tests.faults.fleet import Brand, Fleet, fleet_of, verdict

LIMIT = 4  # confirmations: a reorg may go so deep
LANES = 3
STRANGER = 7
KINDS = {"dropped", "spike", "reorg", "reorg that keeps", "rolled back", "carried off", "carried off reversed"}


class Storm:
    """Rounds of: a few events, some of the lanes' turns, one fault, a block, the indexer."""

    def __init__(self, fleet: Fleet, seed: int) -> None:
        self.fleet, self.node, self.chance = fleet, fleet.node, random.Random(seed)
        self.effects = Effects()
        self.maison: Brand = fleet.brand("maison")
        around = fleet.service.surroundings()
        self.workers = [Worker(around, owner=f"storm {lane}", lane=lane, clock=lambda: datetime.now(UTC)) for lane in range(LANES)]
        self._made = 0
        self._deck: list[Callable[[], None]] = []
        fleet.mine(LIMIT + 1)  # so that what everything stands on is final
        self.index()

    def round(self) -> None:
        self.write()
        for worker in self.chance.sample(self.workers, self.chance.randint(1, LANES)):
            self.turn(worker)
        self._deck = self._deck or self.chance.sample(self.faults, len(self.faults))  # each of them before any again
        self._deck.pop()()
        for worker in self.workers:
            self.turn(worker)
        self.fleet.mine()
        if self.chance.random() < 0.7:
            self.index()

    def write(self) -> None:
        first, count = self._made, self.chance.randint(1, 3)
        self.fleet.accept(self.maison, self.fleet.births(count))
        self._made += count
        again = [verdict(self.chance.randrange(self._made)) for _ in range(2)]
        self.fleet.accept(self.maison, [verdict(number) for number in range(first, self._made)] + again)

    def turn(self, worker: Worker) -> None:
        with suppress(BusyError):  # a node that lags behind what was final, a fee above the cap: the loop waits and turns again
            worker.turn()

    def index(self) -> None:
        with suppress(BusyError):
            catch_up(self.fleet.service.following())
        self._let_go()

    def _let_go(self) -> None:
        """Each look is by another indexer, as far as the lease is concerned."""
        with self.fleet.service.engine.begin() as connection:
            connection.execute(text("DELETE FROM leases WHERE name = 'indexer'"))

    # --- faults

    @property
    def faults(self) -> list[Callable[[], None]]:
        return [self.drop, self.spike, self.reorg, self.reorg, self.reorg_keeping, self.roll_back, self.carry_off]

    def drop(self) -> None:
        waiting = [hashed for hashed, _ in self.ours("status = 'sent'") if faults.is_waiting(self.node, hashed)]
        if waiting:
            self.effects["dropped"] += faults.drop(self.node, self.chance.choice(waiting))

    def spike(self) -> None:
        for _ in range(self.chance.randint(1, 3)):
            self.effects["spike"] += faults.spike(self.node, self.chance.choice((30, 60)))

    def depth(self) -> int:
        """Never below what the indexer holds for final; 0 where nothing may go."""
        with reading(self.fleet.service.engine) as connection:
            final = connection.execute(text("SELECT final_block FROM chain_cursor")).scalar_one()
        most = min(LIMIT, faults.head_of(self.node) - final)
        return self.chance.randint(1, most) if most > 0 else 0

    def reorg(self) -> None:
        if depth := self.depth():
            self.effects["reorg"] += faults.reorg(self.node, depth)

    def reorg_keeping(self) -> None:
        if not (depth := self.depth()):
            return
        height = faults.head_of(self.node) - depth
        mined = [raw for raw, block in self.kept() if block > height]
        kept = sorted(self.chance.randrange(depth) for _ in mined)
        took_effect = faults.reorg(self.node, depth, list(zip(mined, kept, strict=True)))
        self.effects["reorg that keeps"] += took_effect and bool(mined)

    def roll_back(self) -> None:
        if depth := self.depth():
            self.effects["rolled back"] += faults.roll_back(self.node, depth)

    def carry_off(self) -> None:
        """A stranger carries what flies, in its order or against it."""
        flying = [transactions.read(raw) for _, raw in self.ours("status = 'sent'")][:3]
        is_reversed = self.chance.random() < 0.5
        for one in flying[::-1] if is_reversed else flying:
            hashed = faults.send_as(self.node, self.fleet.service.keyring.relayer(STRANGER), to=one.to, body=one.body)
            self.effects["carried off reversed" if is_reversed else "carried off"] += faults.is_waiting(self.node, hashed)

    def ours(self, condition: str) -> list[tuple[bytes, bytes]]:
        """(hash, raw) of the lanes' transactions."""
        owner = self.fleet.service.keyring.owner().address
        with reading(self.fleet.service.engine) as connection:
            asked = f"SELECT hash, raw FROM transactions WHERE relayer <> :owner AND {condition} ORDER BY id"
            return [(bytes(row[0]), bytes(row[1])) for row in connection.execute(text(asked), {"owner": owner})]

    def kept(self) -> list[tuple[bytes, int]]:
        with reading(self.fleet.service.engine) as connection:
            asked = "SELECT raw, block_number FROM transactions WHERE status = 'mined' AND block_number IS NOT NULL ORDER BY relayer, nonce"
            return [(bytes(row[0]), int(row[1])) for row in connection.execute(text(asked))]

    # --- the calm after it

    def settle(self) -> None:
        for _ in range(60):
            for worker in self.workers:
                self.turn(worker)
            self.fleet.mine()
            self.index()
            if not any(self.fleet.hanging().values()):
                return
        raise AssertionError(self.fleet.picture())


@pytest.fixture
def fleet(tmp_path: Path, database_url: str) -> Iterator[Fleet]:
    with fleet_of(tmp_path, database_url, mine_by_hand=True, lanes=LANES, confirmations=LIMIT, stuck_blocks=2, lease_seconds=60) as made:
        yield made


@pytest.mark.parametrize("seed", [1, 2])
def test_a_storm_of_chain_faults_loses_and_doubles_nothing(fleet: Fleet, seed: int, is_long: bool) -> None:
    storm = Storm(fleet, seed)

    for _ in range(400 if is_long else 40):
        storm.round()
    storm.settle()

    report = fleet.audit()
    told = f"seed {seed}: {dict(storm.effects)}"
    assert {kind for kind, count in storm.effects.items() if count} == KINDS, told
    assert sum(storm.effects.values()) >= (400 if is_long else 40), told
    assert set(fleet.statuses()) <= {"recorded", "final", "refused"}, told
    assert report.as_json()["duplicated"] == report.as_json()["lost"] == 0, told
