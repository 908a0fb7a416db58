"""What a node shows of a block: its header as bytes, the trie nodes behind accounts and words, the receipts of its transactions.

A node is not believed: the header must hash to the block's hash, and everything else must lie under the header's roots.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import rlp

from ledger_api.chain.rpc import Hint, Node, Refusal, quantity, unhex
from ledger_api.errors import ChainError, NodeInconsistent
from ledger_verify.hashing import keccak
from ledger_verify.header import Header, read_header
from ledger_verify.trie import BrokenProof

Answer = dict[str, Any]

# a header's fields in their order (execution-specs); forks add to the end, and a client leaves out what its chain has not
_FIELDS = (
    "parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom", "difficulty", "number",
    "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce",
)  # fmt: skip
_LATER_FIELDS = ("baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot", "requestsHash")
_QUANTITIES = frozenset({"difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed", "excessBlobGas"})


class NoStateProof(ChainError):
    """The node serves no proof of this block's state (`eth_getProof`): it lacks the method, or keeps that state no longer."""

    code = "no-state-proof"


class HeaderUnknown(ChainError):
    """The block's header has a form that cannot be proven here."""

    code = "header-unknown"


@dataclass(frozen=True, slots=True)
class Block:
    encoded: bytes
    header: Header


def block_at(node: Node, number: int) -> Block:
    """Raises NodeInconsistent, HeaderUnknown, NodeUnreachable, NodeRefused."""
    answer = node.call("eth_getBlockByNumber", quantity(number), False)
    if answer is None:
        raise NodeInconsistent("the node lacks a block below its head", block=number)
    return _block(node, answer, number)


def _block(node: Node, answer: Answer, number: int) -> Block:
    encoded = _header(answer)
    if keccak(encoded) != unhex(answer["hash"]):  # a fork this release does not know: the node may give the bytes
        raw = node.ask("debug_getRawHeader", quantity(number))
        encoded = b"" if isinstance(raw, Refusal) else unhex(raw)
        if keccak(encoded) != unhex(answer["hash"]):
            raise HeaderUnknown(block=number)
    try:
        return Block(encoded, read_header(encoded))
    except BrokenProof as error:
        raise HeaderUnknown(str(error), block=number) from error


def _header(answer: Answer) -> bytes:
    names = (*_FIELDS, *(name for name in _LATER_FIELDS if answer.get(name) is not None))
    return bytes(rlp.encode([_field(name, answer[name]) for name in names]))


def _field(name: str, value: str) -> bytes:
    return minimal(int(value, 16)) if name in _QUANTITIES else unhex(value)


def minimal(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def trie_nodes(node: Node, number: int, wanted: Iterable[tuple[bytes, Sequence[bytes]]]) -> set[bytes]:
    """Every node on the way to these accounts and to the words in them: (address, slots).

    Raises:
        NoStateProof, NodeUnreachable.
    """
    calls = [("eth_getProof", ["0x" + address.hex(), ["0x" + slot.hex() for slot in slots], quantity(number)]) for address, slots in wanted]
    found: set[bytes] = set()
    for answer in node.batch(calls):
        if isinstance(answer, Refusal):
            raise NoStateProof(_saying(answer), block=number)
        found.update(map(unhex, answer["accountProof"]))
        for word in answer["storageProof"]:
            found.update(map(unhex, word["proof"]))
    return found


def _saying(answer: Refusal) -> str | None:
    return None if answer.hint is Hint.OTHER else f"the node refused eth_getProof: {answer.text[:200]}"


def receipts_of(node: Node, block_hash: bytes) -> list[Answer]:
    """Every receipt of a block, in its order. Raises: NodeInconsistent, NodeUnreachable, NodeRefused."""
    answer = node.ask("eth_getBlockReceipts", "0x" + block_hash.hex())
    if isinstance(answer, list):
        return answer
    block = node.call("eth_getBlockByHash", "0x" + block_hash.hex(), False)
    if block is None:
        raise NodeInconsistent("the node lacks a block it had")
    found = node.batch(("eth_getTransactionReceipt", [hash_]) for hash_ in block["transactions"])
    if any(receipt is None or isinstance(receipt, Refusal) for receipt in found):
        raise NodeInconsistent("the node lacks a receipt of a block it has")
    return found
