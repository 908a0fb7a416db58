"""The ready-made passport by serial or by item: one prepared statement on a raw connection, fast enough for the event loop.

A measured exception to the house's rules (docs/decisions/sync-or-async.md): no ORM and no pool, because each would cost more than the
read. Every thread has a connection of its own, which only reads and never holds a transaction.
"""

import sqlite3
import threading
from contextlib import suppress
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

import psycopg
from sqlalchemy.engine import make_url

from ledger_api.errors import DatabaseBusy

BUSY_MILLISECONDS = 2_000
CONNECT_SECONDS = 2

_FOUND = (
    "SELECT items.passport, items.etag, items.block_number, chain_cursor.next_block - 1, chain_cursor.final_block,"
    " profiles.visibility, items.brand, items.item FROM"
)
_BESIDE = " JOIN chain_cursor ON chain_cursor.id = 1 LEFT JOIN profiles ON profiles.organization = items.brand WHERE"
_BY_SERIAL = f"{_FOUND} identifiers JOIN items ON items.item = identifiers.item {_BESIDE} identifiers.gtin = ? AND identifiers.serial = ?"
_BY_ITEM = f"{_FOUND} items {_BESIDE} items.item = ?"


class Found(NamedTuple):
    """An item on the ledger as of `block`. `visibility` is its brand's wish; None where the brand has no profile: public."""

    passport: bytes
    etag: str
    item_block: int  # of the item's last event
    block: int  # up to which the ledger was read
    final_block: int
    visibility: str | None
    brand: bytes
    item: bytes

    @property
    def status(self) -> str:
        return "final" if self.item_block <= self.final_block else "recorded"

    @property
    def weak_etag(self) -> str:
        """Weak, because `as_of` moves with every block while what is said of the item does not."""
        return f'W/"{self.etag}-{self.status}"'

    def envelope(self) -> bytes:
        """The answer's body: status and block in front of the stored bytes, which are not decoded."""
        as_of = f'{{"block":{self.block},"final_block":{self.final_block}}}'
        return b'{"status":"%b","as_of":%b,"passport":%b}' % (self.status.encode(), as_of.encode(), self.passport)


class _Connection(Protocol):
    def execute(self, statement: Any, parameters: Any = ..., /) -> Any: ...
    def close(self) -> None: ...


class PassportReader:
    """Finds passports. Share one per process; it opens a connection in each thread that asks."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._sqlite = database_url.startswith("sqlite")
        self._by_serial, self._by_item = (it if self._sqlite else it.replace("?", "%s") for it in (_BY_SERIAL, _BY_ITEM))
        self._thread = threading.local()

    def by_serial(self, gtin: str, serial: str) -> Found | None:
        """None: no such item is on the ledger; it may be accepted and on its way."""
        return self._ask(self._by_serial, (gtin, serial))

    def by_item(self, item: bytes) -> Found | None:
        return self._ask(self._by_item, (item,))

    def close(self) -> None:
        """Closes this thread's connection; the others' end with their threads."""
        connection = self._thread.__dict__.pop("connection", None)
        if connection is not None:
            connection.close()

    def _ask(self, statement: str, parameters: tuple[Any, ...]) -> Found | None:
        try:
            row = self._connection().execute(statement, parameters).fetchone()
        except sqlite3.OperationalError as error:
            raise DatabaseBusy from error
        except psycopg.OperationalError:
            row = self._ask_again(statement, parameters)
        return None if row is None else Found._make(row)

    def _ask_again(self, statement: str, parameters: tuple[Any, ...]) -> Any:
        """The server may have been started anew since the connection was made: once more on a new one.

        Raises:
            DatabaseBusy: it is away.
        """
        with suppress(psycopg.Error):
            self.close()
        try:
            return self._connection().execute(statement, parameters).fetchone()
        except psycopg.OperationalError as error:
            raise DatabaseBusy from error

    def _connection(self) -> _Connection:
        connection: _Connection | None = getattr(self._thread, "connection", None)
        if connection is None:
            connection = self._thread.connection = _open_sqlite(self._url) if self._sqlite else _open_postgres(self._url)
        return connection


def _open_sqlite(url: str) -> _Connection:
    path = make_url(url).database
    # no isolation level: every read sees the newest commit, and none keeps the log of writes from being folded in
    connection = sqlite3.connect(f"file:{quote(path or '')}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    return connection


def _open_postgres(url: str) -> _Connection:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    options = f"-c statement_timeout={BUSY_MILLISECONDS}"
    return psycopg.connect(plain, autocommit=True, prepare_threshold=0, connect_timeout=CONNECT_SECONDS, options=options)
