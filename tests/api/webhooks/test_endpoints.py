"""An organization's endpoints through their doors: opened, changed, rotated, tested, replayed, stopped, ended."""

from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook

from ledger_api.store.engine import writing
from ledger_api.webhooks import endpoints, lines
from tests.api.webhooks.world import Hooks
from tests.consortium import EXPERT
from tests.doors import eventually
from tests.receivers import receiving

HERE = "http://127.0.0.1:9/hooks"


def test_a_secret_is_shown_once_and_never_again(hooks: Hooks) -> None:
    made = hooks.endpoint(HERE, types=["case.*"], description="orders")

    assert made["secret"].startswith("whsec_")
    assert "secret" not in hooks.shown(made)
    assert hooks.shown(made) == {name: value for name, value in made.items() if name != "secret"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "http://hooks.example.com/"}, "endpoint-not-allowed"),
        ({"url": "https://10.0.0.1/"}, "endpoint-not-allowed"),
        ({"url": "https://hooks.example.com/", "types": ["orders"]}, "unknown-notice-type"),
        ({"url": "https://hooks.example.com/", "types": []}, "invalid-body"),
        ({"url": 7}, "invalid-body"),
    ],
)
def test_an_endpoint_that_cannot_be_is_refused_with_the_rule(hooks: Hooks, body: dict[str, object], code: str) -> None:
    answer = hooks.doors.post("PLATFORM", "/v1/webhooks/endpoints", body)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_an_organization_has_at_most_ten_endpoints(hooks: Hooks) -> None:
    for _ in range(endpoints.MOST_ENDPOINTS):
        hooks.endpoint(HERE)

    answer = hooks.doors.post("PLATFORM", "/v1/webhooks/endpoints", {"url": HERE})

    assert (answer.status_code, answer.json()["code"]) == (409, "too-many-endpoints")


def test_a_stranger_finds_none_of_them(hooks: Hooks) -> None:
    made = hooks.endpoint(HERE)
    place = f"/v1/webhooks/endpoints/{made['id']}"

    answers = [
        hooks.doors.get("EXPERT", place),
        hooks.doors.ask("PUT", "EXPERT", place, json={"url": HERE}),
        hooks.doors.ask("DELETE", "EXPERT", place),
        hooks.doors.get("EXPERT", f"{place}/deliveries"),
        hooks.doors.get("EXPERT", f"{place}/deliveries/1"),
        *(hooks.doors.post("EXPERT", f"{place}/{deed}", body) for deed, body in (("rotate", {}), ("test", None), ("replay", {"after": 0}))),
    ]

    assert {(one.status_code, one.json()["code"]) for one in answers} == {(404, "no-such-endpoint")}
    assert hooks.doors.get("EXPERT", "/v1/webhooks/endpoints").json() == {"endpoints": []}


def test_a_test_notice_comes_signed_to_this_endpoint_alone(hooks: Hooks) -> None:
    with receiving() as receiver, receiving() as other, hooks.notifying():
        made, _ = hooks.endpoint(receiver.url), hooks.endpoint(other.url)
        notice = hooks.doors.post("PLATFORM", f"/v1/webhooks/endpoints/{made['id']}/test").json()["notice"]
        hooks.await_states(delivered=1)

    (seen,) = receiver.seen
    assert Webhook(made["secret"]).verify(seen.body, seen.headers)["type"] == "test"
    assert (seen.notice, other.seen) == (notice, [])


def test_while_a_secret_is_rotated_both_sign_and_afterwards_the_new_one_alone(hooks: Hooks) -> None:
    with receiving() as receiver:
        made = hooks.endpoint(receiver.url)
        place = f"/v1/webhooks/endpoints/{made['id']}"
        hooks.doors.time = datetime.now(UTC).timestamp()
        rotated = hooks.doors.post("PLATFORM", f"{place}/rotate", {"overlap_hours": 1}).json()
        with hooks.notifying():
            hooks.tell("case:1")
            hooks.await_states(delivered=1)
        hooks.doors.post("PLATFORM", f"{place}/rotate", {"overlap_hours": 0})
        with hooks.notifying():
            hooks.tell("case:2")
            hooks.await_states(delivered=2)

    both, alone = receiver.seen
    for secret in (made["secret"], rotated["secret"]):
        Webhook(secret).verify(both.body, both.headers)
    assert [len(one.headers["webhook-signature"].split()) for one in (both, alone)] == [2, 1]


def test_a_replay_sends_the_same_notices_again_under_their_ids_in_their_order(hooks: Hooks) -> None:
    with receiving() as receiver, hooks.notifying():
        made = hooks.endpoint(receiver.url, types=["case.queued"])
        told = hooks.tell("case:1", "case:1", "case:1")
        hooks.tell("case:1", kind="case.expired")
        hooks.await_states(delivered=3)
        after = hooks.doors.get("PLATFORM", "/v1/webhooks/notices").json()["notices"][0]["position"]
        answer = hooks.doors.post("PLATFORM", f"/v1/webhooks/endpoints/{made['id']}/replay", {"after": after}).json()
        hooks.await_states(delivered=5)

    assert answer == {"notices": 2, "next": None}
    assert [one.notice for one in receiver.seen] == [*told, *told[1:]]
    assert [one["is_replay"] for one in hooks.log(made)] == [True, True, False, False, False]


def test_notices_are_read_by_cursor_and_only_by_who_was_told(hooks: Hooks) -> None:
    with hooks.notifying():
        told = hooks.tell(*(f"case:{number}" for number in range(120)))
        hooks.tell("case:x", organization=EXPERT)
        pages, after = [], 0
        eventually(lambda: hooks.count("SELECT count(*) FROM webhook_notices WHERE position IS NULL") == 0)
    while found := hooks.doors.get("PLATFORM", f"/v1/webhooks/notices?after={after}").json():
        if not found["notices"]:
            break
        pages.append(found["notices"])
        after = found["next"]

    assert [one["id"] for page in pages for one in page] == told
    assert [len(page) for page in pages] == [100, 20]


def test_a_paused_endpoint_gets_nothing_until_it_goes_on_and_the_rest_by_replay(hooks: Hooks) -> None:
    with receiving() as receiver, hooks.notifying():
        made = hooks.endpoint(receiver.url)
        place = f"/v1/webhooks/endpoints/{made['id']}"
        hooks.doors.ask("PUT", "PLATFORM", place, json={"url": receiver.url, "is_active": False})
        missed = hooks.tell("case:1")
        stopped = hooks.shown(made)
        tested = hooks.doors.post("PLATFORM", f"{place}/test")
        eventually(lambda: hooks.count("SELECT count(*) FROM webhook_notices WHERE position IS NULL") == 0)
        hooks.doors.ask("PUT", "PLATFORM", place, json={"url": receiver.url})
        hooks.doors.post("PLATFORM", f"{place}/replay", {"after": stopped["missed_after"]})
        hooks.await_states(delivered=1)

    assert (stopped["state"], tested.status_code, tested.json()["code"]) == ("paused", 409, "endpoint-stopped")
    assert [one.notice for one in receiver.seen] == missed


def test_an_endpoint_that_is_ended_takes_what_waits_with_it(hooks: Hooks) -> None:
    with receiving(lambda _seen: 500) as receiver, hooks.notifying(first_pause_seconds=60):
        made = hooks.endpoint(receiver.url)
        hooks.tell("case:1", "case:2")
        hooks.await_states(waiting=2)
        answer = hooks.doors.ask("DELETE", "PLATFORM", f"/v1/webhooks/endpoints/{made['id']}")

    assert answer.status_code == 204
    for table in ("webhook_endpoints", "webhook_deliveries", "webhook_lines"):
        assert hooks.count(f"SELECT count(*) FROM {table}") == 0


def test_old_notices_are_forgotten_with_their_log_unless_one_still_waits(hooks: Hooks) -> None:
    with receiving(lambda seen: 500 if seen.told["subject"] == "case:2" else 204) as receiver, hooks.notifying(first_pause_seconds=60):
        hooks.endpoint(receiver.url)
        hooks.tell("case:1", "case:2", "case:3")
        hooks.await_states(delivered=2, waiting=1)

    with writing(hooks.doors.engine) as connection:
        gone = lines.forget(connection, before=datetime.now(UTC))

    assert gone == 1  # of the two that are done, the newest stays: its position must not be given again
    assert hooks.count("SELECT count(*) FROM webhook_notices") == 2
