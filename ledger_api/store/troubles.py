"""What a driver says when the database cannot be used now, in our words. Nothing is retried here.

Three kinds: *busy* passes by itself or with an operator's help (locked, full, read-only, away), *damaged* does not, and everything else
is a mistake of ours and stays what it is.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoneFree

from ledger_api.errors import DatabaseBusy, DatabaseDamaged, LedgerError

# https://sqlite.org/rescode.html: primary codes, the lowest byte of the extended ones
_SQLITE_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_SQLITE = {
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read-only",
    sqlite3.SQLITE_IOERR: "disk",
}
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRES_DAMAGED = {"XX001", "XX002"}  # data, index corrupted
_POSTGRES = {
    "55P03": "locked",  # lock_timeout
    "40P01": "locked",  # deadlock
    "40001": "locked",  # serialization failure
    "57014": "slow",  # statement_timeout
    "53100": "full",  # disk
    "53300": "crowded",  # connections
    "25006": "read-only",  # a replica, or a server made read-only
    "25P02": "away",  # what the same transaction says after one of the above
    "25P03": "away",  # idle_in_transaction_session_timeout
    "58030": "disk",
}


@contextmanager
def told_as_ours() -> Iterator[None]:
    """Raises DatabaseBusy with its `cause`, or DatabaseDamaged, in place of what the driver says."""
    try:
        yield
    except NoneFree as error:
        raise DatabaseBusy(cause="crowded") from error
    except DBAPIError as error:
        ours = trouble(error.orig, is_lost=error.connection_invalidated or isinstance(error, OperationalError))
        if ours is None:
            raise
        raise ours from error


def trouble(said: BaseException | None, *, is_lost: bool) -> LedgerError | None:
    """None: no trouble with the database but with what it was asked. `is_lost`: whatever it said, it did not do it."""
    cause, is_damaged = None, False
    match said:
        case sqlite3.Error():
            code = getattr(said, "sqlite_errorcode", 0) & 0xFF
            cause, is_damaged = _SQLITE.get(code), code in _SQLITE_DAMAGED
            is_lost = is_lost and code != sqlite3.SQLITE_ERROR  # a wrong statement, which the driver calls operational too
        case psycopg.Error():
            cause, is_damaged = _POSTGRES.get(said.sqlstate or ""), said.sqlstate in _POSTGRES_DAMAGED
    if is_damaged:
        return DatabaseDamaged()
    if cause is None and not is_lost:
        return None
    return DatabaseBusy(cause=cause or "away")
