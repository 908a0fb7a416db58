"""A small service on a real chain, in this process: one brand, a few items with lives, everything recorded and final.

with small_service(folder, url, database_url) as here:
    here.record(births(3))
    report = audit(here.service)
"""

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from ledger_api import directory
from ledger_api.domain.parsing import parse_event
from ledger_api.indexer.loop import catch_up
from ledger_api.intake import Order, accept_events
from ledger_api.outbox.worker import Worker
from ledger_api.service import Service, deploy_once, open_service
from ledger_api.settings import Settings
from ledger_api.store.engine import open_engine, reading, writing
from ledger_verify.hashing import OrganizationId, organization_id
from ledger_verify.transition import Role

GTIN = "09990000100019"
MAISON = "did:web:maison.example"
ENCORE = "did:web:encore.example"


def birth(number: int) -> dict[str, Any]:
    payload = {"model": "Cabas Verne 32", "colour": "noir"}
    return {
        "kind": "manufacture", "occurred_at": "2025-06-15T15:06:40Z", "gtin": GTIN, "serial": f"A{number:06d}", "category": "handbag",
        "payload": payload,
    }  # fmt: skip


def service_of(number: int, *, what: str = "polished") -> dict[str, Any]:
    return {
        "kind": "service", "occurred_at": "2025-07-15T15:06:40Z", "item": {"gtin": GTIN, "serial": f"A{number:06d}"},
        "payload": {"description": what},
    }  # fmt: skip


@dataclass
class Small:
    """The service, and hands that do what its processes would."""

    service: Service
    url: str
    _workers: list[Worker] = field(default_factory=list)

    def admit(self, did: str, roles: Role) -> OrganizationId:
        member = directory.Member(did=did, name=did.split(":")[2].split(".")[0].title(), country=None, visibility="public", roles=roles)
        directory.admit(self.service.engine, self.service.registrar(), member, signer=None, now=int(time.time()))
        self.index()
        return organization_id(did)

    def accept(self, events: Sequence[dict[str, Any]], *, did: str = MAISON) -> list[str]:
        order = Order(organization=organization_id(did), now=int(time.time()), submission=uuid.uuid4().hex, request_id="test")
        return [one.status for one in accept_events(self.service.intake, [parse_event(event) for event in events], order).results]

    def record(self, events: Sequence[dict[str, Any]], *, did: str = MAISON) -> None:
        """Accepted, carried, mined, followed, and three blocks on: final."""
        assert set(self.accept(events, did=did)) == {"accepted"}
        self.carry()

    def carry(self) -> None:
        """Until nothing waits. Its clock is ahead, past the leases of workers that are gone."""
        clock = lambda: datetime.now(UTC) + timedelta(minutes=len(self._workers))  # noqa: E731
        worker = Worker(self.service.surroundings(), owner=f"worker {uuid.uuid4().hex}", clock=clock)
        self._workers.append(worker)
        for _ in range(40):
            worker.turn()
            self.mine()
            self.index()
            if not self.value("SELECT count(*) FROM events WHERE status = 'accepted'"):
                break
        worker.turn()
        worker.stop()
        self.mine(3)
        self.index()

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.service.node.call("evm_mine")

    def index(self) -> None:
        catch_up(self.service.following())
        self.do("DELETE FROM leases WHERE name = 'indexer'")

    def value(self, query: str, **parameters: Any) -> Any:
        with reading(self.service.engine) as connection:
            return connection.execute(text(query), parameters).scalar()

    def do(self, statement: str, **parameters: Any) -> None:
        with writing(self.service.engine) as connection:
            connection.execute(text(statement), parameters)

    def with_database(self, path: Path) -> "Small":
        """The same service on another file."""
        return replace(self, service=replace(self.service, engine=open_engine(f"sqlite:///{path}")))

    def dump(self) -> list[str]:
        """Everything in the embedded database."""
        with self.service.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            return list(driver.iterdump())


@contextmanager
def small_service(folder: Path, url: str, database_url: str = "") -> Iterator[Small]:
    settings = Settings(home=folder / "home", database_url=database_url, rpc_url=url)
    deploy_once(settings, url)
    here = Small(open_service(settings, url), url)
    try:
        here.admit(MAISON, Role.BRAND)
        yield here
    finally:
        here.service.close()
