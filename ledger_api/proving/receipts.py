"""The receipts of a block as the trie that its header commits to, and the nodes on the way to one of them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import rlp

from ledger_api.chain.rpc import unhex
from ledger_api.errors import NodeInconsistent
from ledger_api.proving.evidence import Answer, minimal
from ledger_verify.hashing import keccak
from ledger_verify.trie import EMPTY_ROOT, encode_number

Node = Any  # an RLP item: bytes, or a list of such items


class Trie(NamedTuple):
    root: bytes
    nodes: list[bytes]


def receipt_trie(receipts: Sequence[Answer], root: bytes) -> Trie:
    """Raises NodeInconsistent when these are not the receipts under that root."""
    made = trie_of({encode_number(place): encode_receipt(receipt) for place, receipt in enumerate(receipts)})
    if made.root != root:
        raise NodeInconsistent("the receipts are not those of the block")
    return made


def encode_receipt(receipt: Answer) -> bytes:
    logs = [[unhex(log["address"]), [unhex(topic) for topic in log["topics"]], unhex(log["data"])] for log in receipt["logs"]]
    status, gas = int(receipt["status"], 16), int(receipt["cumulativeGasUsed"], 16)
    body = rlp.encode([minimal(status), minimal(gas), unhex(receipt["logsBloom"]), logs])
    kind = int(receipt.get("type") or "0x0", 16)
    return bytes([kind]) + body if kind else bytes(body)


def trie_of(values: Mapping[bytes, bytes]) -> Trie:
    """A Merkle-Patricia trie over these keys, its nodes those that have a hash."""
    nodes: list[bytes] = []
    if not values:
        return Trie(EMPTY_ROOT, nodes)
    top = rlp.encode(_node([(key.hex(), value) for key, value in sorted(values.items())], nodes))
    return Trie(keccak(top), [*nodes, top])


def _node(entries: Sequence[tuple[str, bytes]], nodes: list[bytes]) -> Node:
    """The node over (rest of the path, value); at least one."""
    if len(entries) == 1:
        path, value = entries[0]
        return [_path(path, is_leaf=True), value]
    shared = _shared(entries[0][0], entries[-1][0])
    if shared:
        below = [(path[len(shared) :], value) for path, value in entries]
        return [_path(shared, is_leaf=False), _reference(_node(below, nodes), nodes)]
    branch: list[Node] = [b""] * 17
    for path, value in entries:
        if not path:
            branch[16] = value
    for nibble in range(16):
        below = [(path[1:], value) for path, value in entries if path.startswith(f"{nibble:x}")]
        if below:
            branch[nibble] = _reference(_node(below, nodes), nodes)
    return branch


def _reference(node: Node, nodes: list[bytes]) -> Node:
    """Short nodes stand in their parent, others are named by their hash."""
    encoded = rlp.encode(node)
    if len(encoded) < 32:
        return node
    nodes.append(encoded)
    return keccak(encoded)


def _path(nibbles: str, *, is_leaf: bool) -> bytes:
    flag = 2 * is_leaf + len(nibbles) % 2
    return bytes.fromhex(f"{flag:x}{'' if len(nibbles) % 2 else '0'}{nibbles}")


def _shared(first: str, last: str) -> str:
    """Of a sorted list, what the first and last path share, all share."""
    length = next((place for place, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), min(len(first), len(last)))
    return first[:length]
