"""Events per second from HTTP to the indexer, against the textbook loop and the skilled one, in one run.

Ours pays for everything: HTTP, a durable commit before each answer, signing, sending, indexing and passports, as `ledger up`
runs it. Prints and keeps `pipeline_vs_textbook`, `pipeline_vs_skilled` and `accept_events_per_s`.
"""

import http.client
import json
import tempfile
import time
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from sqlalchemy import text

from benchmarks import baselines
from benchmarks.figures import Figure, keep
from benchmarks.world import BRAND_DID, body, world
from ledger_api import operating, running
from ledger_api.settings import Settings
from ledger_api.store.engine import reading

LIST = 1_000
OURS, SKILLED, TEXTBOOK = 30_000, 3_000, 150
ROUNDS = 3


def verdict(number: int) -> dict[str, object]:
    """A verdict of realistic size on the item that `body(number)` made."""
    return {
        "kind": "verdict",
        "occurred_at": "2025-07-01T10:00:00+00:00",
        "item": {"gtin": body(number, run="H")["gtin"], "serial": body(number, run="H")["serial"]},
        "outcome": "authentic",
        "method": "in-person",
        "payload": {
            "appraiser": f"APR-{number % 89:02d}",
            "evidence": ["0x" + f"{number:064x}", "0x" + f"{number + 1:064x}"],
            "grounds": "stitching, stamp and hardware agree with the reference",
            "checklist": {"logo": "ok", "zip": "ok", "serial": "ok", "lining": "ok"},
        },
    }


class Door:
    """One kept-alive connection to the service, with a key."""

    def __init__(self, url: str, token: str) -> None:
        place = urlsplit(url)
        self._connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=120)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def send(self, encoded: bytes) -> dict[str, int]:
        self._connection.request("POST", "/v1/events", body=encoded, headers=self._headers)
        answer = self._connection.getresponse()
        told: dict[str, int] = json.loads(answer.read())
        if answer.status != 202 or told["accepted"] != LIST:
            raise AssertionError(f"{answer.status}: {str(told)[:400]}")
        return told


def lists(kind: str, count: int) -> list[bytes]:
    make = (lambda number: body(number, run="H")) if kind == "manufacture" else verdict
    return [json.dumps([make(number) for number in range(start, start + LIST)]).encode() for start in range(0, count, LIST)]


def ours(count: int) -> tuple[float, float]:
    """(events accepted and recorded per second, events accepted per second while nothing else runs)."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), rate_per_minute_key=10_000_000)
        with running.everything(settings, port=None) as here:
            operating.admit(here.service, did=BRAND_DID, name="Bench", roles=["brand"], country=None)
            made = operating.create_api_key(here.service, organization=BRAND_DID, scopes=["events:write events:read"], name="bench")
            door = Door(here.url, made["key"])
            waiting = lists("manufacture", count)
            began = time.perf_counter()
            for encoded in waiting:
                door.send(encoded)
            accepted = time.perf_counter() - began
            _await_recorded(here.service, count)
            recorded = time.perf_counter() - began
    return count / recorded, count / accepted


def _await_recorded(service: running.Service, count: int) -> None:
    query = text("SELECT count(*) FROM events WHERE status = 'accepted'")
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        with reading(service.engine) as connection:
            if connection.execute(query).scalar_one() == 0:
                break
        time.sleep(0.05)
    with reading(service.engine) as connection:
        stored = connection.execute(text("SELECT count(*) FROM records")).scalar_one()
    if stored < count:
        raise AssertionError(f"{stored} of {count} events were recorded")


def accepting(count: int) -> float:
    """Events per second accepted by lists of 1,000, manufacture and verdict payloads in turn, with no worker beside it."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), rate_per_minute_key=10_000_000)
        with running.everything(settings, port=None) as here:
            operating.admit(here.service, did=BRAND_DID, name="Bench", roles=["brand"], country=None)
            made = operating.create_api_key(here.service, organization=BRAND_DID, scopes=["events:write events:read"], name="bench")
            for process in here.processes[:-1]:
                process.terminate()  # worker and indexer: only the door is measured
                process.wait()
            door = Door(here.url, made["key"])
            waiting = lists("manufacture", count // 2) + lists("verdict", count // 2)
            began = time.perf_counter()
            for encoded in waiting:
                door.send(encoded)
            return count / (time.perf_counter() - began)


def measure() -> list[Figure]:
    """Three rounds, contestants in turn; medians."""
    textbook, skilled, whole, alone = [], [], [], []
    for number in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            with world(block_time=None) as place:
                baselines.admit_brand(place)
                textbook.append(baselines.textbook(place, count=TEXTBOOK, rows=Path(folder) / "textbook.db"))
            with world(block_time=1) as place:
                baselines.admit_brand(place)
                skilled.append(baselines.skilled(place, count=SKILLED, rows=Path(folder) / "skilled.db"))
        whole.append(ours(OURS)[0])
        alone.append(accepting(20_000))
        last = [round(rates[-1]) for rates in (textbook, skilled, whole, alone)]
        print(f"round {number + 1}: textbook, skilled, ours, accepted: {last} events/s")
    value = median(whole)
    return [
        Figure(
            "pipeline_vs_textbook", round(value), "events/s", round(median(textbook), 1),
            "web3.py, one transaction per event, automine",
            round(median(one / other for one, other in zip(whole, textbook, strict=True)), 2), "≥ 10×",
            f"{OURS} events by HTTP to the indexer, block time 1 s; median of {ROUNDS} rounds",
        ),
        Figure(
            "pipeline_vs_skilled", round(value), "events/s", round(median(skilled), 1),
            "AsyncWeb3, 50 in flight, one transaction per event, 1 s blocks",
            round(median(one / other for one, other in zip(whole, skilled, strict=True)), 2), "≥ 3×",
            f"{OURS} events by HTTP to the indexer, block time 1 s; median of {ROUNDS} rounds",
        ),
        Figure(
            "accept_events_per_s", round(median(alone)), "events/s", None, "", None, "≥ 3000",
            "POST /v1/events, lists of 1,000, manufacture and verdict, one uvicorn process, SQLite synchronous=FULL",
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    keep(measure())
