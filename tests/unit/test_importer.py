"""Reading exports: whatever a spreadsheet did to a file, its rows arrive with the right line numbers."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.progress import Progress

from ledger_api import operating
from ledger_api.importer.buyers import DemoBuyers
from ledger_api.importer.files import RefusedRow, body_of, read_lines, write_refused


def test_a_byte_order_mark_and_crlf_do_not_reach_the_rows(tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    file.write_bytes("\ufeffretailer,gtin\r\ndid:web:a.example,0123\r\n".encode())

    lines = list(read_lines(file))

    assert [(line.number, line.row) for line in lines] == [(2, {"retailer": "did:web:a.example", "gtin": "0123"})]


def test_a_quoted_line_break_moves_the_numbers_of_later_lines(tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    file.write_text('a,b\n"one\ntwo",x\n\nthree,y\n')

    assert [line.number for line in read_lines(file)] == [2, 5]


def test_a_short_row_has_empty_cells_and_a_long_one_loses_what_has_no_name(tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    file.write_text("a,b\nonly\nx,y,z\n")

    assert [line.row for line in read_lines(file)] == [{"a": "only", "b": ""}, {"a": "x", "b": "y"}]


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    file.write_bytes(b"")

    assert list(read_lines(file)) == []


def test_a_column_we_do_not_know_travels_as_payload() -> None:
    row = {"retailer": "did:web:a.example", "gtin": "1", "serial": "S", "invoice": "I-1", "till": "4", "occurred_at": "t"}

    body = body_of("sales", row)

    assert body == {"kind": "sale", "item": {"gtin": "1", "serial": "S"}, "occurred_at": "t", "payload": {"invoice": "I-1", "till": "4"}}


def test_the_lots_of_a_manufacture_become_a_list() -> None:
    row = {"brand": "b", "gtin": "1", "serial": "S", "model": "M", "lots": "did:web:s#L1; did:web:s#L2;", "occurred_at": "t"}

    assert body_of("production", row)["payload"] == {"model": "M", "lots": ["did:web:s#L1", "did:web:s#L2"]}


def test_a_lot_keeps_its_quantity_as_text_with_its_unit() -> None:
    row = {
        "supplier": "s",
        "lot": "L",
        "material": "silk",
        "origin": "CN",
        "quantity": "51.50",
        "unit": "kg",
        "certificate": "C",
        "occurred_at": "t",
    }

    payload = body_of("lots", row)["payload"]

    assert payload == {"material": "silk", "origin": "CN", "quantity": {"value": "51.50", "unit": "kg"}, "certificates": ["C"]}


def test_refused_rows_are_written_with_line_and_reason(tmp_path: Path) -> None:
    file = tmp_path / "refused.csv"

    write_refused(file, [RefusedRow("sales.csv", 7, "on-hold", "It is stolen.", {"serial": "S,1"})])

    assert file.read_text().splitlines()[1].startswith("sales.csv,7,on-hold,It is stolen.,")


def test_two_imports_at_once_keep_the_claim_keys_of_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sold = set[str]()

    class Importing:
        def __init__(self, _intake: Any, buyers: DemoBuyers, folder: Path, **_: Any) -> None:
            self.buyers, self.folder = buyers, folder

        def run(self) -> None:
            sold.add("0x" + self.buyers.key_for(self.folder.name).hex())
            time.sleep(0.1)
            self.buyers.save()

        def settle(self, _report: Any) -> bool:
            return True

    monkeypatch.setattr(operating, "Import", Importing)
    service: Any = SimpleNamespace(settings=SimpleNamespace(home=tmp_path), intake=None)

    with ThreadPoolExecutor(2) as pool:
        folders = (tmp_path / "spring", tmp_path / "autumn")
        list(pool.map(lambda folder: operating.import_folder(service, folder, Progress(disable=True)), folders))

    assert set(json.loads((tmp_path / "claim-keys.json").read_text())["keys"]) == sold
