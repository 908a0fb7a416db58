"""How fast the door accepts on PostgreSQL, and what a hundred thousand lines in one request cost.

`python -m benchmarks.accepting` measures both, each with nothing but the door at work, and keeps `accept_postgres_events_per_s` and
`accept_ndjson_100k_seconds`.
"""

import http.client
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.figures import Figure, keep
from benchmarks.pipeline import LIST, Door, lists
from benchmarks.world import BRAND_DID, body
from ledger_api import operating, running
from ledger_api.settings import Settings
from tests import servers

COUNT, LINES = 20_000, 100_000


@contextmanager
def door_alone(database_url: str) -> Iterator[tuple[running.Running, str]]:
    """The service without worker and indexer, and a key of a brand."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), database_url=database_url, rate_per_minute_key=10_000_000)
        with running.everything(settings, port=None) as here:
            operating.admit(here.service, did=BRAND_DID, name="Bench", roles=["brand"], country=None)
            made = operating.create_api_key(here.service, organization=BRAND_DID, scopes=["events:write events:read"], name="bench")
            for process in here.processes[:-1]:
                process.terminate()
                process.wait()
            yield here, made["key"]


def on_postgres() -> float:
    """Events per second by lists of 1,000."""
    with servers.postgres() as base, servers.fresh_database(base) as url, door_alone(url) as (here, key):
        door = Door(here.url, key)
        waiting = lists("manufacture", COUNT // 2) + lists("verdict", COUNT // 2)
        began = time.perf_counter()
        for encoded in waiting:
            door.send(encoded)
        return COUNT / (time.perf_counter() - began)


def in_lines() -> tuple[float, float, float]:
    """(seconds until the last line's answer, seconds until the first's, MiB by which the door's memory peaked above its rest)."""
    lines = b"\n".join(json.dumps(body(number, run="L")).encode() for number in range(LINES))
    with door_alone("") as (here, key):
        door = here.processes[-1].pid
        rest = _peak_mebibytes(door)
        place = urlsplit(here.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=600)
        told = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"}
        began = time.perf_counter()
        connection.request("POST", "/v1/events", body=lines, headers=told)
        answer = connection.getresponse()
        answer.readline()
        first = time.perf_counter() - began
        summary = json.loads(answer.read().splitlines()[-1])
        seconds = time.perf_counter() - began
        if summary["accepted"] != LINES:
            raise AssertionError(summary)
        return seconds, first, _peak_mebibytes(door) - rest


def _peak_mebibytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():  # no Linux: the largest child so far
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def measure() -> list[Figure]:
    rate = on_postgres()
    seconds, first, memory = in_lines()
    return [
        Figure(
            "accept_postgres_events_per_s", round(rate), "events/s", None, "", None, "≥ 2000",
            f"POST /v1/events, lists of {LIST}, manufacture and verdict, one uvicorn process, PostgreSQL by a local socket",
        ),
        Figure(
            "accept_ndjson_100k_seconds", round(seconds, 1), "s", None, "", None, "< 60",
            f"{LINES} manufactures in one request, SQLite; first answers after {first:.1f} s; memory {memory:.0f} MiB above rest",
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    keep(measure())
