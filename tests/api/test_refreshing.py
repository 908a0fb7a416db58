"""Passports follow what is told beside an item's own history: its lots, the names of organizations, keys that were compromised."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, text

from ledger_api.indexer import following as at_work
from ledger_api.indexer.effects import Effects
from ledger_api.indexer.loop import catch_up
from ledger_api.proving.forgetting import erase
from ledger_api.store import following as mirror
from ledger_api.store.engine import writing
from ledger_verify.codes import Kind
from ledger_verify.hashing import ItemId, OrganizationId, claim_holder
from tests.doors import await_waiting
from tests.fake_chain import Member, World
from tests.following import NOW, clock, following, passport, value

OWNER = claim_holder("0x" + "77" * 20)


@pytest.fixture
def maison(world: World) -> Member:
    return world.admit("did:web:maison.example", "Maison")


@pytest.fixture
def tannery(world: World) -> Member:
    return world.admit("did:web:tannery.example", "Tannery")


@pytest.fixture
def lot(world: World, tannery: Member) -> ItemId:
    return world.raw_material(tannery, "L-1", material="lambskin", origin="IT", certificates=["LWG-1"])


@pytest.fixture
def bag(world: World, maison: Member, lot: ItemId) -> ItemId:
    return world.manufacture(maison, "S-1", model="Lune", lots=["did:web:tannery.example#L-1"])


def test_a_lot_is_named_by_the_brand_until_its_supplier_has_shipped_it_there(
    world: World, maison: Member, tannery: Member, lot: ItemId, bag: ItemId, engine: Engine
) -> None:
    world.mine()
    indexer = following(engine, world.chain)
    catch_up(indexer, clock=clock)
    (material,) = passport(engine, bag)["materials"]
    assert (material["material"], material["origin"], material["named_by"]) == ("lambskin", "IT", "brand")
    assert material["lot"] == "0x" + lot.hex()

    world.record(tannery, lot, Kind.SHIPMENT, party=maison.id, payload={})
    world.mine()
    catch_up(indexer, clock=clock)

    assert passport(engine, bag)["materials"][0]["named_by"] == "supplier"


def test_a_shipment_that_falls_out_of_the_chain_no_longer_names_the_lot(
    world: World, maison: Member, tannery: Member, lot: ItemId, bag: ItemId, engine: Engine
) -> None:
    world.mine()
    world.record(tannery, lot, Kind.SHIPMENT, party=maison.id, payload={})
    world.mine()
    indexer = following(engine, world.chain)
    catch_up(indexer, clock=clock)
    assert passport(engine, bag)["materials"][0]["named_by"] == "supplier"

    world.reorg(1)
    catch_up(indexer, clock=clock)

    assert passport(engine, bag)["materials"][0]["named_by"] == "brand"


def test_a_lot_shipped_to_another_brand_stays_named_by_this_one(
    world: World, maison: Member, tannery: Member, lot: ItemId, bag: ItemId, engine: Engine
) -> None:
    other = world.admit("did:web:other.example", "Other")
    world.record(tannery, lot, Kind.SHIPMENT, party=other.id, payload={})
    world.mine()

    catch_up(following(engine, world.chain), clock=clock)

    assert passport(engine, bag)["materials"][0]["named_by"] == "brand"


def test_a_new_name_of_an_organization_reaches_every_passport_that_tells_it(
    world: World, maison: Member, bag: ItemId, engine: Engine
) -> None:
    world.mine()
    indexer = following(engine, world.chain)
    catch_up(indexer, clock=clock)
    with engine.begin() as connection:
        connection.execute(text("UPDATE profiles SET name = 'Conceria' WHERE did = 'did:web:tannery.example'"))
        connection.execute(text("UPDATE profiles SET name = 'La Maison' WHERE did = 'did:web:maison.example'"))

    catch_up(indexer, clock=clock)

    told = passport(engine, bag)
    assert told["brand"]["name"] == told["story"][0]["organization"]["name"] == "La Maison"
    assert told["materials"][0]["supplier"]["name"] == "Conceria"


def test_an_organization_without_a_profile_is_named_by_the_registry(world: World, maison: Member, engine: Engine) -> None:
    store = world.admit("did:web:store.example", None)
    bag = world.manufacture(maison, "S-9")
    world.record(store, bag, Kind.VERDICT, a=1, b=3, payload={"appraiser": "A-7"})
    world.mine()

    catch_up(following(engine, world.chain), clock=clock)

    assert passport(engine, bag)["verdict"]["by"]["did"] == "did:web:store.example"


def test_what_a_compromised_key_signed_since_then_is_void(world: World, maison: Member, engine: Engine) -> None:
    store = world.admit("did:web:store.example", "Store")
    bag = world.manufacture(maison, "S-9")
    world.record(store, bag, Kind.VERDICT, a=3, b=1, payload={})
    world.mine()
    world.record(store, bag, Kind.VERDICT, a=1, b=3, payload={})
    height = world.mine()
    indexer = following(engine, world.chain)
    catch_up(indexer, clock=clock)

    world.compromise(store, height)
    world.mine()
    catch_up(indexer, clock=clock)

    assert [entry["void"] for entry in passport(engine, bag)["story"]] == [None, None, "compromised"]


def test_a_compromised_key_of_a_supplier_voids_its_shipment_in_the_items_too(
    world: World, maison: Member, tannery: Member, lot: ItemId, bag: ItemId, engine: Engine
) -> None:
    world.mine()
    world.record(tannery, lot, Kind.SHIPMENT, party=maison.id, payload={})
    height = world.mine()
    indexer = following(engine, world.chain)
    catch_up(indexer, clock=clock)

    world.compromise(tannery, height)
    world.mine()
    catch_up(indexer, clock=clock)

    assert passport(engine, bag)["materials"][0]["named_by"] == "brand"


def test_a_mark_that_falls_out_of_the_chain_no_longer_voids(world: World, maison: Member, bag: ItemId, engine: Engine) -> None:
    height = world.mine()
    indexer = following(engine, world.chain)
    catch_up(indexer, clock=clock)
    world.compromise(maison, height)
    world.mine()
    catch_up(indexer, clock=clock)
    assert passport(engine, bag)["story"][0]["void"] == "compromised"

    world.reorg(1)
    catch_up(indexer, clock=clock)

    assert passport(engine, bag)["story"][0]["void"] is None


def test_many_stale_passports_are_made_again_a_few_at_a_time(
    world: World, maison: Member, tannery: Member, lot: ItemId, engine: Engine
) -> None:
    bags = [world.manufacture(maison, f"S-{number}", lots=["did:web:tannery.example#L-1"]) for number in range(10)]
    world.mine()
    indexer = replace(following(engine, world.chain), most_refreshes=3)
    catch_up(indexer, clock=clock)

    world.record(tannery, lot, Kind.SHIPMENT, party=maison.id, payload={})
    world.mine()
    catch_up(indexer, clock=clock)

    assert {passport(engine, bag)["materials"][0]["named_by"] for bag in bags} == {"supplier"}
    assert value(engine, "SELECT count(*) FROM refreshes") == 0


def test_what_is_erased_while_a_stale_passport_is_made_again_stays_in_none(
    world: World, maison: Member, bag: ItemId, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The passport waited already, and was made with what is erased now: it waits on."""
    world.mine()
    indexer = following(engine, world.chain)
    catch_up(indexer, clock=clock)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO refreshes (item, asked) VALUES (:item, 0)"), {"item": bag})
    real, erased = at_work.effects_of, list[int]()

    def erased_meanwhile(*arguments: Any, **named: Any) -> Effects:
        effects = real(*arguments, **named)
        if not erased:
            erased.append(erase(engine, organization=OrganizationId(maison.id), item=bag, now=NOW))
        return effects

    monkeypatch.setattr(at_work, "effects_of", erased_meanwhile)
    catch_up(indexer, clock=clock)
    catch_up(indexer, clock=clock)

    assert erased == [1] and passport(engine, bag)["model"] is None
    assert value(engine, "SELECT count(*) FROM refreshes") == 0


def test_who_queues_passports_waits_for_who_takes_some_and_queues_others(engine: Engine) -> None:
    """The indexer takes what it has made again and queues what that made stale; who brings a payload back queues both."""
    low, high = b"\x01" * 32, b"\x02" * 32

    def queue(items: list[bytes]) -> None:
        with writing(engine) as connection:
            mirror.queue_refreshes(connection, items)

    queue([high])
    with ThreadPoolExecutor(1) as pool:
        with writing(engine) as connection:
            mirror.take_refreshes(connection, {high: 0})
            mending = pool.submit(queue, [low, high])
            await_waiting(engine, 1)
            mirror.queue_refreshes(connection, [low])
        mending.result()

    assert value(engine, "SELECT count(*) FROM refreshes") == 2
