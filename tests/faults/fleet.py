"""The service as an operator runs it: real processes on a real chain and a real database, each of which a test may kill.

    with fleet_of(tmp_path, database_url, block_time=1) as fleet:
        maison = fleet.brand("maison")
        worker, indexer = fleet.start("work"), fleet.start("index")
        fleet.accept(maison, fleet.births(20))      # or, with fleet.start("serve"), fleet.send(maison, …) by HTTP
        worker.kill()
        fleet.start("work")
        fleet.settle()
        fleet.audit()

`fleet.chain_url` is Anvil itself; processes are told `fleet.rpc_url`, so that a proxy can stand between.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr
from sqlalchemy import text

from ledger_api import operating
from ledger_api.chain.rpc import Node
from ledger_api.directory import Accreditation
from ledger_api.domain.parsing import parse_event
from ledger_api.home import BLOCK_GAS_LIMIT, free_port
from ledger_api.indexer.loop import catch_up
from ledger_api.intake import Order, accept_events
from ledger_api.intake.accepting import Submission
from ledger_api.service import Service, deploy_once, open_service
from ledger_api.settings import Settings
from ledger_api.store.engine import reading
from ledger_verify.hashing import OrganizationId, organization_id
from ledger_verify.transition import Role
from tests import servers

ROOT = Path(__file__).resolve().parent.parent.parent
GTIN = "09990000100019"
EVERYTHING = 2**64 - 1
PATIENT_SECONDS = 60.0
_SCOPES = ["events:write events:read verify"]
# whoever runs tests may have told Python to write no bytecode: then every process would compile every library again
_COMPILED = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(ROOT / ".build" / "bytecode")}
_HANGING = (
    "SELECT 'event', count(*) FROM events WHERE status = 'accepted'",
    "SELECT 'transaction', count(*) FROM transactions WHERE status IN ('saved', 'sent')",
)


@dataclass(frozen=True, slots=True)
class Brand:
    """A member and its API key."""

    did: str
    key: str

    @property
    def id(self) -> OrganizationId:
        return organization_id(self.did)


class Member:
    """One process of the fleet."""

    def __init__(self, command: str, arguments: Sequence[str], environment: dict[str, str], log: Path) -> None:
        self.command, self._log = command, log
        with log.open("ab") as sink:
            self.process = subprocess.Popen(
                [sys.executable, *arguments], env={**os.environ, **environment}, cwd=ROOT,
                stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True,
            )  # fmt: skip

    @property
    def code(self) -> int | None:
        return self.process.poll()

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """As the kernel does when memory runs out: nothing is finished."""
        self.process.kill()
        self.process.wait()

    def end(self, *, seconds: float = 60) -> int:
        """Ask it to end, as an operator does; returns its exit code."""
        if self.is_alive():
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            return self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def await_end(self, *, seconds: float = 90) -> int:
        """Until it ends by itself."""
        return self.process.wait(timeout=seconds)


class Fleet:
    def __init__(self, chain_url: str, settings: Settings, logs: Path, *, is_mined_by_hand: bool) -> None:
        self.chain_url = self.rpc_url = chain_url
        self.settings = settings
        self.node = Node(chain_url)
        self.service: Service = self._opened()
        self.members: list[Member] = []
        self.url = ""
        self._logs = logs
        self._is_mined_by_hand = is_mined_by_hand
        self._serials = 0

    def _opened(self) -> Service:
        """For the test's own questions, which have time, however impatient the processes are told to be."""
        patient = self.settings.model_copy(update={"node_read_seconds": PATIENT_SECONDS})
        deploy_once(patient, self.chain_url)
        return open_service(patient, self.chain_url)

    # --- members of the consortium

    def admit(self, name: str, *roles: str) -> Brand:
        """An organization whose keys the service holds, with an API key."""
        did = f"did:web:{name}.example"
        with self.mining():
            operating.directory.admit(
                self.service.engine,
                self.service.registrar(),
                operating.directory.Member(did=did, name=name.title(), country=None, visibility="public", roles=_mask(roles)),
                signer=None,
                now=int(time.time()),
            )
        self.index()
        made = operating.create_api_key(self.service, organization=did, scopes=_SCOPES, name="fleet")
        return Brand(did, made["key"])

    def brand(self, name: str) -> Brand:
        return self.admit(name, "brand")

    def accredit(self, organization: Brand, role: str, *, brand: Brand) -> None:
        with self.mining():
            granted = Accreditation(brand.id, organization.id, Role[role.upper()], EVERYTHING, from_time=0, until_time=0)
            self.service.registrar().accredit(granted)
        self.index()

    def index(self) -> None:
        """Follow to the head from here, when no indexer of the fleet does."""
        if not any(member.command == "index" and member.is_alive() for member in self.members):
            catch_up(self.service.following())
            with self.service.engine.begin() as connection:
                connection.execute(text("DELETE FROM leases WHERE name = 'indexer'"))
            return
        head = int(self.node.call("eth_blockNumber"), 16)
        _await(lambda: self.followed_to() >= head, seconds=120, what=lambda: f"indexer at {self.followed_to()}, head {head}")

    # --- the chain

    @contextmanager
    def mining(self) -> Iterator[None]:
        """Blocks come by themselves for as long as the block lasts."""
        if self._is_mined_by_hand:
            self.node.call("evm_setAutomine", True)
        yield
        if self._is_mined_by_hand:
            self.node.call("evm_setAutomine", False)

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.node.call("evm_mine")

    # --- processes

    def start(
        self, command: str, *, env: dict[str, str] | None = None, entry: Sequence[str] = ("-m", "ledger_api.cli"), awaits: bool = True
    ) -> Member:
        """`work --lane 0`, `index` or `serve` as a process of its own; `entry` stands in for the CLI in a prepared process.

        `serve` answers when this returns, unless it is not to be waited for.
        """
        environment = _COMPILED | self._environment() | (env or {})
        if command == "serve":
            port = int(environment.setdefault("LEDGER_PORT", str(urlsplit(self.url).port or free_port())))
            self.url = f"http://127.0.0.1:{port}"
        member = Member(command.split()[0], [*entry, *command.split()], environment, self._logs / f"{len(self.members)}-{command[:5]}.log")
        self.members.append(member)
        if command == "serve" and awaits:
            _await(self.is_serving, seconds=60, what=lambda: member.log[-2000:])
        return member

    def end(self) -> None:
        for member in reversed(self.members):
            if member.is_alive():
                member.process.send_signal(signal.SIGCONT)
                member.kill()

    def _environment(self) -> dict[str, str]:
        told = {name: getattr(self.settings, name) for name in self.settings.model_fields_set}
        plain = {f"LEDGER_{name.upper()}": str(value) for name, value in told.items() if not isinstance(value, SecretStr)}
        return plain | {"LEDGER_RPC_URL": self.rpc_url}

    def is_serving(self) -> bool:
        try:
            return self.get("/healthz")[0] == 200
        except OSError:
            return False

    # --- callers

    def accept(self, brand: Brand, events: Sequence[dict[str, Any]]) -> Submission:
        """Through the door's own code, without HTTP."""
        parsed = [parse_event(event) for event in events]
        order = Order(organization=brand.id, now=int(time.time()), submission=uuid.uuid4().hex, request_id="fleet")
        return accept_events(self.service.intake, parsed, order)

    def send(self, brand: Brand, events: object, *, key: str | None = None) -> tuple[int, Any]:
        """`POST /v1/events`: (status, body). Raises OSError when the service does not answer."""
        headers = {"Authorization": f"Bearer {brand.key}", "Content-Type": "application/json"}
        return self.ask("POST", "/v1/events", json.dumps(events).encode(), headers | ({"Idempotency-Key": key} if key else {}))

    def get(self, path: str, brand: Brand | None = None) -> tuple[int, Any]:
        return self.ask("GET", path, None, {"Authorization": f"Bearer {brand.key}"} if brand else {})

    def ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, Any]:
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
        try:
            connection.request(method, path, body=body, headers={"Accept": "application/json"} | headers)
            answer = connection.getresponse()
            told = answer.read()
            return answer.status, json.loads(told) if told[:1] in (b"{", b"[") else told
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()

    def births(self, count: int) -> list[dict[str, Any]]:
        """Manufactures of items that nobody has made before."""
        first, self._serials = self._serials, self._serials + count
        return [birth(number) for number in range(first, first + count)]

    # --- what came of it

    def statuses(self) -> dict[str, int]:
        with reading(self.service.engine) as connection:
            return {row[0]: row[1] for row in connection.execute(text("SELECT status, count(*) FROM events GROUP BY status"))}

    def followed_to(self) -> int:
        with reading(self.service.engine) as connection:
            return int(connection.execute(text("SELECT next_block - 1 FROM chain_cursor")).scalar() or 0)

    def settle(self, *, seconds: float = 60) -> None:
        """Until nothing waits, nothing is in flight and the indexer is at the head.

        Raises:
            TimeoutError: with what hangs and the ends of the logs.
        """

        def is_settled() -> bool:
            if self._is_mined_by_hand:
                self.mine()
            return not any(self.hanging().values()) and self.followed_to() >= int(self.node.call("eth_blockNumber"), 16) - 1

        _await(is_settled, seconds=seconds, what=self.picture, every=0.25)

    def hanging(self) -> dict[str, int]:
        with reading(self.service.engine) as connection:
            return {row[0]: row[1] for query in _HANGING for row in connection.execute(text(query))}

    def picture(self) -> str:
        head = int(self.node.call("eth_blockNumber"), 16)
        logs = "\n".join(f"--- {member.command} ({member.code}): {member.log[-1200:]}" for member in self.members[-6:])
        return f"{self.statuses()}, hanging {self.hanging()}, indexer at {self.followed_to()}, head {head}\n{logs}"

    def audit(self, *, rebuild: bool = True, settled: bool = True) -> Any:
        """Asserts that nothing is lost, doubled or invented; and, after `settle`, that nothing is on its way any more."""
        from ledger_api.audit import audit

        report = audit(self.service, rebuild=rebuild, settled=settled)
        assert report.is_clean, json.dumps(report.as_json(), indent=1) + "\n" + self.picture()
        return report


@contextmanager
def fleet_of(
    folder: Path, database_url: str, *, block_time: float | None = 1, mine_by_hand: bool = False, lanes: int = 1, **settings: Any
) -> Iterator[Fleet]:
    """A chain with the contracts, an empty database, no process yet. `block_time` None: every transaction has its block at once."""
    chosen = {"lease_seconds": 2, "rate_per_minute_key": 10_000_000, "rate_per_minute_anonymous": 10_000_000} | settings
    home, logs = folder / "home", folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with servers.anvil(gas_limit=BLOCK_GAS_LIMIT) as url:
        told = Settings(home=home, database_url=database_url, lanes=lanes, **chosen)
        fleet = Fleet(url, told, logs, is_mined_by_hand=mine_by_hand)
        if mine_by_hand or block_time:
            fleet.node.call("evm_setAutomine", False)
        if block_time and not mine_by_hand:
            fleet.node.call("evm_setIntervalMining", block_time)
        try:
            yield fleet
        finally:
            fleet.end()
            fleet.service.close()


def birth(number: int) -> dict[str, Any]:
    return {
        "kind": "manufacture",
        "occurred_at": "2025-06-15T15:06:40Z",
        "gtin": GTIN,
        "serial": f"F{number:07d}",
        "category": "handbag",
        "payload": {"model": "Cabas Verne 32", "colour": "noir", "atelier": f"Lyon {number % 7}"},
    }


def verdict(number: int, *, outcome: str = "authentic") -> dict[str, Any]:
    """On the item of `birth(number)`, by its brand."""
    return {
        "kind": "verdict",
        "occurred_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "item": {"gtin": GTIN, "serial": f"F{number:07d}"},
        "outcome": outcome,
        "method": "in-person",
        "payload": {"appraiser": f"APR-{number % 89:02d}", "grounds": "stitching and stamp agree"},
    }


def _mask(roles: Sequence[str]) -> Role:
    mask = Role(0)
    for role in roles:
        mask |= Role[role.upper()]
    return mask


def _await(is_so: Any, *, seconds: float, what: Any, every: float = 0.05) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_so():
            return
        time.sleep(every)
    raise TimeoutError(f"not so after {seconds} s: {what()}")
