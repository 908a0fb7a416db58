"""An indexer over a chain, real or fake, and what a test wants to know of the database after it."""

from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Engine, text
from sqlmodel import SQLModel

from ledger_api.domain.network import Network
from ledger_api.indexer.following import Following
from ledger_api.indexer.source import Source
from ledger_api.migrations import know_all_tables
from ledger_api.store.engine import open_engine
from tests.fake_chain import LEDGER, NETWORK, REGISTRY, FakeChain

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MIRROR = (
    "blocks",
    "organizations",
    "successors",
    "signers",
    "accreditations",
    "registry_logs",
    "records",
    "items",
    "materials",
    "shown",
    "refreshes",
)
PAYLOAD_STORE = ("profiles", "identifiers", "payloads")


def new_database(url: str) -> Engine:
    engine = open_engine(url)
    know_all_tables()
    SQLModel.metadata.create_all(engine)
    return engine


def following(engine: Engine, chain: FakeChain, *, network: Network = NETWORK, owner: str = "one") -> Following:
    return Following(engine, Source(chain, REGISTRY, LEDGER), network, from_block=1, owner=owner)  # type: ignore[arg-type]  # the fake is a node


def clock() -> datetime:
    return NOW


def rows(engine: Engine, query: str, **parameters: Any) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text(query), parameters).all())


def value(engine: Engine, query: str, **parameters: Any) -> Any:
    return rows(engine, query, **parameters)[0][0]


def passport(engine: Engine, item: bytes) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(value(engine, "SELECT passport FROM items WHERE item = :item", item=item))
    return found


def mirror(engine: Engine) -> dict[str, list[Any]]:
    """Everything derived from the chain, to compare two databases by."""
    return {table: sorted(map(tuple, rows(engine, f"SELECT * FROM {table}")), key=repr) for table in MIRROR}


def statuses(engine: Engine) -> list[tuple[str, int | None]]:
    return [(status, reason) for status, reason in rows(engine, "SELECT status, reason FROM events ORDER BY id")]


def copy_payload_store(source: Engine, target: Engine) -> None:
    """What cannot be had from the chain, into a database that has nothing yet."""
    for name in PAYLOAD_STORE:
        table = SQLModel.metadata.tables[name]
        with source.connect() as reads, target.begin() as writes:
            found = [row._asdict() for row in reads.execute(table.select())]
            if found:
                writes.execute(table.insert(), found)


def without(tables: dict[str, list[Any]], *names: str) -> dict[str, list[Any]]:
    return {name: found for name, found in tables.items() if name not in names}
