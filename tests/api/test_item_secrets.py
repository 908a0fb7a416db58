"""What item keys are made with: drawn once for an organization, one for all who come at once, and destroyed for one item alone."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import pytest
from alembic import command
from sqlalchemy import Engine, text

from ledger_api import migrations
from ledger_api.intake import accepting
from ledger_api.intake.item_secrets import Secrets, SecretsChanged, secrets_of
from ledger_api.store import item_secrets as rows
from ledger_api.store.engine import open_engine, reading, writing
from ledger_api.store.erasing import erase_payloads
from ledger_verify.hashing import ItemId
from tests.consortium import BOUTIQUE, MAISON, accept, count, manufacture, opened, shipment, statuses
from tests.doors import meanwhile

NEIGHBOURS = [ItemId(bytes((7, number)) + bytes(30)) for number in range(1, 9)]  # of one bucket


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = opened(database_url)
    yield engine
    engine.dispose()


def drawn(engine: Engine, items: list[ItemId]) -> dict[bytes, bytes]:
    return secrets_of(engine, MAISON, items).by_item


def said_of(engine: Engine, items: list[ItemId]) -> None:
    """Payloads of MAISON's on these items."""
    row = "(event_id, item, organization, commitment, epoch, body) VALUES (:item, :item, :maison, :item, 1, '{}')"
    with writing(engine) as connection:
        connection.execute(text(f"INSERT INTO payloads {row}"), [{"item": item, "maison": MAISON} for item in items])


def destroy(engine: Engine, item: ItemId) -> None:
    with writing(engine) as connection:
        rows.destroy(connection, MAISON, item)


def test_many_who_come_at_once_use_the_same_secrets(engine: Engine) -> None:
    items = [ItemId(bytes([number]) * 32) for number in range(60)]
    start = Barrier(6)

    def draw(turn: int) -> dict[bytes, bytes]:
        start.wait()
        return drawn(engine, items if turn % 2 else items[::-1])

    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(draw, range(6)))

    assert all(one == told[0] for one in told) and set(told[0]) == set(items)
    assert len(set(told[0].values())) == len(items) and count(engine, "secret_buckets") == rows.BUCKETS


def test_each_organization_and_each_item_has_its_own(engine: Engine) -> None:
    ours, theirs = secrets_of(engine, MAISON, NEIGHBOURS), secrets_of(engine, BOUTIQUE, NEIGHBOURS)

    assert len({*ours.by_item.values(), *theirs.by_item.values()}) == 2 * len(NEIGHBOURS)


def test_an_event_that_comes_again_has_the_same_id_accepted_or_refused(engine: Engine) -> None:
    refused = shipment("A1", to="STRANGER", occurred_at="2024-01-01T00:00:00Z")
    accept(engine, MAISON, manufacture("A1"))

    first, again = accept(engine, MAISON, refused), accept(engine, MAISON, refused)

    assert statuses(first) == statuses(again) != ["accepted"]
    assert first.results[0].event_id == again.results[0].event_id is not None
    assert statuses(accept(engine, MAISON, manufacture("A1"))) == ["duplicate"]


def test_destroying_one_leaves_its_neighbours_what_they_were(engine: Engine) -> None:
    said_of(engine, NEIGHBOURS)
    before = drawn(engine, NEIGHBOURS)

    destroy(engine, NEIGHBOURS[0])
    once = drawn(engine, NEIGHBOURS)
    destroy(engine, NEIGHBOURS[3])
    destroy(engine, NEIGHBOURS[3])
    twice = drawn(engine, NEIGHBOURS)

    assert once[NEIGHBOURS[0]] != before[NEIGHBOURS[0]] and {item: once[item] for item in NEIGHBOURS[1:]} == {
        item: before[item] for item in NEIGHBOURS[1:]
    }
    assert twice[NEIGHBOURS[3]] != before[NEIGHBOURS[3]]
    untouched = [item for place, item in enumerate(NEIGHBOURS) if place not in (0, 3)]
    assert {item: twice[item] for item in untouched} == {item: before[item] for item in untouched}


def test_what_was_destroyed_follows_from_nothing_that_is_left(engine: Engine) -> None:
    said_of(engine, NEIGHBOURS)
    secret = drawn(engine, NEIGHBOURS)[NEIGHBOURS[0]]

    destroy(engine, NEIGHBOURS[0])

    with reading(engine) as connection:
        left = [
            bytes(row.secret)
            for table in ("secret_buckets", "item_secrets")
            for row in connection.execute(text(f"SELECT secret FROM {table}"))
        ]
    assert secret not in left and secret not in [rows.made_of(one, NEIGHBOURS[0]) for one in left]


def test_an_acceptance_that_hashed_before_an_erasure_starts_again(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its event would be salted with what nobody can make any more."""
    accept(engine, MAISON, manufacture("A1"))
    with reading(engine) as connection:
        item = bytes(connection.execute(text("SELECT item FROM events")).scalar_one())
    real, turns = accepting.commit_list, list[int]()

    def erased_meanwhile(*arguments: object, **named: object) -> object:
        if not turns:
            with writing(engine) as connection:
                erase_payloads(connection, organization=MAISON, item=item, at=datetime.now(UTC))
        turns.append(1)
        return real(*arguments, **named)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(accepting, "commit_list", erased_meanwhile)
    told = accept(engine, MAISON, shipment("A1"))

    assert statuses(told) == ["accepted"] and len(turns) == 2


@pytest.mark.parametrize("table", ["item_secrets", "secret_buckets"])
def test_whoever_reads_secrets_while_a_neighbours_is_destroyed_has_its_own_or_starts_again(engine: Engine, table: str) -> None:
    """Else its event would be salted with what is neither its old secret nor its new one, and known by another id."""
    said_of(engine, NEIGHBOURS)
    before = drawn(engine, NEIGHBOURS)

    with meanwhile(engine, f"FROM {table}", lambda: destroy(engine, NEIGHBOURS[0])):
        told = secrets_of(engine, MAISON, NEIGHBOURS)

    try:
        with writing(engine) as connection:
            told.prove(connection, MAISON)
    except SecretsChanged:
        told = secrets_of(engine, MAISON, NEIGHBOURS)
    assert {item: told.by_item[item] for item in NEIGHBOURS[1:]} == {item: before[item] for item in NEIGHBOURS[1:]}


def test_secrets_of_before_an_erasure_prove_nothing(engine: Engine) -> None:
    old = secrets_of(engine, MAISON, NEIGHBOURS)
    destroy(engine, NEIGHBOURS[0])

    with pytest.raises(SecretsChanged), writing(engine) as connection:
        old.prove(connection, MAISON)
    with writing(engine) as connection:
        secrets_of(engine, MAISON, NEIGHBOURS).prove(connection, MAISON)
        Secrets().prove(connection, MAISON)


def test_what_names_no_item_draws_nothing(engine: Engine) -> None:
    told = accept(engine, MAISON, shipment("NOBODY"))

    assert statuses(told) == ["unknown-item"] and count(engine, "secret_buckets") == 0


def test_items_of_before_keep_their_keys(empty_database_url: str) -> None:
    """An empty secret makes the key that there was: payloads of before the secrets can still be shown."""
    engine = open_engine(empty_database_url)
    row = "(event_id, item, organization, commitment, epoch, body, salts, erased_at)"
    with writing(engine) as connection:
        command.upgrade(migrations.configuration(connection), "0006")
    with writing(engine) as connection:
        for number, (epoch, erased) in enumerate(((1, None), (1, None), (0, None), (1, "2026-01-01 00:00:00"))):
            values = {"e": bytes([number]), "i": bytes([max(number, 1)]), "p": epoch, "x": erased, "m": MAISON}
            connection.execute(text(f"INSERT INTO payloads {row} VALUES (:e, :i, :m, :e, :p, '{{}}', NULL, :x)"), values)

    migrations.upgrade(engine)

    told = drawn(engine, [ItemId(b"\x01"), ItemId(b"\x02")])
    assert told[b"\x01"] == b"" and len(told[b"\x02"]) == 32
    engine.dispose()
