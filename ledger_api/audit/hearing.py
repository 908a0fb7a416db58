"""What the chain itself says, read by the auditor's own road: nothing here was read, checked or kept by the indexer.

The ledger's logs go into a table of a temporary SQLite database, so that they can be walked in any order without holding
them in memory.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ledger_api.chain.rpc import Hint, Node, Refusal, quantity, unhex
from ledger_api.errors import NodeInconsistent, NodeUnreachable
from ledger_verify import logs as told_by
from ledger_verify.hashing import event_id, keccak
from ledger_verify.wire import UnknownLog, decode_log

_FIRST_SPAN, _WIDEST_SPAN = 1_000, 20_000  # blocks
_MANY_LOGS = 10_000  # in one answer
_CALLS_AT_ONCE = 250
_WORD_CALL = keccak(b"word(bytes32)")[:4].hex()
_SCHEMA = """
CREATE TABLE heard (item, event_id, event_hash, organization, signer, kind, occurred_at, party, detail, payload, extra,
  block_number, block_time, log_index, transaction_hash);
CREATE TABLE refused (hash, block_number);
CREATE TABLE orphans (event_id, item, organization, block_number, transaction_hash);
"""
_KEEP = f"INSERT INTO heard VALUES ({', '.join('?' * 15)})"

Answer = dict[str, Any]


class Pin(NamedTuple):
    """The block as of which everything is said."""

    number: int
    hash: bytes


class Heard(NamedTuple):
    """One `Recorded` log with what its fold needs."""

    item: bytes
    event_id: bytes
    event_hash: bytes
    organization: bytes
    signer: bytes
    kind: int
    occurred_at: int
    party: bytes
    detail: bytes
    payload: bytes
    extra: bytes  # of the log before it: Enrolled's brand and serial commitment, ReleasedByOrder's hold
    block_number: int
    block_time: int
    log_index: int
    transaction_hash: bytes


class Hearing:
    """The temporary database, and the node it is filled from."""

    def __init__(self, node: Node, ledger: bytes, path: Path) -> None:
        self._node, self._ledger = node, shown_address(ledger)
        self.kept = sqlite3.connect(path, isolation_level=None)
        self.kept.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + _SCHEMA)
        self.unreadable: list[str] = []  # logs of the ledger's address that are none of its kinds
        self._before: told_by.Enrolled | told_by.ReleasedByOrder | None = None

    def close(self) -> None:
        self.kept.close()

    def hash_of(self, number: int) -> bytes | None:
        """None when the node has no such block."""
        found = self._node.call("eth_getBlockByNumber", quantity(number), False)
        return None if found is None else unhex(found["hash"])

    def head(self) -> int:
        return int(self._node.call("eth_blockNumber"), 16)

    # --- logs

    def listen(self, from_block: int, pin: Pin) -> int:
        """Every log of the ledger in these blocks, both ends included. Returns how many.

        Raises:
            NodeInconsistent: an answer that does not fit the question, or the chain moved meanwhile.
        """
        count = 0
        for answers, first, last in stretches(self._node, self._ledger, from_block, pin.number):
            count += self._keep(answers, first, last)
        self.kept.execute("CREATE INDEX heard_items ON heard (item, block_number, log_index)")
        self.kept.execute("CREATE INDEX heard_events ON heard (event_id)")
        return count

    def _keep(self, answers: Sequence[Answer], first: int, last: int) -> int:
        placed = {(int(one["blockNumber"], 16), int(one["logIndex"], 16)): one for one in answers}
        if len(placed) != len(answers):
            raise NodeInconsistent("the node answered with one log twice", from_block=first, to_block=last)
        if any(not first <= number <= last or one["address"].lower() != self._ledger for (number, _), one in placed.items()):
            raise NodeInconsistent("the node answered with a log that was not asked for", from_block=first, to_block=last)
        times = self._times({number: one["blockHash"] for (number, _), one in placed.items()})
        rows, refusals = [], []
        for (number, index), log in sorted(placed.items()):
            match self._decoded(number, index, log):
                case told_by.Recorded() as recorded:
                    rows.append(self._row(recorded, (number, times[number], index), unhex(log["transactionHash"])))
                    self._before = None
                case told_by.Enrolled() | told_by.ReleasedByOrder() as before:
                    self._before = before
                case told_by.Refused(event_hash=hashed) | told_by.BatchRefused(batch_hash=hashed):
                    refusals.append((hashed, number))
                case None:
                    pass
        self.kept.execute("BEGIN")
        self.kept.executemany(_KEEP, rows)
        self.kept.executemany("INSERT INTO refused VALUES (?, ?)", refusals)
        self.kept.execute("COMMIT")
        return len(placed)

    def _decoded(self, number: int, index: int, log: Answer) -> told_by.Log | None:
        try:
            return decode_log([unhex(topic) for topic in log["topics"]], unhex(log["data"]))
        except UnknownLog:
            self.unreadable.append(f"log {index} of block {number} is none of the ledger's")
            return None

    def _row(self, told: told_by.Recorded, place: tuple[int, int, int], transaction: bytes) -> Heard:
        number, time, index = place
        extra = b""
        if isinstance(self._before, told_by.Enrolled) and self._before.item == told.item:
            extra = self._before.brand + self._before.serial_commitment
        elif isinstance(self._before, told_by.ReleasedByOrder) and self._before.item == told.item:
            extra = bytes([self._before.hold])
        known = event_id(told.organization, told.item, told.kind, told.occurred_at, told.payload)
        said = (told.signer, told.kind, told.occurred_at, told.party, told.detail.to_bytes(8, "big"), told.payload)
        return Heard(told.item, known, told.event_hash, told.organization, *said, extra, number, time, index, transaction)

    def _times(self, wanted: dict[int, str]) -> dict[int, int]:
        """The blocks' times. Raises: NodeInconsistent, when a log's block is no longer the chain's."""
        times = {}
        for number, answer in self._ask_many((number, ("eth_getBlockByNumber", (quantity(number), False))) for number in wanted):
            if answer is None or answer["hash"] != wanted[number]:
                raise NodeInconsistent("the chain moved while it was read", block=number)
            times[number] = int(answer["timestamp"], 16)
        return times

    # --- state

    def words(self, items: Sequence[bytes], pin: Pin) -> Iterator[tuple[bytes, int]]:
        """Each item's word on chain as of the block."""
        call = "0x" + _WORD_CALL
        questions = ((item, ("eth_call", ({"to": self._ledger, "data": call + item.hex()}, quantity(pin.number)))) for item in items)
        for item, answer in self._ask_many(questions):
            yield item, int(answer, 16)

    def nonces_used(self, relayer: bytes, pin: Pin) -> int:
        return int(self._node.call("eth_getTransactionCount", shown_address(relayer), quantity(pin.number)), 16)

    def senders(self, transactions: Sequence[bytes]) -> dict[bytes, tuple[bytes, int]]:
        """(sender, nonce) by transaction."""
        questions = ((one, ("eth_getTransactionByHash", ("0x" + one.hex(),))) for one in transactions)
        return {one: (unhex(it["from"]), int(it["nonce"], 16)) for one, it in self._ask_many(questions) if it is not None}

    def _ask_many(self, questions: Any) -> Iterator[tuple[Any, Any]]:
        """(name, answer) of named questions, many in a batch."""
        waiting = list(questions)
        for start in range(0, len(waiting), _CALLS_AT_ONCE):
            some = waiting[start : start + _CALLS_AT_ONCE]
            answers = self._node.batch(question for _, question in some)
            for (name, (method, _)), answer in zip(some, answers, strict=True):
                if isinstance(answer, Refusal):
                    raise answer.error(method)
                yield name, answer


def stretches(node: Node, address: str, from_block: int, to_block: int) -> Iterator[tuple[Sequence[Answer], int, int]]:
    """Every log of a contract in these blocks, both ends included, a stretch of blocks at a time: (logs, first block, last block).

    Raises:
        NodeRefused, NodeUnreachable: one block alone is too much for the node.
    """
    first, span = from_block, _FIRST_SPAN
    while first <= to_block:
        last = min(first + span - 1, to_block)
        answer = _ask(node, address, first, last)
        if answer is None:
            span = max(1, (last - first + 1) // 2)
            continue
        yield answer, first, last
        first = last + 1
        span = max(1, span // 2) if len(answer) > _MANY_LOGS else min(_WIDEST_SPAN, span * 2)


def _ask(node: Node, address: str, first: int, last: int) -> Sequence[Answer] | None:
    """None: the node finds these blocks too many, or takes too long over them; ask for fewer."""
    asked = {"fromBlock": quantity(first), "toBlock": quantity(last), "address": address}
    try:
        (answer,) = node.batch([("eth_getLogs", (asked,))])
    except NodeUnreachable:
        if first == last:
            raise
        return None
    if isinstance(answer, Refusal):
        if answer.hint is not Hint.RANGE_TOO_WIDE or first == last:
            raise answer.error("eth_getLogs")
        return None
    told: Sequence[Answer] = answer
    return told


def shown_address(address: bytes) -> str:
    return "0x" + address.hex()
