"""The database, opened one way: durable, locked honestly, brought to the newest schema once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, inspect, text
from sqlmodel import SQLModel

from ledger_api import migrations, tables
from ledger_api.errors import DatabaseBusy
from ledger_api.store import engine as opening
from ledger_api.store.engine import lock_items, open_engine, reading, writing
from tests import servers
from tests.consortium import accept, manufacture, opened, statuses
from tests.doors import eventually


def test_what_takes_a_database_is_found_by_its_marker(database_kind: str, request: pytest.FixtureRequest) -> None:
    """By which `make test` runs it again on PostgreSQL."""
    assert request.node.get_closest_marker("database") is not None
    assert request.config.getoption("--database") in {database_kind, "both"}


def test_the_revisions_make_exactly_the_tables(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    migrations.know_all_tables()
    migrations.upgrade(engine)

    with reading(engine) as connection:
        differences = compare_metadata(MigrationContext.configure(connection), SQLModel.metadata)

    assert tables.EventRow.__tablename__ == "events"
    assert differences == []
    engine.dispose()


def test_a_database_that_is_up_to_date_is_left_alone_and_any_other_is_not(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    migrations.upgrade(engine)
    with writing(engine) as connection:
        scripts = ScriptDirectory.from_config(migrations.configuration(connection))
        connection.execute(text("ALTER TABLE refreshes DROP COLUMN asked"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0024'"))

    migrations.upgrade(engine)

    with reading(engine) as connection:
        assert "asked" in {column["name"] for column in inspect(connection).get_columns("refreshes")}
        assert connection.scalars(text("SELECT version_num FROM alembic_version")).all() == scripts.get_heads() == [migrations.newest()]
    engine.dispose()


def test_several_processes_may_upgrade_at_once_and_again(empty_database_url: str) -> None:
    engines = [open_engine(empty_database_url) for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrations.upgrade, engines))
    migrations.upgrade(engines[0])

    with reading(engines[0]) as connection:
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar_one() == 1
    for engine in engines:
        engine.dispose()


def test_a_write_that_fails_changes_nothing(database_url: str) -> None:
    engine = opened(database_url)

    with pytest.raises(RuntimeError), writing(engine) as connection:
        connection.execute(text("DELETE FROM profiles"))
        raise RuntimeError

    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM profiles")).scalar_one() == 9
    engine.dispose()


def test_a_commit_survives_the_loss_of_power(database_url: str) -> None:
    engine = open_engine(database_url)

    with reading(engine) as connection:
        if engine.dialect.name == "sqlite":
            pragmas = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous", "foreign_keys")]
            assert pragmas == ["wal", 2, 1]
        else:
            assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"
    engine.dispose()


def test_writers_of_one_process_wait_for_each_other_and_not_for_the_file(tmp_path: object) -> None:
    """SQLite's own waiting is a lottery, which whoever has waited longest loses."""
    engine = open_engine(f"sqlite:///{tmp_path}/ledger.db")
    begun: list[str] = []
    event.listen(engine, "begin", lambda _: begun.append(threading.current_thread().name))

    def write() -> None:
        with writing(engine):
            pass

    second = threading.Thread(target=write, name="second")
    with writing(engine):
        second.start()
        second.join(0.2)
        while_the_first_writes = list(begun)
    second.join()

    assert while_the_first_writes == ["MainThread"]
    assert begun == ["MainThread", "second"]
    engine.dispose()


def test_a_database_that_is_locked_or_away_is_busy(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "BUSY_TIMEOUT_SECONDS", 0.05)
    engine = open_engine(f"sqlite:///{tmp_path}/ledger.db")
    away = open_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing?connect_timeout=1")

    same_file = open_engine(f"sqlite:///{tmp_path}/ledger.db")  # as another process has it

    for other in (engine, same_file):
        with writing(engine), pytest.raises(DatabaseBusy), writing(other):
            pass
    with pytest.raises(DatabaseBusy), reading(away):
        pass
    engine.dispose()


def test_two_writers_of_one_item_take_turns(database_url: str) -> None:
    engine = opened(database_url)
    order: list[str] = []
    inside = threading.Event()

    def first() -> None:
        with writing(engine) as connection:
            lock_items(connection, [b"\x01" * 32, b"\x02" * 32])
            inside.set()
            time.sleep(0.3)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait()
    with writing(engine) as connection:
        lock_items(connection, [b"\x02" * 32, b"\x01" * 32])
        order.append("second")
    thread.join()

    assert order == ["first", "second"]
    engine.dispose()


def test_a_writer_that_hangs_does_not_keep_its_locks(postgres_server: str) -> None:
    """A process that froze between two statements: after a moment the server ends its transaction, and others go on."""
    went_on = False
    with servers.fresh_database(postgres_server) as url:
        engine = opened(url)

        with pytest.raises(DatabaseBusy), writing(engine) as frozen:
            lock_items(frozen, [b"\x01" * 32])
            frozen.execute(text("DELETE FROM profiles"))
            frozen.execute(text("SET LOCAL idle_in_transaction_session_timeout = '300ms'"))  # of this writer alone, from here on
            with writing(engine) as other:  # waits until the server has ended the first one
                lock_items(other, [b"\x01" * 32])
                went_on = True
            frozen.execute(text("SELECT 1"))

        assert went_on
        with reading(engine) as connection:
            assert connection.execute(text("SELECT count(*) FROM profiles")).scalar_one() == 9
        engine.dispose()


def test_every_writer_is_hurried(postgres_server: str) -> None:
    """The rule behind the test above, as a writer gets it: shorter than the patience any other session is given."""
    with servers.fresh_database(postgres_server) as url:
        engine = opened(url)
        with writing(engine) as connection:
            assert connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one() == f"{opening.IDLE_WRITING_SECONDS}s"
        engine.dispose()


def test_lists_of_the_same_items_in_opposite_order_do_not_deadlock(database_url: str) -> None:
    engine = opened(database_url)
    bodies = [manufacture(f"D{number}") for number in range(200)]

    with ThreadPoolExecutor(2) as pool:
        from tests.consortium import MAISON

        there, back = pool.map(lambda bodies: accept(engine, MAISON, *bodies), (bodies, bodies[::-1]))

    assert sorted(statuses(there) + statuses(back)) == ["accepted"] * 200 + ["duplicate"] * 200
    engine.dispose()


def test_a_row_that_somebody_else_wrote_meanwhile_starts_the_list_again(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard behind the locks: were two acceptances ever to run side by side, the unique index would tell."""
    from ledger_api.store import accepting
    from tests.consortium import MAISON

    engine = opened(database_url)
    accept(engine, MAISON, manufacture())
    real, blind = accepting.live_events, [True, True]
    monkeypatch.setattr(accepting, "live_events", lambda connection, ids: {} if blind and blind.pop() else real(connection, ids))
    monkeypatch.setattr(accepting, "tips", lambda connection, items: {})

    again = accept(engine, MAISON, manufacture())

    assert statuses(again) == ["duplicate"]
    assert blind == []
    engine.dispose()


def test_eventually_gives_up() -> None:
    with pytest.raises(AssertionError):
        eventually(lambda: False, seconds=0.01)
