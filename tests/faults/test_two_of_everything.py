"""Several workers, several indexers, several lanes on one PostgreSQL: one at a time does each job, and when it dies or freezes the next
one has it within the lease."""

import signal
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from ledger_api.store.engine import reading
from tests import servers
from tests.faults.chain_faults import Effects
from tests.faults.fleet import Fleet, Member, fleet_of, verdict

LEASE_SECONDS = 2
TURN_SECONDS = 3.0  # a quarter of a second's sleep of who waits for a lease, one turn after it, and a busy machine
READY_SECONDS = 3.0  # from a process's start to its first look at the lease, beside others that start
PROCESSES = ("work --lane 0", "work --lane 0", "work --lane 1", "work --lane 2", "index", "index")


class Crowd:
    """A fleet with more processes than jobs, and a brand that keeps them busy."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet, self.maison = fleet, fleet.brand("maison")
        self.made = 0
        for command in PROCESSES:
            fleet.start(command)
        for lease in ("indexer", *map(self.lane, range(3))):
            self.holder(lease)
        time.sleep(READY_SECONDS)  # who found a job taken already says nothing

    def feed(self, items: int = 5, *, verdicts: int = 1) -> None:
        """Births, and after each so many verdicts on the same item, which any lane may carry."""
        first = self.made
        self.fleet.accept(self.maison, self.fleet.births(items))
        self.made += items
        for _ in range(verdicts):
            self.fleet.accept(self.maison, [verdict(number) for number in range(first, self.made)])

    def holder(self, lease: str) -> Member:
        """The living process that has this lease now, frozen or not."""
        self.until(lambda: bool(self._holders(lease)))
        return self._holders(lease)[0]

    def _holders(self, lease: str) -> list[Member]:
        pid = self.pid_of(lease)
        return [member for member in self.fleet.members if member.process.pid == pid and member.is_alive()]

    def pid_of(self, lease: str) -> int | None:
        with reading(self.fleet.service.engine) as connection:
            owner = connection.execute(text("SELECT owner FROM leases WHERE name = :lease"), {"lease": lease}).scalar()
        return None if owner is None else int(str(owner).split(":")[1])

    def until(self, happens: Callable[[], bool], *, seconds: float = 90) -> float:
        """How long it took."""
        began = time.monotonic()
        while not happens():
            assert time.monotonic() < began + seconds, self.fleet.picture()
            time.sleep(0.05)
        return time.monotonic() - began

    def taken_over(self, lease: str, pid: int) -> float:
        """Seconds until another living process has the lease."""
        return self.until(lambda: self.pid_of(lease) != pid and bool(self._holders(lease)))

    def lane(self, number: int) -> str:
        return f"lane:{self.fleet.service.keyring.relayer(number).address.hex()}"

    def transactions(self) -> list[Any]:
        with reading(self.fleet.service.engine) as connection:
            asked = "SELECT relayer, nonce, status FROM transactions WHERE relayer <> :owner ORDER BY relayer, nonce, id"
            return list(connection.execute(text(asked), {"owner": self.fleet.service.keyring.owner().address}))


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> Iterator[Crowd]:
    folder: Path = tmp_path_factory.mktemp("crowd")
    with servers.fresh_database(postgres_server) as url, fleet_of(folder, url, lanes=3, lease_seconds=LEASE_SECONDS) as fleet:
        yield Crowd(fleet)


def assert_one_landed_per_nonce(crowd: Crowd) -> None:
    """No gap in any lane, and of each nonce one transaction that the chain has."""
    rows = crowd.transactions()
    assert {row.status for row in rows} <= {"mined", "reverted", "replaced"}
    landed = [(bytes(row.relayer), row.nonce) for row in rows if row.status != "replaced"]
    assert landed == sorted(set(landed))
    assert all(later[1] == earlier[1] + 1 for earlier, later in pairwise(landed) if earlier[0] == later[0])


def assert_nothing_lost(crowd: Crowd) -> None:
    crowd.fleet.settle()
    crowd.fleet.audit(rebuild=False)
    assert set(crowd.fleet.statuses()) <= {"recorded", "final"}
    assert_one_landed_per_nonce(crowd)


def test_three_lanes_touch_the_same_items_and_record_each_event_once(crowd: Crowd) -> None:
    at_work = set[bytes]()
    for _ in range(60):
        crowd.feed(4, verdicts=2)
        time.sleep(0.2)
        at_work = {bytes(row.relayer) for row in crowd.transactions()}
        if len(at_work) == 3 and crowd.made >= 24:
            break

    assert_nothing_lost(crowd)
    assert len(at_work) == 3
    assert all(member.is_alive() for member in crowd.fleet.members)


@pytest.mark.parametrize("job", ["worker", "indexer"])
def test_the_job_of_one_that_is_killed_is_taken_over_within_the_lease(crowd: Crowd, job: str, is_long: bool) -> None:
    lease, command = ("indexer", "index") if job == "indexer" else (crowd.lane(0), "work --lane 0")
    effects, waits, times = Effects(), [], 20 if is_long else 1
    for _ in range(times):
        crowd.feed()
        victim = crowd.holder(lease)
        victim.kill()
        waits.append(crowd.taken_over(lease, victim.process.pid))
        effects["killed"] += not victim.is_alive()
        crowd.fleet.start(command)
        crowd.feed()
        time.sleep(READY_SECONDS)

    assert_nothing_lost(crowd)
    assert effects == {"killed": times}
    assert max(waits) < LEASE_SECONDS + TURN_SECONDS


@pytest.mark.parametrize("job", ["worker", "indexer"])
def test_a_frozen_process_that_comes_back_after_its_lease_changes_nothing(crowd: Crowd, job: str, is_long: bool) -> None:
    lease = "indexer" if job == "indexer" else crowd.lane(0)
    effects, times = Effects(), 10 if is_long else 2
    for _ in range(times):
        crowd.feed()
        zombie = crowd.holder(lease)
        zombie.process.send_signal(signal.SIGSTOP)
        effects["froze with the lease"] += crowd.pid_of(lease) == zombie.process.pid
        crowd.feed()
        crowd.taken_over(lease, zombie.process.pid)
        heir = crowd.pid_of(lease)
        zombie.process.send_signal(signal.SIGCONT)
        time.sleep(0.5)  # longer than a turn: whatever it was about to do, it has done
        effects["came back without it"] += zombie.is_alive() and crowd.pid_of(lease) == heir

    assert_nothing_lost(crowd)
    assert effects["froze with the lease"] == effects["came back without it"] == times


def test_after_all_of_it_the_passports_are_those_of_a_rebuild(crowd: Crowd) -> None:
    crowd.fleet.settle()

    report = crowd.fleet.audit()

    assert report.as_json()["duplicated"] == report.as_json()["lost"] == 0
