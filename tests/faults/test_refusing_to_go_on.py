"""Chains on which nothing may go on: every process stops with code 5 and says why, and not a row is touched."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import SQLModel

from ledger_api.service import deploy_once
from ledger_api.settings import Settings
from ledger_api.store.engine import reading
from tests import servers
from tests.faults import chain_faults as faults
from tests.faults.chain_faults import Effects
from tests.faults.fleet import Fleet, fleet_of

PROCESSES = ("index", "work --lane 0")
# who works, why nobody does, and how often something was seen: no word about any event, item or transaction
_RUNNING = {"leases", "stops", "tallies"}


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """Three births are final; worker and indexer are at work."""
    with fleet_of(tmp_path, f"sqlite:///{tmp_path}/ledger.db", mine_by_hand=True) as made:
        maison = made.brand("maison")
        made.accept(maison, made.births(3))
        for command in PROCESSES:
            made.start(command)
        made.settle()
        made.mine(3)
        made.index()
        assert made.statuses() == {"final": 3}
        yield made


@pytest.fixture(scope="module")
def resting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Three births are accepted and nobody is at work: what started wrongly would carry them."""
    folder = tmp_path_factory.mktemp("resting")
    with fleet_of(folder, f"sqlite:///{folder}/ledger.db", mine_by_hand=True) as made:
        made.accept(made.brand("maison"), made.births(3))
        yield made


def contents(fleet: Fleet) -> str:
    """Of every row but those of who is at work."""
    digest = hashlib.sha256()
    with reading(fleet.service.engine) as connection:
        for name, table in sorted(SQLModel.metadata.tables.items()):
            if name not in _RUNNING:
                rows = sorted(repr(tuple(row)) for row in connection.execute(table.select()))
                digest.update(f"{name} {rows}".encode())
    return digest.hexdigest()


def alarms(fleet: Fleet) -> list[str]:
    """That ring, as the service says."""
    return [alarm["code"] for alarm in fleet.get("/readyz")[1]["warnings"]]


def ends(fleet: Fleet, *commands: str, env: dict[str, str] | None = None) -> list[tuple[int, str]]:
    """How each ends by itself: its code, and the error it names."""
    members = [fleet.start(command, env=env) for command in commands]
    return [(member.await_end(seconds=90), named(member.log)) for member in members]


def named(log: str) -> str:
    """The code that the last line of an ended process begins with."""
    return log.strip().splitlines()[-1].partition(":")[0]


def test_a_reorg_below_the_final_block_stops_those_at_work_and_those_that_start(fleet: Fleet) -> None:
    effects, members = Effects(), list(fleet.members)
    fleet.start("serve")
    quiet = alarms(fleet)
    before, depth = contents(fleet), faults.head_of(fleet.node) - fleet.service.deployment.block - 6

    effects["reorg"] += faults.reorg(fleet.node, depth)
    told = [(member.await_end(seconds=90), named(member.log)) for member in members]
    again = ends(fleet, *PROCESSES)

    assert effects == {"reorg": 1} and depth > fleet.service.network.confirmations
    assert told == again == [(5, "reorg-too-deep")] * 2
    assert contents(fleet) == before
    assert "reorg-too-deep" not in quiet and "reorg-too-deep" in alarms(fleet)  # who serves says so, when nobody is at work any more
    assert b'ledger_alarm{code="reorg-too-deep"} 1.0' in fleet.get("/metrics")[1]


def test_a_chain_that_was_reset_stops_those_at_work_and_nobody_starts_on_it(fleet: Fleet) -> None:
    members = list(fleet.members)
    before = contents(fleet)

    fleet.node.call("anvil_reset")
    told = [(member.await_end(seconds=90), named(member.log)) for member in members]
    told += ends(fleet, *PROCESSES)

    assert faults.head_of(fleet.node) == 0
    assert {code for code, _ in told} == {5}
    assert {error for _, error in told} <= {"wrong-chain", "contract-missing"}
    assert contents(fleet) == before


def test_nobody_starts_on_a_chain_with_another_id(resting: Fleet) -> None:
    before, file = contents(resting), str(resting.settings.home / "deployments" / "31337.json")

    with servers.anvil(chain_id=4242) as other:
        undeployed = ends(resting, "index", env={"LEDGER_RPC_URL": other})
        mistaken = ends(resting, "work", env={"LEDGER_RPC_URL": other, "LEDGER_DEPLOYMENT": file})

    assert undeployed == [(1, "not-deployed")]
    assert mistaken == [(5, "wrong-chain")]
    assert contents(resting) == before


def test_nobody_starts_where_the_contract_has_no_code(resting: Fleet) -> None:
    before, ledger = contents(resting), "0x" + resting.service.deployment.ledger.hex()
    code = resting.node.call("eth_getCode", ledger, "latest")

    resting.node.call("anvil_setCode", ledger, "0x")
    told = ends(resting, "index")
    resting.node.call("anvil_setCode", ledger, code)

    assert told == [(5, "contract-missing")]
    assert contents(resting) == before


def test_nobody_starts_with_the_database_of_another_deployment(resting: Fleet, tmp_path: Path) -> None:
    before = contents(resting)

    with servers.anvil() as other:
        elsewhere = Settings(home=tmp_path / "elsewhere")
        deploy_once(elsewhere, other)
        file = str(elsewhere.home / "deployments" / "31337.json")
        told = ends(resting, "work", env={"LEDGER_RPC_URL": other, "LEDGER_DEPLOYMENT": file})

    assert told == [(5, "wrong-chain")]
    assert contents(resting) == before
