"""The appraisers' doors with 100,000 cases in the database: the slowest of queue, claim, case and decision at the 95th percentile.

`python -m benchmarks.desk`: one `ledger serve` process on SQLite, eight appraisers at once, each looking at the queue, claiming the next
case, opening it and deciding, without a pause to think. A case that waits is whole: eight photos with their measures, what machines said
of each, a journal, an item whose story the ledger knows, numbers. In the same run the same is asked of cases with nothing but photos, so
that one sees what the rest costs. Keeps `desk_p95_ms`.
"""

import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert, text
from sqlmodel import SQLModel

from benchmarks.figures import Figure, keep, load
from benchmarks.lookup import make_database
from ledger_api import operating, running
from ledger_api.desk.rows.cases import cases, checks, journal, shots
from ledger_api.settings import Settings
from ledger_api.store.engine import open_engine, reading, writing
from ledger_verify.hashing import keccak, organization_id
from tests.lines import Line

COUNT, QUEUED = 100_000, 40_000
APPRAISERS, ROUNDS = 8, 60
DID = "did:web:bench-expert.example"
NAMES = ("front", "back", "logo", "serial", "zip", "hardware", "stitching", "lining")
CHECKS = [(kind, name) for name in NAMES for kind in ("reuse", "tags", *(["serial"] if name == "serial" else []))]
ROWS_AT_ONCE = 5_000
NOW = datetime(2026, 11, 1, tzinfo=UTC)


@contextmanager
def desk(*, is_whole: bool) -> Iterator[tuple[str, list[str]]]:
    """Where the door is, and a key of each appraiser."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), rate_per_minute_key=10_000_000)
        with running.everything(settings, port=None) as here:
            operating.admit(here.service, did=DID, name="Bench", roles=["authenticator"], country=None)
            made = operating.create_api_key(here.service, organization=DID, scopes=["organization"], name="bench")
            line = Line(here.url, made["key"])
            _wait_for_member(line)
            for process in here.processes[:-1]:
                process.terminate()
                process.wait()
            keys = [line.ask("POST", "/v1/desk/appraisers", {"name": f"A{n}"})[1]["key"] for n in range(APPRAISERS)]
            _fill(here.service.engine, _life(f"sqlite:///{folder}/life.db") if is_whole else None)
            yield here.url, keys


def _wait_for_member(line: Line) -> None:
    for _ in range(100):
        if line.ask("GET", f"/v1/organizations/{DID}")[0] == 200:
            return
        time.sleep(0.1)
    raise AssertionError("the indexer did not follow")


def _life(url: str) -> dict[str, Any]:
    """The row of an item that was made, shipped, sold and judged, as the indexer writes it."""
    make_database(url, 1)
    engine = open_engine(url)
    with reading(engine) as connection:
        row = connection.execute(text("SELECT items.* FROM items JOIN identifiers USING (item) WHERE serial = 'S0'")).one()._asdict()
    engine.dispose()
    return row


def _fill(engine: Engine, life: dict[str, Any] | None) -> None:
    """`life`: of the items that the cases are about; None: the ledger knows none of them, and nothing but photos is there."""
    authenticator, brand = organization_id(DID), organization_id("did:web:bench-brand.example")
    items = SQLModel.metadata.tables["items"]
    for start in range(0, COUNT, ROWS_AT_ONCE):
        numbers = range(start, start + ROWS_AT_ONCE)
        with writing(engine) as connection:
            is_named = life is not None and start < QUEUED
            connection.execute(insert(cases), [_case(number, authenticator, brand) | _names(number, is_named) for number in numbers])
            if start >= QUEUED:
                continue
            connection.execute(insert(shots), [_shot(number, name) for number in numbers for name in NAMES])
            if life is not None:
                connection.execute(insert(checks), [row for number in numbers for row in _checks(number)])
                connection.execute(insert(journal), [row for number in numbers for row in _journal(number)])
                connection.execute(insert(items), [life | {"item": _item(number)} for number in numbers])


def _case(number: int, authenticator: bytes, brand: bytes) -> dict[str, Any]:
    at = NOW + timedelta(seconds=number)
    return {
        "id": f"{number:032x}",
        "authenticator": authenticator,
        "platform": authenticator,
        "reference": f"R{number}",
        "brand": brand,
        "brand_did": "did:web:bench-brand.example",
        "category": ("handbag", "watch", "shoes")[number % 3],
        "notes": "",
        "method": "photo",
        "state": "queued" if number < QUEUED else "concluded",
        "rank": 50 if number % 9 == 0 else 100,
        "due_at": at,
        "created_at": at,
        "changed_at": at,
        "seat": 1,
        "needs": 1,
    }


def _names(number: int, is_named: bool) -> dict[str, Any]:
    """What the piece is called, and what the asker wrote."""
    if not is_named:
        return {"item": None, "gtin": None, "serial": None, "references": None}
    references = json.dumps({"reference-number": f"126610-{number}", "movement-number": f"M{number}"})
    return {
        "item": _item(number),
        "gtin": "09990000100019",
        "serial": f"S{number}",
        "references": references,
        "notes": "Bought in 2019. " * 8,
    }


def _item(number: int) -> bytes:
    return keccak(b"%d" % number)


def _shot(number: int, name: str) -> dict[str, Any]:
    measures = {"sharpness": 22.5, "direction": 1.2, "brightness": 0.5, "glare": 0.0, "subject": 0.4, "margin": 0.0}
    told = json.dumps(measures | {"longer_side": 4000, "defects": [], "version": "quality-2"})
    plain = {"case": f"{number:032x}", "name": name, "attempt": 1, "original": f"{number:064x}", "shown": f"{number:064x}"}
    size = {"width": 4000, "height": 3000, "state": "good", "findings": told, "created_at": NOW}
    return {"id": f"{number:024x}{NAMES.index(name):08x}"} | plain | size


def _checks(number: int) -> list[dict[str, Any]]:
    """Each photo was compared with the earlier ones (one is the same account's) and tagged, and the serial was read."""
    match = {"how": "copy", "like": 0.98, "covers": 1.0, "mirrored": False, "whose": "same-account", "desk": "this", "outcome": None}
    match |= {"case": f"{number + 1:032x}", "photo": f"{number + 1:024x}{0:08x}", "shot": "front"}
    tags = [
        {"label": f"{of}:{what}", "score": 0.91} for of, what in (("category", "handbag"), ("colour", "black"), ("material", "leather"))
    ]
    texts = [{"text": f"S{number}", "confidence": 0.99}, {"text": "MADE IN FRANCE", "confidence": 0.98}]
    said = {
        "reuse": {"matches": []},
        "tags": {"tags": tags, "flagged": []},
        "serial": {"result": "match", "read": f"S{number}", "compared_with": f"S{number}", "candidates": texts},
    }
    rows = []
    for place, (kind, name) in enumerate(CHECKS):
        result = {"matches": [match]} if (kind, name) == ("reuse", "front") else said[kind]
        row = {"id": f"{number:024x}{place:08x}", "case": f"{number:032x}", "shot": f"{number:024x}{NAMES.index(name):08x}", "kind": kind}
        done = {"state": "done", "result": json.dumps(result), "version": f"{kind}-1", "tries": 1, "created_at": NOW, "done_at": NOW}
        rows.append(row | done)
    return rows


def _journal(number: int) -> list[dict[str, Any]]:
    """Opened, a photo that was poor at first, all photos, sent off, checked."""
    lines = [("awaiting-photos", "platform", "opened", {}), ("awaiting-photos", "platform", "shot-poor", _facts("front", ["blurred"]))]
    lines += [("awaiting-photos", "platform", "shot-good", _facts(name, [])) for name in NAMES]
    lines += [("checking", "platform", "submitted", {}), ("queued", "desk", "checked", {})]
    return [
        {"case": f"{number:032x}", "number": place, "at": NOW, "state": state, "by": by, "why": why, "facts": json.dumps(facts)}
        for place, (state, by, why, facts) in enumerate(lines)
    ]


def _facts(name: str, defects: list[str]) -> dict[str, Any]:
    return {"shot": name, "attempt": 1, "defects": defects}


def _appraise(url: str, key: str) -> dict[str, list[float]]:
    """Milliseconds by route."""
    took: defaultdict[str, list[float]] = defaultdict(list)
    line = Line(url, key)

    def timed(route: str, method: str, path: str, body: Any = None) -> Any:
        began = time.perf_counter()
        told = line.must(method, path, body)
        took[route].append((time.perf_counter() - began) * 1000)
        return told

    decision = {"outcome": "authentic", "confidence": 90, "reasons": ["as-described"], "grounds": {"logo": "as it should be"}}
    for _ in range(ROUNDS):
        timed("queue", "GET", "/v1/desk/queue")
        case = timed("claim", "POST", "/v1/desk/claims", {})["case"]
        timed("case", "GET", f"/v1/desk/cases/{case}")
        timed("decision", "POST", f"/v1/desk/cases/{case}/decision", decision)
    return took


def measure() -> list[Figure]:
    before = load()
    bare, whole = _at_95(is_whole=False), _at_95(is_whole=True)
    said = ", ".join(f"{route} {value} ({bare[route]} without)" for route, value in whole.items())
    return [
        Figure(
            name="desk_p95_ms",
            value=max(whole.values()),
            unit="ms",
            baseline=max(bare.values()),
            baseline_is="the same, of cases with nothing but photos",
            ratio=round(max(whole.values()) / max(bare.values()), 2),
            bar="< 300",
            note=f"p95 of {said}; {APPRAISERS} appraisers without a pause, {ROUNDS} rounds each, {COUNT} cases, {QUEUED} of them waiting "
            f"with {len(CHECKS)} checks, {len(_journal(0))} lines of journal and a passport; one process, SQLite; load {before} before",
        )
    ]


def _at_95(*, is_whole: bool) -> dict[str, float]:
    """Milliseconds by route."""
    with desk(is_whole=is_whole) as (url, keys), ThreadPoolExecutor(APPRAISERS) as pool:
        told = list(pool.map(lambda key: _appraise(url, key), keys))
    merged = {route: sorted(one for took in told for one in took[route]) for route in told[0]}
    return {route: round(times[int(len(times) * 0.95)], 1) for route, times in merged.items()}


if __name__ == "__main__":
    figures = measure()
    keep(figures)
    print(figures[0])
