"""What holds for every request: problems everywhere, ids, limits, compression, a description that tells the whole truth."""

import json
from typing import Any

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import event

from ledger_api.app import ROUTERS
from ledger_api.auth import Limiter
from ledger_api.settings import Settings
from tests.consortium import manufacture
from tests.doors import Doors, opened_doors

PROBLEM = "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not-found"),
        ("PATCH", "/v1/events", 405, "method-not-allowed"),
        ("GET", "/v1/items?gtin=1&serial=", 422, "invalid-body"),
    ],
)
def test_what_the_framework_refuses_is_a_problem_too(doors: Doors, method: str, path: str, status: int, code: str) -> None:
    answer = doors.ask(method, None, path)

    assert (answer.status_code, answer.headers["content-type"], answer.json()["code"]) == (status, PROBLEM, code)
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_a_method_that_is_not_allowed_names_those_that_are(doors: Doors) -> None:
    assert doors.ask("PATCH", None, "/v1/events").headers["allow"] == "POST"


def test_a_fault_of_ours_is_a_problem_and_tells_nothing(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr("ledger_api.store.directory.list_organizations", broken)

    answer = doors.get("MAISON", "/v1/organizations")

    assert (answer.status_code, answer.headers["content-type"], answer.json()["code"]) == (500, PROBLEM, "unexpected")
    assert "hunter2" not in answer.text


def test_a_body_that_does_not_fit_is_told_where_and_not_repeated(doors: Doors) -> None:
    answer = doors.post("CONSORTIUM", "/v1/organizations", {"did": "x" * 5000, "name": 1, "roles": ["king"], "extra": "y" * 5000})

    assert answer.status_code == 422
    assert {one["field"] for one in answer.json()["fields"]} == {"body.did", "body.name", "body.roles.0", "body.extra"}
    assert len(answer.content) < 2000


@pytest.mark.parametrize("given", ["abc-1", "x" * 65, "a b", ""])
def test_a_request_id_is_kept_when_it_is_one(doors: Doors, given: str) -> None:
    answer = doors.client.get("/healthz", headers={"X-Request-ID": given})

    assert (answer.headers["x-request-id"] == given) == (given == "abc-1")


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(database_url: str) -> None:
    with opened_doors(database_url, settings=Settings(max_body_mebibytes=1)) as doors:
        declared = doors.ask("POST", "MAISON", "/v1/events", content=b"x" * (1024 * 1024 + 1))
        chunked = doors.ask("POST", "MAISON", "/v1/events", content=iter([b"x" * 1024] * 1100))
        framework = doors.ask("POST", "MAISON", "/v1/keys", content=iter([b"x" * 1024] * 1100))

    for answer in (declared, chunked, framework):
        assert (answer.status_code, answer.json()["code"], answer.json()["limit_bytes"]) == (413, "body-too-large", 1024 * 1024)


def test_other_doors_have_a_smaller_limit(doors: Doors) -> None:
    answer = doors.ask("POST", "MAISON", "/v1/keys", content=b"x" * (1024 * 1024 + 1))

    assert answer.status_code == 413


def test_large_answers_are_compressed_for_who_wants_it(doors: Doors) -> None:
    packed = doors.client.get("/openapi.json", headers={"Accept-Encoding": "gzip"})
    plain = doors.client.get("/openapi.json", headers={"Accept-Encoding": "identity"})

    assert (packed.headers["content-encoding"], plain.headers.get("content-encoding")) == ("gzip", None)
    assert packed.json() == plain.json()


def test_too_many_requests_are_asked_to_wait(doors: Doors) -> None:
    doors.client.get("/healthz")
    token = doors.token("MAISON")
    object.__setattr__(doors.context, "limiter", Limiter(anonymous_per_minute=2, key_per_minute=3))

    answers = [doors.get(None, "/v1/organizations", token=token) for _ in range(4)]
    strangers = [doors.get(None, "/v1/organizations") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.status_code for answer in strangers] == [401, 401, 429]
    assert (answers[3].headers["retry-after"], answers[3].json()["retry_after"]) == ("20", 20)


def test_the_commit_precedes_the_reply(doors: Doors) -> None:
    order: list[str] = []
    event.listen(doors.engine, "commit", lambda _: order.append("commit"))
    doors.token("MAISON")
    order.clear()

    doors.client.event_hooks["response"].append(lambda _: order.append("reply"))
    doors.get("MAISON", "/v1/organizations")
    doors.post("MAISON", "/v1/events", manufacture())

    # (who is calling, the list) reply, (who, names, secrets read and (once) drawn, acceptance) reply: no commit after an answer has left
    assert order == [*["commit"] * 2, "reply", *["commit"] * 5, "reply"]


# --- the description


def described(doors: Doors) -> dict[str, Any]:
    found: dict[str, Any] = doors.client.get("/openapi.json").json()
    return found


def test_the_description_is_whole(doors: Doors) -> None:
    description = described(doors)
    text = json.dumps(description)

    references = {part.split('"')[0] for part in text.split('"$ref": "#/components/schemas/')[1:]}
    assert references <= set(description["components"]["schemas"])
    operations = [operation for path in description["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all(operation["operationId"].isidentifier() for operation in operations)


def test_every_operation_lists_the_errors_that_it_can_give(doors: Doors) -> None:
    for path, operations in described(doors)["paths"].items():
        for method, operation in operations.items():
            if not path.startswith("/v1/"):
                continue
            answers = operation["responses"]
            assert {"422", "429", "500", "503"} <= set(answers), (method, path)
            assert all(PROBLEM in answers[status]["content"] for status in answers if status >= "400"), (method, path)


def test_every_event_kind_is_described(doors: Doors) -> None:
    schemas = described(doors)["components"]["schemas"]

    assert len(schemas["EventIn"]["discriminator"]["mapping"]) == 16
    assert schemas["Manufacture"]["properties"]["gtin"]["pattern"]


def test_routes_are_named_after_what_they_do() -> None:
    described = (route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute) and route.include_in_schema)
    names = [route.name for route in described]

    assert len(names) == len(set(names))
