"""How the audit reads a chain, and what it says of one that no honest contract could have written."""

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from ledger_api.audit.acceptance import Acceptance
from ledger_api.audit.hearing import Hearing, Pin
from ledger_api.audit.histories import Histories
from ledger_api.audit.journeys import Journeys, found_again
from ledger_api.audit.report import MOST_FINDINGS, Check, Report
from ledger_api.audit.side_by_side import side_by_side
from ledger_api.chain.rpc import Refusal
from ledger_api.errors import NodeInconsistent, NodeRefused, NodeUnreachable
from ledger_api.indexer.loop import catch_up
from ledger_api.store.engine import reading
from ledger_verify.codes import Kind
from ledger_verify.hashing import Head, event_hash
from ledger_verify.state import Terms, word
from tests.fake_chain import FIRST_TIME, LEDGER, FakeChain, Member, World
from tests.following import clock, following


class WordyChain(FakeChain):
    """Also answers for the items' words, as the twin of the transition has them; tells logs as `retell` changes them."""

    def __init__(self) -> None:
        super().__init__()
        self.words: dict[bytes, int] = {}
        self.retell: Any = lambda logs: logs

    def _answer(self, method: str, *params: Any) -> Any:
        if method == "eth_call":
            return hex(self.words[bytes.fromhex(params[0]["data"][10:])])
        answer = super()._answer(method, *params)
        if method == "eth_getLogs" and not isinstance(answer, Refusal):
            return self.retell([log for log in answer if log["address"] in params[0]["address"]])
        return answer


@pytest.fixture
def world(engine: Engine) -> World:
    return World(WordyChain(), engine)


@pytest.fixture
def maison(world: World) -> Member:
    return world.admit("did:web:maison.example", "Maison")


def heard(world: World, path: Path) -> tuple[Hearing, Pin]:
    chain = world.chain
    assert isinstance(chain, WordyChain)
    chain.words = {item: word(state) for item, state in world.states.items()}
    newest = chain.blocks[-1]
    hearing = Hearing(chain, LEDGER, path / "heard.db")  # type: ignore[arg-type]  # the fake is a node
    pin = Pin(newest.number, newest.hash)
    hearing.listen(1, pin)
    return hearing, pin


def accepted(engine: Engine, hearing: Hearing, *, holds: bool = False) -> tuple[Report, dict[str, list[str]]]:
    report = Report(31337, 1, bytes(32))
    with reading(engine) as connection:
        checks = Acceptance(connection, hearing, report, final_block=0, holds=lambda _: holds).checked()
    return report, {check.name: check.findings for check in checks if check.found}


def folded(engine: Engine, hearing: Hearing, pin: Pin) -> dict[str, list[str]]:
    with reading(engine) as connection:
        checks = Histories(connection, hearing, pin, Terms()).checked()
    return {check.name: check.findings for check in checks if check.found}


def test_every_log_is_heard_though_the_node_refuses_wide_ranges(world: World, maison: Member, tmp_path: Path) -> None:
    for number in range(40):
        world.manufacture(maison, f"S-{number}")
        world.mine(3)
    world.chain.range_limit = 7

    hearing, _ = heard(world, tmp_path)

    assert hearing.kept.execute("SELECT count(*), count(DISTINCT item) FROM heard").fetchone() == (40, 40)


def test_a_node_that_refuses_single_blocks_is_believed(world: World, maison: Member, tmp_path: Path) -> None:
    world.manufacture(maison, "S-1")
    world.mine()
    world.chain.refuses_ranges = True

    with pytest.raises(NodeRefused):
        heard(world, tmp_path)


class SlowChain(WordyChain):
    """A node that does not answer in time for more than so many blocks."""

    quick_blocks = 5

    def _answer(self, method: str, *params: Any) -> Any:
        if method == "eth_getLogs" and "fromBlock" in params[0]:
            asked = int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1
            if asked > self.quick_blocks:
                raise NodeUnreachable
        return super()._answer(method, *params)


def test_a_node_that_is_slow_over_many_blocks_is_asked_for_fewer(engine: Engine, tmp_path: Path) -> None:
    world = World(SlowChain(), engine)
    maison = world.admit("did:web:maison.example", "Maison")
    for number in range(20):
        world.manufacture(maison, f"S-{number}")
        world.mine(3)

    hearing, _ = heard(world, tmp_path)

    assert hearing.kept.execute("SELECT count(*) FROM heard").fetchone() == (20,)


def test_a_node_that_is_away_is_said_to_be(engine: Engine, tmp_path: Path) -> None:
    world = World(SlowChain(), engine)
    world.mine(3)
    world.chain.quick_blocks = 0  # type: ignore[attr-defined]  # a SlowChain

    with pytest.raises(NodeUnreachable):
        heard(world, tmp_path)


@pytest.mark.parametrize(
    "lie",
    [
        lambda logs: [*logs, *logs[:1]],
        lambda logs: [{**log, "blockNumber": "0xfff"} for log in logs],
        lambda logs: [{**log, "address": "0x" + "cc" * 20} for log in logs],
        lambda logs: [{**log, "blockHash": "0x" + "cc" * 32} for log in logs],
    ],
    ids=["twice", "outside the range", "another contract's", "of another block"],
)
def test_an_answer_that_does_not_fit_the_question_stops_the_audit(lie: Any, world: World, maison: Member, tmp_path: Path) -> None:
    world.manufacture(maison, "S-1")
    world.mine()
    assert isinstance(world.chain, WordyChain)
    world.chain.retell = lie

    with pytest.raises(NodeInconsistent):
        heard(world, tmp_path)


def test_an_event_recorded_twice_is_found_and_counted(world: World, maison: Member, engine: Engine, tmp_path: Path) -> None:
    bag = world.manufacture(maison, "S-1")
    for _ in range(3):
        world.record(maison, bag, Kind.SERVICE, payload={"description": "polished"}, occurred_at=FIRST_TIME + 5)
    world.mine()
    hearing, _ = heard(world, tmp_path)

    report, findings = accepted(engine, hearing)

    assert report.duplicated == 2
    assert "is recorded 3 times" in findings["no event is recorded twice"][0]


def test_events_of_others_are_counted_and_those_under_our_keys_are_findings(
    world: World, maison: Member, engine: Engine, tmp_path: Path
) -> None:
    world.manufacture(maison, "S-1")
    world.mine()
    hearing, _ = heard(world, tmp_path)

    foreign, nothing = accepted(engine, hearing)
    _, findings = accepted(engine, hearing, holds=True)

    assert (foreign.foreign, nothing) == (1, {})
    assert "a key that we hold" in findings["nothing is recorded that nobody sent"][0]


def test_logs_that_give_what_the_database_has_are_no_finding(world: World, maison: Member, engine: Engine, tmp_path: Path) -> None:
    bag = world.manufacture(maison, "S-1")
    world.record(maison, bag, Kind.SERVICE, payload=None)
    enrolled = world.enrol(maison, maison.id, "S-2", bytes(19) + b"\x07")
    world.record(maison, enrolled, Kind.HOLD, a=3)
    world.record(maison, enrolled, Kind.RELEASE, a=3, by_order=True)
    world.mine()
    catch_up(following(engine, world.chain), clock=clock)
    hearing, pin = heard(world, tmp_path)

    assert folded(engine, hearing, pin) == {}
    assert hearing.kept.execute("SELECT count(*) FROM heard WHERE length(extra) IN (1, 64)").fetchone() == (2,)


def test_a_log_that_does_not_follow_the_one_before_it_is_found(world: World, maison: Member, engine: Engine, tmp_path: Path) -> None:
    bag = world.manufacture(maison, "S-1")
    world.mine()
    catch_up(following(engine, world.chain), clock=clock)
    event = world.record(maison, bag, Kind.SERVICE, payload=None)
    elsewhere = replace(event, head=Head(b"\x07" * 32))
    world.chain._pending.clear()
    world.emit_recorded(maison, elsewhere, event_hash(elsewhere))
    world.mine()
    hearing, pin = heard(world, tmp_path)

    findings = folded(engine, hearing, pin)

    assert "does not follow the one before it" in findings["heads follow the logs"][0]


def test_a_log_of_no_known_kind_is_found(world: World, maison: Member, engine: Engine, tmp_path: Path) -> None:
    world.chain.emit(LEDGER, [b"\x01" * 32, b"\x02" * 32], b"")
    world.mine()
    hearing, pin = heard(world, tmp_path)

    assert "none of the ledger's" in folded(engine, hearing, pin)["heads follow the logs"][0]


def test_findings_are_counted_beyond_those_that_are_kept() -> None:
    check = Check("promise")

    for number in range(MOST_FINDINGS + 7):
        check.find(str(number))

    assert (check.found, len(check.findings)) == (MOST_FINDINGS + 7, MOST_FINDINGS)


def test_only_what_a_second_look_finds_again_is_a_finding() -> None:
    first, second = (Journeys([Check("lanes"), Check("tips")], lost=lost) for lost in (1, 0))
    first.checks[0].find("nonce 4 is missing")
    first.checks[0].find("nonce 9 is missing")
    first.checks[1].find("a tip of a moment")
    second.checks[0].find("nonce 9 is missing")

    found = found_again(first, second)

    assert [(check.found, check.findings) for check in found.checks] == [(1, ["nonce 9 is missing"]), (0, [])]
    assert found.lost == 0


def test_streams_are_walked_key_by_key() -> None:
    left, right = [(b"a", 1), (b"a", 2), (b"c", 3)], [(b"b", 4), (b"c", 5)]

    walked = list(side_by_side(left, right))

    assert walked == [(b"a", [[(b"a", 1), (b"a", 2)], []]), (b"b", [[], [(b"b", 4)]]), (b"c", [[(b"c", 3)], [(b"c", 5)]])]


def test_what_was_heard_lies_in_a_file_that_goes_with_the_audit(world: World, maison: Member, tmp_path: Path) -> None:
    world.manufacture(maison, "S-1")
    world.mine()
    hearing, _ = heard(world, tmp_path)

    hearing.close()

    with pytest.raises(sqlite3.ProgrammingError):
        hearing.kept.execute("SELECT 1")
