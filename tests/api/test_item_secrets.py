"""What item keys are made with: a secret for each organization and item, there before the first event, one for all who come at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from alembic import command
from sqlalchemy import Engine, text

from ledger_api import migrations
from ledger_api.domain.parsing import parse_event
from ledger_api.intake.item_secrets import SECRET_BYTES, secrets_of
from ledger_api.intake.preparing import NO_ITEM, HeldKeys, Names, mean
from ledger_api.store.engine import open_engine, reading, writing
from ledger_verify.hashing import ItemId
from tests.consortium import BOUTIQUE, MAISON, FixedKeys, accept, count, intake_of, manufacture, opened, shipment, statuses


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = opened(database_url)
    yield engine
    engine.dispose()


def stored(engine: Engine) -> set[tuple[bytes, bytes, bytes]]:
    with reading(engine) as connection:
        return {
            (bytes(row.organization), bytes(row.item), bytes(row.secret)) for row in connection.execute(text("SELECT * FROM item_secrets"))
        }


def test_many_who_come_at_once_use_one_secret(database_url: str) -> None:
    engine = opened(database_url)
    items = [ItemId(bytes([number]) * 32) for number in range(1, 60)]
    start = Barrier(6)

    def draw(turn: int) -> dict[bytes, bytes]:
        start.wait()
        return secrets_of(engine, MAISON, items if turn % 2 else items[::-1])

    with ThreadPoolExecutor(6) as pool:
        drawn = list(pool.map(draw, range(6)))

    assert all(one == drawn[0] for one in drawn) and set(drawn[0]) == set(items)
    assert all(len(secret) == SECRET_BYTES for secret in drawn[0].values()) and len(set(drawn[0].values())) == len(items)
    engine.dispose()


def test_each_organization_has_a_secret_of_its_own_for_an_item(engine: Engine) -> None:
    accept(engine, MAISON, manufacture("A1"), shipment("A1"))
    accept(
        engine,
        BOUTIQUE,
        {"kind": "sale", "occurred_at": "2025-04-01T09:00:00Z", "item": {"gtin": manufacture()["gtin"], "serial": "A1"}}
        | {"claim_key": "0x" + "11" * 20, "payload": {}},
    )

    kept = stored(engine)

    assert {organization for organization, _, _ in kept} == {MAISON, BOUTIQUE}
    assert len({item for _, item, _ in kept}) == 1 and len({secret for _, _, secret in kept}) == 2


def test_an_event_that_was_refused_has_the_same_id_when_it_comes_again(engine: Engine) -> None:
    accept(engine, MAISON, manufacture("A1"))
    refused = shipment("A1", to="STRANGER", occurred_at="2024-01-01T00:00:00Z")

    first, again = accept(engine, MAISON, refused), accept(engine, MAISON, refused)

    assert statuses(first) == statuses(again) != ["accepted"]
    assert first.results[0].event_id == again.results[0].event_id is not None


def test_a_process_that_dies_after_drawing_leaves_a_secret_that_the_event_uses_later(engine: Engine) -> None:

    with reading(engine) as connection:
        keys = HeldKeys(MAISON, MAISON, FixedKeys(), intake_of(engine).authority.read(connection))
    meant = mean(0, parse_event(manufacture("A1")), keys, Names())  # type: ignore[arg-type]  # it can be read
    drawn = secrets_of(engine, MAISON, [meant.item])  # type: ignore[union-attr]  # and here it died

    accept(engine, MAISON, manufacture("A1"))

    assert {(item, secret) for _, item, secret in stored(engine)} == set(drawn.items())
    assert count(engine, "events") == 1


def test_what_names_no_item_has_no_secret(engine: Engine) -> None:
    told = accept(engine, MAISON, shipment("NOBODY"))

    assert statuses(told) == ["unknown-item"]
    assert stored(engine) == set() and bytes(32) == NO_ITEM


def test_items_of_before_keep_their_keys(database_url: str) -> None:
    """An empty secret makes the key that there was: payloads of before the secrets can still be shown."""
    engine = open_engine(database_url)
    row = "(event_id, item, organization, commitment, epoch, body, salts, erased_at)"
    with writing(engine) as connection:
        command.upgrade(migrations.configuration(connection), "0006")
    with writing(engine) as connection:
        for number, (epoch, erased) in enumerate(((1, None), (1, None), (0, None), (1, "2026-01-01 00:00:00"))):
            values = {"e": bytes([number]), "i": bytes([max(number, 1)]), "p": epoch, "x": erased}
            connection.execute(
                text(f"INSERT INTO payloads {row} VALUES (:e, :i, :e0, :e, :p, '{{}}', NULL, :x)"), values | {"e0": b"maison"}
            )

    migrations.upgrade(engine)

    assert stored(engine) == {(b"maison", b"\x01", b"")}
    engine.dispose()
