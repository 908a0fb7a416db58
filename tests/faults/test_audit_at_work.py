"""The audit while the service works: what is merely on its way is never a finding, whatever moves between two of its looks."""

from pathlib import Path

from ledger_api.audit import Report, audit
from tests.faults.fleet import fleet_of, verdict

ROUNDS, EVENTS = 4, 250
LONG_ROUNDS, LONG_EVENTS = 30, 2_000


def findings(report: Report) -> dict[str, list[str]]:
    return {check.name: check.findings for check in report.checks if check.found}


def test_an_audit_finds_nothing_while_workers_and_indexer_are_at_work(tmp_path: Path, database_url: str, is_long: bool) -> None:
    rounds, events = (LONG_ROUNDS, LONG_EVENTS) if is_long else (ROUNDS, EVENTS)
    with fleet_of(tmp_path, database_url, lanes=2) as fleet:
        maison = fleet.brand("maison")
        for command in ("index", "work --lane 0", "work --lane 1"):
            fleet.start(command)
        met_at_work = 0

        for number in range(rounds):
            fleet.accept(maison, fleet.births(events))
            fleet.accept(maison, [verdict(number * events + place) for place in range(20)])
            report = audit(fleet.service)
            met_at_work += bool(report.waiting or report.in_flight.get("transactions"))
            assert findings(report) == {}

        fleet.settle(seconds=120)
        settled = fleet.audit()
        assert met_at_work >= rounds // 2
        assert (settled.recorded, settled.waiting, settled.lost, settled.duplicated) == (rounds * (events + 20), 0, 0, 0)


def test_an_audit_finds_nothing_while_blocks_fall_out_of_the_chain(tmp_path: Path) -> None:
    with fleet_of(tmp_path, f"sqlite:///{tmp_path / 'ledger.db'}", confirmations=8) as fleet:
        maison = fleet.brand("maison")
        fleet.start("index")
        fleet.start("work --lane 0")
        reorgs = 0

        for _ in range(3):
            fleet.accept(maison, fleet.births(100))
            fleet.settle(seconds=60)
            before = fleet.node.call("eth_getBlockByNumber", "latest", False)
            fleet.node.call("anvil_reorg", 2, [])
            after = fleet.node.call("eth_getBlockByNumber", before["number"], False)
            reorgs += after is None or after["hash"] != before["hash"]
            report = audit(fleet.service)
            assert findings(report) == {}

        fleet.settle(seconds=60)
        assert reorgs == 3
        assert fleet.audit().recorded == 300
