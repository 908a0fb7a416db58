"""A node that answers for logs with silence: the block's own header says whether to believe it."""

import pytest
from sqlalchemy import Engine

from ledger_api.errors import NodeInconsistent
from ledger_api.indexer.blooms import mask_of, may_contain
from ledger_api.indexer.following import check, step
from ledger_api.indexer.loop import catch_up
from ledger_api.indexer.source import Source
from ledger_verify.hashing import keccak
from tests.fake_chain import LEDGER, RECORDED, REGISTRY, FakeBlock, FakeChain, World
from tests.following import NOW, clock, following, value


def a_block_with_a_birth(world: World, engine: Engine) -> None:
    """The member is known already; the newest block has nothing but the birth."""
    maison = world.admit("did:web:maison.example", "Maison")
    world.mine()
    catch_up(following(engine, world.chain), clock=clock)
    world.manufacture(maison, "S-1")
    world.mine()


def test_a_bloom_holds_three_bits_of_each_value_s_hash() -> None:
    # the values of go-ethereum core/types/bloom9_test.go
    bloom = (mask_of(b"testtest") | mask_of(b"hallo")).to_bytes(256, "big")
    digest = keccak(b"testtest")
    bits = [int.from_bytes(digest[place : place + 2], "big") & 2047 for place in (0, 2, 4)]

    assert may_contain(bloom, [b"testtest"]) and may_contain(bloom, [b"lo", b"hallo"])
    assert not may_contain(bloom, [b"tes", b"lo"])
    assert sorted(bit for bit in range(2048) if mask_of(b"testtest") >> bit & 1) == sorted(set(bits))


@pytest.mark.parametrize("has_receipts", [True, False])
def test_silence_about_a_block_whose_bloom_speaks_of_us_is_not_believed(world: World, engine: Engine, has_receipts: bool) -> None:
    a_block_with_a_birth(world, engine)
    indexer, world.chain.has_receipts = following(engine, world.chain), has_receipts
    mutes = _MuteOnce(world.chain)

    with pytest.raises(NodeInconsistent):
        step(following(engine, mutes), now=NOW)
    assert mutes.silences == 1
    assert value(engine, "SELECT count(*) FROM records") == 0

    catch_up(indexer, clock=clock)
    assert value(engine, "SELECT count(*) FROM records") == 1


class _MuteOnce(FakeChain):
    """Knows every block, and says of its logs nothing the first time it is asked."""

    def __init__(self, chain: FakeChain) -> None:
        self.__dict__.update(chain.__dict__)
        self.silences = 0

    def _logs(self, asked: dict[str, object]) -> object:
        if self.silences == 0 and "blockHash" in asked:
            self.silences += 1
            return []
        return super()._logs(asked)


def test_a_node_that_stays_silent_is_never_believed_while_the_receipts_speak(world: World, engine: Engine) -> None:
    a_block_with_a_birth(world, engine)
    world.chain.is_mute = True
    indexer = following(engine, world.chain)

    for _ in range(3):
        with pytest.raises(NodeInconsistent):
            step(indexer, now=NOW)

    assert value(engine, "SELECT next_block FROM chain_cursor") == 2


@pytest.mark.parametrize("has_receipts", [True, False])
def test_a_bloom_that_speaks_of_us_by_chance_does_not_hold_the_indexer_up(world: World, engine: Engine, has_receipts: bool) -> None:
    world.admit("did:web:maison.example", "Maison")
    world.mine()
    world.chain.strangers, world.chain.has_receipts = [LEDGER, REGISTRY, RECORDED], has_receipts
    world.mine(5)

    catch_up(following(engine, world.chain), clock=clock)

    assert value(engine, "SELECT next_block FROM chain_cursor") == 7


def test_a_bloom_of_other_contracts_asks_for_nothing_more(world: World, engine: Engine) -> None:
    world.chain.strangers = [b"\x44" * 20, keccak(b"Transfer(address,address,uint256)")]
    world.mine(5)
    indexer = following(engine, world.chain)
    check(indexer)
    world.chain.calls = 0

    step(indexer, now=NOW)

    assert world.chain.calls == 1 + 5 + 5  # head, headers, logs


def test_a_log_told_twice_is_not_believed(world: World, engine: Engine) -> None:
    world.admit("did:web:maison.example", "Maison")
    height = world.mine()
    world.chain.blocks[height].logs.append(world.chain.blocks[height].logs[0])
    indexer = following(engine, world.chain)
    check(indexer)

    with pytest.raises(NodeInconsistent):
        step(indexer, now=NOW)


@pytest.mark.parametrize(
    "told", [lambda logs: [], lambda logs: logs[1:], lambda logs: logs[:-1]], ids=["silence", "first missing", "last missing"]
)
def test_a_range_that_leaves_logs_out_hides_nothing(world: World, engine: Engine, told: object) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    for number in range(4):
        world.manufacture(maison, f"S-{number}")
        world.mine(20)
    world.mine(60)
    forgets = _Forgetful(world.chain, told)

    catch_up(following(engine, forgets), clock=clock)

    assert forgets.left_out > 0
    assert value(engine, "SELECT count(*) FROM records") == 4


def test_a_far_block_that_is_silent_under_its_hash_is_not_believed_without_a_bloom(world: World, engine: Engine) -> None:
    maison = world.admit("did:web:maison.example", "Maison")
    world.mine()
    world.manufacture(maison, "S-1")
    world.mine(100)
    catch_up(following(engine, world.chain), clock=clock)
    births = value(engine, "SELECT count(*) FROM records")
    mutes = _MuteWithoutBlooms(world.chain)

    with pytest.raises(NodeInconsistent, match="fewer logs"):
        Source(mutes, REGISTRY, LEDGER).far_stretch(1, 60)  # type: ignore[arg-type]  # the fake is a node

    assert (births, mutes.silences) == (1, 1)
    assert len(Source(mutes, REGISTRY, LEDGER).far_stretch(1, 60).logs) > 1  # type: ignore[arg-type]  # the fake is a node


class _Forgetful(FakeChain):
    """Answers every range without some of its logs; what a block holds it tells truly."""

    def __init__(self, chain: FakeChain, told: object) -> None:
        self.__dict__.update(chain.__dict__)
        self.told, self.left_out = told, 0

    def _logs(self, asked: dict[str, object]) -> object:
        logs = super()._logs(asked)
        if "blockHash" in asked or not isinstance(logs, list):
            return logs
        shown = self.told(logs)  # type: ignore[operator]  # a function of lists
        self.left_out += len(logs) - len(shown)
        return shown


class _MuteWithoutBlooms(_MuteOnce):
    """The same on a client that keeps no blooms: only the range tells that there is more."""

    def _bloom(self, block: FakeBlock) -> int:
        return 0
