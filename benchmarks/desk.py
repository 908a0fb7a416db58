"""The appraisers' doors with 100,000 cases in the database: the slowest of queue, claim, case and decision at the 95th percentile.

`python -m benchmarks.desk`: one `ledger serve` process on SQLite, eight appraisers at once, each looking at the queue, claiming the next
case, opening it and deciding, without a pause to think. Keeps `desk_p95_ms`.
"""

import http.client
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
from urllib.parse import urlsplit

from sqlalchemy import insert

from benchmarks.figures import Figure, keep
from ledger_api import operating, running
from ledger_api.desk.rows.cases import cases, shots
from ledger_api.settings import Settings
from ledger_api.store.engine import writing
from ledger_verify.hashing import organization_id

COUNT, QUEUED = 100_000, 40_000
APPRAISERS, ROUNDS = 8, 60
DID = "did:web:bench-expert.example"
NAMES = ("front", "back", "logo", "serial", "zip", "hardware", "stitching", "lining")
ROWS_AT_ONCE = 10_000
NOW = datetime(2026, 11, 1, tzinfo=UTC)


@contextmanager
def desk() -> Iterator[tuple[str, list[str]]]:
    """Where the door is, and a key of each appraiser."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), rate_per_minute_key=10_000_000)
        with running.everything(settings, port=None) as here:
            operating.admit(here.service, did=DID, name="Bench", roles=["authenticator"], country=None)
            made = operating.create_api_key(here.service, organization=DID, scopes=["organization"], name="bench")
            _wait_for_member(here, made["key"])
            for process in here.processes[:-1]:
                process.terminate()
                process.wait()
            keys = [_ask(here.url, made["key"], "POST", "/v1/desk/appraisers", {"name": f"A{n}"})[1]["key"] for n in range(APPRAISERS)]
            _fill(here.service.engine)
            yield here.url, keys


def _wait_for_member(here: running.Running, key: str) -> None:
    for _ in range(100):
        if _ask(here.url, key, "GET", f"/v1/organizations/{DID}")[0] == 200:
            return
        time.sleep(0.1)
    raise AssertionError("the indexer did not follow")


def _fill(engine: Any) -> None:
    authenticator, brand = organization_id(DID), organization_id("did:web:bench-brand.example")
    for start in range(0, COUNT, ROWS_AT_ONCE):
        numbers = range(start, start + ROWS_AT_ONCE)
        with writing(engine) as connection:
            connection.execute(insert(cases), [_case(number, authenticator, brand) for number in numbers])
            if start < QUEUED:
                connection.execute(insert(shots), [_shot(number, name) for number in numbers for name in NAMES])


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


def _shot(number: int, name: str) -> dict[str, Any]:
    told = json.dumps({"sharpness": 22.5, "brightness": 0.5, "defects": [], "version": "quality-1"})
    plain = {"case": f"{number:032x}", "name": name, "attempt": 1, "original": f"{number:064x}", "shown": f"{number:064x}"}
    size = {"width": 4000, "height": 3000, "state": "good", "findings": told, "created_at": NOW}
    return {"id": f"{number:024x}{NAMES.index(name):08x}"} | plain | size


def _ask(url: str, key: str | None, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    headers = {"Content-Type": "application/json"} | ({} if key is None else {"Authorization": f"Bearer {key}"})
    connection.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
    answer = connection.getresponse()
    told = answer.read()
    connection.close()
    return answer.status, json.loads(told) if told else None


def _appraise(url: str, key: str) -> dict[str, list[float]]:
    """Milliseconds by route."""
    took: defaultdict[str, list[float]] = defaultdict(list)

    def timed(route: str, method: str, path: str, body: Any = None) -> Any:
        began = time.perf_counter()
        status, told = _ask(url, key, method, path, body)
        took[route].append((time.perf_counter() - began) * 1000)
        assert status == 200, (route, status, told)
        return told

    decision = {"outcome": "authentic", "confidence": 90, "reasons": ["as-described"], "grounds": {"logo": "as it should be"}}
    for _ in range(ROUNDS):
        timed("queue", "GET", "/v1/desk/queue")
        case = timed("claim", "POST", "/v1/desk/claims", {})["case"]
        timed("case", "GET", f"/v1/desk/cases/{case}")
        timed("decision", "POST", f"/v1/desk/cases/{case}/decision", decision)
    return took


def measure() -> list[Figure]:
    with desk() as (url, keys), ThreadPoolExecutor(APPRAISERS) as pool:
        told = list(pool.map(lambda key: _appraise(url, key), keys))
    merged = {route: sorted(one for took in told for one in took[route]) for route in told[0]}
    at_95 = {route: round(times[int(len(times) * 0.95)], 1) for route, times in merged.items()}
    note = ", ".join(f"{route} {value}" for route, value in at_95.items())
    return [
        Figure(
            name="desk_p95_ms",
            value=max(at_95.values()),
            unit="ms",
            bar="< 300",
            note=f"p95 of {note}; {APPRAISERS} appraisers without a pause, {COUNT} cases, {QUEUED} of them waiting, one process, SQLite",
        )
    ]


if __name__ == "__main__":
    figures = measure()
    keep(figures)
    print(figures[0])
