"""The indexer against a chain in memory and a real database: what it writes, once and only once."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from ledger_api.errors import ContractMissing, FoldMismatch, LaneBusy, NodeInconsistent, WrongChain
from ledger_api.indexer.following import WANTED_LOGS, check, step
from ledger_api.indexer.loop import catch_up
from ledger_api.indexer.registry import ROLES_SET
from ledger_verify.codes import Kind
from ledger_verify.hashing import EventHash, claim_holder
from ledger_verify.transition import word
from tests.fake_chain import LEDGER, NETWORK, REGISTRY, FakeChain, World
from tests.following import NOW, clock, copy_payload_store, following, mirror, new_database, passport, rows, value, without

OWNER = claim_holder("0x" + "77" * 20)


def test_an_item_s_logs_become_its_records_its_state_and_its_passport(world: World, engine: Engine) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    bag = world.manufacture(maison, "S-1", model="Lune", colour="noir")
    world.mine()
    world.record(maison, bag, Kind.SALE, party=OWNER, payload={})
    world.mine()

    catch_up(following(engine, world.chain), clock=clock)

    assert value(engine, "SELECT count(*) FROM records") == 2
    told = passport(engine, bag)
    assert (told["model"], told["stage"], told["holder"], told["sequence"]) == ("Lune", "sold", {"type": "owner"}, 2)
    assert told["word"] == f"0x{word(world.states[bag]):064x}"


def test_applying_the_same_blocks_again_changes_nothing(world: World, engine: Engine) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    world.manufacture(maison, "S-1")
    world.mine(5)
    indexer = following(engine, world.chain)
    catch_up(indexer, clock=clock)
    before = mirror(engine)

    catch_up(indexer, clock=clock)

    assert mirror(engine) == before


def test_an_indexer_that_read_blocks_another_has_applied_writes_nothing(world: World, engine: Engine) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    world.manufacture(maison, "S-1")
    world.mine()
    indexer = following(engine, world.chain)
    check(indexer)
    slow = _AppliedMeanwhile(world.chain, lambda: catch_up(indexer, clock=clock))

    with pytest.raises(LaneBusy):
        step(following(engine, slow), now=NOW)

    assert value(engine, "SELECT count(*) FROM records") == 1


class _AppliedMeanwhile(FakeChain):
    """A node during whose answer to `eth_getLogs` something else happens."""

    def __init__(self, chain: FakeChain, meanwhile: object) -> None:
        self.__dict__.update(chain.__dict__)
        self._meanwhile = meanwhile

    def _logs(self, asked: dict[str, object]) -> object:
        found = super()._logs(asked)
        self._meanwhile()  # type: ignore[operator]
        return found


def test_two_indexers_share_one_lease(world: World, engine: Engine) -> None:
    world.admit("did:web:maison.example", "Maison")
    world.mine()
    first, second = following(engine, world.chain), following(engine, world.chain, owner="two")
    check(first)
    step(first, now=NOW)

    progress = step(second, now=NOW)

    assert progress.leased_elsewhere and progress.idle


def test_a_missing_log_is_noticed_by_the_next_one_of_the_item(world: World, engine: Engine) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    bag = world.manufacture(maison, "S-1")
    world.record(maison, bag, Kind.SERVICE, payload={"description": "polished"})
    height = world.mine()
    del world.chain.blocks[height].logs[-2]

    with pytest.raises(FoldMismatch):
        catch_up(following(engine, world.chain), clock=clock)

    assert value(engine, "SELECT count(*) FROM records") == 0
    assert value(engine, "SELECT next_block FROM chain_cursor") == 1


def test_a_range_that_lacks_a_log_is_read_again_block_by_block(world: World, engine: Engine) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    bag = world.manufacture(maison, "S-1")
    world.record(maison, bag, Kind.SERVICE, payload={"description": "polished"})
    world.mine(60)

    catch_up(following(engine, _ForgetfulOfRanges(world.chain)), clock=clock)

    assert value(engine, "SELECT count(*) FROM records") == 2


class _ForgetfulOfRanges(FakeChain):
    """A node that leaves the births out of every range."""

    def __init__(self, chain: FakeChain) -> None:
        self.__dict__.update(chain.__dict__)

    def _logs(self, asked: dict[str, object]) -> object:
        found = super()._logs(asked)
        is_range = "blockHash" not in asked and isinstance(found, list)
        return [log for log in found if log["logIndex"] != "0x2"] if is_range else found


def test_a_node_that_denies_the_newest_block_is_no_reorg(world: World, engine: Engine) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    world.manufacture(maison, "S-1")
    height = world.mine()
    world.mine(5)
    catch_up(following(engine, world.chain), clock=clock)
    denying = _Denying(world.chain, height + 5)

    with pytest.raises(NodeInconsistent):
        step(following(engine, denying), now=NOW)

    assert value(engine, "SELECT count(*) FROM records") == 1
    assert value(engine, "SELECT next_block FROM chain_cursor") == height + 6


class _Denying(FakeChain):
    """A node that answers for its head, and not for one block below it."""

    def __init__(self, chain: FakeChain, denied: int) -> None:
        self.__dict__.update(chain.__dict__)
        self._denied = denied

    def _block(self, which: str) -> dict[str, str] | None:
        return None if which == hex(self._denied) else super()._block(which)


def test_a_log_with_another_event_s_hash_stops_the_indexer(world: World, engine: Engine) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    bag = world.manufacture(maison, "S-1")
    event = world.record(maison, bag, Kind.SERVICE)
    world.emit_recorded(maison, event, EventHash(b"\x99" * 32))
    world.mine()

    with pytest.raises(FoldMismatch):
        catch_up(following(engine, world.chain), clock=clock)


def test_records_hold_what_folding_the_logs_needs(world: World, engine: Engine) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    store = world.admit("did:web:store.example", "Store")
    bag = world.enrol(store, maison.id, "OLD-1", b"\x77" * 20, model="Ancien")
    world.record(maison, bag, Kind.HOLD, a=3, payload={})
    world.record(store, bag, Kind.RELEASE, a=3, by_order=True, payload={})
    world.mine()

    catch_up(following(engine, world.chain), clock=clock)

    extras = [extra for (extra,) in rows(engine, "SELECT extra FROM records ORDER BY sequence")]
    assert [len(extra) for extra in extras] == [64, 0, 1]
    assert passport(engine, bag)["story"][2]["facts"] == {"hold": "recalled", "by_order": True}


def test_a_database_made_for_another_chain_is_refused(world: World, engine: Engine) -> None:
    check(following(engine, world.chain))

    with pytest.raises(WrongChain):
        check(following(engine, FakeChain(salt=b"second")))


def test_a_node_of_another_chain_id_is_refused(world: World, engine: Engine) -> None:
    with pytest.raises(WrongChain):
        check(following(engine, world.chain, network=replace(NETWORK, chain_id=1)))


def test_a_contract_without_code_is_refused(world: World, engine: Engine) -> None:
    world.chain.code = b""

    with pytest.raises(ContractMissing):
        check(following(engine, world.chain))


def test_a_contract_with_other_code_is_refused(world: World, engine: Engine) -> None:
    check(following(engine, world.chain))
    world.chain.code = b"\x60\x01"

    with pytest.raises(ContractMissing):
        check(following(engine, world.chain))


def test_a_database_made_for_other_contracts_is_refused(world: World, engine: Engine) -> None:
    check(following(engine, world.chain))

    with pytest.raises(ContractMissing):
        check(following(engine, world.chain, network=replace(NETWORK, ledger=b"\x01" * 20)))


def test_far_behind_the_head_ranges_are_halved_until_the_node_answers(world: World, engine: Engine) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    for serial in range(30):
        world.manufacture(maison, f"S-{serial}")
        world.mine(7)
    world.chain.range_limit = 5

    catch_up(following(engine, world.chain), clock=clock)

    assert value(engine, "SELECT count(*) FROM items") == 30


def test_far_and_near_reading_give_the_same_mirror(world: World, engine: Engine, tmp_path: object) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    for serial in range(5):
        world.manufacture(maison, f"S-{serial}")
        world.mine(20)
        catch_up(following(engine, world.chain), clock=clock)
    near = mirror(engine)
    other = new_database(f"sqlite:///{tmp_path}/far.db")
    copy_payload_store(engine, other)

    catch_up(following(other, world.chain), clock=clock)

    assert without(mirror(other), "blocks") == without(near, "blocks")


def test_a_replica_that_lags_is_waited_for(world: World, engine: Engine) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    world.manufacture(maison, "S-1")
    world.mine(10)
    indexer = following(engine, world.chain)
    catch_up(indexer, clock=clock)
    before = mirror(engine)

    world.chain.lag = 4
    progress = step(indexer, now=NOW)

    assert progress.undone_blocks == 0
    assert mirror(engine) == before


def test_a_log_of_another_contract_is_not_believed(world: World, engine: Engine) -> None:
    world.admit("did:web:maison.example", "Maison")
    height = world.mine()
    world.chain.blocks[height].logs[0]["address"] = "0x" + "00" * 20
    indexer = following(engine, world.chain)
    check(indexer)

    with pytest.raises(NodeInconsistent):
        step(indexer, now=NOW)


def test_a_log_from_outside_the_blocks_asked_for_is_not_believed(world: World, engine: Engine) -> None:
    world.admit("did:web:maison.example", "Maison")
    height = world.mine()
    world.chain.blocks[height].logs[0]["blockNumber"] = "0x77"
    indexer = following(engine, world.chain)
    check(indexer)

    with pytest.raises(NodeInconsistent):
        step(indexer, now=NOW)


def test_a_stretch_with_too_many_logs_is_cut_between_blocks(world: World, engine: Engine) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    world.mine()
    for _ in range(4):
        for _ in range(WANTED_LOGS // 2 + 1):
            world.chain.emit(REGISTRY, [ROLES_SET, maison.id], (7).to_bytes(32, "big"))
        world.mine()
    indexer = following(engine, world.chain)
    check(indexer)

    first = step(indexer, now=NOW)
    catch_up(indexer, clock=clock)

    assert (first.to_block, first.span) == (2, 2)
    assert value(engine, "SELECT count(*) FROM registry_logs") == 2 + 4 * (WANTED_LOGS // 2 + 1)


@pytest.mark.parametrize("moved", [3, 4])
def test_blocks_that_do_not_link_are_not_applied(world: World, engine: Engine, moved: int) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    world.mine(2)
    indexer = following(engine, world.chain)
    catch_up(indexer, clock=clock)
    world.manufacture(maison, "S-1")
    world.mine(2)
    world.chain.blocks[moved].parent = b"\x99" * 32

    with pytest.raises(NodeInconsistent):
        step(indexer, now=NOW)

    assert value(engine, "SELECT next_block FROM chain_cursor") == 3


def test_a_node_that_answers_no_range_at_all_is_asked_block_by_block(world: World, engine: Engine) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    world.manufacture(maison, "S-1")
    world.mine(60)
    world.chain.refuses_ranges = True

    catch_up(following(engine, world.chain), clock=clock)

    assert value(engine, "SELECT count(*) FROM items") == 1


def test_a_log_that_cannot_be_read_stops_the_indexer(world: World, engine: Engine) -> None:
    world.chain.emit(LEDGER, [b"\x01" * 32], b"")
    world.mine()

    with pytest.raises(FoldMismatch):
        catch_up(following(engine, world.chain), clock=clock)
