"""Seconds until a restarted worker carries on, and of a scrape of `/metrics`, with 100,000 events waiting. Real processes.

`restart_100k_seconds`: from the start of the process to the first new transaction that the node has. `stop_100k_seconds`: from
SIGTERM to the end of the process. `scrape_100k_ms`: one reading of all figures. The lane has a past: hundreds of transactions.
"""

import os
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import insert, text

from benchmarks.figures import Figure, keep
from ledger_api.routes.metrics import State
from ledger_api.store.engine import reading, writing
from ledger_api.tables import TransactionRow
from tests import servers
from tests.faults.fleet import Brand, Fleet, fleet_of

WAITING = 100_000
LIST = 1_000
PAST = 400  # transactions of the lane that landed long ago
ROUNDS = 3
PATIENCE_SECONDS = 120


def measure(*, waiting: int = WAITING, kinds: tuple[str, ...] = ("sqlite", "postgres")) -> list[Figure]:
    return [figure for kind in kinds for figure in _measured(kind, waiting)]


def _measured(kind: str, waiting: int) -> list[Figure]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = f"sqlite:///{folder / 'ledger.db'}"
        if kind == "postgres":
            url = stack.enter_context(servers.fresh_database(stack.enter_context(servers.postgres())))
        fleet = stack.enter_context(fleet_of(folder, url, block_time=None, mine_by_hand=True, lease_seconds=5))
        maison = _prepare(fleet)
        rounds = [_restart(fleet, maison, waiting) for _ in range(ROUNDS)]
        _top_up(fleet, maison, waiting)
        scrapes = [_scrape(fleet) for _ in range(9)]
    how = f"median of {ROUNDS}, {waiting:,} events waiting each time, {PAST} transactions landed before, {kind}"
    name = "" if kind == "sqlite" else f"_{kind}"
    return [
        Figure(f"restart_100k{name}_seconds", round(median(start for start, _ in rounds), 2), "s", bar="< 2", note=how),
        Figure(f"stop_100k{name}_seconds", round(median(stop for _, stop in rounds), 2), "s", bar="< 2", note=how),
        Figure(f"scrape_100k{name}_ms", round(median(scrapes) * 1000, 1), "ms", bar="< 250", note=how),
    ]


def _prepare(fleet: Fleet) -> Brand:
    """The brand; the lane has its past."""
    maison = fleet.brand("maison")
    relayer = fleet.service.keyring.relayer(0).address
    past = [
        {
            "relayer": relayer,
            "nonce": nonce - PAST,
            "raw": os.urandom(60_000),
            "hash": os.urandom(32),
            "max_fee_wei": "1",
            "status": "mined",
        }
        | {"block_number": 0, "gas_used": 9_000_000, "gas_price_wei": 10**9, "created_at": datetime.now(UTC)}
        for nonce in range(PAST)
    ]
    with writing(fleet.service.engine) as connection:
        connection.execute(insert(TransactionRow), past)
    return maison


def _top_up(fleet: Fleet, maison: Brand, waiting: int) -> None:
    """What the rounds before have carried is waiting again."""
    while missing := waiting - fleet.hanging()["event"]:
        fleet.accept(maison, fleet.births(min(LIST, missing)))


def _restart(fleet: Fleet, maison: Brand, waiting: int) -> tuple[float, float]:
    """(seconds until the new process has sent something new, seconds it took to end)."""
    _top_up(fleet, maison, waiting)
    before = _sent(fleet)  # the newest: those before it land meanwhile
    began = time.monotonic()
    worker = fleet.start("work --lane 0")
    while _sent(fleet) <= before:
        if time.monotonic() - began > PATIENCE_SECONDS:
            raise AssertionError(worker.log[-2000:])
        time.sleep(0.01)
    started = time.monotonic() - began
    time.sleep(0.2)  # in the middle of its work
    asked = time.monotonic()
    worker.end()
    stopped = time.monotonic() - asked
    for _ in range(2):
        fleet.mine()
    fleet.index()
    return started, stopped


def _sent(fleet: Fleet) -> int:
    with reading(fleet.service.engine) as connection:
        return int(connection.execute(text("SELECT coalesce(max(id), 0) FROM transactions WHERE status = 'sent'")).scalar_one())


def _scrape(fleet: Fleet) -> float:
    began = time.perf_counter()
    registry = CollectorRegistry()
    registry.register(State(fleet.service.engine, fleet.settings, time.time()))
    generate_latest(registry)
    return time.perf_counter() - began


if __name__ == "__main__":
    found = measure(waiting=int(sys.argv[1]) if len(sys.argv) > 1 else WAITING, kinds=tuple(sys.argv[2:]) or ("sqlite", "postgres"))
    if len(sys.argv) == 1:
        keep(found)
    for figure in found:
        print(f"{figure.name}: {figure.value} {figure.unit} (bar {figure.bar}; {figure.note})")
