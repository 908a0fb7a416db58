"""What a node says of our two contracts, checked as far as it can be: blocks that link, logs that were asked for.

Logs are asked by block hash: a lagging replica answers a range with silence, but has to refuse a hash it does not know (EIP-234).
Far behind the head a range and the blocks' blooms say which blocks have any. Near it every block is asked, and because some nodes
answer even a hash with silence, one whose bloom speaks of our contracts while no log came is looked at again, receipt by receipt.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from ledger_api.chain.deploy import genesis_hash
from ledger_api.chain.rpc import Hint, Node, Refusal, quantity, unhex
from ledger_api.errors import NodeInconsistent, NodeRefused
from ledger_api.indexer.blooms import may_contain
from ledger_api.indexer.registry import TOPICS as REGISTRY_TOPICS
from ledger_api.indexer.registry import since_named
from ledger_api.store.following import Block
from ledger_verify import wire
from ledger_verify.hashing import keccak

Answer = dict[str, Any]
HEADERS_AT_ONCE = 200
_LEDGER_TOPICS = (wire.RECORDED, wire.REFUSED, wire.BATCH_REFUSED)  # no other log comes without one of these


class Log(NamedTuple):
    address: bytes
    topics: tuple[bytes, ...]
    body: bytes
    block_number: int
    block_hash: bytes
    log_index: int
    transaction_hash: bytes


class Stretch(NamedTuple):
    """Consecutive blocks, both ends included, and every log of ours in them, in the chain's order.

    `blocks` has those with logs and the last one; all of them near the head. `named` are blocks, further down mostly, that a log speaks
    of: since which a key is compromised.
    """

    from_block: int
    to_block: int
    blocks: list[Block]
    logs: list[Log]
    named: Sequence[Block] = ()


class Identity(NamedTuple):
    chain_id: int
    genesis_hash: bytes
    code_hash: bytes | None  # over both contracts; None: at least one has no code


class RangeTooWide(Exception):
    """The node does not answer for so many blocks at once."""


@dataclass(frozen=True, slots=True)
class Source:
    node: Node
    registry: bytes
    ledger: bytes

    def identity(self) -> Identity:
        calls: list[tuple[str, tuple[str, ...]]] = [("eth_chainId", ())]
        calls += [("eth_getCode", (_hex(address), "latest")) for address in (self.registry, self.ledger)]
        chain_id, *codes = _results(self.node.batch(calls), "eth_getCode")
        hashes = [keccak(unhex(code)) for code in codes if code != "0x"]
        return Identity(int(chain_id, 16), genesis_hash(self.node), keccak(b"".join(hashes)) if len(hashes) == 2 else None)

    def head(self) -> Block:
        return _block(_found(self.node.call("eth_getBlockByNumber", "latest", False)))

    def finalized(self) -> int:
        return _block(_found(self.node.call("eth_getBlockByNumber", "finalized", False))).number

    def blocks(self, numbers: Iterable[int]) -> list[Block | None]:
        """None where the node has no block of that number."""
        answers = self.node.batch(("eth_getBlockByNumber", (quantity(number), False)) for number in numbers)
        return [None if answer is None else _block(answer) for answer in _results(answers, "eth_getBlockByNumber")]

    def far_stretch(self, from_block: int, to_block: int) -> Stretch:
        """Of blocks that no longer change. A range only hints at the blocks to look at: a node may answer it with silence, or leave a
        log out. What a block holds is asked by its hash, of every block that the range or its own bloom speaks of.

        Raises:
            RangeTooWide: ask for fewer blocks.
            NodeInconsistent: the node that answered does not have the range, or answered something else.
        """
        hinted = Counter(log.block_number for log in _in_order(self._range(from_block, to_block), from_block, to_block))
        blocks: list[Block] = []
        logs: list[Log] = []
        for first in range(from_block, to_block + 1, HEADERS_AT_ONCE):
            headers = self._headers(first, min(first + HEADERS_AT_ONCE - 1, to_block))
            speaking = [header for header in headers if int(header["number"], 16) in hinted or self._speaks_of_more(header, ())]
            for header, told in zip(speaking, self._logs_by_hash(speaking), strict=True):
                if len(told) < hinted[int(header["number"], 16)]:
                    raise NodeInconsistent("the node tells fewer logs of a block than of its range", block=int(header["number"], 16))
                if told:
                    blocks.append(_block(header))
                logs += told
        if not blocks or blocks[-1].number != to_block:
            blocks.append(_block(headers[-1]))
        return _checked(Stretch(from_block, to_block, blocks, logs, self._named(logs)))

    def _named(self, logs: Iterable[Log]) -> list[Block]:
        """Raises NodeInconsistent: the node lacks one."""
        spoken_of = {since_named(log.topics, log.body) for log in logs if log.address == self.registry}
        numbers = sorted(number for number in spoken_of if number is not None)
        return _all_there(self.blocks(numbers)) if numbers else []

    def _range(self, from_block: int, to_block: int) -> list[Log]:
        asked = {"fromBlock": quantity(from_block), "toBlock": quantity(to_block), "address": self._addresses()}
        # the last block first, in one batch: a replica that has it has what is below it
        last, found = self.node.batch([("eth_getBlockByNumber", (quantity(to_block), False)), ("eth_getLogs", (asked,))])
        if isinstance(found, Refusal) and found.hint is not Hint.BEHIND:
            raise RangeTooWide  # each host words its limit its own way; what was meant otherwise is met again at a single block
        last, found = _results([last, found], "eth_getLogs")
        _found(last)
        return self._logs(found)

    def _headers(self, from_block: int, to_block: int) -> list[Answer]:
        """Raises NodeInconsistent: one is missing, or they do not link."""
        asked = (("eth_getBlockByNumber", (quantity(number), False)) for number in range(from_block, to_block + 1))
        headers = [_found(answer) for answer in _results(self.node.batch(asked), "eth_getBlockByNumber")]
        for below, above in pairwise(headers):
            if above["parentHash"] != below["hash"]:
                raise NodeInconsistent("the chain moved while it was read", block=int(above["number"], 16))
        return headers

    def _logs_by_hash(self, headers: Sequence[Answer]) -> list[list[Log]]:
        """Of each block, in order. Raises NodeInconsistent: a block has logs of ours that were not told."""
        answers = self.node.batch(("eth_getLogs", (self._logs_of(_block(header)),)) for header in headers)
        told = [self._logs(found) for found in _results(answers, "eth_getLogs")]
        for header, logs in zip(headers, told, strict=True):
            if self._speaks_of_more(header, logs):
                self._prove_silence(_block(header), logs)
        return told

    def near_stretch(self, from_block: int, to_block: int) -> Stretch:
        """By block hash, for blocks that may still change.

        Raises:
            NodeInconsistent: the blocks do not link, because the chain moved meanwhile.
        """
        headers = self._headers(from_block, to_block)
        logs = [log for told in self._logs_by_hash(headers) for log in told]
        return _checked(Stretch(from_block, to_block, [_block(header) for header in headers], logs, self._named(logs)))

    def _logs_of(self, block: Block) -> Answer:
        return {"blockHash": _hex(block.hash), "address": self._addresses()}

    def _speaks_of_more(self, header: Answer, logs: Sequence[Log]) -> bool:
        """Does the block's bloom speak of one of our contracts, of which no log came?"""
        bloom = header.get("logsBloom")
        if not bloom:
            return False  # a client that keeps none
        bits, heard = unhex(bloom), {log.address for log in logs}
        expected = ((self.ledger, _LEDGER_TOPICS), (self.registry, REGISTRY_TOPICS))
        return any(address not in heard and may_contain(bits, [address]) and may_contain(bits, topics) for address, topics in expected)

    def _prove_silence(self, block: Block, logs: Sequence[Log]) -> None:
        """A bloom may speak of us by chance; the block's receipts tell. A node without them is asked for the logs once more.

        Raises:
            NodeInconsistent: there are more logs of ours, or the node that answered does not have the block.
        """
        asked = [
            ("eth_getBlockByHash", (_hex(block.hash), False)),
            ("eth_getBlockReceipts", (_hex(block.hash),)),
            ("eth_getLogs", (self._logs_of(block),)),
        ]
        header, receipts, again = self.node.batch(asked)
        if not isinstance(header, dict) or receipts is None or not isinstance(again, list):
            raise NodeInconsistent("the node lacks a block below its head", block=block.number)
        found = again if isinstance(receipts, Refusal) else [log for receipt in receipts for log in receipt["logs"]]
        ours = [log for log in found if unhex(log["address"]) in (self.ledger, self.registry)]
        if len(ours) != len(logs):
            raise NodeInconsistent("the node left logs out that the block's receipts have", block=block.number)

    def _addresses(self) -> list[str]:
        return [_hex(self.registry), _hex(self.ledger)]

    def _logs(self, found: Iterable[Answer]) -> list[Log]:
        logs = [_log(answer) for answer in found if not answer.get("removed")]
        if any(log.address != self.ledger and log.address != self.registry for log in logs):
            raise NodeInconsistent("the node answered with another contract's log")
        return logs


def _in_order(logs: Iterable[Log], from_block: int, to_block: int) -> list[Log]:
    """As the chain has them. Raises NodeInconsistent: a log outside the blocks, or one log twice."""
    ordered = sorted(logs, key=lambda log: (log.block_number, log.log_index))
    for log in ordered:
        if not from_block <= log.block_number <= to_block:
            raise NodeInconsistent("the node answered with a log outside the blocks asked for", block=log.block_number)
    for earlier, later in pairwise(ordered):
        if (earlier.block_number, earlier.log_index) == (later.block_number, later.log_index):
            raise NodeInconsistent("the node answered with one log twice", block=later.block_number)
    return ordered


def _checked(stretch: Stretch) -> Stretch:
    logs = _in_order(stretch.logs, stretch.from_block, stretch.to_block)
    hashes = {block.number: block.hash for block in stretch.blocks}
    for log in logs:
        if hashes.get(log.block_number) != log.block_hash:
            raise NodeInconsistent("the chain moved while it was read", block=log.block_number)
    return stretch._replace(logs=logs)


def _results(answers: Sequence[Any], method: str) -> list[Any]:
    for answer in answers:
        if isinstance(answer, Refusal):
            raise answer.error(method)
    return list(answers)


def _all_there(blocks: Iterable[Block | None]) -> list[Block]:
    found = []
    for block in blocks:
        if block is None:
            raise NodeInconsistent("the node lacks a block below its head")
        found.append(block)
    return found


def _found(answer: Answer | None) -> Answer:
    if answer is None:
        raise NodeInconsistent("the node lacks a block below its head")
    return answer


def _block(answer: Answer) -> Block:
    try:
        return Block(int(answer["number"], 16), unhex(answer["hash"]), unhex(answer["parentHash"]), int(answer["timestamp"], 16))
    except (KeyError, TypeError, ValueError) as error:
        raise NodeRefused("the node answered something that is not a block") from error


def _log(answer: Answer) -> Log:
    return Log(
        address=unhex(answer["address"]),
        topics=tuple(map(unhex, answer["topics"])),
        body=unhex(answer["data"]),
        block_number=int(answer["blockNumber"], 16),
        block_hash=unhex(answer["blockHash"]),
        log_index=int(answer["logIndex"], 16),
        transaction_hash=unhex(answer["transactionHash"]),
    )


def _hex(octets: bytes) -> str:
    return "0x" + octets.hex()
