"""What logs mean for accepted events: recorded in anybody's transaction, refused only in one of ours, final when it cannot fall out."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, insert, text
from sqlmodel import SQLModel

from ledger_api.indexer.following import step
from ledger_api.indexer.loop import catch_up
from ledger_api.store import lanes
from ledger_api.store.engine import writing
from ledger_verify.codes import Kind, Reason
from ledger_verify.hashing import claim_holder
from ledger_verify.state import UNBORN
from tests.doors import await_waiting
from tests.fake_chain import FIRST_TIME, Member, World
from tests.following import NOW, clock, following, new_database, statuses, value

OWNER = claim_holder("0x" + "77" * 20)
OURS, THEIRS = b"\x44" * 32, b"\x55" * 32
BATCH_HASH = b"\x66" * 32


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = new_database(database_url)
    table = SQLModel.metadata.tables["transactions"]
    with engine.begin() as connection:
        ours = {"relayer": b"\xcc" * 20, "nonce": 0, "raw": b"", "hash": OURS, "max_fee_wei": "1", "status": "sent", "created_at": NOW}
        connection.execute(insert(table), ours)
    yield engine
    engine.dispose()


@pytest.fixture
def maison(world: World) -> Member:
    return world.admit("did:web:maison.example", "Maison")


def test_an_event_is_recorded_whoever_carried_it(world: World, maison: Member, engine: Engine) -> None:
    bag = world.manufacture(maison, "S-1")
    sale = world.record(maison, bag, Kind.SALE, party=OWNER, transaction=THEIRS)
    world.accept(maison, sale, expected=world.states[bag])
    world.mine()

    catch_up(following(engine, world.chain), clock=clock)

    assert statuses(engine) == [("recorded", None)]


def test_a_refusal_in_our_transaction_refuses_the_event(world: World, maison: Member, engine: Engine) -> None:
    _refused(world, maison, transaction=OURS)

    catch_up(following(engine, world.chain), clock=clock)

    assert statuses(engine) == [("refused", Reason.ON_HOLD)]
    assert value(engine, "SELECT count(*) FROM tips") == 0


def test_a_refusal_in_somebody_else_s_transaction_means_nothing(world: World, maison: Member, engine: Engine) -> None:
    _refused(world, maison, transaction=THEIRS)

    catch_up(following(engine, world.chain), clock=clock)

    assert statuses(engine) == [("accepted", None)]
    assert value(engine, "SELECT count(*) FROM tips") == 1


def _refused(world: World, maison: Member, *, transaction: bytes) -> None:
    bag = world.manufacture(maison, "S-1")
    world.mine()
    sale = world.record(maison, bag, Kind.SALE, party=OWNER)
    world.accept(maison, sale, expected=world.states[bag])
    world.reorg(0, then=0)
    world.chain._pending.clear()
    world._insert("tips", {"item": bag, "state": b"\x00" * 128})
    world.refuse(sale, Reason.ON_HOLD, transaction=transaction)
    world.mine()


def test_a_repeat_that_is_refused_does_not_unrecord_the_first(world: World, maison: Member, engine: Engine) -> None:
    bag = world.manufacture(maison, "S-1")
    sale = world.record(maison, bag, Kind.SALE, party=OWNER)
    world.accept(maison, sale, expected=world.states[bag])
    world.mine()
    world.refuse(sale, Reason.SUPERSEDED, transaction=OURS)
    world.mine()

    catch_up(following(engine, world.chain), clock=clock)

    assert statuses(engine) == [("recorded", None)]


def test_an_event_signed_anew_is_met_by_bytes_signed_earlier(world: World, maison: Member, engine: Engine) -> None:
    bag = world.manufacture(maison, "S-1")
    sale = world.record(maison, bag, Kind.SALE, party=OWNER)
    world.accept(maison, sale, expected=world.states[bag], event_hash=b"\x99" * 32)
    world.mine()

    catch_up(following(engine, world.chain), clock=clock)

    assert statuses(engine) == [("recorded", None)]
    assert value(engine, "SELECT count(*) FROM events JOIN records ON records.event_hash = events.event_hash") == 1


def test_a_refused_batch_refuses_its_events(world: World, maison: Member, engine: Engine) -> None:
    _refused_batch(world, maison, Reason.SIGNER_INVALID)

    catch_up(following(engine, world.chain), clock=clock)

    assert statuses(engine) == [("refused", Reason.SIGNER_INVALID)]
    assert value(engine, "SELECT status FROM batches") == "refused"


def test_a_batch_that_was_late_leaves_its_events_accepted(world: World, maison: Member, engine: Engine) -> None:
    _refused_batch(world, maison, Reason.DEADLINE_PASSED)

    catch_up(following(engine, world.chain), clock=clock)

    assert statuses(engine) == [("accepted", None)]
    assert value(engine, "SELECT status FROM batches") == "refused"


def test_a_batch_carried_twice_is_not_refused_for_the_second_time(world: World, maison: Member, engine: Engine) -> None:
    _batch(world, maison)
    bag = world.manufacture(maison, "S-1")
    sale = world.record(maison, bag, Kind.SALE, party=OWNER)
    world.accept(maison, sale, expected=world.states[bag], batch=1, batch_position=0)
    world.mine()
    catch_up(following(engine, world.chain), clock=clock)
    world.refuse_batch(maison, BATCH_HASH, Reason.DEADLINE_PASSED, transaction=OURS)
    world.mine()

    catch_up(following(engine, world.chain), clock=clock)

    assert value(engine, "SELECT status FROM batches") == "sent"


def test_a_refusal_that_falls_out_while_the_lane_notes_where_its_transaction_landed_leaves_the_batch_done(
    world: World, maison: Member, engine: Engine
) -> None:
    """Whichever of the two comes first: else it would be under way for ever."""
    _refused_batch(world, maison, Reason.SIGNER_INVALID)
    indexer = following(engine, world.chain)
    catch_up(indexer, clock=clock)
    with engine.begin() as connection:
        connection.execute(text('UPDATE batches SET "transaction" = 1'))
    world.reorg(1)
    landing = lanes.Landing(lanes.Variant(1, 0, OURS, "sent"), world.chain.blocks[-1].number, is_success=True)

    with ThreadPoolExecutor(1) as pool:
        with writing(engine) as connection:
            lanes.land(connection, landing, [1])
            undoing = pool.submit(step, indexer, now=NOW)
            await_waiting(engine, 1)
        undoing.result()

    assert statuses(engine) == [("accepted", None)]
    assert value(engine, "SELECT status FROM batches") == "done"


def _refused_batch(world: World, maison: Member, reason: Reason) -> None:
    _batch(world, maison)
    bag = world.manufacture(maison, "S-1")
    world.mine()
    sale = world.record(maison, bag, Kind.SALE, party=OWNER)
    world.chain._pending.clear()
    world.accept(maison, sale, expected=UNBORN, batch=1, batch_position=0)
    world.refuse_batch(maison, BATCH_HASH, reason, transaction=OURS)
    world.mine()


def _batch(world: World, maison: Member) -> None:
    columns = {"organization": maison.id, "signer": maison.signer, "deadline": FIRST_TIME, "all_or_nothing": False}
    world._insert("batches", columns | {"batch_hash": BATCH_HASH, "signature": b"", "status": "sent"})


def test_an_event_is_final_only_when_its_block_is(world: World, maison: Member, engine: Engine) -> None:
    bag = world.manufacture(maison, "S-1")
    sale = world.record(maison, bag, Kind.SALE, party=OWNER)
    world.accept(maison, sale, expected=world.states[bag])
    world.mine(2)
    indexer = following(engine, world.chain)
    catch_up(indexer, clock=clock)
    assert statuses(engine) == [("recorded", None)]

    world.mine()
    catch_up(indexer, clock=clock)

    assert statuses(engine) == [("final", None)]


def test_the_tip_goes_when_the_chain_has_caught_up_and_stays_while_something_is_on_its_way(
    world: World, maison: Member, engine: Engine
) -> None:
    bag = world.manufacture(maison, "S-1")
    sale = world.record(maison, bag, Kind.SALE, party=OWNER)
    world.accept(maison, sale, expected=world.states[bag])
    world._insert("tips", {"item": bag, "state": b"\x00" * 128})
    world.mine()
    service = world.record(maison, bag, Kind.SERVICE, payload={"description": "polished"})
    world.accept(maison, service, expected=world.states[bag])
    indexer = following(engine, world.chain)
    catch_up(indexer, clock=clock)
    assert value(engine, "SELECT count(*) FROM tips") == 1

    world.mine()
    catch_up(indexer, clock=clock)

    assert value(engine, "SELECT count(*) FROM tips") == 0
