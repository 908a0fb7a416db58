"""The indexer on a real chain with the real contracts: what it folded is what the contract stores."""

from dataclasses import replace
from pathlib import Path

import pytest

from ledger_api.errors import ContractMissing, FoldMismatch, IntegrityError, ReorgTooDeep, WrongChain
from ledger_api.indexer.following import check, step
from ledger_api.indexer.loop import catch_up, now_utc
from ledger_api.keys import Signer
from ledger_api.rebuild import rebuild
from ledger_verify.codes import Hold, Outcome, Phase, Role
from ledger_verify.hashing import ItemId, claim_holder
from ledger_verify.state import pack_detail
from ledger_verify.transition import Kind
from tests.chain.outbox_world import OutboxWorld
from tests.following import mirror, new_database, passport, statuses, without

pytestmark = pytest.mark.chain
KEY = Signer(bytes(31) + b"\x07")


def lives(world: OutboxWorld) -> list[ItemId]:
    """Two items through everything that sets something aside, and a lot. Blocks come by hand from here on."""
    maison = world.admit("maison", Role.BRAND)
    expert = world.admit("expert", Role.AUTHENTICATOR, accredited_by=maison)
    world.mine_by_hand()
    kept, sold = world.manufacture(maison), world.manufacture(maison)
    world.recall(maison, kept)
    world.accept(maison, kept, Kind.RELEASE, detail=pack_detail(a=Hold.RECALLED))
    world.sell(maison, sold, KEY)
    world.give_verdict(expert, sold)
    world.settle(world.worker(), turns=2)
    world.dispute(expert, sold)
    world.settle(world.worker(later=60), turns=2)
    world.accept(maison, sold, Kind.RULING, detail=pack_detail(a=Outcome.NOT_AUTHENTIC))
    world.accept(maison, sold, Kind.CORRECTION, detail=pack_detail(a=Outcome.AUTHENTIC, time=world.tip(sold).sequence))
    world.accept(maison, sold, Kind.RECOVERY, party=claim_holder(b"\x09" * 20), detail=pack_detail(a=Phase.REQUEST))
    world.settle(world.worker(later=120), turns=2)
    return [kept, sold]


def test_what_is_folded_is_what_the_contract_stores(world: OutboxWorld) -> None:
    items = lives(world)

    told = [passport(world.engine, item) for item in items]

    assert [int(it["word"], 16) for it in told] == [world.word(item) for item in items]
    assert [entry["kind"] for entry in told[1]["story"]] == [
        "manufacture", "sale", "verdict", "dispute", "ruling", "correction", "recovery"
    ]  # fmt: skip
    assert told[1]["verdict"]["outcome"] == "authentic" and told[1]["recovery"]["sequence"] == 7


def test_rebuild_from_the_real_chain_gives_the_same_mirror(world: OutboxWorld) -> None:
    lives(world)
    before, told = mirror(world.engine), statuses(world.engine)

    rebuilt = rebuild(world.following)

    assert rebuilt.unchanged
    assert without(mirror(world.engine), "blocks") == without(before, "blocks")
    assert statuses(world.engine) == told


@pytest.mark.parametrize("depth", [1, 3])
def test_a_reorg_of_the_real_chain_is_undone(world: OutboxWorld, depth: int, tmp_path: Path) -> None:
    maison = world.admit("maison", Role.BRAND)
    world.following = replace(world.following, network=replace(world.following.network, confirmations=10))
    world.mine_by_hand()
    item = world.manufacture(maison)
    world.settle(world.worker(), turns=1)
    for number in range(depth):
        world.serve(maison, item)
        world.settle(world.worker(later=60 * (number + 1)), turns=1)
    assert passport(world.engine, item)["sequence"] == depth + 1

    world.node.call("anvil_reorg", depth, [])
    world.mine()
    progress = step(world.following, now=now_utc())
    world.index()

    assert progress.undone_blocks == depth
    assert passport(world.engine, item)["sequence"] == 1
    assert int(passport(world.engine, item)["word"], 16) == world.word(item)
    assert statuses(world.engine) == [("recorded", None)] + [("accepted", None)] * depth
    twin = new_database(f"sqlite:///{tmp_path}/twin.db")
    catch_up(replace(world.following, engine=twin))
    assert without(mirror(twin), "items", "blocks") == without(mirror(world.engine), "items", "blocks")


def test_a_rolled_back_chain_is_followed_once_it_grows_again(world: OutboxWorld) -> None:
    maison = world.admit("maison", Role.BRAND)
    world.following = replace(world.following, network=replace(world.following.network, confirmations=10))
    world.mine_by_hand()
    item = world.manufacture(maison)
    world.settle(world.worker(), turns=1)
    world.serve(maison, item)
    world.settle(world.worker(later=60), turns=1)

    world.node.call("anvil_rollback", 1)
    world.index()
    world.node.call("anvil_dropAllTransactions")
    world.mine(2)
    world.index()

    assert passport(world.engine, item)["sequence"] == 1


def test_a_reorg_deeper_than_the_final_block_stops_the_indexer(world: OutboxWorld) -> None:
    maison = world.admit("maison", Role.BRAND)
    world.mine_by_hand()
    world.manufacture(maison)
    world.settle(world.worker(), turns=5)
    before = mirror(world.engine)

    world.node.call("anvil_reorg", 4, [])

    with pytest.raises(ReorgTooDeep):
        step(world.following, now=now_utc())
    assert mirror(world.engine) == before


def test_a_chain_that_was_reset_is_refused(world: OutboxWorld) -> None:
    world.admit("maison", Role.BRAND)
    world.index()

    world.node.call("anvil_reset")

    with pytest.raises((WrongChain, ContractMissing)) as refused:
        check(world.following)
    assert isinstance(refused.value, IntegrityError)


def test_the_finalized_tag_decides_where_no_confirmations_are_counted(world: OutboxWorld) -> None:
    maison = world.admit("maison", Role.BRAND)
    world.following = replace(world.following, network=replace(world.following.network, confirmations=0))
    world.mine_by_hand()
    world.manufacture(maison)

    world.settle(world.worker(), turns=3)
    assert statuses(world.engine) == [("recorded", None)]
    world.mine(80)
    world.index()

    assert statuses(world.engine) == [("final", None)]


def test_a_log_that_the_node_left_out_is_noticed(world: OutboxWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    maison = world.admit("maison", Role.BRAND)
    world.mine_by_hand()
    item = world.manufacture(maison)
    world.serve(maison, item)
    worker = world.worker()
    worker.turn()
    world.mine()
    honest = world.node.batch

    def forgetful(calls: object) -> list[object]:
        answers = honest(calls)  # type: ignore[arg-type]
        return [answer[1:] if isinstance(answer, list) and len(answer) == 2 else answer for answer in answers]

    monkeypatch.setattr(world.node, "batch", forgetful)
    with pytest.raises(FoldMismatch):
        world.index()
    monkeypatch.undo()
    world.index()

    assert passport(world.engine, item)["sequence"] == 2
