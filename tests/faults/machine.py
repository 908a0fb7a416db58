"""The state machine: random callers, faults and reorgs against the real service, compared with the book after every step.

One rule with weighted moves instead of many rules: what moves events on comes often, and nothing is switched off for a whole run.
A move that could not take effect (no transaction to drop, no block to reorganize) does nothing and is not counted.
"""

import contextlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ledger_api.audit import audit
from ledger_api.chain.contracts import ledger_at
from ledger_api.domain.fields import rfc3339
from ledger_api.errors import LedgerError
from ledger_verify import hashing
from ledger_verify.codes import Hold, Outcome, Stage
from ledger_verify.logs import Recorded
from ledger_verify.state import state_from_bytes, word
from ledger_verify.wire import decode_log
from tests.faults import model
from tests.faults.model import DEEDS, ITEMS, Book, Told, body_of, doer_of
from tests.faults.modelled import LANES, MOODS, Ground, World

STEPS = ("hold", "check", "follow", "resend", "outbid", "settle", "gather", "save", "send")
MOST_THEFTS, MOST_STANDINGS, MOST_SETTLING = 1, 2, 60
LONG_AGO = 86_400  # events are older than any block, so that no reorg makes one come from the future

_lane = st.sampled_from(LANES)
_few = st.integers(1, 3)
_any = st.integers(0, 999)
# move → (weight, what it is called with)
MOVES: dict[str, tuple[int, st.SearchStrategy[Any]]] = {
    "index": (5, st.sampled_from((1, 1, 2, 100))),
    "accept": (8, st.lists(_any, min_size=1, max_size=6)),
    "repeat": (2, _any),
    "turn": (8, _lane),
    "carry": (4, _lane),
    "kill": (3, st.tuples(_lane, st.sampled_from(STEPS))),
    "unsettle": (3, st.tuples(_lane, st.sampled_from(MOODS))),
    "mine": (5, _few),
    "restart_indexer": (1, st.none()),
    "reorg": (5, st.tuples(st.integers(1, 4), st.booleans())),
    "drop": (2, _any),
    "carry_by_stranger": (3, _any),
    "steal": (1, _lane),
    "wait_past_deadline": (1, st.none()),
    "spike": (1, st.sampled_from((20, 500))),
    "suspend": (1, st.none()),
}
_names = [name for name, (weight, _) in MOVES.items() for _ in range(weight)]
moves = st.sampled_from(_names).flatmap(lambda name: st.tuples(st.just(name), MOVES[name][1]))


class LawBroken(AssertionError):
    """The service and the book disagree."""


class Machine(RuleBasedStateMachine):
    """Set `ground` and `folder` before running; `took_effect` counts over all runs."""

    ground: ClassVar[Ground]
    folder: ClassVar[Path]
    took_effect: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self._open = contextlib.ExitStack()
        self.world: World = self._open.enter_context(self.ground.world(self.folder))
        self.book = Book()
        self.number = 0
        self.item_ids: dict[str, bytes] = {}
        self._undone_before = 0
        self._standings = 0
        self._is_broken = False
        self._moves: dict[str, Callable[[Any], None]] = {name: getattr(self, name) for name in MOVES}

    @rule(move=moves)
    def go(self, move: tuple[str, Any]) -> None:
        name, argument = move
        self._is_broken = True  # until the move and the laws after it say otherwise
        try:
            self._moves[name](argument)
        except LedgerError as error:
            raise LawBroken(f"{name}: {error.code}: {error.message} {error.facts}") from error
        self._is_broken = False

    # --- callers

    def accept(self, picks: list[int]) -> None:
        """What one organization does goes out as one list."""
        deeds = self._chosen(picks)
        while deeds:
            doer = doer_of(*deeds[0])
            mine = [deed for deed in deeds if doer_of(*deed) == doer]
            deeds = [deed for deed in deeds if doer_of(*deed) != doer]
            bodies = [self._body(item, deed) for item, deed in mine]
            for (item, deed), body, result in zip(mine, bodies, self.send(doer, bodies), strict=True):
                self._hear(item, deed, body, result)

    def _chosen(self, picks: list[int]) -> list[tuple[str, str]]:
        """Three of four deeds are such as should be accepted; the fourth is any at all."""
        states = {item: self.book.state(item) for item in ITEMS if self.book.is_settled(item)}
        every = [(item, deed) for item in ITEMS for deed in DEEDS]
        chosen = []
        for pick in picks:
            settled = [(item, deed) for item, deed in every if item in states]
            allowed = [it for it in settled if model.refusal(*it, states[it[0]], is_suspended=self.book.is_suspended) is None]
            candidates = every if pick % 4 == 0 else allowed or every
            item, deed = candidates[pick // 4 * 37 % len(candidates)]
            if (item, deed) in allowed:
                states[item] = model.after(item, deed, states[item])
            chosen.append((item, deed))
        return chosen

    def send(self, member: str, bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return self.world.send(member, bodies)

    def _body(self, item: str, deed: str) -> dict[str, Any]:
        self.number += 1
        return body_of(item, deed, self.number, rfc3339(self.world.began - LONG_AGO + self.number))

    def _hear(self, item: str, deed: str, body: dict[str, Any], result: dict[str, Any]) -> None:
        told = result["reason"]
        if self.book.is_settled(item) and told != (foreseen := self.book.foresee(item, deed)):
            raise LawBroken(f"{deed} of {item}: the door said {told or result['status']}, the book {foreseen or 'accepted'}: {result}")
        if result["status"] == "accepted":
            self.item_ids[item] = bytes.fromhex(result["item"][2:])
            self.book.accept(Told(result["event_id"], item, deed, body))
            self.took_effect["accepted"] += 1
        else:
            self.took_effect["refused at the door"] += 1

    def repeat(self, which: int) -> None:
        """The same event again: the first one's duplicate, unless that was refused."""
        if not self.book.told:
            return
        told = self.book.told[which % len(self.book.told)]
        (result,) = self.send(told.by, [told.body])
        if told.status == "refused":
            if result["status"] == "accepted":
                self.book.accept(Told(result["event_id"], told.item, told.deed, told.body))
                self.took_effect["refused event sent again"] += 1
            return
        if (result["status"], result["event_id"]) != ("duplicate", told.event_id):
            raise LawBroken(f"a repeat of {told} was {result}")
        self.took_effect["event repeated"] += 1

    # --- worker and indexer

    def turn(self, lane: int) -> None:
        self.world.turn(lane)

    def carry(self, lane: int) -> None:
        """All the way of an event, so that much is recorded whatever else happens."""
        self.world.turn(lane)
        self.world.mine()
        self.index(100)

    def kill(self, lane_and_step: tuple[int, str]) -> None:
        lane, step = lane_and_step
        self.world.turn(lane, dies_after=step)
        self.world.time += self.world.settings.lease_seconds

    def unsettle(self, lane_and_mood: tuple[int, str]) -> None:
        lane, self.world.node.mood = lane_and_mood
        self.world.turn(lane)
        self.world.node.mood = ""

    def index(self, steps: int) -> None:
        self.world.index(steps=steps)
        if self.world.is_followed():
            self._compare_words()

    def restart_indexer(self, _: None) -> None:
        self.world.restart_indexer()
        self.world.time += self.world.settings.lease_seconds

    # --- chain and other hands

    def mine(self, blocks: int) -> None:
        self.world.mine(blocks)

    def reorg(self, depth_and_keeps: tuple[int, bool]) -> None:
        depth, keeps = depth_and_keeps
        depth = min(depth, self.world.deepest_reorg())
        if depth > 0:
            self.world.reorg(depth, keeps=keeps)

    def drop(self, which: int) -> None:
        if pooled := self.world.pooled():
            self.world.drop(pooled[which % len(pooled)])

    def carry_by_stranger(self, which: int) -> None:
        """Sometimes what is on its way, sometimes what was mined long ago."""
        found = self.world.pooled() if which % 4 else self.world.landed()
        if found:
            self.world.carry_as_stranger(found[which % len(found)])
            self.world.mine()

    def steal(self, lane: int) -> None:
        if self.world.thefts < MOST_THEFTS:
            self.world.steal_nonce(lane)

    def wait_past_deadline(self, _: None) -> None:
        self.world.took_effect["deadline passed"] += bool(self.world.rows("SELECT 1 FROM batches WHERE status IN ('signed', 'sent')"))
        self.world.time += self.world.settings.batch_deadline_seconds + 61
        self.world.mine()

    def spike(self, gwei: int) -> None:
        self.world.took_effect["base fee spiked"] += bool(self.world.pooled())
        self.world.mine(2, base_fee_wei=gwei * 10**9)

    def suspend(self, _: None) -> None:
        if self._standings < MOST_STANDINGS:
            self._standings += 1
            self.book.is_suspended = not self.book.is_suspended
            self.book.doubt()
            self.world.set_standing("boutique", is_suspended=self.book.is_suspended)

    # --- the laws

    @invariant()
    def every_event_is_where_the_book_says(self) -> None:
        self._is_broken = True
        self._compare_statuses()
        self._compare_histories()
        self._is_broken = False

    def _compare_statuses(self) -> None:
        rows = self.world.rows("SELECT event_id, status, reason FROM events ORDER BY status = 'refused' DESC, id")
        now = {"0x" + bytes(row.event_id).hex(): row for row in rows}
        was_undone = self.world.undone_blocks != self._undone_before
        self._undone_before = self.world.undone_blocks
        arrows = model.ARROWS_AFTER_A_REORG if was_undone else model.ARROWS
        if now.keys() != {told.event_id for told in self.book.told}:
            raise LawBroken(f"{len(now)} events are there, {len(self.book.told)} were accepted")
        for told in self.book.told:
            row = now[told.event_id]
            if row.status not in arrows[told.status]:
                raise LawBroken(f"{told} became {row.status}")
            if row.status == "refused" and not told.is_doubtful:
                raise LawBroken(f"{told} was refused for {row.reason}, and nothing had changed since it was accepted")
            told.status, told.reason = row.status, row.reason

    def _compare_histories(self) -> None:
        by_id = {told.event_id: told for told in self.book.told}
        states = {bytes(row.item): bytes(row.state) for row in self.world.rows("SELECT item, state FROM items")}
        tips = states | {bytes(row.item): bytes(row.state) for row in self.world.rows("SELECT item, state FROM tips")}
        for item, item_id in self.item_ids.items():
            rows = self.world.rows("SELECT sequence, event_id FROM records WHERE item = :item ORDER BY sequence", item=item_id)
            if [row.sequence for row in rows] != list(range(1, len(rows) + 1)):
                raise LawBroken(f"{item} has the sequences {[row.sequence for row in rows]}")
            recorded = [by_id.get("0x" + bytes(row.event_id).hex()) for row in rows]
            live = self.book.live(item)
            if not any(told.is_doubtful for told in live) and recorded != live[: len(rows)]:
                raise LawBroken(f"{item} has {recorded} recorded, and {live} was accepted in this order")
            self._compare_state(item, states.get(item_id), _folded(item, recorded), "recorded")
            if self.book.is_settled(item):
                self._compare_state(item, tips.get(item_id), self.book.state(item), "accepted")

    def _compare_state(self, item: str, stored: bytes | None, expected: model.State, which: str) -> None:
        found = model.State() if stored is None else _plain(stored)
        if found != expected:
            told = [(one.deed, one.status, one.reason, one.is_doubtful) for one in self.book.told if one.item == item]
            raise LawBroken(f"{item} as {which} is {found}, and should be {expected}: {told}")

    def _compare_words(self) -> None:
        """The contract's word of each item is the one the indexer folded."""
        contract = ledger_at(self.world.node, self.world.service.network.ledger)
        for row in self.world.rows("SELECT item, state FROM items WHERE block_number > :floor", floor=self.world.floor):
            if contract.read("word", bytes(row.item))[0] != word(state_from_bytes(bytes(row.state))):
                raise LawBroken(f"the contract has another word for 0x{bytes(row.item).hex()}")

    def _compare_logs(self) -> None:
        """From the node's own logs: each event that was accepted and not refused, once; and nothing else."""
        asked = {"fromBlock": "0x0", "address": "0x" + self.world.service.network.ledger.hex()}
        found: Counter[str] = Counter()
        for log in self.world.node.call("eth_getLogs", asked):
            said = decode_log([bytes.fromhex(topic[2:]) for topic in log["topics"]], bytes.fromhex(log["data"][2:]))
            if isinstance(said, Recorded):
                found["0x" + hashing.event_id(said.organization, said.item, said.kind, said.occurred_at, said.payload).hex()] += 1
        if found != Counter(told.event_id for told in self.book.told if told.status == "final"):
            raise LawBroken(f"the chain has {found}, the book {self.book.told}")

    # --- the end

    def teardown(self) -> None:
        try:
            if not self._is_broken:
                self._settle()
                self.every_event_is_where_the_book_says()
                self._compare_words()
                self._compare_logs()
                self._audit()
        finally:
            type(self).took_effect += self.world.took_effect
            self.took_effect["runs"] += 1
            self._open.close()

    def _audit(self) -> None:
        report = audit(self.world.service, settled=True, patience=0)
        if not report.is_clean:
            raise LawBroken(f"the audit found { ({check.name: check.findings for check in report.checks if check.found}) }")

    def _settle(self) -> None:
        """Faults stop. Everything has its outcome within a minute of blocks, or it is in limbo."""
        for _ in range(MOST_SETTLING):
            for lane in LANES:
                self.turn(lane)
            self.mine(1)
            self.index(100)
            waiting = self.world.rows("SELECT id, status, error FROM events WHERE status IN ('accepted', 'recorded')")
            if not waiting and not self.world.flying() and not self.world.adopt_stolen():
                return
        sent = self.world.rows("SELECT id, nonce, status, sent_block FROM transactions")
        raise LawBroken(f"in limbo: {waiting}, {sent}, {self.world.troubles[-4:]}")


def _folded(item: str, recorded: list[Told | None]) -> model.State:
    try:
        return model.folded(item, [told for told in recorded if told is not None])
    except ValueError as error:
        raise LawBroken(str(error)) from error


def _plain(stored: bytes) -> model.State:
    state = state_from_bytes(stored)
    organizations = {hashing.organization_id(f"did:web:{name}.example"): name for name in ("maison", "verne", "boutique", "expert")}
    holder = "owner" if state.stage == Stage.SOLD else organizations[hashing.OrganizationId(state.holder)]
    return model.State(
        sequence=state.sequence,
        holder=holder,
        is_recalled=bool(state.holds & Hold.RECALLED.bit),
        is_disputed=bool(state.holds & Hold.DISPUTED.bit),
        is_fake=state.verdict == Outcome.NOT_AUTHENTIC,
    )
