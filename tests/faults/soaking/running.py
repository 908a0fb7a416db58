"""One soak from beginning to end.

1. Undisturbed: how fast events are recorded when callers go as fast as they are answered.
2. The same while one of the two workers is killed every few seconds.
3. Everything breaks, at a steady load, until the time is up.
4. Faults stop. The service settles by itself, then the audit and the callers' own book are held against the chain.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import text

from ledger_api.errors import LedgerError
from ledger_api.settings import Settings
from ledger_api.store.engine import reading
from tests import servers
from tests.faults.fleet import Brand, Fleet, fleet_of
from tests.faults.lying_node import LyingNode
from tests.faults.soaking.callers import Caller, Culprit, Till
from tests.faults.soaking.checking import balance
from tests.faults.soaking.crew import Crew
from tests.faults.soaking.injecting import Injector
from tests.faults.storage_faults import OwnPostgres, own_postgres

CALLERS = 3
CONFIRMATIONS = 12
KILL_EVERY_SECONDS = 5.0
SETTLE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how hard. A share of the time, twice, goes to measuring the throughput."""

    seconds: float
    seed: int
    per_second: float = 500.0  # events offered, more than get through while everything breaks
    pace: float = 1.1  # seconds between two faults
    measuring_share: float = 0.1
    # a machine that is busy with other things takes longer until so much has broken, which is no reason to break less
    least_faults: int = 0
    least_kinds: int = 0
    patience: float = 4.0  # times `seconds`, after which it ends whatever has broken

    @property
    def measuring_seconds(self) -> float:
        return self.seconds * self.measuring_share


@dataclass(slots=True)
class Outcome:
    seed: int
    seconds: int
    events: int = 0  # recorded, each once
    events_under_faults: int = 0  # answered with 202 while everything broke: each is one of them, or refused
    refused: int = 0
    faults_by_kind: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    duplicated: int = 0
    invented: int = 0
    audit: str = ""
    undisturbed_per_second: float = 0.0
    killed_per_second: float = 0.0
    workers_killed: int = 0
    lease_seconds: int = 0  # how long a killed worker's lane stands still: the ratio depends on it
    restarts: int = 0
    settle_seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    @property
    def faults(self) -> int:
        return sum(self.faults_by_kind.values())

    @property
    def kill_throughput_ratio(self) -> float:
        return round(self.killed_per_second / self.undisturbed_per_second, 3) if self.undisturbed_per_second else 0.0

    @property
    def is_sound(self) -> bool:
        return not (self.lost or self.duplicated or self.invented or self.problems) and self.audit == "clean"

    def as_json(self) -> dict[str, Any]:
        names = (
            "seed",
            "seconds",
            "events",
            "events_under_faults",
            "refused",
            "faults",
            "faults_by_kind",
            "lost",
            "duplicated",
            "invented",
            "audit",
        )
        rates = ("undisturbed_per_second", "killed_per_second", "kill_throughput_ratio", "workers_killed", "lease_seconds", "restarts")
        told = {name: getattr(self, name) for name in (*names, *rates, "settle_seconds")}
        return told | {"problems": self.problems, "date": datetime.now(UTC).date().isoformat()}


class Soak:
    """Use `soak`."""

    def __init__(self, plan: Plan, fleet: Fleet, proxy: LyingNode, postgres: OwnPostgres) -> None:
        self.plan, self.fleet, self.proxy, self.postgres = plan, fleet, proxy, postgres
        # every seed is drawn before anything happens: how often somebody draws later is a matter of the clock
        random = Random(plan.seed)
        self._callers_seeds = [random.getrandbits(64) for _ in range(CALLERS)]
        self._killer, self._injectors_seed = Random(random.getrandbits(64)), random.getrandbits(64)
        self._culprits_seed = random.getrandbits(64)
        self.outcome = Outcome(plan.seed, round(plan.seconds), lease_seconds=fleet.settings.lease_seconds)
        self.till = Till("")
        suspect, self._members = self._admitted()
        self._culprit = Culprit(self.till, suspect, number=CALLERS, seed=self._culprits_seed)

    def _admitted(self) -> tuple[Brand, list[tuple[Brand, Brand]]]:
        pairs = []
        self.fleet.node.call("evm_setAutomine", True)
        for number in range(CALLERS):
            brand, shop = self.fleet.brand(f"maison-{number}"), self.fleet.admit(f"boutique-{number}", "retailer")
            self.fleet.accredit(shop, "retailer", brand=brand)
            pairs.append((brand, shop))
        suspect = self.fleet.brand("maison-suspecte")
        self.fleet.node.call("anvil_mine", hex(CONFIRMATIONS))  # who is a member stays one, however deep a reorg goes from here on
        self.fleet.node.call("evm_setAutomine", False)
        self.fleet.node.call("evm_setIntervalMining", 1)
        return suspect, pairs

    def run(self) -> Outcome:
        self.fleet.rpc_url = self.proxy.url
        with Crew(self.fleet) as crew, self._calling():
            if self.plan.measuring_share:
                self._measure(crew)
            self._break_everything(crew)
            self._finish(crew)
        return self.outcome

    # --- callers

    @contextmanager
    def _calling(self) -> Iterator[None]:
        self.till.url = self.fleet.url
        callers = [
            Caller(self.till, brand, shop, number=number, share=1 / CALLERS, seed=seed)
            for number, ((brand, shop), seed) in enumerate(zip(self._members, self._callers_seeds, strict=True))
        ]
        gauge = threading.Thread(target=self._gauge, name="gauge", daemon=True)
        for thread in (gauge, *callers):
            thread.start()
        self._callers = callers
        try:
            yield
        finally:
            self.till.stop.set()
            gauge.join()

    def _gauge(self) -> None:
        while not self.till.stop.wait(0.25):
            with suppress(LedgerError):
                self.till.waiting = self._waiting()

    def _waiting(self) -> int:
        with reading(self.fleet.service.engine) as connection:
            return int(connection.execute(text("SELECT count(*) FROM events WHERE status = 'accepted'")).scalar_one())

    # --- 1 and 2

    def _measure(self, crew: Crew) -> None:
        self.till.per_second = 0
        seconds = self.plan.measuring_seconds
        self._rate(min(5.0, seconds / 2))  # everybody warms up
        self.outcome.undisturbed_per_second = self._rate(seconds)
        stop = threading.Event()
        killer = threading.Thread(target=self._kill_workers, args=(crew, stop), daemon=True)
        killer.start()
        self.outcome.killed_per_second = self._rate(seconds)
        stop.set()
        killer.join()

    def _rate(self, seconds: float) -> float:
        """Events recorded per second."""
        began, before = time.monotonic(), self._recorded()
        time.sleep(seconds)
        return round((self._recorded() - before) / (time.monotonic() - began), 1)

    def _recorded(self) -> int:
        with reading(self.fleet.service.engine) as connection:
            return int(connection.execute(text("SELECT count(*) FROM records")).scalar_one())

    def _kill_workers(self, crew: Crew, stop: threading.Event) -> None:
        while True:
            self.outcome.workers_killed += crew.kill(crew.one_of("worker", self._killer))
            if stop.wait(KILL_EVERY_SECONDS):
                return

    # --- 3

    def _break_everything(self, crew: Crew) -> None:
        self.till.per_second, self.till.is_mischievous = self.plan.per_second, True
        injector = Injector(crew, self.proxy, self.postgres, self._culprit, seed=self._injectors_seed, pace=self.plan.pace)
        injector.start()
        before = len(self.till.accepted)
        began, seconds = time.monotonic(), self.plan.seconds - 2 * self.plan.measuring_seconds
        while not crew.failures and (time.monotonic() - began) < seconds * (1.0 if self._broke_enough(injector) else self.plan.patience):
            time.sleep(0.2)
        self.outcome.events_under_faults = len(self.till.accepted) - before
        self.till.is_mischievous = False
        injector.end()
        self.outcome.problems += injector.problems
        found = injector.faults() + self.till.faults
        self.outcome.faults_by_kind = dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))

    def _broke_enough(self, injector: Injector) -> bool:
        found = injector.faults() + Counter(self.till.faults)
        return sum(found.values()) >= self.plan.least_faults and len(found) >= self.plan.least_kinds

    # --- 4

    def _finish(self, crew: Crew) -> None:
        self.till.stop.set()
        for caller in self._callers:
            caller.join(timeout=60)
        began = time.monotonic()
        try:
            self.fleet.settle(seconds=SETTLE_SECONDS)
        except TimeoutError as error:
            self.outcome.problems.append(f"in limbo: {str(error)[:6000]}")
        self.outcome.settle_seconds = round(time.monotonic() - began, 1)
        self.outcome.problems += crew.failures + self.till.surprises
        self.outcome.restarts = sum(crew.restarts.values())
        self._account()

    def _account(self) -> None:
        from ledger_api.audit import audit

        told = balance(self.fleet, self.till.accepted, [member for pair in self._members for member in pair] + [self._culprit.brand])
        report = audit(self.fleet.service, settled=True)
        self.outcome.audit = "clean" if report.is_clean else json.dumps(report.as_json()["checks"])
        self.outcome.events, self.outcome.refused = told.recorded, told.refused
        self.outcome.lost, self.outcome.duplicated, self.outcome.invented = told.lost, told.duplicated, told.invented


def soak(plan: Plan, folder: Path) -> Outcome:
    """On a PostgreSQL and an Anvil of its own; nothing is left running."""
    with ExitStack() as stack:
        postgres = stack.enter_context(own_postgres())
        url = stack.enter_context(servers.fresh_database(postgres.uri))
        lease = Settings().lease_seconds  # what a crash costs is measured as it is shipped
        chosen = {"confirmations": CONFIRMATIONS, "node_read_seconds": 2.0, "stuck_blocks": 3, "lease_seconds": lease}
        fleet = stack.enter_context(fleet_of(folder, url, block_time=1, lanes=2, **chosen))
        proxy = stack.enter_context(LyingNode(fleet.chain_url, seed=plan.seed))
        return Soak(plan, fleet, proxy, postgres).run()
