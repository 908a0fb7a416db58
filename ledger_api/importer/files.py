"""A brand's exports (a folder of CSV files and organizations.json): how rows are read and what event each one says.

Each file is read as it comes: BOM, CRLF, GTINs of any length, time zones or none, duplicates and wrong rows. A row
becomes one event body and goes through the same door as any caller's (`intake.accept_events`); nothing is judged
here. What is special to an import is that it plays the buyers of a demo: their claim keys are made here, kept in
`claim-keys.json`, and sign the reports and consents that only a holder can give.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Row = dict[str, str]
FILES = ("lots", "production", "shipments", "sales", "holds", "verdicts", "resales")
# the column that names who acts; a hold is the holder's own report
ACTOR = {
    "lots": "supplier", "production": "brand", "shipments": "brand", "sales": "retailer",
    "verdicts": "authenticator", "resales": "platform",
}  # fmt: skip
# columns of a file that become fields of the event; every other column travels as payload
TAKEN = {
    "lots": {"supplier", "lot", "occurred_at", "material", "origin", "quantity", "unit", "certificate"},
    "production": {"brand", "gtin", "serial", "occurred_at", "lots"},
    "shipments": {"brand", "gtin", "serial", "to", "occurred_at"},
    "sales": {"retailer", "brand", "gtin", "serial", "occurred_at"},
    "holds": {"brand", "gtin", "serial", "hold", "occurred_at"},
    "verdicts": {"authenticator", "brand", "gtin", "serial", "method", "outcome", "occurred_at"},
    "resales": {"platform", "brand", "gtin", "serial", "occurred_at"},
}


@dataclass(frozen=True)
class Line:
    """One row of a file with the number of the line it begins on (the header is line 1)."""

    number: int
    row: Row


@dataclass
class FileReport:
    """What became of a file's rows."""

    rows: int = 0
    recorded: int = 0
    duplicates: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "recorded": self.recorded,
            "duplicates": self.duplicates,
            "refused": dict(self.refused),
        }


@dataclass(frozen=True)
class RefusedRow:
    """A row that is not on the ledger, and why."""

    file: str
    line: int
    reason: str
    message: str
    row: Row


def read_lines(path: Path) -> Iterator[Line]:
    """Rows of a CSV export. UTF-8 with or without BOM, any line ending, blank lines skipped, cells stripped."""
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    reader = csv.reader(io.StringIO(text, newline=""))
    header = [name.strip().lower() for name in next(reader, [])]
    begins = reader.line_num + 1
    for cells in reader:
        if any(cell.strip() for cell in cells):
            padded = cells + [""] * (len(header) - len(cells))
            yield Line(begins, {name: cell.strip() for name, cell in zip(header, padded, strict=False)})
        begins = reader.line_num + 1


def _item(row: Row) -> dict[str, str]:
    return {"gtin": row.get("gtin", ""), "serial": row.get("serial", "")}


def _lot(row: Row) -> dict[str, Any]:
    payload: dict[str, Any] = {"material": row.get("material", ""), "origin": row.get("origin", "")}
    if row.get("quantity"):
        payload["quantity"] = {"value": row["quantity"], "unit": row.get("unit", "")}
    if row.get("certificate"):
        payload["certificates"] = [row["certificate"]]
    return {"kind": "raw-material", "lot": row.get("lot", ""), "payload": payload}


def _production(row: Row) -> dict[str, Any]:
    lots = [lot.strip() for lot in row.get("lots", "").split(";") if lot.strip()]
    body: dict[str, Any] = {"kind": "manufacture", "gtin": row.get("gtin", ""), "serial": row.get("serial", "")}
    if row.get("category"):
        body["category"] = row["category"]
    return body | {"payload": {"lots": lots} if lots else {}}


def _shipment(row: Row) -> dict[str, Any]:
    return {"kind": "shipment", "item": _item(row), "to": row.get("to", ""), "payload": {}}


def _sale(row: Row) -> dict[str, Any]:
    return {"kind": "sale", "item": _item(row), "payload": {}}


def _hold(row: Row) -> dict[str, Any]:
    return {"kind": "hold", "item": _item(row), "hold": row.get("hold", ""), "payload": {}}


def _verdict(row: Row) -> dict[str, Any]:
    facts = {"outcome": row.get("outcome", ""), "method": row.get("method", "")}
    return {"kind": "verdict", "item": _item(row), **facts, "payload": {}}


def _resale(row: Row) -> dict[str, Any]:
    return {"kind": "resale", "item": _item(row), "payload": {}}


BODY: dict[str, Callable[[Row], dict[str, Any]]] = {
    "lots": _lot, "production": _production, "shipments": _shipment, "sales": _sale,
    "holds": _hold, "verdicts": _verdict, "resales": _resale,
}  # fmt: skip


def body_of(file: str, row: Row) -> dict[str, Any]:
    """The event body of a row, without what only a buyer's key can add."""
    body = BODY[file](row)
    body["occurred_at"] = row.get("occurred_at", "")
    extra = {name: cell for name, cell in row.items() if cell and name and name not in TAKEN[file]}
    body["payload"] = body["payload"] | extra
    if "category" in body:
        body["payload"].pop("category", None)
    return body


def write_refused(path: Path, refused: Iterable[RefusedRow]) -> None:
    """`refused.csv`: file, line, reason, message and the row as it was read."""
    with path.open("w", newline="", encoding="utf-8") as sink:
        writer = csv.writer(sink)
        writer.writerow(("file", "line", "reason", "message", "row"))
        for one in refused:
            writer.writerow((one.file, one.line, one.reason, one.message, json.dumps(one.row, ensure_ascii=False)))
