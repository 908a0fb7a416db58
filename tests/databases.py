"""PostgreSQL databases with every table and no row, lent from test to test: to make one copies 700 files, to empty one touches few.

What comes back is emptied and gets another name, so that whoever still knows the old one (a thread or a process that a test left behind)
finds no database. One whose tables or settings are no longer those of the template is dropped, and so is one that was full.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from tests import servers

MOST_ROWS = 20_000  # deleted from one database in all: what is deleted stays in its files, and is passed over by every later reading
KEPT = "alembic_version"  # the only table of the template with a row
_SHAPE = f"""
SELECT array_agg(line ORDER BY line), (SELECT array_agg(version_num) FROM {KEPT}) FROM (
    SELECT concat_ws(' ', 'class', oid, relname, relnatts, relhastriggers, relrowsecurity) AS line
    FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', 'column', attrelid, attname, atttypid, atttypmod, attnotnull, attidentity, attisdropped)
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = 'public'::regnamespace AND attnum > 0
    UNION ALL SELECT concat_ws(' ', 'constraint', oid, conname) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', 'function', oid, proname) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', 'default', oid) FROM pg_attrdef
    UNION ALL SELECT concat_ws(' ', 'trigger', oid, tgenabled) FROM pg_trigger
    UNION ALL SELECT concat_ws(' ', 'schema', oid, nspname) FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%'
    UNION ALL SELECT concat_ws(' ', 'setting', setconfig) FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase
    WHERE datname = current_database()
) AS lines
"""
_TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> %s"
_SEQUENCES = "SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence"
_LEAVE = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"


class Databases:
    """Of one server and one template. `lent()` yields the URL of one that nobody else has."""

    def __init__(self, base: str, template: str) -> None:
        self._base, self._template = base, template
        self._idle: list[tuple[str, int]] = []  # with how many rows were deleted from each
        with self._inside(template) as connection:
            self._shape = self._seen(connection)

    @contextmanager
    def lent(self) -> Iterator[str]:
        name, deleted = self._idle.pop() if self._idle else (servers.new_database(self._base, template=self._template), 0)
        try:
            yield servers.url_of(self._base, name)
        finally:
            self._take_back(name, deleted)

    def drop_idle(self) -> None:
        while self._idle:
            servers.drop_database(self._base, self._idle.pop()[0])

    def _take_back(self, name: str, deleted: int) -> None:
        renamed = f"ledger_{uuid.uuid4().hex[:12]}"
        try:
            with psycopg.connect(self._base, autocommit=True) as admin:
                admin.execute(_LEAVE, (name,))
                deleted += self._emptied(name)
                if deleted <= MOST_ROWS:
                    admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(renamed)))
                    self._idle.append((renamed, deleted))
                    return
        except (psycopg.Error, _IsAnother):
            pass
        servers.drop_database(self._base, name)

    def _emptied(self, name: str) -> int:
        """How many rows there were. Raises _IsAnother."""
        with self._inside(name) as connection:
            if self._seen(connection) != self._shape:
                raise _IsAnother
            connection.execute("SET LOCAL session_replication_role = replica")  # in any order, whatever refers to whatever
            tables = [sql.Identifier(row[0]) for row in connection.execute(_TABLES, (KEPT,))]
            rows = sum(connection.execute(sql.SQL("DELETE FROM {}").format(table)).rowcount for table in tables)
            connection.execute(_SEQUENCES)
        return rows

    def _inside(self, name: str) -> psycopg.Connection[Any]:
        return psycopg.connect(self._base, dbname=name)

    def _seen(self, connection: psycopg.Connection[Any]) -> Any:
        return connection.execute(_SHAPE).fetchone()


class _IsAnother(Exception):
    """A test changed the tables or the settings."""
