"""What drivers say, in our words: busy and how, damaged, or our own mistake."""

import psycopg
import pytest
from psycopg import errors as postgres
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from ledger_api.errors import DatabaseBusy, DatabaseDamaged
from ledger_api.routes.deps import address_of
from ledger_api.store.engine import open_engine, reading, writing
from ledger_api.store.troubles import trouble
from tests import consortium
from tests.consortium import accept, count, manufacture
from tests.doors import Doors, opened_doors


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (postgres.LockNotAvailable, "locked"),
        (postgres.DeadlockDetected, "locked"),
        (postgres.QueryCanceled, "slow"),
        (postgres.DiskFull, "full"),
        (postgres.TooManyConnections, "crowded"),
        (postgres.ReadOnlySqlTransaction, "read-only"),
        (postgres.IdleInTransactionSessionTimeout, "away"),
    ],
)
def test_a_server_s_codes_become_causes_also_where_the_driver_calls_them_internal(said: type[psycopg.Error], cause: str) -> None:
    told = trouble(said(), is_lost=False)

    assert isinstance(told, DatabaseBusy)
    assert told.facts == {"cause": cause}


def test_corrupted_data_is_damage_and_a_wrong_statement_is_neither() -> None:
    assert isinstance(trouble(postgres.DataCorrupted(), is_lost=False), DatabaseDamaged)
    assert trouble(postgres.UndefinedTable(), is_lost=False) is None


def test_a_wrong_statement_is_not_hidden_behind_a_busy_database(tmp_path: object) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/ledger.db")

    with pytest.raises(OperationalError, match="no such table: unheard_of"), reading(engine) as connection:
        connection.execute(text("SELECT * FROM unheard_of"))
    engine.dispose()


def test_a_full_database_keeps_nothing_of_what_it_refused(tmp_path: object) -> None:
    with opened_doors(f"sqlite:///{tmp_path}/ledger.db") as doors:
        doors.token("MAISON")
        with doors.engine.connect() as connection:
            pages = int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())
        doors.engine.dispose()
        opened = open_engine(f"sqlite:///{tmp_path}/ledger.db")
        with pytest.raises(DatabaseBusy) as told, writing(opened) as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            for number in range(1000):
                connection.execute(
                    text("INSERT INTO tips (item, state) VALUES (:item, :state)"), {"item": b"%d" % number, "state": b"x" * 900}
                )
        opened.dispose()

        assert told.value.facts == {"cause": "full"}
        assert count(doors.engine, "tips") == 0


@pytest.mark.parametrize(
    ("host", "bucket"), [("192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"), ("fe80::1%eth0", "fe80::/64")]
)
def test_an_ipv6_network_is_one_caller(host: str, bucket: str) -> None:
    from starlette.requests import Request

    assert address_of(Request({"type": "http", "client": (host, 1)})) == bucket


def test_a_request_that_ends_in_a_fault_of_ours_leaves_its_key_free(doors: Doors) -> None:
    accept(doors.engine, consortium.MAISON, manufacture("A0"))
    with writing(doors.engine) as connection:
        connection.execute(text("ALTER TABLE tips RENAME TO gone"))
    lost = doors.post("MAISON", "/v1/events", manufacture("A1"), headers={"Idempotency-Key": "one"})
    with writing(doors.engine) as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO tips"))

    again = doors.post("MAISON", "/v1/events", manufacture("A1"), headers={"Idempotency-Key": "one"})

    assert (lost.status_code, lost.json()["code"]) == (500, "unexpected")
    assert (again.status_code, again.json()["accepted"]) == (202, 1)
