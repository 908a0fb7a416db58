"""Passports made again from an empty database, and compared byte for byte with those that are served.

The payload store is copied into a temporary SQLite database, which then follows the chain from the deployment with the
indexer's own code, up to the block of the audit and no further.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlmodel import SQLModel

from ledger_api.audit.report import Check, shown
from ledger_api.audit.side_by_side import side_by_side
from ledger_api.domain.network import Network
from ledger_api.indexer.following import Following
from ledger_api.indexer.loop import catch_up
from ledger_api.indexer.source import Source
from ledger_api.migrations import know_all_tables
from ledger_api.store import following as mirror
from ledger_api.store import records as stored
from ledger_api.store.engine import open_engine, reading, writing
from ledger_api.store.following import Block

_PAYLOAD_STORE = ("profiles", "identifiers", "payloads")
_ROWS_AT_ONCE = 2_000
_PASSPORTS = text("SELECT item, etag, passport FROM items ORDER BY item")


@dataclass(frozen=True, slots=True)
class SourceUpTo(Source):
    """A chain whose head is a given block, whatever the node has beyond it."""

    upto: Block

    def head(self) -> Block:
        return self.upto

    def finalized(self) -> int:
        return min(self.upto.number, Source.finalized(self))


def compare_passports(connection: Connection, *, source: SourceUpTo, network: Network, from_block: int, folder: Path) -> tuple[Check, int]:
    """The check, and how many passports are about to be made again because something beside their item changed.

    Raises:
        LedgerError: whatever stops an indexer; then nothing can be said of passports.
    """
    check, stale = Check("passports equal a rebuild from nothing"), _stale(connection)
    engine = open_engine(f"sqlite:///{folder / 'rebuilt.db'}")
    try:
        know_all_tables()
        SQLModel.metadata.create_all(engine)
        _copy_payload_store(connection, engine)
        catch_up(Following(engine, source, network, from_block, "audit"))
        with reading(engine) as rebuilt:
            for item, (served, made) in side_by_side(_digests(connection), _digests(rebuilt)):
                check.examined += 1
                if served != made and item not in stale:
                    check.find(f"the passport of item {shown(item)} {_how(bool(served), bool(made))}")
    finally:
        engine.dispose()
    return check, len(stale)


def _how(is_served: bool, is_made: bool) -> str:
    if is_served and is_made:
        return "differs from the one that a rebuild makes"
    return "is served, and a rebuild makes none" if is_served else "is missing, and a rebuild makes it"


def _stale(connection: Connection) -> set[bytes]:
    """Items whose passport waits to be made again, those of organizations renamed a moment ago among them."""
    waiting = set(stored.waiting_refreshes(connection, 1_000_000))
    names, shown_names = stored.organization_names(connection), mirror.read_shown(connection)
    for organization in names.keys() | shown_names.keys():
        if names.get(organization, (None, None)) != shown_names.get(organization):
            waiting |= mirror.items_naming(connection, organization)
    return waiting


def _copy_payload_store(connection: Connection, target: Engine) -> None:
    for name in _PAYLOAD_STORE:
        table = SQLModel.metadata.tables[name]
        found = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(table.select())
        for rows in found.mappings().partitions(_ROWS_AT_ONCE):
            with writing(target) as writes:
                writes.execute(table.insert(), [dict(row) for row in rows])


def _digests(connection: Connection) -> Iterator[tuple[Any, ...]]:
    """(item, etag, digest of the passport), in the order of items."""
    for item, etag, passport in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(_PASSPORTS):
        yield bytes(item), etag, sha256(passport).digest()
