"""`ledger import` on a real chain: every row ends as the exports' own expectation says, and a second run records nothing."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rich.progress import Progress

from ledger_api import operating, running
from ledger_api.importer.running import ImportReport
from ledger_api.service import Service
from ledger_api.settings import Settings
from ledger_verify.hashing import keccak

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "samples" / "maison"
FOREIGN = ROOT.parent / "shared" / "data" / "maison"
RECORDED = "0x" + keccak(b"Recorded(bytes32,bytes32,bytes32,address,uint8,uint48,bytes32,uint64,bytes32)").hex()

pytestmark = pytest.mark.chain


def imported(service: Service, folder: Path) -> ImportReport:
    report, is_settled = operating.import_folder(service, folder, Progress(disable=True))
    assert is_settled
    return report


def expected(folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / "expected.json").read_text())["files"]
    return loaded


def recorded_logs(service: Service) -> list[dict[str, Any]]:
    asked = {"fromBlock": "0x0", "toBlock": "latest", "address": "0x" + service.network.ledger.hex(), "topics": [RECORDED]}
    logs: list[dict[str, Any]] = service.node.call("eth_getLogs", asked)
    return logs


def kinds_on_chain(service: Service) -> Counter[int]:
    """By the chain alone: the fourth word of a log's body is the event's kind."""
    return Counter(int(log["data"][2 + 64 * 3 : 2 + 64 * 4], 16) for log in recorded_logs(service))


@pytest.mark.parametrize("folder", [SAMPLE, FOREIGN], ids=["sample", "foreign"])
def test_an_import_ends_as_expected_on_the_ledger_itself_and_a_second_one_records_nothing(
    folder: Path, tmp_path: Path, database_url: str
) -> None:
    if not folder.exists():
        pytest.skip("these exports are not on this machine")
    settings = Settings(home=tmp_path / "home", database_url=database_url)
    with running.working(settings) as service:
        first = imported(service, folder)
        on_chain = kinds_on_chain(service)
        second = imported(service, folder)
        again = kinds_on_chain(service)

    assert first.as_json() == expected(folder)
    wanted = expected(folder)
    by_kind = {1: "lots.csv", 2: "production.csv", 3: "shipments.csv", 4: "sales.csv", 12: "holds.csv", 7: "verdicts.csv", 5: "resales.csv"}
    assert dict(on_chain) == {kind: wanted[file]["recorded"] for kind, file in by_kind.items()}
    assert again == on_chain
    for name, counts in expected(folder).items():
        repeated = second.files[name]
        assert (repeated.rows, repeated.recorded) == (counts["rows"], 0)
        assert repeated.duplicates == counts["duplicates"] + counts["recorded"]
        assert dict(repeated.refused) == counts["refused"]


def test_refused_rows_come_with_the_line_they_stand_on(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with running.working(settings) as service:
        report = imported(service, SAMPLE)

    lines = (SAMPLE / "production.csv").read_text(encoding="utf-8-sig").splitlines()
    for refused in report.refused:
        if refused.file == "production.csv":
            assert refused.row["serial"] in lines[refused.line - 1]
