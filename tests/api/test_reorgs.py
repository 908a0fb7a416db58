"""Blocks that fall out of the chain take with them what they brought: records, passports, standing, and the outcomes of accepted events."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from ledger_api.errors import ReorgTooDeep, WrongChain
from ledger_api.indexer.following import check, step
from ledger_api.indexer.loop import catch_up
from ledger_api.indexer.registry import SUSPENDED
from ledger_api.intake import AuthorityCache
from ledger_api.store.engine import reading
from ledger_verify.codes import Kind, Reason, Role
from ledger_verify.hashing import claim_holder
from ledger_verify.state import UNBORN, Event, state_from_bytes
from tests.fake_chain import CONSORTIUM, NETWORK, REGISTRY, FakeChain, Member, World
from tests.following import NOW, clock, copy_payload_store, following, mirror, new_database, passport, statuses, value, without

OWNER = claim_holder("0x" + "77" * 20)
OURS = b"\x44" * 32
DEEP = replace(NETWORK, confirmations=50)


def test_reorg_of_one_block_undoes_the_sale(world: World, engine: Engine) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    bag = world.manufacture(maison, "S-1", model="Lune")
    world.mine()
    indexer = following(engine, world.chain)
    catch_up(indexer, clock=clock)
    before = mirror(engine)
    world.record(maison, bag, Kind.SALE, party=OWNER)
    world.mine()
    catch_up(indexer, clock=clock)
    assert passport(engine, bag)["stage"] == "sold"

    world.reorg(1, then=1)
    progress = step(indexer, now=NOW)

    assert progress.undone_blocks == 1
    assert mirror(engine) == before


def test_reorg_of_many_blocks_ends_as_if_only_the_new_ones_had_been(world: World, engine: Engine, tmp_path: object) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    bags = [world.manufacture(maison, f"S-{number}") for number in range(5)]
    world.mine(3)
    indexer = following(engine, world.chain, network=DEEP)
    for bag in bags:
        world.record(maison, bag, Kind.SALE, party=OWNER, payload={"country": "FR"})
        world.mine()
        catch_up(indexer, clock=clock)
    late = world.manufacture(maison, "S-late")
    world.mine()
    catch_up(indexer, clock=clock)

    world.reorg(4)
    for bag in bags[3:]:
        world.record(maison, bag, Kind.SERVICE, payload={"description": "cleaned"})
        world.mine()
    catch_up(indexer, clock=clock)

    twin = new_database(f"sqlite:///{tmp_path}/twin.db")
    copy_payload_store(engine, twin)
    catch_up(following(twin, world.chain, network=DEEP), clock=clock)
    assert mirror(engine) == mirror(twin)
    assert value(engine, "SELECT count(*) FROM items WHERE item = :late", late=late) == 0


def test_reorg_takes_an_admission_and_an_accreditation_back(world: World, engine: Engine) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    world.mine()
    indexer = following(engine, world.chain)
    catch_up(indexer, clock=clock)
    before = mirror(engine)
    expert = world.admit("did:web:expert.example", None)
    world.accredit(maison, expert, Role.AUTHENTICATOR)
    world.mine()
    catch_up(indexer, clock=clock)
    assert value(engine, "SELECT count(*) FROM accreditations") == 1

    world.reorg(1, then=1)
    catch_up(indexer, clock=clock)

    assert value(engine, "SELECT count(*) FROM organizations") == 1
    assert without(mirror(engine), "blocks", "shown") == without(before, "blocks", "shown")


def test_a_recorded_event_is_accepted_again_after_a_reorg_and_its_state_is_the_tip(world: World, engine: Engine) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    bag = world.manufacture(maison, "S-1")
    world.mine()
    indexer = following(engine, world.chain)
    event = world.record(maison, bag, Kind.SALE, party=OWNER)
    world.accept(maison, event, expected=world.states[bag])
    world.mine()
    catch_up(indexer, clock=clock)
    assert statuses(engine) == [("recorded", None)]
    sold = world.states[bag]

    world.reorg(1)
    catch_up(indexer, clock=clock)

    assert statuses(engine) == [("accepted", None)]
    assert state_from_bytes(value(engine, "SELECT state FROM tips WHERE item = :bag", bag=bag)) == sold


def test_a_refused_event_is_accepted_again_when_its_block_falls_out(world: World, engine: Engine) -> None:
    _refused(world, engine)
    indexer = following(engine, world.chain)
    catch_up(indexer, clock=clock)
    assert statuses(engine) == [("refused", Reason.ON_HOLD)]

    world.reorg(1)
    catch_up(indexer, clock=clock)

    assert statuses(engine) == [("accepted", None)]


def test_an_event_refused_in_one_fork_and_recorded_in_the_other_ends_recorded(world: World, engine: Engine) -> None:
    maison, event = _refused(world, engine)
    indexer = following(engine, world.chain)
    catch_up(indexer, clock=clock)

    world.reorg(1, then=0)
    world.record(maison, event.item, Kind.SALE, party=OWNER, occurred_at=event.occurred_at, payload={"country": "FR"}, transaction=OURS)
    world.mine(2)
    catch_up(indexer, clock=clock)

    assert statuses(engine) == [("recorded", None)]


def test_a_refusal_undone_leaves_the_same_event_sent_again_alone(world: World, engine: Engine) -> None:
    maison, event = _refused(world, engine)
    indexer = following(engine, world.chain)
    catch_up(indexer, clock=clock)
    world.accept(maison, event, expected=UNBORN)

    world.reorg(1)
    catch_up(indexer, clock=clock)

    assert statuses(engine) == [("refused", Reason.ON_HOLD), ("accepted", None)]


def _refused(world: World, engine: Engine) -> tuple[Member, Event]:
    maison = world.admit("did:web:maison.example", "Maison")
    bag = world.manufacture(maison, "S-1")
    world.mine()
    event = world.record(maison, bag, Kind.SALE, party=OWNER, payload={"country": "FR"})
    world.accept(maison, event, expected=world.states[bag])
    world.mine()
    world.reorg(1, then=0)
    with engine.begin() as connection:
        connection.exec_driver_sql(_OUR_TRANSACTION.replace("?", "%s" if engine.dialect.name == "postgresql" else "?"), (OURS, OURS, OURS))
    world.refuse(event, Reason.ON_HOLD, transaction=OURS)
    world.mine()
    return maison, event


_OUR_TRANSACTION = (
    "INSERT INTO transactions (relayer, nonce, raw, hash, max_fee_wei, status, created_at)"
    " VALUES (?, 0, ?, ?, '1', 'sent', '2026-11-22 12:00:00')"
)


def test_a_reorg_below_the_final_block_stops_everything_and_touches_nothing(world: World, engine: Engine) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    world.manufacture(maison, "S-1")
    world.mine(10)
    indexer = following(engine, world.chain)
    catch_up(indexer, clock=clock)
    before = mirror(engine)

    world.reorg(5)
    with pytest.raises(ReorgTooDeep):
        step(indexer, now=NOW)

    assert mirror(engine) == before


def test_a_chain_that_was_reset_is_told_from_a_deep_reorg(world: World, engine: Engine) -> None:
    world.admit("did:web:maison.example", "Maison")
    world.mine(10)
    catch_up(following(engine, world.chain), clock=clock)
    other = FakeChain(salt=b"second")
    other.mine(12)

    with pytest.raises(WrongChain):
        step(following(engine, other), now=NOW)


def test_a_chain_that_was_reset_is_noticed_before_it_has_grown(world: World, engine: Engine) -> None:
    world.admit("did:web:maison.example", "Maison")
    world.mine(10)
    catch_up(following(engine, world.chain), clock=clock)

    with pytest.raises(WrongChain):
        step(following(engine, FakeChain(salt=b"second")), now=NOW)


def test_a_reorg_to_a_shorter_chain_is_noticed_too(world: World, engine: Engine) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    world.manufacture(maison, "S-1")
    world.mine(5)
    bag = world.manufacture(maison, "S-2")
    world.mine(3)
    indexer = following(engine, world.chain, network=DEEP)
    catch_up(indexer, clock=clock)

    world.reorg(3, then=1)
    catch_up(indexer, clock=clock)

    assert value(engine, "SELECT count(*) FROM items WHERE item = :bag", bag=bag) == 0
    assert value(engine, "SELECT next_block FROM chain_cursor") == world.chain.blocks[-1].number + 1


def test_what_was_final_stays_final_through_a_shallow_reorg(world: World, engine: Engine) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    bag = world.manufacture(maison, "S-1")
    world.mine()
    sale = world.record(maison, bag, Kind.SALE, party=OWNER)
    world.accept(maison, sale, expected=world.states[bag])
    world.mine()
    service = world.record(maison, bag, Kind.SERVICE, payload={"description": "polished"})
    world.mine(2)
    world.accept(maison, service, expected=world.states[bag])
    indexer = following(engine, world.chain)
    check(indexer)
    catch_up(indexer, clock=clock)
    assert statuses(engine) == [("final", None), ("recorded", None)]

    world.reorg(2)
    catch_up(indexer, clock=clock)

    assert statuses(engine) == [("final", None), ("accepted", None)]


def test_a_suspension_that_falls_out_is_forgotten_at_the_door_at_the_same_height(world: World, engine: Engine) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    world.mine()
    world.chain.emit(REGISTRY, [SUSPENDED, maison.id], b"")
    height, indexer, authority = world.mine(), following(engine, world.chain), AuthorityCache(CONSORTIUM)
    catch_up(indexer, clock=clock)
    with reading(engine) as connection:
        before = authority.read(connection).members[maison.id].suspended

    world.reorg(1, then=1)
    catch_up(indexer, clock=clock)
    with reading(engine) as connection:
        after = authority.read(connection).members[maison.id].suspended

    assert (before, after) == (True, False)
    assert value(engine, "SELECT next_block FROM chain_cursor") == height + 1
