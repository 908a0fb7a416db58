"""Claim cards made for a shop: however often a connection breaks, one card for one sale; once acknowledged, nobody can make it again."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from ledger_api.store.engine import reading
from ledger_verify import claims
from tests.consortium import count, manufacture, sale, shipment
from tests.doors import Doors, opened_doors

Card = dict[str, Any]


@pytest.fixture
def item(doors: Doors) -> str:
    made = doors.post("MAISON", "/v1/events", [manufacture(), shipment()]).json()
    found: str = made["results"][0]["item"]
    return found


def make(doors: Doors, item: str, key: str = "sale-1", shop: str = "BOUTIQUE") -> Any:
    return doors.post(shop, "/v1/claim-cards", {"item": item}, headers={"Idempotency-Key": key})


def test_the_card_gives_the_key_of_its_address(doors: Doors, item: str) -> None:
    card: Card = make(doors, item).json()

    by_text, by_link = (claims.read_card(card[name]) for name in ("text", "link"))

    assert by_text == by_link
    assert "0x" + claims.address_of(claims.claim_key(by_text)).hex() == card["claim_key"]


def test_a_broken_connection_loses_no_card_and_makes_no_second_one(doors: Doors, item: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _number: make(doors, item).json(), range(16)))

    assert len({answer["text"] for answer in answers}) == 1
    assert count(doors.engine, "claim_cards") == 1


def test_every_sale_has_a_card_of_its_own(doors: Doors, item: str) -> None:
    assert make(doors, item, "sale-1").json()["claim_key"] != make(doors, item, "sale-2").json()["claim_key"]


def test_the_same_key_for_another_item_is_a_mismatch(doors: Doors, item: str) -> None:
    other = doors.post("MAISON", "/v1/events", [manufacture("B2")]).json()["results"][0]["item"]
    make(doors, item)

    assert make(doors, other).json()["code"] == "idempotency-mismatch"


def test_an_acknowledged_card_is_forgotten(doors: Doors, item: str) -> None:
    card: Card = make(doors, item).json()

    done = doors.post("BOUTIQUE", f"/v1/claim-cards/{card['id']}/acknowledge").json()
    again = doors.post("BOUTIQUE", f"/v1/claim-cards/{card['id']}/acknowledge").json()
    asked = make(doors, item).json()

    with reading(doors.engine) as connection:
        salt = connection.execute(text("SELECT salt FROM claim_cards")).scalar()
    assert salt is None
    assert [one["text"] for one in (done, again, asked)] == [None, None, None]
    assert {one["claim_key"] for one in (card, done, again, asked)} == {card["claim_key"]}


def test_an_acknowledged_cards_salt_leaves_no_trace_in_the_files(tmp_path: Path) -> None:
    """Whoever has the salt and the keyring can make the card again."""
    with opened_doors(f"sqlite:///{tmp_path / 'ledger.db'}") as doors:
        made = doors.post("MAISON", "/v1/events", [manufacture(), shipment()]).json()
        card: Card = make(doors, made["results"][0]["item"]).json()
        with reading(doors.engine) as connection:
            salt = bytes(connection.execute(text("SELECT salt FROM claim_cards")).scalar_one())
        there = traces(tmp_path, salt)

        doors.post("BOUTIQUE", f"/v1/claim-cards/{card['id']}/acknowledge")

        assert there > 0 and len(salt) == 32
        assert traces(tmp_path, salt) == 0


def traces(folder: Path, secret: bytes) -> int:
    return sum(file.read_bytes().count(secret) for file in folder.glob("ledger.db*"))


def test_no_secret_is_stored(doors: Doors, item: str) -> None:
    card: Card = make(doors, item).json()
    secret = claims.read_card(card["text"])

    with reading(doors.engine) as connection:
        row = connection.execute(text("SELECT * FROM claim_cards")).one()
        kept = connection.execute(text("SELECT count(*) FROM idempotency")).scalar_one()
    assert not any(secret in bytes(value) for value in row if isinstance(value, bytes | memoryview))
    assert kept == 0


def test_cards_that_nobody_acknowledged_are_listed_for_their_shop_alone(doors: Doors, item: str) -> None:
    first, second = (make(doors, item, f"sale-{number}").json() for number in (1, 2))
    doors.post("BOUTIQUE", f"/v1/claim-cards/{first['id']}/acknowledge")

    mine = doors.get("BOUTIQUE", "/v1/claim-cards").json()["cards"]
    theirs = doors.get("MAISON", "/v1/claim-cards").json()["cards"]
    stolen = doors.get("MAISON", f"/v1/claim-cards/{second['id']}")

    assert [card["id"] for card in mine] == [second["id"]]
    assert theirs == []
    assert stolen.status_code == 404


def test_the_list_goes_on_after_its_last_card(doors: Doors, item: str) -> None:
    for number in range(3):
        doors.time += 1
        make(doors, item, f"sale-{number}")

    first = doors.get("BOUTIQUE", "/v1/claim-cards?limit=2").json()
    rest = doors.get("BOUTIQUE", f"/v1/claim-cards?limit=2&after={first['next']}").json()

    assert (len(first["cards"]), len(rest["cards"]), rest["next"]) == (2, 1, None)


def test_an_item_sold_to_a_card_is_its_owners(doors: Doors, item: str) -> None:
    card: Card = make(doors, item).json()
    doors.post("BOUTIQUE", "/v1/events", [sale(claim_key=card["claim_key"])])

    terms = doors.get(None, f"/v1/items/{item}/consent-terms?key={card['claim_key']}").json()

    assert terms["is_holder"] is True


def test_there_is_no_card_for_an_item_nobody_knows(doors: Doors) -> None:
    assert make(doors, "0x" + "00" * 32).json()["code"] == "unknown-item"
