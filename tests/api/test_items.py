"""Looking items up: the stored bytes, honest answers, and the story page by page."""

from collections.abc import Iterator
from typing import Any

import pytest
from httpx import Client
from sqlalchemy import Engine, text

from ledger_api.indexer.loop import catch_up
from ledger_api.routes.schemas import PassportOut
from ledger_verify.codes import Kind, Role
from ledger_verify.hashing import ItemId, claim_holder
from tests.fake_chain import GTIN, Member, World
from tests.following import clock, following, value
from tests.reading_app import client_of, key_of, reading_app

OWNER = claim_holder("0x" + "77" * 20)
SERIAL = "S-1"


@pytest.fixture
def maison(world: World) -> Member:
    return world.admit("did:web:maison.example", "Maison")


@pytest.fixture
def expert(world: World) -> Member:
    return world.admit("did:web:expert.example", "Expert")


@pytest.fixture
def bag(world: World, maison: Member, expert: Member, engine: Engine) -> ItemId:
    """Made, sold, judged twice, its description corrected."""
    tannery = world.admit("did:web:tannery.example", "Tannery")
    world.raw_material(tannery, "L-1", material="lambskin", origin="IT", certificates=["LWG-1"], price="12")
    bag = world.manufacture(maison, SERIAL, model="Lune", colour="noir", cost="900", lots=["did:web:tannery.example#L-1"])
    world.record(
        maison, bag, Kind.CORRECTION, time=1, payload={"reason": "typing error", "replaces": {"colour": "bleu nuit", "cost": "901"}}
    )
    world.record(maison, bag, Kind.SALE, party=OWNER, payload={"invoice": "F-1", "country": "FR"})
    world.record(expert, bag, Kind.VERDICT, a=3, b=1, payload={"appraiser": "A-7", "grounds": "blurred"})
    world.record(expert, bag, Kind.VERDICT, a=1, b=3, payload={"appraiser": "A-8"})
    world.mine()
    catch_up(following(engine, world.chain), clock=clock)
    return bag


@pytest.fixture
def client(engine: Engine, bag: ItemId) -> Iterator[Client]:
    with client_of(reading_app(engine)) as client:
        yield client


def find(client: Client, serial: str = SERIAL, gtin: str = GTIN, **more: Any) -> Any:
    return client.get("/v1/items", params={"gtin": gtin, "serial": serial}, **more)


def test_a_serial_finds_the_passport_as_it_is_stored(client: Client, bag: ItemId, engine: Engine) -> None:
    answer = find(client)

    assert answer.status_code == 200
    assert answer.json()["status"] == "recorded"
    assert answer.content.endswith(value(engine, "SELECT passport FROM items WHERE item = :bag", bag=bag) + b"}")


def test_a_passport_has_the_documented_shape(client: Client) -> None:
    answer = find(client)

    PassportOut.model_validate(answer.json())


def test_a_lot_has_the_documented_shape(client: Client) -> None:
    lot = find(client).json()["passport"]["materials"][0]["lot"]

    answer = client.get(f"/v1/items/{lot}")

    shape = PassportOut.model_validate(answer.json())
    assert shape.passport.type == "lot" and shape.passport.certificates == ["LWG-1"]


def test_a_shorter_gtin_means_the_same_item(client: Client) -> None:
    assert find(client, gtin=GTIN.lstrip("0")).status_code == 200


def test_the_serial_is_never_in_the_answer(client: Client) -> None:
    assert SERIAL.encode() not in find(client).content


def test_what_is_not_public_in_a_payload_is_not_told(client: Client, bag: ItemId) -> None:
    for answer in (
        find(client),
        client.get(f"/v1/items/0x{bag.hex()}/events?view=effective"),
        client.get(f"/v1/items/0x{bag.hex()}/events"),
    ):
        for private in (b"F-1", b'"900"', b'"901"', b'"12"', b"blurred"):
            assert private not in answer.content


def test_the_id_finds_the_same_passport(client: Client, bag: ItemId) -> None:
    assert client.get(f"/v1/items/0x{bag.hex()}").content == find(client).content


def test_status_becomes_final_with_its_block(client: Client, world: World, engine: Engine) -> None:
    world.mine(3)
    catch_up(following(engine, world.chain), clock=clock)

    answer = find(client).json()

    assert answer["status"] == "final"
    assert answer["as_of"] == {"block": 4, "final_block": 2}


def test_a_reader_who_has_the_passport_is_told_so(client: Client, world: World, maison: Member, bag: ItemId, engine: Engine) -> None:
    tag = find(client).headers["etag"]
    again = find(client, headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)

    world.record(maison, bag, Kind.SERVICE, payload={"description": "cleaned"})
    world.mine()
    catch_up(following(engine, world.chain), clock=clock)

    assert find(client, headers={"If-None-Match": tag}).status_code == 200


def test_an_unknown_serial_is_unknown_and_not_a_verdict(client: Client) -> None:
    answer = find(client, serial="S-404")

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-item")


@pytest.mark.parametrize(("gtin", "serial"), [("09506000134351", SERIAL), ("123", SERIAL), (GTIN, "a b"), (GTIN, "x" * 21), (GTIN, "")])
def test_what_is_no_gtin_or_serial_is_named_as_such(client: Client, gtin: str, serial: str) -> None:
    answer = find(client, gtin=gtin, serial=serial)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-body")


def test_what_is_no_item_id_is_named_as_such(client: Client) -> None:
    assert client.get("/v1/items/0x12").json()["code"] == "invalid-body"


@pytest.mark.parametrize(("visibility", "status", "code"), [("withheld", 403, "withheld"), ("folded", 404, "unknown-item")])
def test_a_brand_may_keep_its_items_from_the_public(
    client: Client, bag: ItemId, engine: Engine, visibility: str, status: int, code: str
) -> None:
    _show(engine, visibility)

    for answer in (find(client), client.get(f"/v1/items/0x{bag.hex()}"), client.get(f"/v1/items/0x{bag.hex()}/events")):
        assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_the_brand_itself_sees_what_it_withholds(client: Client, maison: Member, engine: Engine) -> None:
    _show(engine, "withheld")

    assert find(client, headers=key_of(engine, maison)).status_code == 200


def test_a_partner_sees_it_while_the_brand_accredits_it(
    client: Client, world: World, maison: Member, expert: Member, engine: Engine
) -> None:
    _show(engine, "folded")
    assert find(client, headers=key_of(engine, expert)).status_code == 404
    world.accredit(maison, expert, Role.AUTHENTICATOR)
    world.mine()
    catch_up(following(engine, world.chain), clock=clock)
    assert find(client, headers=key_of(engine, expert)).status_code == 200

    world.accredit(maison, expert, Role.AUTHENTICATOR, scope=0)
    world.mine()
    catch_up(following(engine, world.chain), clock=clock)

    assert find(client, headers=key_of(engine, expert)).status_code == 404


def test_a_wrong_key_is_not_the_same_as_no_key(client: Client) -> None:
    assert find(client, headers={"Authorization": "Bearer lk_no_such"}).status_code == 401


def test_an_address_cannot_try_serials_without_end(engine: Engine, bag: ItemId) -> None:
    with client_of(reading_app(engine, anonymous_per_minute=3)) as client:
        answers = [find(client, serial=f"S-{number}").status_code for number in range(5)]

    assert answers == [200 if number == 1 else 404 for number in range(3)] + [429, 429]


def test_the_journal_tells_the_story_as_it_was_recorded(client: Client, bag: ItemId) -> None:
    answer = client.get(f"/v1/items/0x{bag.hex()}/events").json()

    assert [entry["kind"] for entry in answer["events"]] == ["manufacture", "correction", "sale", "verdict", "verdict"]
    assert answer["events"][0]["facts"]["colour"] == "noir"
    assert (answer["events"][0]["corrected_by"], answer["events"][1]["corrects"]) == (2, 1)


def test_the_effective_view_resolves_corrections_and_leaves_out_what_was_overruled(client: Client, bag: ItemId) -> None:
    answer = client.get(f"/v1/items/0x{bag.hex()}/events?view=effective").json()

    first = answer["events"][0]
    assert first["facts"]["colour"] == "bleu nuit"
    assert first["replaced"] == {"facts": {"category": "handbag", "model": "Lune", "colour": "noir"}, "by": 2}
    assert answer["left_out"] == [
        {"sequence": 2, "kind": "correction", "reason": "applied", "by": 1},
        {"sequence": 4, "kind": "verdict", "reason": "overruled", "by": 5},
    ]


@pytest.mark.parametrize("view", ["journal", "effective"])
def test_the_story_can_be_read_page_by_page(client: Client, bag: ItemId, view: str) -> None:
    whole = client.get(f"/v1/items/0x{bag.hex()}/events?view={view}").json()
    events, left_out, after = [], [], 0
    while after is not None:
        page = client.get(f"/v1/items/0x{bag.hex()}/events?view={view}&limit=2&after={after}").json()
        events += page["events"]
        left_out += page["left_out"]
        after = page["next"]

    assert (events, left_out) == (whole["events"], whole["left_out"])


def test_corrected_facts_are_in_the_passport_s_head(client: Client) -> None:
    assert find(client).json()["passport"]["colour"] == "bleu nuit"


def _show(engine: Engine, visibility: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE profiles SET visibility = :it WHERE did = 'did:web:maison.example'"), {"it": visibility})
