"""The injector: picks faults from a seeded list, lets several go on at once, and counts those that took effect.

Whether a fault took effect is told by whom it happened to: the proxy counts its own lies, the chain says which blocks fell out,
PostgreSQL how many connections it cut. What found nothing to break is not counted.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from random import Random

import psycopg
import structlog
from sqlalchemy import text

from ledger_api.chain import transactions
from ledger_api.chain.rpc import Node
from ledger_api.errors import LedgerError
from ledger_api.keys import Signer
from ledger_api.store.engine import reading
from tests.faults import chain_faults
from tests.faults.lies import Lie
from tests.faults.lying_node import LyingNode
from tests.faults.soaking.callers import Culprit
from tests.faults.soaking.crew import Crew
from tests.faults.storage_faults import OwnPostgres

STRANGER = 7
AT_ONCE = 6
STILL_SECONDS = 0.7  # without a new block: none is being made
LOOKS = 60  # for something in the pool, which is empty most of the time
# that a node flaps is a fault of its own below
LIES = tuple(lie for lie in Lie if lie is not Lie.DOWN)
Fault = Callable[[Random], bool]
logger = structlog.get_logger(__name__)


class Injector(threading.Thread):
    """From `start` until `end`. `pace`: seconds between two faults, on average."""

    def __init__(self, crew: Crew, proxy: LyingNode, postgres: OwnPostgres, culprit: Culprit, *, seed: int, pace: float) -> None:
        super().__init__(name="injector", daemon=True)
        self.crew, self.proxy, self.postgres, self.culprit = crew, proxy, postgres, culprit
        self.took_effect: Counter[str] = Counter()
        self.problems: list[str] = []  # our own mistakes
        self._fleet = crew.fleet
        self._node = Node(crew.fleet.chain_url)
        self._random, self._pace = Random(seed), pace
        self._lock = threading.Lock()
        self._chain = threading.Lock()  # one thing at a time is done to the chain
        self._registrar, self._registry = crew.fleet.service.registrar(), threading.Lock()
        self._ended = threading.Event()
        self._kinds: dict[str, tuple[int, Fault]] = self._all_kinds()

    def _all_kinds(self) -> dict[str, tuple[int, Fault]]:
        """Each kind with how often it comes."""
        return {
            "lie": (60, self._lie),
            "node flaps": (3, self._flap),
            "worker killed": (8, lambda random: self.crew.kill_at_work(self.crew.one_of("worker", random))),
            "indexer killed": (6, lambda random: self.crew.kill_at_work(self.crew.one_of("indexer", random))),
            "server killed": (2, lambda _: self.crew.kill_server()),
            "worker asked to end": (2, lambda random: self.crew.ask_to_end(self.crew.one_of("worker", random))),
            "worker frozen beyond its lease": (4, lambda random: self._freeze("worker", random)),
            "indexer frozen beyond its lease": (3, lambda random: self._freeze("indexer", random)),
            "transaction dropped from the pool": (10, self._drop),
            "base fee spiked": (3, self._spike),
            "reorg": (12, self._reorg),
            "chain stands still": (2, self._pause),
            "block from the future": (3, self._skew),
            "stranger carries our batch": (10, self._carry),
            "brand suspended": (3, self._suspend),
            "database connections cut": (4, lambda _: self.postgres.cut(self._fleet.settings.database_url) > 0),
            "database restarted": (1, self._restart_database),
            "table locked": (3, self._lock_table),
        }

    # --- the loop

    def run(self) -> None:
        names = [name for name, (weight, _) in self._kinds.items() for _ in range(weight)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while not self._ended.wait(self._random.expovariate(1 / self._pace)):
                name, fate = self._random.choice(names), Random(self._random.getrandbits(64))
                pool.submit(self._try, name, fate)

    def end(self) -> None:
        """What has begun is finished, and nothing but the truth is told from now on."""
        self._ended.set()
        self.join()
        self.proxy.be_honest()
        self._node.call("evm_setIntervalMining", 1)
        self._registrar.reinstate(self.culprit.brand.id)  # also when a reorg took that back, or another fault came between
        self._node.close()

    def faults(self) -> Counter[str]:
        """By kind: those of the proxy with its own words."""
        told = Counter({f"node {lie}": count for lie, count in dict(self.proxy.took_effect).items()})  # it goes on counting
        with self._lock:
            return told + Counter(self.took_effect)

    def _try(self, name: str, fate: Random) -> None:
        try:
            if self._kinds[name][1](fate) and name != "lie":
                self._count(name)
        except (LedgerError, OSError, psycopg.Error) as error:  # the fault itself met another one
            logger.debug("a fault could not be injected", fault=name, why=str(error))
        except Exception as error:
            self.problems.append(f"{name} could not be injected: {type(error).__name__}: {error}")

    def _count(self, name: str) -> None:
        with self._lock:
            self.took_effect[name] += 1

    # --- the node

    def _lie(self, random: Random) -> bool:
        self.proxy.arm(random.choice(LIES), times=random.randint(1, 3))
        return True

    def _flap(self, random: Random) -> bool:
        before = self.proxy.took_effect[Lie.DOWN]
        self.proxy.flap(0.5, 0.5 + random.random(), times=random.randint(1, 3))
        self._ended.wait(4)
        return self.proxy.took_effect[Lie.DOWN] > before

    # --- processes

    def _freeze(self, kind: str, random: Random) -> bool:
        return self.crew.freeze(self.crew.one_of(kind, random), self._fleet.settings.lease_seconds + 1 + 2 * random.random())

    # --- the chain

    def _flying(self) -> list[tuple[bytes, bytes]]:
        """Of the workers' lanes."""
        query = "SELECT hash, raw FROM transactions WHERE status IN ('saved', 'sent') AND relayer <> :owner ORDER BY id DESC LIMIT 20"
        with reading(self._fleet.service.engine) as connection:
            rows = connection.execute(text(query), {"owner": self._fleet.service.keyring.owner().address})
            return [(bytes(row.hash), bytes(row.raw)) for row in rows if row.raw]

    def _drop(self, random: Random) -> bool:
        return self._soon(lambda: any(chain_faults.drop(self._node, name) for name, _ in self._flying()), random)

    def _carry(self, random: Random) -> bool:
        """Before us, or long after; one whose copy went through, or reverted because ours was first, took effect."""
        stranger: Signer = self._fleet.service.keyring.relayer(STRANGER)

        def carried() -> bool:
            flying = [raw for name, raw in self._flying() if chain_faults.is_waiting(self._node, name)]
            if not flying:
                return False
            ours = transactions.read(random.choice(flying))
            theirs = chain_faults.send_as(self._node, stranger, to=ours.to, body=ours.body, gas=ours.gas)
            return self._within(5, lambda: chain_faults.outcome(self._node, theirs) in ("mined", "reverted"))

        with suppress(AssertionError):  # the node did not take it
            return self._soon(carried, random)
        return False

    def _suspend(self, _: Random) -> bool:
        """With events on their way, which the chain refuses for that reason; then the brand is a member like any other again."""
        with self._registry, ThreadPoolExecutor(1) as pool:
            said = pool.submit(self._registrar.suspend, self.culprit.brand.id)
            self.culprit.send_until_refused(20)
            was_suspended = said.result() != b""
            self._registrar.reinstate(self.culprit.brand.id)
        return was_suspended

    def _spike(self, random: Random) -> bool:
        """One block is dearer than the one before it; after a higher spike, none is."""
        with self._chain:
            gwei, before = random.choice((5, 20, 60)), self._head("number")
            self._node.call("anvil_setNextBlockBaseFeePerGas", hex(gwei * chain_faults.GWEI))
            return self._within(3, lambda: self._head("number") > before) and self._base_fee(before + 1) > self._base_fee(before)

    def _reorg(self, random: Random) -> bool:
        """Within what is not final; half of them put our transactions into the new blocks, the others drop them."""
        with self._chain, self._standing_still():
            deepest = self._head("number") - self._final_block()
            limit = self._fleet.service.network.confirmations
            depth = min(random.choice((1, 1, 1, 1, 2, 2, 2, 3, 3, 5, 5, limit)), deepest)
            if depth < 1:
                return False
            kept = self._landed_in(depth) if random.random() < 0.5 else []
            if not chain_faults.reorg(self._node, depth, kept):
                return False
        self._count(f"reorg of depth {depth}" + (" that keeps ours" if kept else ""))
        return False  # counted above, by what it was

    def _landed_in(self, depth: int) -> list[tuple[bytes, int]]:
        head = self._head("number")
        blocks = self._node.batch([("eth_getBlockByNumber", (hex(number), False)) for number in range(head - depth + 1, head + 1)])
        places = {bytes.fromhex(name[2:]): place for place, block in enumerate(blocks) for name in block["transactions"]}
        with reading(self._fleet.service.engine) as connection:
            rows = connection.execute(text("SELECT hash, raw FROM transactions ORDER BY id DESC LIMIT 200"))
            raw = {bytes(row.hash): bytes(row.raw) for row in rows}
        return [(raw[name], place) for name, place in places.items() if raw.get(name)]

    def _final_block(self) -> int:
        with reading(self._fleet.service.engine) as connection:
            return int(connection.execute(text("SELECT final_block FROM chain_cursor")).scalar_one())

    def _pause(self, random: Random) -> bool:
        with self._chain, self._standing_still():
            before = self._head("number")
            self._ended.wait(3 + 2 * random.random())
            return self._head("number") == before

    @contextmanager
    def _standing_still(self) -> Iterator[None]:
        """No block comes by itself. A reorg needs it: a transaction kept in a block that has not fallen out would be mined twice,
        and a block that Anvil is making just then leaves a hole in the chain for ever, which no real chain has."""
        self._node.call("evm_setIntervalMining", 0)
        try:
            self._await_stillness()
            yield
        finally:
            self._node.call("evm_setIntervalMining", 1)

    def _await_stillness(self) -> None:
        """Until the block that was being made is there: a full one takes its time."""
        head, since = self._head("number"), time.monotonic()
        deadline = since + 10
        while time.monotonic() - since < STILL_SECONDS and time.monotonic() < deadline:
            time.sleep(0.05)
            seen = self._head("number")
            if seen != head:
                head, since = seen, time.monotonic()

    def _skew(self, random: Random) -> bool:
        with self._chain:
            before = self._head("timestamp")
            self._node.call("evm_increaseTime", 10 + random.randrange(20))
            return self._within(3, lambda: self._head("timestamp") - before >= 10)

    def _base_fee(self, number: int) -> int:
        return int(self._node.call("eth_getBlockByNumber", hex(number), False)["baseFeePerGas"], 16)

    def _head(self, what: str) -> int:
        return int(self._node.call("eth_getBlockByNumber", "latest", False)[what], 16)

    # --- the database

    def _restart_database(self, _: Random) -> bool:
        before = self.postgres.started_at()
        self.postgres.restart_at_once()
        return self.postgres.started_at() != before

    def _lock_table(self, random: Random) -> bool:
        table = random.choice(("events", "transactions", "leases", "records", "tips"))
        """Once somebody waited for it."""
        with self.postgres.locked(self._fleet.settings.database_url, table):
            has_waited, until = False, time.monotonic() + 0.5 + 2 * random.random()
            while time.monotonic() < until and not self._ended.wait(0.05):
                has_waited = has_waited or self.postgres.is_waited_for(self._fleet.settings.database_url)
        return has_waited

    # --- waiting for a chance

    def _soon(self, happens: Callable[[], bool], random: Random) -> bool:
        for _ in range(LOOKS):
            if happens():
                return True
            if self._ended.wait(0.02 + random.random() / 10):
                return False
        return False

    def _within(self, seconds: float, is_so: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if is_so():
                return True
            time.sleep(0.05)
        return False
