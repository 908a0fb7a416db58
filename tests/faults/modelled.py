"""The real service in one process for the model: real routes, worker, indexer and contracts, with time and blocks in our hands.

    ground = Ground(fleet)                       # once: members admitted, the database kept as a file
    with ground.world(folder) as world:          # as often as wanted: the chain and the database as they were then
        world.send("maison", [body]); world.turn(0); world.mine(); world.index()

Time stands still until `mine` moves it by a second, so that the same steps do the same thing again.
"""

import contextlib
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from ledger_api.app import create_service_app
from ledger_api.chain import transactions
from ledger_api.chain.rpc import Node, Refusal
from ledger_api.errors import LaneBusy, LaneMismatch, LedgerError, NodeUnreachable
from ledger_api.indexer.following import check, step
from ledger_api.intake import AuthorityCache
from ledger_api.keys import Signer
from ledger_api.outbox.worker import Worker
from ledger_api.service import Service
from ledger_api.store.engine import open_engine, reading
from ledger_verify import hashing
from tests.doors import InProcess
from tests.faults import chain_faults
from tests.faults.fleet import Fleet

GWEI = 10**9
STRANGER = 7  # a relayer key that no lane of ours has
LANES = (0, 1)


class Killed(BaseException):
    """The process ends here."""


class MoodyNode(Node):
    """The workers' node. In a mood it does once what nodes do on bad days, when a transaction is sent."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.mood = ""
        self.took_effect: Counter[str] = Counter()

    def ask(self, method: str, *params: Any) -> Any:
        if method != "eth_sendRawTransaction" or not self.mood:
            return super().ask(method, *params)
        mood, self.mood = self.mood, ""
        self.took_effect[mood] += 1
        match mood:
            case "node takes and hangs":
                super().ask(method, *params)
            case "node drops and says yes":
                return "0x" + hashing.keccak(bytes.fromhex(params[0][2:])).hex()
            case "node says underpriced":
                return Refusal(-32000, "transaction underpriced", None)
        raise NodeUnreachable


MOODS = ("node takes and hangs", "node drops and says yes", "node does not answer", "node says underpriced")


class Ground:
    """What every world begins with. One world at a time: they share the chain and the application."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.members = {name: fleet.admit(name, role) for name, role in (("maison", "brand"), ("verne", "brand"))}
        self.members |= {"boutique": fleet.admit("boutique", "retailer"), "expert": fleet.admit("expert", "authenticator")}
        for name, role in (("boutique", "retailer"), ("expert", "authenticator")):
            fleet.accredit(self.members[name], role, brand=self.members["maison"])
        fleet.mine(fleet.service.network.confirmations + 1)
        fleet.index()
        self.app = create_service_app(fleet.service)
        self.transport = InProcess(self.app)
        self._database = Path(str(fleet.service.engine.url.database))
        with fleet.service.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        fleet.service.engine.dispose()

    def close(self) -> None:
        self.app.state.context.passports.close()
        self.transport.close()

    @contextmanager
    def world(self, folder: Path) -> Iterator["World"]:
        database = folder / f"world-{id(folder):x}.db"
        shutil.copyfile(self._database, database)
        self.fleet.mine()  # Anvil forgets the state of old blocks: each world goes back to a block of its own, and never below it
        snapshot = self.fleet.node.call("evm_snapshot")
        service, node = self.fleet.service, MoodyNode(self.fleet.chain_url)
        engine = open_engine(f"sqlite:///{database}")
        intake = replace(service.intake, engine=engine, authority=AuthorityCache(service.network.consortium))
        world = World(self, replace(service, engine=engine, intake=intake, node=node), node)
        try:
            yield world
        finally:
            self.fleet.node.call("anvil_dropAllTransactions")
            self.fleet.node.call("evm_revert", snapshot)
            engine.dispose()
            node.close()
            for left in database.parent.glob(database.name + "*"):
                left.unlink()


class World:
    """One run: a chain that mines when told, a database of its own, a worker for each lane, an indexer."""

    def __init__(self, ground: Ground, service: Service, node: MoodyNode) -> None:
        self.service, self.node = service, node
        self.took_effect: Counter[str] = node.took_effect
        self._ground = ground
        self._url = ground.fleet.chain_url
        context = replace(ground.app.state.context, engine=service.engine, intake=service.intake, clock=lambda: float(self.time))
        ground.app.state.context = context
        self._client = httpx.Client(transport=_KeptOpen(ground.transport), base_url="http://ledger.example")
        self.time = int(self.head()["timestamp"], 16)
        self.began = self.time
        self.floor = int(self.head()["number"], 16)  # below which no reorg goes
        self.settings = service.settings
        self.worker_of: type[Worker] = Worker
        self.workers = {lane: self.new_worker(lane) for lane in LANES}
        self.following = service.following()
        check(self.following)
        self.undone_blocks = 0
        self.thefts = 0
        self.troubles: list[str] = []  # what the workers said, for whoever reads a failure
        self._strangers: set[str] = set()
        self.index()

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self.time, UTC)

    # --- callers

    def send(self, member: str, bodies: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The door's answer for each event."""
        headers = {"Authorization": f"Bearer {self._ground.members[member].key}"}
        answer = self._client.post("/v1/events", json=list(bodies), headers=headers)
        assert answer.status_code == 202, answer.text
        results: list[dict[str, Any]] = answer.json()["results"]
        return results

    # --- the worker

    def new_worker(self, lane: int) -> Worker:
        return self.worker_of(self.service.surroundings(), owner=self.service.owner, lane=lane, clock=self.clock)

    def employ(self, worker_of: type[Worker]) -> None:
        """From now on workers of this kind."""
        self.worker_of = worker_of
        self.workers = {lane: self.new_worker(lane) for lane in LANES}

    def turn(self, lane: int, *, dies_after: str = "") -> None:
        """A turn of the lane's worker, which may die in it; the next one is another process."""

        def between(passed: str) -> None:
            if passed == dies_after:
                raise Killed

        worker = self.workers[lane]
        try:
            worker.turn(between)
        except Killed:
            self.took_effect[f"worker killed after {dies_after}"] += 1
            self.took_effect["worker killed"] += 1
            self.workers[lane] = self.new_worker(lane)
        except LaneMismatch:
            if not self.thefts:
                raise
            self._adopt(worker)
        except LedgerError as error:
            if error.status >= 500 and error.status not in (502, 503):
                raise
            self.troubles.append(f"lane {lane}: {error.code} {error.facts}")
            self.took_effect["worker waits"] += isinstance(error, LaneBusy)

    def adopt_stolen(self) -> int:
        """A lane with nothing to do does not notice a theft; an operator who knows of one looks at all. How many nonces were stolen."""
        return sum(self._adopt(worker) for worker in self.workers.values()) if self.thefts else 0

    def _adopt(self, worker: Worker) -> int:
        """What an operator does once a key was used by somebody else."""
        adopted: list[int] = []
        with contextlib.suppress(LaneBusy):
            worker.lane.hold(self.clock())
            adopted = worker.lane.adopt(self.clock())
            self.took_effect["lane adopted"] += 1
        return len(adopted)

    # --- the chain

    def head(self) -> dict[str, Any]:
        found: dict[str, Any] = self.node.call("eth_getBlockByNumber", "latest", False)
        return found

    def head_number(self) -> int:
        return int(self.head()["number"], 16)

    def mine(self, blocks: int = 1, *, base_fee_wei: int = GWEI) -> None:
        for _ in range(blocks):
            self.time = max(self.time, int(self.head()["timestamp"], 16)) + 1
            self.node.call("anvil_setNextBlockBaseFeePerGas", hex(base_fee_wei))
            self.node.call("evm_setNextBlockTimestamp", hex(self.time))
            self.node.call("evm_mine")
        self._count_strangers()

    def flying(self) -> list[Any]:
        """Our transactions that are saved and not known to have landed."""
        return self.rows(
            "SELECT nonce, raw, hash, status, relayer FROM transactions WHERE status IN ('saved', 'sent') AND length(raw) > 0 ORDER BY id"
        )

    def pooled(self) -> list[Any]:
        """Of these, what the node has in its pool."""
        found = [(row, self.node.call("eth_getTransactionByHash", "0x" + row.hash.hex())) for row in self.flying()]
        return [row for row, told in found if told is not None and told.get("blockNumber") is None]

    def landed(self) -> list[Any]:
        return self.rows("SELECT raw, hash, relayer FROM transactions WHERE status = 'mined' AND length(raw) > 0 ORDER BY id")[-5:]

    def drop(self, row: Any) -> None:
        self.took_effect["transaction dropped"] += chain_faults.drop(self.node, row.hash)

    def deepest_reorg(self) -> int:
        """Blocks that may still fall out: none that the indexer has called final."""
        final = self.rows("SELECT final_block FROM chain_cursor")[0].final_block
        return self.head_number() - max(self.floor, final)

    def reorg(self, depth: int, *, keeps: bool) -> None:
        """The newest blocks fall out; with `keeps`, our transactions stand in the new ones, a block later where there is one."""
        numbers = range(self.head_number() - depth + 1, self.head_number() + 1)
        blocks = self.node.batch([("eth_getBlockByNumber", (hex(number), False)) for number in numbers])
        raw = {"0x" + row.hash.hex(): row.raw for row in self.rows("SELECT hash, raw FROM transactions WHERE length(raw) > 0")}
        ours = [(place, raw[told]) for place, block in enumerate(blocks) for told in block["transactions"] if told in raw]
        again = [(octets, min(place + 1, depth - 1)) for place, octets in ours] if keeps else []
        if not chain_faults.reorg(self.node, depth, again):
            return
        named = "empty" if not ours else "that keeps ours" if keeps else "that drops ours"
        self.took_effect[f"reorg {named}"] += 1
        self.took_effect[f"reorg of depth {min(depth, 3)}{'+' if depth >= 3 else ''}"] += 1

    # --- other hands

    def carry_as_stranger(self, row: Any) -> None:
        """Somebody copies what our transaction carries and pays more for it."""
        ours = transactions.read(row.raw)
        signer = self.service.keyring.relayer(STRANGER)
        pending = self.node.call("eth_getTransactionCount", "0x" + signer.address.hex(), "pending")
        sent = self._send_as(signer, int(pending, 16), to=ours.to, body=ours.body, gas=ours.gas)
        self._strangers |= {sent} if sent else set()

    def steal_nonce(self, lane: int) -> None:
        """Somebody else uses the relayer's key: for the nonce of what is in the pool, or else for the next one."""
        signer = self.service.keyring.relayer(lane)
        for row in self.pooled():
            if bytes(row.relayer) == signer.address:
                self.node.call("anvil_dropTransaction", "0x" + row.hash.hex())
        nonce = int(self.node.call("eth_getTransactionCount", "0x" + signer.address.hex(), "latest"), 16)
        if self._send_as(signer, nonce, to=signer.address, body=b"", gas=21_000):
            self.thefts += 1
            self.took_effect["nonce stolen"] += 1

    def _send_as(self, signer: Signer, nonce: int, *, to: bytes, body: bytes, gas: int) -> str | None:
        """With more than we pay; None when even that is too little for the node."""
        unsigned = transactions.Transaction(self.service.network.chain_id, nonce, 90 * GWEI, 200 * GWEI, gas, to, body)
        sent = self.node.ask("eth_sendRawTransaction", "0x" + transactions.sign(unsigned, signer.sign).raw.hex())
        return sent if isinstance(sent, str) else None

    def _count_strangers(self) -> None:
        for told in list(self._strangers):
            receipt = self.node.call("eth_getTransactionReceipt", told)
            if receipt is not None:
                self._strangers.remove(told)
                self.took_effect["stranger carried our batch"] += int(receipt["status"], 16)

    # --- the indexer

    def index(self, *, steps: int = 100) -> None:
        """At most so many steps, fewer when nothing is left to do."""
        for _ in range(steps):
            progress = step(self.following, now=self.clock())
            self.undone_blocks += progress.undone_blocks
            self.took_effect["indexer undid blocks"] += progress.undone_blocks > 0
            if progress.idle:
                return

    def restart_indexer(self) -> None:
        """The dead one's lease has to run out before the new one does anything."""
        self.following = self.service.following()
        check(self.following)
        self.took_effect["indexer restarted"] += 1

    def is_followed(self) -> bool:
        """Is the chain's newest block the newest that the indexer applied?"""
        head = self.head()
        found = self.rows("SELECT hash FROM blocks WHERE number = :number", number=int(head["number"], 16))
        return [bytes(row.hash) for row in found] == [bytes.fromhex(head["hash"][2:])]

    # --- the registry

    def set_standing(self, member: str, *, is_suspended: bool) -> None:
        """Said on chain, followed, and final before anybody goes on."""
        organization = self._ground.members[member].id
        registrar = self.service.registrar()
        self.mine()  # at a fee that anybody pays
        self.node.call("evm_setNextBlockTimestamp", hex(max(self.time, int(self.head()["timestamp"], 16)) + 1))
        with self._ground.fleet.mining():
            (registrar.suspend if is_suspended else registrar.reinstate)(organization)
        self.mine(self.service.network.confirmations + 1)
        self.time += self.settings.lease_seconds + 1
        self.index()
        self.floor = self.head_number()
        self.took_effect["retailer suspended" if is_suspended else "retailer reinstated"] += 1

    # --- what is there

    def rows(self, query: str, **values: Any) -> list[Any]:
        with reading(self.service.engine) as connection:
            return list(connection.execute(text(query), values))


class _KeptOpen(httpx.BaseTransport):
    """One application for all worlds: a client that is done with it does not close it."""

    def __init__(self, transport: InProcess) -> None:
        self._transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._transport.handle_request(request)
