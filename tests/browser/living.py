"""The whole service alive under one clock, for pages on which keys are used: chain, worker, indexer, pages, and members who call.

    with living_ledger(tmp_path) as world:
        gtin, serial = world.bag()              # made by the brand, shipped to the shop, recorded
        owner = world.visitor(browser, "owner") # a browser of its own
        owner.go(f"/own/{world.item_of(serial)}")
        world.later(72 * 3600)                  # chain, doors and worker alike
        world.assert_never_heard(secret)        # by this server, and by nobody else

What reaches the server is noted byte for byte, so that a test can say what never did.
"""

import base64
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
from playwright.sync_api import Browser, Page
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger_api import operating
from ledger_api.app import create_app, create_service_app
from ledger_api.chain.rpc import Node
from ledger_api.directory import Accreditation, Member, admit
from ledger_api.home import BLOCK_GAS_LIMIT
from ledger_api.indexer.loop import catch_up, follow
from ledger_api.outbox.worker import Worker, run
from ledger_api.service import Service, deploy_once, open_service
from ledger_api.settings import Settings
from ledger_verify.hashing import organization_id
from ledger_verify.transition import Role
from tests import servers
from tests.browser.conftest import DESKTOP

GTIN = "09990000100019"
EVERYTHING = 2**64 - 1
PATIENCE_SECONDS = 30
_SCOPES = ["events:write events:read verify"]
MEMBERS = {"maison": Role.BRAND, "boutique": Role.RETAILER, "platform": Role.PLATFORM}


@dataclass
class Heard:
    """Every request as it arrived: method, address, headers, body."""

    app: ASGIApp
    requests: list[bytes] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        head = [scope["method"].encode(), scope["raw_path"], scope["query_string"], *(b": ".join(pair) for pair in scope["headers"])]
        place = len(self.requests)
        self.requests.append(b"\n".join(head) + b"\n\n")

        async def noted() -> Message:
            message = await receive()
            self.requests[place] += message.get("body", b"")
            return message

        await self.app(scope, noted, send)


@dataclass
class Visitor:
    """A browser of somebody's own: its page, what went wrong on it, whom else it asked, and the files it was given."""

    name: str
    page: Page
    world: "World"
    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def go(self, address: str) -> Page:
        self.page.goto(address if address.startswith("http") else self.world.url + address)
        self.page.wait_for_selector("[data-page][data-ready=yes]")
        return self.page

    def shown(self, step: str) -> None:
        """Waits until this step of the page is shown, and takes its picture."""
        self.page.wait_for_selector(f'[data-step="{step}"]:not([hidden])')

    def picture(self, name: str) -> None:
        """As it is on this screen, and on a telephone."""
        self.world.pictures += 1
        stem = f"{self.world.pictures:02d}-{self.name}-{name}"
        for width, height in ((1280, 900), (390, 844)):
            self.page.set_viewport_size({"width": width, "height": height})
            self.page.screenshot(path=self.world.folder / f"{stem}-{width}.png", full_page=True)
        self.page.set_viewport_size({"width": 1280, "height": 900})

    def pixels_of(self, selector: str) -> memoryview:
        """What a camera would see of a part of the page: a screenshot as rows of grey."""
        taken = base64.b64encode(self.page.locator(selector).screenshot()).decode()
        blank = self.page.context.browser.new_page()  # type: ignore[union-attr]  # a context made by a browser has one
        width, height, grey = blank.evaluate(_GREY, taken)
        blank.close()
        return memoryview(bytes(grey)).cast("B", shape=[height, width])

    def keep_download(self, press: Callable[[], None]) -> Path:
        with self.page.expect_download() as given:
            press()
        kept = self.world.folder / f"{self.name}-{given.value.suggested_filename}"
        given.value.save_as(kept)
        return kept


class World:
    def __init__(self, folder: Path, chain_url: str) -> None:
        self.folder, self.pictures = folder, 0
        self._ahead = 0.0
        self.settings = Settings(
            home=folder / "home", port=servers.free_port(), rate_per_minute_anonymous=1_000_000, rate_per_minute_key=1_000_000
        )
        self._chain = Node(chain_url)
        deploy_once(self.settings, chain_url)
        self._services = [open_service(self.settings, chain_url) for _ in range(3)]  # each thread its own node and connections
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

    # --- processes

    @contextmanager
    def running(self) -> Iterator[None]:
        stop, (_, at_work, at_index) = threading.Event(), self._services
        worker = Worker(at_work.surroundings(), owner="worker", clock=self._moment)
        server = uvicorn.Server(uvicorn.Config(self.heard, port=self.settings.port, log_level="error", ws="none", lifespan="off"))
        threads = [
            threading.Thread(target=server.run, daemon=True),
            threading.Thread(target=run, args=(worker, stop), daemon=True),
            threading.Thread(target=follow, args=(at_index.following(), stop), kwargs={"clock": self._moment}, daemon=True),
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
                thread.join(timeout=20)
            for service in self._services:
                service.close()
            self.http.close()

    def _application(self, service: Service) -> ASGIApp:
        wired = create_service_app(service).state.context
        return create_app(replace(wired, clock=self.clock))

    def _admit(self, service: Service) -> dict[str, str]:
        """API keys of the members, who are on the registry and in the mirror."""
        registrar = service.registrar()
        for name, roles in MEMBERS.items():
            member = Member(did=did_of(name), name=name.title(), country="FR", visibility="public", roles=roles)
            admit(service.engine, registrar, member, signer=None, now=int(time.time()))
        brand, shop = organization_id(did_of("maison")), organization_id(did_of("boutique"))
        registrar.accredit(Accreditation(brand, shop, Role.RETAILER, EVERYTHING, from_time=0, until_time=0))
        catch_up(service.following())
        with service.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM leases")
        return {name: self._api_key(service, name) for name in MEMBERS}

    @staticmethod
    def _api_key(service: Service, name: str) -> str:
        return operating.create_api_key(service, organization=did_of(name), scopes=_SCOPES, name="counter")["key"]

    # --- callers

    def post(self, member: str, path: str, body: Any) -> Any:
        answer = self.http.post(path, json=body, headers={"Authorization": f"Bearer {self.keys[member]}"})
        assert answer.is_success, answer.text
        return answer.json()

    def record(self, member: str, *events: dict[str, Any]) -> None:
        """Sent by a member, and on the chain."""
        told = self.post(member, "/v1/events", [{"occurred_at": self._said_now(), "payload": {}} | event for event in events])
        assert told["refused"] == 0, told
        self.eventually(lambda: self._is_recorded(member, told["submission"]))

    def _said_now(self) -> str:
        return (self._moment() - timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _is_recorded(self, member: str, submission: str) -> bool:
        headers = {"Authorization": f"Bearer {self.keys[member]}"}
        status = self.http.get(f"/v1/submissions/{submission}", headers=headers).json()["status"]
        return bool(status in ("recorded", "final"))

    def bag(self) -> tuple[str, str]:
        """(serial, id) of a bag that stands in the shop."""
        self._serials += 1
        serial = f"B{self._serials:07d}"
        born = {"kind": "manufacture", "gtin": GTIN, "serial": serial, "category": "handbag", "payload": {"model": "Cabas Verne 32"}}
        self.record("maison", born)
        self.record("maison", {"kind": "shipment", "item": {"gtin": GTIN, "serial": serial}, "to": did_of("boutique")})
        return serial, str(self.passport(serial)["id"])

    def passport(self, serial: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get("/v1/items", params={"gtin": GTIN, "serial": serial}).json()["passport"]
        return found

    def eventually(self, happens: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not happens():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.1)

    # --- visitors

    def visitor(self, browser: Browser, name: str, **options: Any) -> Visitor:
        context = browser.new_context(**({"viewport": DESKTOP, "locale": "en-GB", "accept_downloads": True} | options))
        made = Visitor(name, context.new_page(), self)
        made.page.on("console", lambda message: made.errors.append(message.text) if message.type in ("error", "warning") else None)
        made.page.on("pageerror", lambda error: made.errors.append(str(error)))
        context.on("request", lambda request: made.strangers.append(request.url) if not self._is_ours(request.url) else None)
        return made

    def _is_ours(self, url: str) -> bool:
        return url.startswith((self.url, "blob:" + self.url, "data:"))

    def assert_never_heard(self, *words: str) -> None:
        """In no spelling, in no part of any request."""
        heard = b"\n".join(self.heard.requests).lower()
        for word in words:
            assert word.lower().encode() not in heard, "a secret reached the server"


def did_of(name: str) -> str:
    return f"did:web:{name}.example"


@contextmanager
def living_ledger(folder: Path) -> Iterator[World]:
    with ExitStack() as stack:
        url = stack.enter_context(servers.anvil(gas_limit=BLOCK_GAS_LIMIT))
        world = World(folder, url)
        stack.enter_context(world.running())
        yield world


# a PNG in base64, drawn by a browser
_GREY = """async (png) => {
  const image = new Image();
  image.src = 'data:image/png;base64,' + png;
  await image.decode();
  const canvas = Object.assign(document.createElement('canvas'), {width: image.width, height: image.height});
  const pen = canvas.getContext('2d');
  pen.drawImage(image, 0, 0);
  return [image.width, image.height, [...pen.getImageData(0, 0, image.width, image.height).data].filter((_, index) => index % 4 === 0)];
}"""
