"""Everybody at once: processes that deliver, organizations that end and replay their endpoints. Nobody waits for who waits for him."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from ledger_api.store.engine import reading, writing
from ledger_api.webhooks import endpoints, lines
from ledger_api.webhooks.lines import Done, Terms
from ledger_api.webhooks.notifying import Notifier
from tests.api.webhooks.world import TERMS, Hooks
from tests.consortium import PLATFORM
from tests.doors import await_done_or_waiting, await_dozing, await_waiting, dozing, meanwhile

NOW = datetime.now(UTC)
ME = Terms("a/0", NOW, 5, [0.5] * 20)


def end(connection: Connection, row: endpoints.AnyRow) -> None:
    endpoints.end(connection, row)


def replay(connection: Connection, row: endpoints.AnyRow) -> None:
    assert endpoints.replay(connection, row, after=0, until=None, at=NOW) == (20, None)


@pytest.mark.parametrize("change", [end, replay])
def test_who_has_an_endpoint_does_not_wait_for_who_notes_its_deliveries(
    hooks: Hooks, change: Callable[[Connection, endpoints.AnyRow], None]
) -> None:
    made = hooks.endpoint("http://127.0.0.1:9/")
    hooks.tell(*(f"case:{number}" for number in range(20)))
    with writing(hooks.doors.engine) as connection:
        lines.spread(connection, now=NOW)
        lines.prove(connection, "a/0", until=NOW + timedelta(seconds=60))
        jobs = lines.take(connection, ME, most=20)

    def settle() -> None:
        with writing(hooks.doors.engine) as connection:
            lines.settle(connection, ME, [Done(job, NOW, 3, 500, "status") for job in jobs])

    with ThreadPoolExecutor(1) as pool, writing(hooks.doors.engine) as connection:
        row = endpoints.one(connection, PLATFORM, made["id"], lock=True)
        settling = pool.submit(settle)
        await_waiting(hooks.doors.engine, 1)
        change(connection, row)
    settling.result()

    assert hooks.count("SELECT count(*) FROM webhook_deliveries WHERE tries = 1") == (0 if change is end else 20)


def test_whoever_begins_while_another_looks_for_work_keeps_what_it_took(hooks: Hooks) -> None:
    """Its proof of life and what it took are committed together, after the other saw the database and before it locked the line."""
    hooks.endpoint("http://127.0.0.1:9/")
    hooks.tell("case:1")
    notifiers = [Notifier(hooks.doors.engine, TERMS, owner) for owner in ("a", "b")]
    notifiers[0].spread()

    def turn(notifier: Notifier) -> list[lines.Job]:
        return notifier.turn([], room=16, flying=Counter())

    with ThreadPoolExecutor(1) as pool:
        with dozing(hooks.doors.engine, "webhook_lines"):
            slow = pool.submit(turn, notifiers[0])
            await_dozing(hooks.doors.engine)
        taken = turn(notifiers[1])

    assert len(taken) + len(slow.result()) == 1
    assert hooks.count("SELECT count(*) FROM webhook_attempts") == 0, "nobody died: nothing was interrupted"


def test_who_goes_on_and_replays_while_notices_are_spread_misses_none(hooks: Hooks) -> None:
    made = hooks.endpoint("http://127.0.0.1:9/")
    place = f"/v1/webhooks/endpoints/{made['id']}"
    hooks.doors.ask("PUT", "PLATFORM", place, json={"url": made["url"], "is_active": False})
    hooks.tell("case:1")

    def go_on() -> None:
        on = hooks.doors.ask("PUT", "PLATFORM", place, json={"url": made["url"], "is_active": True}).json()
        hooks.doors.post("PLATFORM", f"{place}/replay", {"after": on["missed_after"]})

    with ThreadPoolExecutor(1) as pool:
        with writing(hooks.doors.engine) as connection:
            lines.spread(connection, now=NOW)
            going_on = pool.submit(go_on)
            await_waiting(hooks.doors.engine, 1)
        going_on.result()

    assert hooks.count("SELECT count(*) FROM webhook_deliveries") == 1


def test_who_opens_the_tenth_endpoint_twice_at_once_has_ten(hooks: Hooks) -> None:
    for _ in range(endpoints.MOST_ENDPOINTS - 1):
        hooks.endpoint("http://127.0.0.1:9/")

    def open_one() -> int:
        return hooks.doors.post("PLATFORM", "/v1/webhooks/endpoints", {"url": "http://127.0.0.1:9/"}).status_code

    with ThreadPoolExecutor(1) as pool:
        opening = list[Future[int]]()

        def open_too() -> None:
            opening.append(pool.submit(open_one))
            await_done_or_waiting(hooks.doors.engine, opening[0])

        with meanwhile(hooks.doors.engine, "INSERT INTO webhook_endpoints", open_too):
            one = open_one()

    assert sorted((one, opening[0].result())) == [201, 409]
    assert hooks.count("SELECT count(*) FROM webhook_endpoints") == endpoints.MOST_ENDPOINTS


def test_what_is_replayed_while_old_notices_are_forgotten_is_delivered(hooks: Hooks) -> None:
    made = hooks.endpoint("http://127.0.0.1:9/")
    hooks.tell(*(f"case:{number}" for number in range(2)))
    with writing(hooks.doors.engine) as connection:
        lines.spread(connection, now=NOW)
        connection.execute(lines.deliveries.update().values(state="delivered"))
        connection.execute(lines.lines.delete())

    def forget() -> int:
        with writing(hooks.doors.engine) as connection:
            return lines.forget(connection, before=NOW + timedelta(days=1))

    with ThreadPoolExecutor(1) as pool:
        with dozing(hooks.doors.engine, "webhook_notices"):
            forgetting = pool.submit(forget)
            await_dozing(hooks.doors.engine)
        answer = hooks.doors.post("PLATFORM", f"/v1/webhooks/endpoints/{made['id']}/replay", {"after": 0})

    assert forgetting.result() + answer.json()["notices"] == 2
    assert hooks.count("SELECT count(*) FROM webhook_deliveries WHERE state = 'waiting'") == answer.json()["notices"]
    assert hooks.count("SELECT count(*) FROM webhook_deliveries WHERE notice NOT IN (SELECT number FROM webhook_notices)") == 0


def test_everybody_at_once_and_nobody_is_turned_away(hooks: Hooks) -> None:
    """Three processes, replays, ends, and the forgetting of what is done, on the same few lines; bounded by rounds."""
    many = [f"case:{number}" for number in range(12)]

    def deliver(owner: str) -> None:
        notifier = Notifier(hooks.doors.engine, TERMS, owner, first_pause_seconds=0.0)
        done: list[Done] = []
        for count in range(40):
            notifier.spread()
            jobs = notifier.turn(done, room=16, flying=Counter())
            done = [Done(job, datetime.now(UTC), 1, *((204, None) if (job.delivery + count) % 3 else (500, "status"))) for job in jobs]
        notifier.turn(done, room=0, flying=Counter())
        notifier.leave()

    def change() -> None:
        for count in range(25):
            hooks.tell(*many[count % 5 :])
            shown = hooks.doors.get("PLATFORM", "/v1/webhooks/endpoints").json()["endpoints"]
            place = f"/v1/webhooks/endpoints/{shown[0]['id']}"
            answers = [hooks.doors.post("PLATFORM", f"{place}/replay", {"after": 0})]
            if count % 4 == 3:
                answers.append(hooks.doors.ask("DELETE", "PLATFORM", place))
                hooks.endpoint("http://127.0.0.1:9/")
            assert [answer.status_code for answer in answers] == [202, 204][: len(answers)], [answer.text for answer in answers]

    def forget() -> None:
        for _ in range(40):
            with writing(hooks.doors.engine) as connection:
                lines.forget(connection, before=datetime.now(UTC), most=20)

    for _ in range(3):
        hooks.endpoint("http://127.0.0.1:9/")
    with ThreadPoolExecutor(6) as pool:
        work = [pool.submit(deliver, owner) for owner in ("a", "b", "c")] + [pool.submit(change), pool.submit(forget), pool.submit(forget)]
    for one in work:
        one.result()

    with reading(hooks.doors.engine) as connection:
        listening = {row.id for row in endpoints.of(connection, PLATFORM)}
        told = {row.endpoint for row in connection.execute(lines.deliveries.select())}
    assert told <= listening
    assert hooks.count("SELECT count(*) FROM webhook_lines WHERE owner IS NOT NULL") == 0
