"""The main job, a stuck transaction, the audit and the proof of a word, on each client: nothing leans on one client's habits."""

import itertools
import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.progress import Progress
from sqlalchemy import select

from ledger_api import operating
from ledger_api.chain import transactions
from ledger_api.chain.rpc import Hint, Refusal, unhex
from ledger_api.errors import NodeRefused
from ledger_api.outbox import Surroundings
from ledger_api.outbox.worker import Worker
from ledger_api.settings import Settings
from ledger_api.store.engine import reading
from ledger_api.tables import TransactionRow
from tests import servers
from tests.clients.client import Client, running
from tests.faults.fleet import Fleet

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "maison"
BAG = ("09990000100026", "V116038%2F2")
SECONDS = 60
_transactions = TransactionRow.__table__  # type: ignore[attr-defined]


def test_main_job(client: Client, fleet: Fleet, record_property: Callable[[str, Any], None]) -> None:
    gtin, serial = BAG

    report, is_settled = operating.import_folder(fleet.service, SAMPLE, Progress(disable=True))
    facts = operating.status_of(fleet.service)
    found, answer = fleet.get(f"/v1/items?gtin={gtin}&serial={serial}")
    shown, page = fleet.ask("GET", f"/01/{gtin}/21/{serial}", None, {"Accept": "text/html"})

    record_property("version", fleet.node.call("web3_clientVersion"))
    assert is_settled
    assert {row.status for row in _all_sent(fleet)} == {"mined"}  # nothing was planned with too little gas
    assert report.as_json() == json.loads((SAMPLE / "expected.json").read_text())["files"]
    assert facts["recorded_events"] == sum(one.recorded for one in report.files.values())
    assert (found, answer["passport"]["stage"], answer["passport"]["sequence"]) == (200, "sold", 5)
    assert answer["passport"]["verdict"]["outcome"] == "authentic"
    assert (shown, "Cabas Verne" in page.decode()) == (200, True)


def test_audit(client: Client, fleet: Fleet) -> None:
    report = fleet.audit()

    assert report.recorded == operating.status_of(fleet.service)["recorded_events"] > 0
    assert (report.lost, report.duplicated) == (0, 0)


def test_proof(client: Client, fleet: Fleet, record_property: Callable[[str, Any], None]) -> None:
    """Served or not, as the table says; what is served is about our contract."""
    deployment = fleet.service.deployment

    answer = fleet.node.ask("eth_getProof", "0x" + deployment.ledger.hex(), ["0x" + bytes(32).hex()], "latest")

    is_served = not isinstance(answer, Refusal)
    record_property("proof", "yes" if is_served else "no")
    assert not is_served or (unhex(answer["codeHash"]), len(answer["storageProof"])) == (deployment.ledger_code_hash, 1)


def test_fee_bump(client: Client, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", stuck_blocks=2)
    with running(client.start_dear, settings) as url:
        fleet = Fleet(url, settings, tmp_path, is_mined_by_hand=False)
        maison = fleet.brand("maison")
        client.make_dear(fleet.node)
        fleet.accept(maison, fleet.births(20))

        rows = _carry_against_the_market(client, fleet)

        receipts = [fleet.node.call("eth_getTransactionReceipt", "0x" + row.hash.hex()) for row in rows]
        landed = [receipt for receipt in receipts if receipt is not None]
        fleet.index()
        statuses = fleet.statuses()
        fleet.audit()
        fleet.service.close()

    assert len(rows) >= 2
    assert {row.nonce for row in rows} == {0}
    assert sorted(row.status for row in rows) == ["mined", *["replaced"] * (len(rows) - 1)]
    assert [int(receipt["status"], 16) for receipt in landed] == [1]
    assert sum(statuses.get(status, 0) for status in ("recorded", "final")) == 20
    assert _costs(rows) == [(int(landed[0]["gasUsed"], 16), int(landed[0]["effectiveGasPrice"], 16))]
    assert all(_is_a_step_up(older, newer) for older, newer in itertools.pairwise(rows))


def test_fees_above_the_nodes_own_cap_are_paid_in_smaller_transactions(client: Client, tmp_path: Path) -> None:
    """geth's `--rpc.txfeecap` (one ether unless an operator says otherwise) is about gas times price, not about the price."""
    if client.name != "go-ethereum":
        pytest.skip("no other client has such a cap")
    settings = Settings(home=tmp_path / "home")
    with running(lambda: servers.geth_dev("--rpc.txfeecap", "0.02"), settings) as url:
        fleet = Fleet(url, settings, tmp_path, is_mined_by_hand=False)
        fleet.accept(fleet.brand("maison"), fleet.births(80))
        worker, refused = Worker(fleet.service.surroundings(), owner="the only worker"), Counter[str]()

        def turn() -> None:
            try:
                worker.turn()
            except NodeRefused as error:
                refused[error.facts["hint"]] += 1
            time.sleep(0.5)
            fleet.index()

        _until(lambda: not fleet.hanging()["event"], turn)
        statuses = fleet.statuses()
        fleet.service.close()

    assert refused[Hint.TOO_LARGE.value] >= 1
    assert sum(statuses.get(status, 0) for status in ("recorded", "final")) == 80


def _carry_against_the_market(client: Client, fleet: Fleet) -> list[Any]:
    """Send, let it wait, outbid it until it lands; returns the transactions in the order they were saved."""
    service = fleet.service
    settings = service.settings.model_copy(update=dict(client.dear_settings))
    worker = Worker(Surroundings(service.engine, service.node, service.keyring, service.deployment, settings), owner="the only worker")
    worker.turn()
    assert [row.status for row in _sent(fleet, worker)] == ["sent"]
    _until(lambda: len(_sent(fleet, worker)) > 1, lambda: (client.pass_block(fleet.node), worker.turn()))
    _until(lambda: any(row.status == "mined" for row in _sent(fleet, worker)), lambda: (client.mine(fleet.node), worker.turn()))
    worker.stop()
    return _sent(fleet, worker)


def _until(is_so: Callable[[], bool], act: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            pytest.fail(f"not so after {SECONDS} s")
        act()


def _all_sent(fleet: Fleet) -> list[Any]:
    with reading(fleet.service.engine) as connection:
        return list(connection.execute(select(_transactions)))


def _sent(fleet: Fleet, worker: Worker) -> list[Any]:
    asked = select(_transactions).where(_transactions.c.relayer == worker.lane.relayer).order_by(_transactions.c.id)
    with reading(fleet.service.engine) as connection:
        return list(connection.execute(asked))


def _costs(rows: list[Any]) -> list[tuple[int, int]]:
    return [(row.gas_used, row.gas_price_wei) for row in rows if row.gas_used is not None]


def _is_a_step_up(older: Any, newer: Any) -> bool:
    """What every pool asks of a replacement: an eighth more of both."""
    before, after = transactions.read(older.raw), transactions.read(newer.raw)
    return after.max_fee_wei * 8 >= before.max_fee_wei * 9 and after.priority_fee_wei * 8 >= before.priority_fee_wei * 9
