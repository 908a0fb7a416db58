"""The worker on a real chain: what it records, what it survives."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_api.keys import Signer
from ledger_verify.state import word
from ledger_verify.transition import Role
from tests import servers
from tests.chain.outbox_world import OutboxWorld

pytestmark = pytest.mark.chain


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[OutboxWorld]:
    with servers.anvil() as url:
        made = OutboxWorld(url, tmp_path / "home", database_url)
        yield made
        made.close()


def test_a_life_of_an_item_is_recorded_as_the_twin_says(world: OutboxWorld) -> None:
    maison = world.admit("maison", Role.BRAND)
    shop = world.admit("shop", Role.RETAILER, accredited_by=maison)
    expert = world.admit("expert", Role.AUTHENTICATOR, accredited_by=maison)
    world.mine_by_hand()
    items = [world.manufacture(maison) for _ in range(20)]
    for item in items:
        world.ship(maison, item, shop)
        world.sell(shop, item, Signer(item))
        world.give_verdict(expert, item)
        world.serve(maison, item)
    expected = {item: word(world.tip(item)) for item in items}

    world.settle(world.worker(), turns=2)

    assert set(world.statuses()) <= {"recorded", "final"}
    assert {item: world.word(item) for item in items} == expected
    assert [row.status for row in world.transactions()] == ["mined"]


def test_a_shop_of_many_brands_carries_them_in_one_batch(world: OutboxWorld) -> None:
    brands = [world.admit(f"maison-{number}", Role.BRAND) for number in range(3)]
    shop = world.admit("shop", Role.RETAILER, accredited_by=world.deployment.consortium)
    world.mine_by_hand()
    items = [world.manufacture(brand) for _ in range(4) for brand in brands]
    for item, brand in zip(items, brands * 4, strict=True):
        world.ship(brand, item, shop)
    worker = world.worker()
    world.settle(worker, turns=1)
    for item in items:
        world.sell(shop, item, Signer(item))
    for brand, item in zip(brands * 4, items, strict=True):
        world.serve(brand, item)

    world.settle(worker, turns=2)

    assert set(world.statuses()) <= {"recorded", "final"}
    assert [row.status for row in world.transactions()] == ["mined", "mined"]
    assert {item: world.word(item) for item in items} == {item: word(world.tip(item)) for item in items}
