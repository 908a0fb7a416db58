"""The whole service alive under one clock, for pages on which keys are used: chain, worker, indexer, pages, and members who call.

    with living_ledger(tmp_path) as world:
        serial, item = world.bag()              # made by the brand, shipped to the shop, recorded
        world.http.get(f"/own/{item}")          # or a browser at world.url
        world.later(72 * 3600)                  # chain, doors and worker alike
        world.assert_never_heard(secret)        # by this server

With `has_desk=True` there is an authenticator too, `lens`, and the loops of its desk and of the notices to webhook endpoints.
What reaches the server is noted byte for byte, so that a test can say what never did.
"""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger_api import operating
from ledger_api.app import create_app, create_service_app
from ledger_api.chain.rpc import Node
from ledger_api.desk import working
from ledger_api.directory import Accreditation, Member, admit
from ledger_api.home import BLOCK_GAS_LIMIT
from ledger_api.indexer.loop import catch_up, follow
from ledger_api.outbox.worker import Worker, run
from ledger_api.service import Service, deploy_once, open_service
from ledger_api.settings import Settings
from ledger_api.webhooks import notifying
from ledger_verify.hashing import organization_id
from ledger_verify.transition import Role
from tests import servers

GTIN = "09990000100019"
EVERYTHING = 2**64 - 1
PATIENCE_SECONDS = 60  # on a busy machine
GZIPPED = b"\x1f\x8b"
_SCOPES = ["events:write events:read verify organization"]
MEMBERS = {"maison": Role.BRAND, "boutique": Role.RETAILER, "platform": Role.PLATFORM}
DESK = {"lens": Role.AUTHENTICATOR | Role.RETAILER}  # sees items in its stores, and hands them over there


@dataclass(frozen=True)
class Exchange:
    method: str
    path: str
    body: bytes
    status: int
    answer: bytes


@dataclass
class Heard:
    """Every request as it arrived: method, address, headers, body; and what it was answered, in the same place."""

    app: ASGIApp
    requests: list[bytes] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)  # status, body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        head = [scope["method"].encode(), scope["raw_path"], scope["query_string"], *(b": ".join(pair) for pair in scope["headers"])]
        place = len(self.requests)
        self.requests.append(b"\n".join(head) + b"\n\n")
        self.answers.append(b"")

        async def noted() -> Message:
            message = await receive()
            self.requests[place] += message.get("body", b"")
            return message

        async def answered(message: Message) -> None:
            is_start = message["type"] == "http.response.start"
            self.answers[place] += b"%d " % message["status"] if is_start else message.get("body", b"")
            await send(message)

        await self.app(scope, noted, answered)

    def exchanges(self) -> Iterator[Exchange]:
        for request, answer in zip(self.requests, self.answers, strict=True):
            method, path, _, rest = request.split(b"\n", 3)
            status, _, body = answer.partition(b" ")
            said = gzip.decompress(body) if body.startswith(GZIPPED) else body
            yield Exchange(method.decode(), path.decode(), rest.partition(b"\n\n")[2], int(status or 0), said)


class World:
    def __init__(self, folder: Path, chain_url: str, *, has_desk: bool = False) -> None:
        self.folder = folder
        self._has_desk = has_desk
        self._ahead = 0.0
        rates = {"rate_per_minute_anonymous": 1_000_000, "rate_per_minute_key": 1_000_000}
        self.settings = Settings(home=folder / "home", port=servers.free_port(), webhook_loopback=True, **rates)
        self.chain_url = chain_url
        self._chain = Node(chain_url)
        deploy_once(self.settings, chain_url)
        self._services = [
            open_service(self.settings, chain_url) for _ in range(5 if has_desk else 3)
        ]  # each thread its own node and connections
        self.keys = self._admit(self._services[0])
        self.heard = Heard(self._application(self._services[0]))
        self.url = self.settings.base_url
        self.http = httpx.Client(base_url=self.url, timeout=30)
        self._serials = 0

    # --- time

    def clock(self) -> float:
        return time.time() + self._ahead

    def _moment(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._ahead)

    def later(self, seconds: int) -> None:
        self._chain.call("evm_increaseTime", seconds)
        self._chain.call("evm_mine")
        self._ahead += seconds

    def mine(self, blocks: int) -> None:
        """Blocks in which nothing happens: what was recorded becomes final."""
        for _ in range(blocks):
            self._chain.call("evm_mine")

    # --- processes

    @contextmanager
    def running(self) -> Iterator[None]:
        stop, (_, at_work, at_index, *beside) = threading.Event(), self._services
        worker = Worker(at_work.surroundings(), owner="worker", clock=self._moment)
        # browsers keep us waiting: a connection that the client still holds must not end under its next question
        patient = {"log_config": None, "ws": "none", "lifespan": "off", "timeout_keep_alive": 600}
        server = uvicorn.Server(uvicorn.Config(self.heard, port=self.settings.port, **patient))
        threads = [
            threading.Thread(target=server.run, daemon=True),
            threading.Thread(target=run, args=(worker, stop), daemon=True),
            threading.Thread(target=follow, args=(at_index.following(), stop), kwargs={"clock": self._moment}, daemon=True),
            *self._desk_loops(stop, *beside),
        ]
        for thread in threads:
            thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield
        finally:
            stop.set()
            server.should_exit = True
            for thread in threads:
                thread.join(timeout=60)
            for service in self._services:
                service.close()
            self.http.close()

    def _desk_loops(self, stop: threading.Event, *services: Service) -> Iterator[threading.Thread]:
        if self._has_desk:
            at_desk, at_post = services
            yield threading.Thread(target=working.run, args=(at_desk.desk(self._moment), stop), daemon=True)
            yield threading.Thread(target=notifying.run, args=(at_post.notifier(self._moment), stop), daemon=True)

    def _application(self, service: Service) -> ASGIApp:
        wired = create_service_app(service).state.context
        return create_app(replace(wired, clock=self.clock))

    def _admit(self, service: Service) -> dict[str, str]:
        """API keys of the members, who are on the registry and in the mirror."""
        registrar, members = service.registrar(), MEMBERS | (DESK if self._has_desk else {})
        for name, roles in members.items():
            member = Member(did=did_of(name), name=name.title(), country="FR", visibility="public", roles=roles)
            admit(service.engine, registrar, member, signer=None, now=int(time.time()))
        brand, shop = organization_id(did_of("maison")), organization_id(did_of("boutique"))
        registrar.accredit(Accreditation(brand, shop, Role.RETAILER, EVERYTHING, from_time=0, until_time=0))
        if self._has_desk:
            desk = organization_id(did_of("lens"))
            registrar.accredit(Accreditation(brand, desk, Role.AUTHENTICATOR, EVERYTHING, from_time=0, until_time=0))
        catch_up(service.following())
        with service.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM leases")
        return {name: self._api_key(service, name) for name in members}

    @staticmethod
    def _api_key(service: Service, name: str) -> str:
        return operating.create_api_key(service, organization=did_of(name), scopes=_SCOPES, name="counter")["key"]

    # --- callers

    def bearer(self, member: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[member]}"}

    def post(self, member: str, path: str, body: Any) -> Any:
        answer = self.http.post(path, json=body, headers=self.bearer(member))
        assert answer.is_success, answer.text
        return answer.json()

    def record(self, member: str, *events: dict[str, Any]) -> None:
        """Sent by a member, and on the chain."""
        told = self.post(member, "/v1/events", [{"occurred_at": self._said_now(), "payload": {}} | event for event in events])
        assert told["refused"] == 0, told
        self.eventually(lambda: self._is_recorded(member, told["submission"]))

    def _said_now(self) -> str:
        """No earlier than what a page said a moment ago: an item's events are in the order of their times."""
        return self._moment().strftime("%Y-%m-%dT%H:%M:%SZ")

    def _is_recorded(self, member: str, submission: str) -> bool:
        status = self.http.get(f"/v1/submissions/{submission}", headers=self.bearer(member)).json()["status"]
        return bool(status in ("recorded", "final"))

    def bag(self) -> tuple[str, str]:
        """(serial, id) of a bag that stands in the shop."""
        self._serials += 1
        serial = f"B{self._serials:07d}"
        born = {"kind": "manufacture", "gtin": GTIN, "serial": serial, "category": "handbag", "payload": {"model": "Cabas Verne 32"}}
        self.record("maison", born)
        self.record("maison", {"kind": "shipment", "item": {"gtin": GTIN, "serial": serial}, "to": did_of("boutique")})
        return serial, str(self.passport(serial)["id"])

    def standing_item(self) -> str:
        """The first bag of this world."""
        return str(self.passport("B0000001")["id"]) if self._serials else self.bag()[1]

    def passport(self, serial: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get("/v1/items", params={"gtin": GTIN, "serial": serial}).json()["passport"]
        return found

    def eventually(self, happens: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not happens():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.1)

    def assert_never_heard(self, *words: str) -> None:
        """In no spelling, in no part of any request."""
        heard = b"\n".join(self.heard.requests).lower()
        for word in words:
            assert word.lower().encode() not in heard, "a secret reached the server"


def did_of(name: str) -> str:
    return f"did:web:{name}.example"


@contextmanager
def living_ledger(folder: Path, *, has_desk: bool = False) -> Iterator[World]:
    with ExitStack() as stack:
        url = stack.enter_context(servers.anvil(gas_limit=BLOCK_GAS_LIMIT))
        world = World(folder, url, has_desk=has_desk)
        stack.enter_context(world.running())
        yield world
