"""What one test left in a lent database, the next must not find."""

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import text

from ledger_api.store.engine import open_engine, reading, writing
from tests import databases, servers
from tests.conftest import upgraded
from tests.consortium import opened
from tests.databases import Databases


@pytest.fixture(scope="module")
def lender(postgres_server: str) -> Iterator[Databases]:
    template = servers.new_database(postgres_server)
    upgraded(servers.url_of(postgres_server, template))
    yield Databases(postgres_server, template)


def told(url: str, query: str) -> list[object]:
    engine = open_engine(url)
    with reading(engine) as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found


def test_what_comes_back_is_lent_again_without_a_row_and_counts_from_one(lender: Databases) -> None:
    tables = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname"
    with lender.lent() as first:
        engine = opened(first)
        oid = told(first, "SELECT oid FROM pg_database WHERE datname = current_database()")
        with writing(engine) as connection:
            connection.execute(text("SELECT nextval(seqrelid::regclass) FROM pg_sequence"))
        engine.dispose()

    with lender.lent() as second:
        assert told(second, "SELECT oid FROM pg_database WHERE datname = current_database()") == oid
        counted = {table: told(second, f'SELECT count(*) FROM "{table}"') for (table,) in told(second, tables)}
        numbers = set(told(second, "SELECT nextval(seqrelid::regclass) = seqstart FROM pg_sequence"))

    assert first != second
    assert {table for table, rows in counted.items() if rows != [(0,)]} == {databases.KEPT}
    assert numbers == {(True,)}


def test_nobody_who_knew_it_finds_it_and_who_was_in_it_is_out(lender: Databases) -> None:
    with lender.lent() as url:
        plain = url.replace("+psycopg", "")
        left = psycopg.connect(plain)

    with pytest.raises(psycopg.OperationalError):
        left.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(plain)


@pytest.mark.parametrize(
    "change",
    [
        "DROP TABLE tips",
        "ALTER TABLE tips ADD COLUMN more int",
        "DROP INDEX events_live_event_id",
        "CREATE TABLE more (one int)",
        "UPDATE alembic_version SET version_num = '0001'",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$",
    ],
)
def test_one_that_was_changed_is_lent_no_more(lender: Databases, change: str) -> None:
    with lender.lent() as url, psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute(change)  # type: ignore[call-overload]  # no literal
        before = connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()
        connection.commit()

    with lender.lent() as url:
        assert told(url, "SELECT oid FROM pg_database WHERE datname = current_database()") != [before]


def test_one_that_was_full_is_lent_no_more(lender: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "MOST_ROWS", 8)
    with lender.lent() as url:
        opened(url).dispose()
        before = told(url, "SELECT oid FROM pg_database WHERE datname = current_database()")

    with lender.lent() as url:
        assert told(url, "SELECT oid FROM pg_database WHERE datname = current_database()") != before
