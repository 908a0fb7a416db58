"""What happens on the way: failures and patience, order, lines that do not hold each other up, dead workers, endpoints that are gone."""

from datetime import UTC, datetime, timedelta

from ledger_api.store.engine import writing
from ledger_api.webhooks import lines, retrying
from ledger_api.webhooks.lines import Terms
from tests.api.webhooks.world import Hooks
from tests.doors import eventually
from tests.receivers import CUT, receiving


def test_a_failure_is_tried_again_under_the_same_id_and_never_after_a_2xx(hooks: Hooks) -> None:
    with receiving(lambda seen: (500, CUT, 302, 201)[min(seen.times, 4) - 1]) as receiver, hooks.notifying():
        receiver.headers["location"] = "/elsewhere"
        made = hooks.endpoint(receiver.url)
        (told,) = hooks.tell("case:1")
        hooks.await_states(delivered=1)

    (shown,) = hooks.log(made)
    attempts = hooks.doors.get("PLATFORM", f"/v1/webhooks/endpoints/{made['id']}/deliveries/{shown['id']}").json()["attempts"]
    assert [one.notice for one in receiver.seen] == [told] * 4
    assert [(one["status"], one["why"]) for one in attempts] == [(500, "status"), (None, "connection"), (302, "redirect"), (201, None)]
    assert (shown["state"], shown["tries"], shown["status"]) == ("delivered", 4, 201)
    assert len({one.body for one in receiver.seen}) == 1


def test_notices_of_one_subject_wait_for_the_first_and_others_go_on(hooks: Hooks) -> None:
    with receiving(lambda seen: 500 if seen.told["subject"] == "case:slow" and seen.times < 4 else 204) as receiver, hooks.notifying():
        hooks.endpoint(receiver.url)
        told = hooks.tell("case:slow", "case:slow", "case:slow", "case:quick", "case:quick")
        hooks.await_states(delivered=5)

    good = [one.notice for one in receiver.good]
    assert [notice for notice in good if notice in told[:3]] == told[:3]
    assert good[:2] == told[3:]


def test_one_endpoint_that_fails_holds_no_other_up(hooks: Hooks) -> None:
    with receiving(lambda _seen: 503) as broken, receiving() as well, hooks.notifying(first_pause_seconds=60):
        hooks.endpoint(broken.url)
        hooks.endpoint(well.url)
        told = hooks.tell(*["case:1"] * 3, *(f"case:{number}" for number in range(2, 60)))
        eventually(lambda: len(well.good) == len(told))

    assert {one.notice for one in well.good} == set(told)


def test_after_the_last_try_a_delivery_is_given_up_and_its_line_goes_on(hooks: Hooks) -> None:
    with receiving(lambda seen: 500 if seen.told["data"]["number"] == 0 else 204) as receiver, hooks.notifying(first_pause_seconds=0.0):
        hooks.endpoint(receiver.url)
        told = hooks.tell("case:1", "case:1")
        hooks.await_states(given_up=1, delivered=1)

    assert [one.notice for one in receiver.seen] == [told[0]] * retrying.MOST_TRIES + [told[1]]


def test_an_endpoint_that_is_gone_is_disabled_and_the_others_of_its_organization_are_told(hooks: Hooks) -> None:
    with receiving(lambda _seen: 410) as gone, receiving() as well, hooks.notifying():
        dead = hooks.endpoint(gone.url)
        hooks.endpoint(well.url)
        hooks.tell("case:1")
        eventually(lambda: any(one.told["type"] == "webhook.endpoint-disabled" for one in well.good))
        hooks.tell("case:2")
        hooks.await_states(delivered=3, waiting=1)

    shown = hooks.shown(dead)
    told = next(one.told for one in well.good if one.told["type"] == "webhook.endpoint-disabled")
    assert (shown["state"], shown["why"], len(gone.seen)) == ("disabled", "gone", 1)
    assert (told["data"]["endpoint"], told["data"]["missed_after"]) == (dead["id"], shown["missed_after"])
    read = hooks.doors.get("PLATFORM", "/v1/webhooks/notices").json()["notices"]
    assert [one["type"] for one in read] == ["case.queued", "webhook.endpoint-disabled", "case.queued"]


def test_five_days_without_a_success_disable_and_one_success_forgives(hooks: Hooks) -> None:
    with receiving(lambda seen: 500 if seen.told["subject"] == "case:bad" else 204) as receiver:
        made = hooks.endpoint(receiver.url)
        with hooks.notifying(first_pause_seconds=60):
            hooks.tell("case:bad")
            eventually(lambda: hooks.shown(made)["failing_since"] is not None)
            hooks.tell("case:good")
            eventually(lambda: hooks.shown(made)["failing_since"] is None)
        with writing(hooks.doors.engine) as connection:
            long_ago = datetime.now(UTC) - timedelta(seconds=lines.FAILING_SECONDS + 1)
            connection.execute(lines.endpoints.update().values(failing_since=long_ago))
            connection.execute(lines.lines.update().values(due_at=long_ago))
        with hooks.notifying(first_pause_seconds=60):
            eventually(lambda: hooks.shown(made)["state"] == "disabled")

    assert hooks.shown(made)["why"] == "failing"


def test_what_a_dead_worker_had_taken_is_sent_by_another_and_the_log_says_so(hooks: Hooks) -> None:
    with receiving() as receiver:
        made = hooks.endpoint(receiver.url)
        hooks.tell("case:1")
        now = datetime.now(UTC)
        with writing(hooks.doors.engine) as connection:
            lines.spread(connection, now=now)
            lines.prove(connection, "dead/0", until=now + timedelta(seconds=1))
            (job,) = lines.take(connection, Terms("dead/0", now, 5, []), most=10)
        with hooks.notifying():
            eventually(lambda: len(receiver.good) == 1)
            hooks.await_states(delivered=1)

    attempts = hooks.doors.get("PLATFORM", f"/v1/webhooks/endpoints/{made['id']}/deliveries/{job.delivery}").json()["attempts"]
    assert [one["why"] for one in attempts] == ["interrupted", None]


def test_what_came_of_a_delivery_is_not_noted_when_its_endpoint_ended_meanwhile(hooks: Hooks) -> None:
    made = hooks.endpoint("http://127.0.0.1:9/")
    hooks.tell("case:1")
    now = datetime.now(UTC)
    terms = Terms("a/0", now, 5, [0.5])
    with writing(hooks.doors.engine) as connection:
        lines.spread(connection, now=now)
        lines.prove(connection, "a/0", until=now + timedelta(seconds=60))
        (job,) = lines.take(connection, terms, most=10)
    hooks.doors.ask("DELETE", "PLATFORM", f"/v1/webhooks/endpoints/{made['id']}")
    with writing(hooks.doors.engine) as connection:
        lines.settle(connection, terms, [lines.Done(job, now, 3, 204, None)])

    assert hooks.count("SELECT count(*) FROM webhook_attempts") == 0


def test_a_line_is_taken_by_one_living_worker_at_a_time(hooks: Hooks) -> None:
    hooks.endpoint("http://127.0.0.1:9/")
    hooks.tell(*(f"case:{number}" for number in range(20)))
    now = datetime.now(UTC)
    taken = []
    with writing(hooks.doors.engine) as connection:
        lines.spread(connection, now=now)
    for owner in ("a/0", "b/0", "c/0"):
        with writing(hooks.doors.engine) as connection:
            lines.prove(connection, owner, until=now + timedelta(seconds=60))
            taken += lines.take(connection, Terms(owner, now, 5, []), most=8)

    assert len(taken) == len({job.delivery for job in taken}) == 20


def test_a_notice_that_was_not_committed_was_never_told(hooks: Hooks) -> None:
    with receiving() as receiver, hooks.notifying():
        hooks.endpoint(receiver.url)
        try:
            with writing(hooks.doors.engine) as connection:
                lines.tell(connection, b"\x01" * 32, "test", "case:1", {}, at=datetime.now(UTC))
                raise RuntimeError
        except RuntimeError:
            pass
        (told,) = hooks.tell("case:2")
        hooks.await_states(delivered=1)

    assert [one.notice for one in receiver.seen] == [told]
    assert hooks.count("SELECT count(*) FROM webhook_notices") == 1


def test_when_the_loop_ends_nothing_is_held_by_it(hooks: Hooks) -> None:
    with receiving() as receiver:
        hooks.endpoint(receiver.url)
        with hooks.notifying():
            hooks.tell("case:1")
            hooks.await_states(delivered=1)

    for query in ("SELECT count(*) FROM webhook_notifiers", "SELECT count(*) FROM webhook_lines", "SELECT count(*) FROM leases"):
        assert hooks.count(query) == 0
