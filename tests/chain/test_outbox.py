"""The worker on a real chain: what it records, what it survives."""

import threading

import pytest

from ledger_api.errors import LaneMismatch
from ledger_api.keys import Signer
from ledger_api.outbox.worker import run
from ledger_verify.state import word
from ledger_verify.transition import Role
from tests.chain.outbox_world import OutboxWorld

pytestmark = pytest.mark.chain


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


def test_the_loop_carries_until_it_is_asked_to_stop_and_lets_the_lane_go(world: OutboxWorld) -> None:
    maison = world.admit("maison", Role.BRAND)
    item = world.manufacture(maison)
    stop = threading.Event()
    loop = threading.Thread(target=run, args=(world.worker(), stop))

    loop.start()
    for _ in range(200):
        world.index()
        if world.statuses() != ["accepted"]:
            break
        stop.wait(0.05)
    stop.set()
    loop.join(timeout=60)

    assert not loop.is_alive()
    assert world.word(item) == word(world.tip(item))
    world.worker().turn()  # another process has the lane at once


def test_the_loop_ends_loudly_when_two_records_disagree(world: OutboxWorld) -> None:
    stop = threading.Event()
    world.node.call("anvil_setNonce", "0x" + world.keyring.relayer(0).address.hex(), "0x5")
    worker = world.worker()
    worker.turn()
    maison = world.admit("maison", Role.BRAND)
    world.manufacture(maison)
    worker.turn()
    world.node.call("anvil_setNonce", "0x" + world.keyring.relayer(0).address.hex(), "0x9")

    with pytest.raises(LaneMismatch):
        run(world.worker(later=60), stop)


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
