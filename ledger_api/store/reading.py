"""The ready-made passport by serial or by item: one prepared statement on a raw connection, fast enough for the event loop.

A measured exception to the house's rules (docs/decisions/sync-or-async.md): no ORM and no pool, because each would cost more than the
read. One connection per process only reads and never holds a transaction; both drivers let threads share it, one statement at a time.
"""

import sqlite3
from threading import Lock
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

import psycopg
from sqlalchemy.engine import make_url

from ledger_api.errors import DatabaseBusy
from ledger_api.store.troubles import trouble

BUSY_MILLISECONDS = 2_000
CONNECT_SECONDS = 2
MAPPED_BYTES = 2**34  # of address space, not of memory

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
    """Finds passports. One per process; opens its connection when first asked."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._open = _open_sqlite if database_url.startswith("sqlite") else _open_postgres
        self._by_serial, self._by_item = _BY_SERIAL, _BY_ITEM
        if self._open is _open_postgres:
            self._by_serial, self._by_item = (statement.replace("?", "%s") for statement in (_BY_SERIAL, _BY_ITEM))
        self._lock = Lock()  # of opening
        self._connection: _Connection | None = None

    def by_serial(self, gtin: str, serial: str) -> Found | None:
        """None: no such item is on the ledger; it may be accepted and on its way."""
        return self._ask(self._by_serial, (gtin, serial))

    def by_item(self, item: bytes) -> Found | None:
        return self._ask(self._by_item, (item,))

    def close(self) -> None:
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _ask(self, statement: str, parameters: tuple[Any, ...]) -> Found | None:
        connection = self._connection or self._opened(None)
        try:
            row = connection.execute(statement, parameters).fetchone()
        except sqlite3.DatabaseError as error:
            raise trouble(error, is_lost=isinstance(error, sqlite3.OperationalError)) or error from error
        except psycopg.OperationalError:
            row = self._ask_again(connection, statement, parameters)
        return None if row is None else Found._make(row)

    def _ask_again(self, failed: _Connection, statement: str, parameters: tuple[Any, ...]) -> Any:
        """The server may have been started anew since the connection was made: once more on a new one.

        Raises:
            DatabaseBusy: it is away.
        """
        try:
            return self._opened(failed).execute(statement, parameters).fetchone()
        except psycopg.OperationalError as error:
            raise DatabaseBusy(cause="away") from error

    def _opened(self, failed: _Connection | None) -> _Connection:
        """The connection that stands; a new one if it is the failed one that does. Raises DatabaseBusy."""
        with self._lock:
            if self._connection is None or self._connection is failed:
                if failed is not None:
                    failed.close()
                self._connection = None
                try:
                    self._connection = self._open(self._url)
                except (sqlite3.OperationalError, psycopg.OperationalError) as error:
                    raise DatabaseBusy(cause="away") from error
            return self._connection


def _open_sqlite(url: str) -> _Connection:
    path = make_url(url).database
    # no isolation level: every read sees the newest commit, and none keeps the log of writes from being folded in
    connection = sqlite3.connect(f"file:{quote(path or '')}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)
    assert sqlite3.threadsafety == 3  # serialised (PEP 249): threads may share the connection
    connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    connection.execute(f"PRAGMA mmap_size={MAPPED_BYTES}")  # a third off a lookup: pages are read where they lie, without a system call
    return connection


def _open_postgres(url: str) -> _Connection:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    options = f"-c statement_timeout={BUSY_MILLISECONDS}"
    return psycopg.connect(plain, autocommit=True, prepare_threshold=0, connect_timeout=CONNECT_SECONDS, options=options)
