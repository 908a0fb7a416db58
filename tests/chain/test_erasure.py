"""Destroying an item key: what was withheld cannot be found any more, not even by whoever has the blinding key and guesses right.

The attack is the same before and after: a proof with the colour withheld, the organization's blinding key, the whole database as it is, and
a list of colours that has the right one.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from sqlalchemy import text

from ledger_api.proving import Asked, Choice
from ledger_api.proving.forgetting import erase
from ledger_api.store.engine import reading
from ledger_api.store.item_secrets import made_of
from ledger_verify.checking import check
from ledger_verify.disclosure import withhold
from ledger_verify.hashing import ItemId, OrganizationId, disclose, item_key, organization_id, seal
from ledger_verify.transition import Role
from tests.chain.proof_world import ProofWorld, later, manufacture, proof_world
from tests.doors import meanwhile

MAISON = organization_id("did:web:maison.example")
COLOURS = ("blanc", "rouge", "vert sapin", "noir")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ProofWorld]:
    with proof_world(tmp_path, f"sqlite:///{tmp_path / 'ledger.db'}") as made:
        yield made


def bag(world: ProofWorld) -> ItemId:
    maison = world.admit("maison", Role.BRAND)
    world.admit("shop", Role.RETAILER, accredited_by=maison)
    world.record(maison, manufacture(world, "A1", lining="vert sapin"))
    return world.record(maison, later(world, "shipment", "A1", 1, {"reference": "D-1"}, to="did:web:shop.example"))


def guessed(world: ProofWorld, item: ItemId, proof: bytes) -> set[str]:
    """The linings that make a digest of this proof under any key that can be made from what is there."""
    birth = orjson.loads(proof)["events"][0]
    with reading(world.service.engine) as connection:
        made = [made_of(bytes(row.secret), item) for row in connection.execute(text("SELECT secret FROM secret_buckets"))]
        secrets = [*made, *(bytes(row.secret) for row in connection.execute(text("SELECT secret FROM item_secrets")))]
        told = connection.execute(text("SELECT kind, occurred_at FROM records WHERE item = :item AND sequence = 1"), {"item": item}).one()
    blinding = world.service.keyring.blinding_of(MAISON, 1)
    return {
        colour
        for secret in (b"", *secrets)
        for colour in COLOURS
        for field in disclose(
            {"lining": colour},
            item_key=item_key(blinding, item, secret),
            organization=OrganizationId(MAISON),
            kind=told.kind,
            occurred_at=told.occurred_at,
        )
        if [field.path, "0x" + seal(field.salt, field.path, field.value).hex()] in birth["payload"]["withheld"]
    }


def test_after_erasure_the_right_guess_and_the_blinding_key_open_nothing_and_the_rest_verifies(world: ProofWorld) -> None:
    item = bag(world)
    made = world.prove(item, Asked(Choice(own=MAISON)))
    given_away = withhold(made.body, ["/lining"])
    found_before = guessed(world, item, given_away)

    erase(world.service.engine, organization=MAISON, item=item, now=datetime.now(UTC))
    world.settle()

    old = check(given_away, world.trust(world.hash_of(made.block)))
    new = world.prove(item, Asked(Choice(own=MAISON)))
    assert found_before == {"vert sapin"} and guessed(world, item, given_away) == set()
    assert old.is_anchored and old.events[0].withheld_paths == ("/lining",)  # what was given away still proves what it shows
    assert check(new.body, world.trust(world.hash_of(new.block))).is_anchored


def test_the_secret_leaves_no_trace_in_the_files(world: ProofWorld) -> None:
    item = bag(world)
    with reading(world.service.engine) as connection:
        asked = "SELECT secret FROM secret_buckets WHERE organization = :maison AND bucket = :bucket"
        secret = bytes(connection.execute(text(asked), {"maison": MAISON, "bucket": item[0]}).scalar_one())
    path = Path(str(world.service.engine.url.database))
    there = sum(file.read_bytes().count(secret) for file in path.parent.glob(f"{path.name}*"))

    erase(world.service.engine, organization=MAISON, item=item, now=datetime.now(UTC))

    assert there > 0 and len(secret) == 32
    assert sum(file.read_bytes().count(secret) for file in path.parent.glob(f"{path.name}*")) == 0


def test_an_event_after_the_erasure_has_a_new_key_and_can_be_shown(world: ProofWorld) -> None:
    item = bag(world)
    erase(world.service.engine, organization=MAISON, item=item, now=datetime.now(UTC))

    world.record(MAISON, later(world, "service", "A1", 2, {"description": "polished"}))

    told = check(world.prove(item, Asked(Choice(own=MAISON))).body)
    assert [event.withheld for event in told.events] == [None, None, 0]
    assert [field.value for field in told.events[2].fields if field.path == "/description"] == ["polished"]


def test_a_proof_that_is_made_while_its_item_is_erased_holds(tmp_path: Path, database_url: str) -> None:
    """With what was there before or after, and with no half of each."""
    with proof_world(tmp_path, database_url) as world:
        item, engine = bag(world), world.service.engine

        with meanwhile(engine, "FROM secret_buckets", lambda: erase(engine, organization=MAISON, item=item, now=datetime.now(UTC))):
            made = world.prove(item, Asked(Choice(own=MAISON)))

        assert check(made.body, world.trust(world.hash_of(made.block))).is_anchored
