"""The client against the service's own OpenAPI document: every call is a door with these parameters, every model's member is answered."""

import inspect
import re
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from ledger_client import answers, calls, events
from ledger_client.answers import Answer
from ledger_client.calls import Call
from tests.doors import Doors

Schema = dict[str, Any]
NAME = calls.by_serial("09990000100019", "S1")
SAMPLES: dict[str, Call[Any]] = {
    "record": calls.record([], all_or_nothing=True),
    "event": calls.event("{event_id}"),
    "submission": calls.submission("{submission}"),
    "find_item": calls.find_item("1", "2"),
    "item": calls.item("{item}"),
    "story": calls.story("{item}"),
    "proof": calls.proof("{item}", withhold=["/model"], name=("1", "2")),
    "verify": calls.verify(calls.question(NAME, expect={"brand": "did:web:a.example"}, consent={"deadline": ""}, place={}, watch=True)),
    "verify_many": calls.verify_many([calls.question(NAME)]),
    "watches": calls.watches(after="1"),
    "end_watch": calls.end_watch("{watch}"),
    "drop_listing_photo": calls.drop_listing_photo("{listing}", "{number}"),  # type: ignore[arg-type]  # as it is described
    "close_listing": calls.close_listing("{listing}"),
    "withdraw_listing": calls.withdraw_listing("{listing}"),
    "open_booking": calls.open_booking(
        reference="r",
        brand="b",
        category="watch",
        seller="s",
        buyer="b",
        hashtag="#Milan12",
        gtin="1",
        serial="2",
        new_holder="0x",
        listing="L-1",
        price={"amount": "1", "currency": "EUR"},
        references={},
        settle_days=7,
    ),
    "bookings": calls.bookings(before="1"),
    "booking": calls.booking("{booking}"),
    "cancel_booking": calls.cancel_booking("{booking}"),
    "name_new_holder": calls.name_new_holder("{booking}", "0x"),
    "settle_sale": calls.settle_sale("{booking}", goes_on=True),
    "invitation": calls.invitation("{token}"),
    "mark_slots": calls.mark_slots("{token}", []),
    "check_in": calls.check_in("1"),
    "examine": calls.examine("{booking}", gtin="1", serial="2"),
    "take_away": calls.take_away("1"),
    "print_labels": calls.print_labels("s", 1),
    "activate_label": calls.activate_label("s", "b"),
    "report_label": calls.report_label("s", "lost", "w"),
    "label": calls.label("{serial}"),
    "add_endpoint": calls.add_endpoint("https://a.example", types=["case.*"]),
    "endpoints": calls.endpoints(),
    "end_endpoint": calls.end_endpoint("{endpoint}"),
    "test_endpoint": calls.test_endpoint("{endpoint}"),
    "replay": calls.replay("{endpoint}", after=1, until=2),
    "notices": calls.notices(after=1),
    "list_item": calls.list_item(
        reference="r",
        title="t",
        url="https://a.example/1",
        name=NAME,
        offer={"brand": "b"},
        authenticator="did:web:a.example",
        place={"latitude": 0.0, "longitude": 0.0},
    ),
    "put_listing_photo": calls.put_listing_photo("{listing}", "{number}", b""),  # type: ignore[arg-type]  # as it is described
    "listing": calls.listing("{listing}"),
    "badge": calls.badge("{listing}", url="https://resale.example/1"),
    "open_case": calls.open_case(authenticator="a", reference="r", brand="b", category="watch", name=NAME, value_eur=1),
    "case": calls.case("{case}"),
    "send_shot": calls.send_shot("{case}", "{name}", b""),
    "submit_case": calls.submit_case("{case}"),
    "authenticators": calls.authenticators(),
}


@pytest.fixture(scope="module")
def described(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Schema:
    from tests.doors import opened_doors

    with opened_doors(f"sqlite:///{tmp_path_factory.mktemp('described') / 'ledger.db'}") as doors:
        found: Schema = doors.client.get("/openapi.json").json()
    return found


def test_every_call_has_its_sample() -> None:
    made = {name for name, value in vars(calls).items() if inspect.isfunction(value) and not name.startswith(("_", "by_"))} - {
        "question",
        "quote",
        "uuid4",
        "dataclass",
        "field",
    }

    assert made == set(SAMPLES)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_call_is_a_door(described: Schema, name: str) -> None:
    call = SAMPLES[name]
    door = described["paths"][_template(described, call.path)][call.method.lower()]

    taken = {one["name"] for one in door.get("parameters", ()) if one["in"] == "query"}
    assert set(call.query) <= taken
    if isinstance(call.body, dict):
        body = _resolved(described, door["requestBody"]["content"]["application/json"]["schema"])
        assert set(body.get("required", ())) <= set(call.body) <= set(body["properties"])


@pytest.mark.parametrize("name", [name for name, call in SAMPLES.items() if issubclass(call.answer, Answer)])
def test_every_member_of_an_answer_is_answered(described: Schema, name: str) -> None:
    call = SAMPLES[name]
    door = described["paths"][_template(described, call.path)][call.method.lower()]
    answer = next(told for status, told in door["responses"].items() if status.startswith("2"))

    model = answers.VerificationLine if call.answer is answers.Verifications else call.answer  # a line of it is what is described
    assert list(_missing(described, model, answer["content"]["application/json"]["schema"], name)) == []


def test_every_event_has_the_members_of_its_body(described: Schema) -> None:
    bodies = {name: described["components"]["schemas"][name] for name in (one.__name__ for one in get_args(events.AnyEvent))}

    for body in get_args(events.AnyEvent):
        said = bodies[body.__name__]
        assert set(body.__annotations__) | {"occurred_at"} == set(said["properties"]), body
        assert body.__required_keys__ == frozenset(said["required"]), body


def test_it_asks_a_real_service(doors: Doors) -> None:
    from ledger_client import Ledger, Refused

    ledger = Ledger("http://doors", key=doors.token("MAISON"), transport=doors.client._transport)
    made = events.Manufacture(
        kind="manufacture", occurred_at="2025-01-01T00:00:00Z", gtin="09990000100019", serial="C-1", payload={"model": "Cabas"}
    )
    answer = ledger.ask(calls.record([made, made | {"gtin": "1"}]))  # type: ignore[list-item]  # the second is wrong on purpose

    assert (answer.accepted, answer.refused, answer.results[1].reason) == (1, 1, "gtin-check-digit")
    assert answer.submission is not None
    assert ledger.ask(calls.submission(answer.submission)).events[0].status == "accepted"
    assert ledger.ask(calls.event(str(answer.results[0].event_id))).kind == "manufacture"
    with pytest.raises(Refused, match="unknown-item"):
        ledger.ask(calls.find_item("09990000100019", "C-1"))


# --- schemas ---------------------------------------------------------------------------------------------------------


def _template(described: Schema, path: str) -> str:
    """The document's own spelling: its parameters may have other names."""
    wanted = re.sub(r"%7B\w+%7D", "{}", path)
    return next(one for one in described["paths"] if re.sub(r"\{\w+\}", "{}", one) == wanted)


def _resolved(described: Schema, schema: Schema) -> Schema:
    """A reference followed; of alternatives all members together."""
    if "$ref" in schema:
        found: Schema = described["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return _resolved(described, found)
    parts = [_resolved(described, one) for one in (*schema.get("anyOf", ()), *schema.get("oneOf", ()))]
    return (
        schema
        if not parts
        else {"properties": {name: value for part in parts for name, value in part.get("properties", {}).items()}, "parts": parts}
    )


def _missing(described: Schema, model: type[BaseModel], schema: Schema, place: str) -> Any:
    members = _resolved(described, schema).get("properties", {})
    for name, field in model.model_fields.items():
        if name not in members:
            yield f"{place}.{name}"
            continue
        for inner in _models_in(field.annotation):
            yield from _missing(described, inner, _items(described, members[name]), f"{place}.{name}")


def _items(described: Schema, schema: Schema) -> Schema:
    """Of a list its items."""
    found = _resolved(described, schema)
    for one in (found, *found.get("parts", ())):
        if "items" in one:
            inner: Schema = one["items"]
            return inner
    return schema


def _models_in(annotation: Any) -> list[type[Answer]]:
    if isinstance(annotation, type) and not get_origin(annotation):
        return [annotation] if issubclass(annotation, Answer) else []
    return [model for part in get_args(annotation) for model in _models_in(part)]
