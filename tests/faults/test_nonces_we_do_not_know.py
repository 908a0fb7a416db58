"""Nonces of a relayer that the database cannot explain: its key is used elsewhere, or yesterday's database was put back. The lane stops
and says so; an operator adopts them, and nothing is recorded twice."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from subprocess import TimeoutExpired

import pytest

from tests.faults import chain_faults as faults
from tests.faults.chain_faults import Effects
from tests.faults.fleet import Fleet, Member, fleet_of


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def fleet(tmp_path: Path, database: Path) -> Iterator[Fleet]:
    with fleet_of(tmp_path, f"sqlite:///{database}", mine_by_hand=True) as made:
        yield made


def await_mismatch(fleet: Fleet, worker: Member) -> None:
    """The worker ends by itself with the code of the mistake; blocks come meanwhile."""
    for _ in range(300):
        fleet.mine()
        with suppress(TimeoutExpired):
            worker.await_end(seconds=0.3)
            break
    assert worker.code == 5, worker.log[-1500:]
    assert worker.log.strip().splitlines()[-1].startswith("lane-mismatch: ")


def adopt(fleet: Fleet, *arguments: str) -> list[int]:
    """As the operator does, while no worker of the lane runs."""
    command = fleet.start(" ".join(["lane", "adopt", "--lane", "0", "--json", *arguments]))
    assert command.await_end(seconds=90) == 0, command.log
    adopted: list[int] = json.loads(command.log)["adopted"]
    return adopted


def test_a_relayer_s_key_in_other_hands_stops_its_lane_until_it_is_adopted(fleet: Fleet) -> None:
    maison, effects, relayer = fleet.brand("maison"), Effects(), fleet.service.keyring.relayer(0)
    fleet.accept(maison, fleet.births(3))
    worker = fleet.start("work --lane 0")
    fleet.start("index")
    fleet.settle()

    spent = faults.spend_nonce(fleet.node, relayer)
    fleet.mine()
    fleet.accept(maison, fleet.births(3))
    await_mismatch(fleet, worker)
    adopted = adopt(fleet)
    fleet.start("work --lane 0")
    fleet.settle()

    effects[faults.outcome(fleet.node, spent)] += 1
    assert effects == {"mined": 1} and adopted == [1]
    assert sum(fleet.statuses().values()) == 6 and set(fleet.statuses()) <= {"recorded", "final"}
    assert fleet.audit().as_json()["duplicated"] == 0


def test_yesterday_s_database_put_back_records_nothing_twice(fleet: Fleet, database: Path, tmp_path: Path) -> None:
    maison, effects = fleet.brand("maison"), Effects()
    fleet.accept(maison, fleet.births(3))
    members = [fleet.start("index"), fleet.start("work --lane 0")]
    fleet.settle()
    for member in members:
        member.end()
    fleet.accept(maison, fleet.births(4))  # accepted before the backup, recorded after it
    copy_database(database, tmp_path / "yesterday.db")
    fleet.accept(maison, fleet.births(2))  # the backup does not know of these at all
    members = [fleet.start("index"), fleet.start("work --lane 0")]
    fleet.settle()
    for member in members:
        member.end()
    nonces_before = used_nonces(fleet)

    put_back(fleet, tmp_path / "yesterday.db", database)
    effects["waiting again"] += fleet.statuses()["accepted"]
    await_mismatch(fleet, fleet.start("work --lane 0"))
    effects["adopted"] += len(adopt(fleet, "--restored"))
    fleet.start("work --lane 0")
    carried_again(fleet, nonces_before)
    fleet.start("index")
    fleet.settle()

    report = fleet.audit().as_json()
    assert effects["waiting again"] == 4 and effects["adopted"] >= 1
    assert sum(fleet.statuses().values()) == 7 and set(fleet.statuses()) <= {"recorded", "final"}
    assert (report["duplicated"], report["lost"], report["recorded_before_restore"]) == (0, 0, 2)


def copy_database(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as reads, closing(sqlite3.connect(target)) as writes:
        reads.backup(writes)


def put_back(fleet: Fleet, copy: Path, database: Path) -> None:
    """A file copied over another while nothing has it open."""
    fleet.service.engine.dispose()
    for leftover in (f"{database}-wal", f"{database}-shm"):
        Path(leftover).unlink(missing_ok=True)
    database.write_bytes(copy.read_bytes())


def used_nonces(fleet: Fleet) -> int:
    who = "0x" + fleet.service.keyring.relayer(0).address.hex()
    return int(fleet.node.call("eth_getTransactionCount", who, "latest"), 16)


def carried_again(fleet: Fleet, nonces: int) -> None:
    """Nobody has told the worker what is recorded already: it carries the same events once more."""
    for _ in range(300):
        if used_nonces(fleet) > nonces:
            return
        fleet.mine()
        time.sleep(0.2)
    raise AssertionError("the worker carried nothing")
