"""The delivery log for people: who signs in with a key of the organization sees its endpoints and what was sent, and nobody else's."""

from httpx import Response

from ledger_api.auth import Scope
from tests.api.webhooks.world import Hooks
from tests.receivers import receiving

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Visitor:
    """Somebody's browser: keeps its cookie."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks, self.cookie = hooks, ""

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> Response:
        client = self._hooks.doors.client
        sent = FORM | {"Cookie": self.cookie, "Sec-Fetch-Site": "same-origin"} | headers
        answer = client.request(method, path, content=body if method == "POST" else None, headers=sent)
        client.cookies.clear()
        if "set-cookie" in answer.headers:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer

    def signed_in(self, member: str = "PLATFORM") -> "Visitor":
        answer = self.ask("POST", "/webhooks/sign-in", f"key={self._hooks.doors.token(member)}")
        assert answer.status_code == 303, answer.text
        return self


def test_a_stranger_is_shown_where_to_sign_in_and_a_wrong_key_opens_nothing(hooks: Hooks) -> None:
    hooks.endpoint("http://127.0.0.1:9/secret-place")
    weak = hooks.doors.token("PLATFORM", frozenset({Scope.VERIFY}))
    visitor = Visitor(hooks)

    page = visitor.ask("GET", "/webhooks")
    refused = [visitor.ask("POST", "/webhooks/sign-in", f"key={key}") for key in ("", "lk_0_0", weak)]

    assert "secret-place" not in page.text and 'name="key"' in page.text
    assert [answer.status_code for answer in refused] == [401] * 3 and visitor.cookie == ""


def test_the_page_shows_endpoints_deliveries_and_each_attempt(hooks: Hooks) -> None:
    with receiving(lambda seen: 503 if seen.times == 1 else 204) as receiver, hooks.notifying():
        made = hooks.endpoint(receiver.url)
        (notice,) = hooks.tell("case:7")
        hooks.await_states(delivered=1)
    visitor = Visitor(hooks).signed_in()

    page = visitor.ask("GET", "/webhooks")
    number = hooks.log(made)[0]["id"]
    delivery = visitor.ask("GET", f"/webhooks/{made['id']}/{number}")

    assert receiver.url in page.text and "case.queued" in page.text and "<code>204</code>" in page.text
    assert notice in delivery.text and "<code>503</code>" in delivery.text and "<code>204</code>" in delivery.text
    assert page.headers["cache-control"] == "private, no-store" and "script-src" not in page.headers["content-security-policy"]


def test_the_test_button_sends_a_notice(hooks: Hooks) -> None:
    with receiving() as receiver, hooks.notifying():
        made = hooks.endpoint(receiver.url)
        answer = Visitor(hooks).signed_in().ask("POST", f"/webhooks/{made['id']}/test")
        hooks.await_states(delivered=1)

    assert answer.headers["location"] == f"/webhooks?endpoint={made['id']}"
    assert [one.told["type"] for one in receiver.good] == ["test"]


def test_another_organization_finds_nothing_and_another_site_changes_nothing(hooks: Hooks) -> None:
    made = hooks.endpoint("http://127.0.0.1:9/secret-place")
    expert, owner = Visitor(hooks).signed_in("EXPERT"), Visitor(hooks).signed_in()

    found = [
        expert.ask("GET", "/webhooks"),
        expert.ask("GET", f"/webhooks?endpoint={made['id']}"),
        expert.ask("GET", f"/webhooks/{made['id']}/1"),
    ]
    theirs = expert.ask("POST", f"/webhooks/{made['id']}/test")
    crossing = owner.ask("POST", f"/webhooks/{made['id']}/test", **{"Sec-Fetch-Site": "cross-site"})

    assert [answer.status_code for answer in (*found, theirs, crossing)] == [200, 200, 404, 404, 403]
    assert not any("secret-place" in answer.text for answer in (*found, theirs))
    assert hooks.count("SELECT count(*) FROM webhook_notices") == 0


def test_a_ticket_ends_with_its_day_with_its_key_and_when_it_is_given_back(hooks: Hooks) -> None:
    visitor = Visitor(hooks).signed_in()
    forged = Visitor(hooks)
    forged.cookie = visitor.cookie[:-1] + ("0" if visitor.cookie[-1] != "0" else "1")

    shown = 'name="key"' not in visitor.ask("GET", "/webhooks").text
    forged_shown = 'name="key"' not in forged.ask("GET", "/webhooks").text
    hooks.doors.time += 12 * 3600
    late_shown = 'name="key"' not in visitor.ask("GET", "/webhooks").text
    hooks.doors.time -= 12 * 3600
    hooks.doors.ask("DELETE", "PLATFORM", f"/v1/keys/{hooks.doors.token('PLATFORM').split('_')[1]}")
    revoked_shown = 'name="key"' not in visitor.ask("GET", "/webhooks").text

    assert [shown, forged_shown, late_shown, revoked_shown] == [True, False, False, False]
    assert visitor.ask("POST", "/webhooks/sign-out").headers["set-cookie"].startswith('webhooks=""; ')
