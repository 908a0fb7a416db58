"""`POST /v1/verifications` on a real database behind the real indexer: what a platform gets for each piece of the gallery."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import rfc8785
from eth_account import Account
from eth_account.messages import encode_typed_data
from httpx import Client

from ledger_api.auth import Scope
from ledger_verify.codes import Kind
from ledger_verify.hashing import keccak
from ledger_verify.state import word
from tests.doors import meanwhile
from tests.gallery import (
    GTIN,
    OWNER,
    SECOND_OWNER,
    SERIALS,
    SERVICE,
    Gallery,
    address_of,
    happened,
    make_gallery,
    resale_consent,
    visiting,
)

Json = dict[str, Any]


@pytest.fixture
def own(database_url: str) -> Iterator[Gallery]:
    """For tests that change something."""
    made = make_gallery(database_url)
    yield made
    made.engine.dispose()


@pytest.fixture
def client(gallery: Gallery) -> Iterator[Client]:
    with visiting(gallery, gallery.key("platform", Scope.VERIFY)) as client:
        yield client


def ask(client: Client, piece: str, **body: Any) -> Json:
    answer = client.post("/v1/verifications", json={"gtin": GTIN, "serial": SERIALS[piece]} | body)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def codes(answer: Json) -> list[str]:
    return [reason["code"] for reason in answer["reasons"]]


def key_of(owner: Any) -> Json:
    return {"claim_key": "0x" + address_of(owner).hex()}


@pytest.mark.parametrize(
    ("piece", "decision", "expected"),
    [
        ("lune", "accept", []),
        ("enrolled", "accept", []),
        ("cleared", "accept", []),
        ("stolen", "reject", ["on-hold:stolen", "no-verdict"]),
        ("recalled", "reject", ["on-hold:recalled", "no-verdict"]),
        ("retired", "reject", ["retired", "no-verdict"]),
        ("fake", "reject", ["not-authentic"]),
        ("disputed", "reject", ["disputed", "not-authentic"]),
        ("examined", "quarantine", ["on-hold:in-verification", "no-verdict"]),
        ("recovering", "quarantine", ["recovery-pending", "no-verdict"]),
        ("shop", "quarantine", ["not-sold", "no-verdict"]),
        ("expired", "quarantine", ["verdict-expired"]),
        ("inconclusive", "quarantine", ["verdict-inconclusive"]),
        ("void", "quarantine", ["compromised"]),
        ("withheld", "quarantine", ["withheld"]),
        ("folded", "quarantine", ["unknown-item"]),
        ("fresh", "quarantine", ["not-final", "not-sold", "no-verdict"]),
    ],
)
def test_each_piece_gets_its_decision_with_every_reason(client: Client, piece: str, decision: str, expected: list[str]) -> None:
    answer = ask(client, piece)

    assert (answer["decision"], codes(answer)) == (decision, expected)


def test_unknown_is_quarantine_and_never_reject(client: Client) -> None:
    answer = client.post("/v1/verifications", json={"gtin": GTIN, "serial": "NOBODY"}).json()

    assert (answer["decision"], codes(answer), answer["item"]) == ("quarantine", ["unknown-item"], None)
    assert answer["typed_data"]["message"]["item"] == "0x" + "00" * 32


def test_a_withheld_item_tells_a_stranger_nothing_and_its_brand_everything(client: Client, gallery: Gallery) -> None:
    hidden = ask(client, "withheld")
    own = {"Authorization": f"Bearer {gallery.key('secret', Scope.VERIFY)}"}
    shown = client.post("/v1/verifications", json={"gtin": GTIN, "serial": SERIALS["withheld"]}, headers=own).json()

    assert hidden["item"] is None
    assert hidden["typed_data"]["message"]["word"] == "0x" + "00" * 32
    assert shown["item"]["model"] == "Lune"


def test_a_judgement_against_it_names_who_judged_and_how(client: Client) -> None:
    facts = ask(client, "fake")["reasons"][0]["facts"]

    assert (facts["verdict"]["by"]["name"], facts["verdict"]["method"]) == ("Pixel Eye", "photo")


def test_item_digital_link_and_id_are_the_same_question(client: Client, gallery: Gallery) -> None:
    by_link = client.post("/v1/verifications", json={"digital_link": f"https://any.example{gallery.path('stolen')}"}).json()
    by_id = client.post("/v1/verifications", json={"id": "0x" + gallery.items["stolen"].hex()}).json()

    assert by_link["reasons"] == by_id["reasons"] == ask(client, "stolen")["reasons"]


def test_the_listing_is_compared_with_the_ledger(client: Client) -> None:
    right = ask(
        client,
        "lune",
        expect={"brand": "did:web:maison.example", "model": "SAC lune", "colour": "Noir satiné", "seller": key_of(SECOND_OWNER)},
    )
    wrong = ask(client, "lune", expect={"brand": "did:web:other.example", "model": "Sac Soleil", "seller": key_of(OWNER)})

    assert right["decision"] == "accept"
    assert (wrong["decision"], codes(wrong)) == ("reject", ["not-the-holder", "mismatch:brand", "mismatch:model"])


def test_a_dealer_s_listing_is_checked_by_its_did(client: Client) -> None:
    answer = ask(client, "bought", expect={"seller": {"organization": "did:web:platform.example"}})

    assert codes(answer) == ["no-verdict"]


def test_before_paying_the_holder_s_consent_is_asked_for(client: Client, gallery: Gallery) -> None:
    consent = resale_consent(gallery, "lune", by=SECOND_OWNER, to=OWNER, deadline=int(gallery.now) + 600)

    missing = ask(client, "lune", step="pay")
    given = ask(client, "lune", step="pay", consent=consent)
    other = ask(client, "lune", step="pay", consent=consent | {"new_holder": "0x" + "99" * 20})

    assert codes(missing) == ["consent-missing"]
    assert given["decision"] == "accept"
    assert other["reasons"][0]["facts"]["flaw"] == "signature"


def test_before_shipping_the_buyer_must_hold_it(client: Client) -> None:
    sold = ask(client, "lune", step="ship", expect={"buyer": key_of(SECOND_OWNER)})
    not_yet = ask(client, "lune", step="ship", expect={"buyer": key_of(OWNER), "seller": key_of(SECOND_OWNER)})

    assert sold["decision"] == "accept"
    assert codes(not_yet) == ["not-the-holder"]


def test_an_accepted_report_that_no_block_holds_yet_stops_the_payment(own: Gallery) -> None:
    world, item = own.world, own.items["lune"]
    state = world.states[item]
    event = world.record(own.members["maison"], item, Kind.HOLD, a=1, consented=True, payload={})
    world.accept(own.members["maison"], event, expected=state)

    with visiting(own, own.key("platform", Scope.VERIFY)) as client:
        answer = ask(client, "lune")

    assert (codes(answer), answer["reasons"][0]["facts"]) == (["pending"], {"kinds": ["hold"]})


def test_a_third_party_checks_the_answer_from_its_own_words(client: Client, gallery: Gallery) -> None:
    body = {"gtin": GTIN, "serial": SERIALS["stolen"], "expect": {"model": "晨光手袋"}}
    answer = client.post("/v1/verifications", json=body).json()

    statement = encode_typed_data(full_message=answer["typed_data"])
    signer = Account.recover_message(statement, signature=answer["signature"]).lower()
    message = answer["typed_data"]["message"]

    assert signer == answer["signer"] == client.get("/v1/verifications/signer").json()["signer"] == "0x" + address_of(SERVICE).hex()
    assert "0x" + keccak(b"\x19\x01" + statement.header + statement.body).hex() == answer["digest"]
    assert message["request"] == "0x" + keccak(rfc8785.dumps(body)).hex()
    assert message["reasons"] == "0x" + keccak(rfc8785.dumps(answer["reasons"])).hex()
    assert message["word"] == f"0x{word(gallery.world.states[gallery.items['stolen']]):064x}" == answer["item"]["word"]
    assert message["blockHash"] == answer["as_of"]["block_hash"] == "0x" + gallery.world.chain.blocks[-1].hash.hex()
    assert message["decision"] == 3


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"gtin": GTIN},
        {"gtin": GTIN, "serial": "A1", "id": "0x" + "11" * 32},
        {"gtin": "09506000134353", "serial": "A1"},
        {"gtin": GTIN, "serial": "a b"},
        {"gtin": GTIN, "serial": "A1", "step": "steal"},
        {"gtin": GTIN, "serial": "A1", "unknown": 1},
        {"gtin": GTIN, "serial": "A1", "expect": {"seller": {}}},
        {"gtin": GTIN, "serial": "A1", "expect": {"model": ""}},
        {"id": 7},
    ],
)
def test_a_body_that_names_no_item_or_something_else_is_refused(client: Client, body: Json) -> None:
    answer = client.post("/v1/verifications", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-body")


def test_the_call_needs_a_key_with_its_scope(client: Client, gallery: Gallery) -> None:
    body = {"gtin": GTIN, "serial": SERIALS["lune"]}
    without = client.post("/v1/verifications", json=body, headers={"Authorization": "none"})
    reading = client.post("/v1/verifications", json=body, headers={"Authorization": f"Bearer {gallery.key('platform', Scope.READ)}"})

    assert (without.status_code, reading.status_code) == (401, 403)


def test_every_code_is_explained_in_the_api_s_own_text(client: Client) -> None:
    described = client.get("/openapi.json").json()["paths"]["/v1/verifications"]["post"]["description"]

    assert "`on-hold:stolen` | reject" in described and "RFC 8785" in described


@pytest.mark.parametrize("how", ["one", "watched", "many"])
def test_an_answer_is_of_one_block_also_when_the_indexer_comes_in_between(own: Gallery, how: str) -> None:
    """Who reads the item's word at the block that is named finds the one that was signed."""
    item = own.items["lune"]

    def stolen() -> None:
        happened(own, own.members["maison"], item, Kind.HOLD, a=1, consented=True)
        own.block()

    question = {"gtin": GTIN, "serial": SERIALS["lune"], "watch": how == "watched"}
    with visiting(own, own.key("platform", Scope.VERIFY)) as client:
        before, known = ask(client, "lune"), word(own.world.states[item])
        with meanwhile(own.engine, "FROM items", stolen):
            if how == "many":
                answer = orjson.loads(client.post("/v1/verifications/bulk", json=[question]).content)["answer"]
            else:
                answer = client.post("/v1/verifications", json=question).json()

    words = {before["as_of"]["block"]: known, before["as_of"]["block"] + 1: word(own.world.states[item])}
    said = answer["typed_data"]["message"]
    assert said["word"] == f"0x{words[said['blockNumber']]:064x}"


def test_before_the_first_block_nothing_is_claimed(own: Gallery) -> None:
    with own.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM chain_cursor")

    with visiting(own, own.key("platform", Scope.VERIFY)) as client:
        answer = client.post("/v1/verifications", json={"gtin": GTIN, "serial": SERIALS["lune"]})

    assert (answer.status_code, answer.json()["code"]) == (503, "not-followed-yet")
