"""Sent again, an event brings back what only we held of it: after a disk lost a row, or a database came back from an older backup."""

from sqlalchemy import text

from ledger_api.store.engine import reading, writing
from tests import consortium
from tests.consortium import accept, count, manufacture, record_all, statuses
from tests.doors import Doors


def lose(doors: Doors, *tables: str) -> None:
    with writing(doors.engine) as connection:
        for table in tables:
            connection.execute(text(f"DELETE FROM {table}"))  # tests' own words


def test_what_a_backup_was_too_old_for_comes_back_with_its_events(doors: Doors) -> None:
    accept(doors.engine, consortium.MAISON, manufacture("A1"), manufacture("A2"))
    record_all(doors.engine)
    with reading(doors.engine) as connection:
        before = connection.execute(text("SELECT event_id, body FROM payloads ORDER BY event_id")).all()
    lose(doors, "payloads", "identifiers", "events", "submissions")

    again = accept(doors.engine, consortium.MAISON, manufacture("A1"), manufacture("A2"))

    assert statuses(again) == ["duplicate", "duplicate"]
    with reading(doors.engine) as connection:
        assert connection.execute(text("SELECT event_id, body FROM payloads ORDER BY event_id")).all() == before
        assert connection.execute(text("SELECT serial FROM identifiers ORDER BY serial")).scalars().all() == ["A1", "A2"]
    assert count(doors.engine, "refreshes") == 2


def test_a_payload_that_was_erased_stays_erased(doors: Doors) -> None:
    accept(doors.engine, consortium.MAISON, manufacture("A1"))
    with writing(doors.engine) as connection:
        connection.execute(text("UPDATE payloads SET body = '{}'"))

    accept(doors.engine, consortium.MAISON, manufacture("A1"))

    assert count(doors.engine, "payloads", "body = '{}'") == 1
    assert count(doors.engine, "refreshes") == 0


def test_a_name_that_another_item_took_is_left_to_it(doors: Doors) -> None:
    accept(doors.engine, consortium.MAISON, manufacture("A1"))
    record_all(doors.engine)
    lose(doors, "payloads", "events")
    with writing(doors.engine) as connection:
        connection.execute(text("UPDATE identifiers SET item = :item"), {"item": b"\x01" * 32})

    again = accept(doors.engine, consortium.MAISON, manufacture("A1"))

    assert statuses(again) == ["duplicate"]
    assert count(doors.engine, "payloads") == 1
    assert count(doors.engine, "identifiers") == 1


def test_an_event_of_a_refused_group_leaves_no_payload(doors: Doors) -> None:
    wrong = manufacture("A2", lots=("NO-SUCH-LOT",))

    told = accept(doors.engine, consortium.MAISON, manufacture("A1"), wrong, all_or_nothing=True)

    assert statuses(told) == ["group-refused", "unknown-lot"]
    assert count(doors.engine, "payloads") == 0
