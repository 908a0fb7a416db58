"""The database, opened one way for everybody: durable commits, honest locks, one transaction per block of work.

SQLite and PostgreSQL both. A writer on SQLite begins IMMEDIATE, because a read that turns into a write half way
fails at once however long the timeout is (https://sqlite.org/lang_transaction.html §2.2).
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from threading import Lock

from sqlalchemy import Connection, Engine, bindparam, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from ledger_api.errors import DatabaseBusy
from ledger_api.store.troubles import told_as_ours

BUSY_TIMEOUT_SECONDS = 15  # for a lock; `?timeout=` in the URL of a SQLite database says otherwise
# a transaction that asks nothing for so long belongs to a process that hangs: the server takes its locks away
IDLE_SECONDS = 300
IDLE_WRITING_SECONDS = 30  # of one that writes: others wait for its locks, a lane for its lease
_HURRY = f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_WRITING_SECONDS}s'"
POOL_SIZE = 20
# beyond which nobody gets one: the readers of `routes.deps`, and twice as many as there are threads. Whoever waits for a connection
# waits in a thread, and could keep those who have one from ever getting a thread to end in
MOST_CONNECTIONS = 100
LOCK_STRIPES = 256
_ENDS, _WATCHES, _REFRESHES = range(LOCK_STRIPES, LOCK_STRIPES + 3)  # three locks more
# a function's rows come in the order of its array, and each is locked as it comes
_LOCK_STRIPES = text("SELECT pg_advisory_xact_lock(:space, stripe) FROM unnest(CAST(:stripes AS int[])) AS stripe").bindparams(
    bindparam("space", 0x4C454447)
)


def open_engine(url: str) -> Engine:
    """SQLite in WAL with `synchronous=FULL` (an acknowledged event survives power loss), or PostgreSQL by psycopg 3."""
    is_sqlite = url.startswith("sqlite")
    chosen = {"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False} if is_sqlite else _postgres_terms()
    said = make_url(url).query  # what the operator wrote into the URL stands
    engine = create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=MOST_CONNECTIONS - POOL_SIZE,
        pool_timeout=BUSY_TIMEOUT_SECONDS,
        pool_pre_ping=not is_sqlite,
        connect_args={name: value for name, value in chosen.items() if name not in said},
        execution_options={"ledger_turns": _Turns(float(str(said.get("timeout", BUSY_TIMEOUT_SECONDS))))} if is_sqlite else {},
    )
    if is_sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


class _Turns:
    """SQLite lets one write, and the others sleep ever longer between two looks whether it has done: whoever came first finds it taken
    by whoever came last. The threads of one process wait for each other here instead, and only processes there."""

    def __init__(self, seconds: float) -> None:
        self._lock, self._seconds = Lock(), seconds

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=self._seconds):
            raise DatabaseBusy(cause="locked")

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _postgres_terms() -> dict[str, str | int]:
    """Nothing waits for ever: neither for a lock, nor for a server that vanished, nor for a process that hangs with locks in its hands."""
    patience = f"-c lock_timeout={BUSY_TIMEOUT_SECONDS}s -c idle_in_transaction_session_timeout={IDLE_SECONDS}s"
    return {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "options": patience}


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    assert isinstance(connection, sqlite3.Connection)
    connection.isolation_level = None  # the driver must not begin by itself: `_begin_sqlite` does
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    writing_now = connection.get_execution_options().get("ledger_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing_now else "BEGIN")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads.

    Raises:
        DatabaseBusy: the database is locked, full, read-only or away; nothing of the block is kept.
        DatabaseDamaged: it is not whole.
    """
    with told_as_ours(), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def moment(engine: Engine) -> Iterator[Connection]:
    """One moment of the database for as long as the block lasts, while others go on writing."""
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with reading(engine) as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that commits at the end of the block, or changes nothing.

    Raises:
        DatabaseBusy: the database is locked, full, read-only or away; nothing of the block is kept.
        DatabaseDamaged: it is not whole.
    """
    turn = engine.get_execution_options().get("ledger_turns", nullcontext())
    with told_as_ours(), turn, engine.execution_options(ledger_writing=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(_HURRY)
        yield connection


def lock_items(connection: Connection, items: Iterable[bytes]) -> None:
    """Until the transaction ends, nobody else accepts or re-judges events of these items.

    On SQLite the writer's lock already says so. On PostgreSQL: advisory locks on stripes, taken in ascending order, so that two
    lists of a thousand items can neither deadlock nor exhaust the lock table.
    """
    _lock(connection, sorted(stripes(items)))


def stripes(items: Iterable[bytes]) -> set[int]:
    """Which of the locks are these items'."""
    return {item[0] % LOCK_STRIPES for item in items}


def lock_ends(connection: Connection) -> None:
    """Until the transaction ends, nobody else ends what cannot be recorded; before the items are locked."""
    _lock(connection, [_ENDS])


def lock_watches(connection: Connection) -> None:
    """Until the transaction ends, nobody else brings watches of many items forward: each has its own order of them."""
    _lock(connection, [_WATCHES])


def lock_refreshes(connection: Connection) -> None:
    """Until the transaction ends, nobody else queues or takes passports to make again: the indexer does both, in no order of items."""
    _lock(connection, [_REFRESHES])


def _lock(connection: Connection, numbers: Sequence[int]) -> None:
    if numbers and connection.dialect.name == "postgresql":
        connection.execute(_LOCK_STRIPES, {"stripes": numbers})
