"""RLP and Merkle-Patricia proofs, strictly: one encoding for each value, every node found by its own hash.

What Ethereum's accounts, storage and receipts are kept in. Bytes in, values out; whatever does not fit is a `BrokenProof`.
"""

from collections.abc import Iterable
from typing import TypeAlias

from ledger_verify.hashing import keccak

Item: TypeAlias = "bytes | list[Item]"

EMPTY_ROOT = keccak(b"\x80")
_DEEPEST = 16  # no header, node or receipt nests as deeply; hostile bytes may


class BrokenProof(ValueError):
    """These bytes are not what they have to be."""


# --- RLP


def decode_rlp(encoded: bytes) -> Item:
    """Raises BrokenProof for anything but the one encoding of a value."""
    value, end = _item(encoded, 0, len(encoded), 0)
    if end != len(encoded):
        raise BrokenProof("bytes follow the value")
    return value


def decode_list(encoded: bytes) -> list[Item]:
    """Raises BrokenProof."""
    value = decode_rlp(encoded)
    if isinstance(value, bytes):
        raise BrokenProof("expected a list")
    return value


def plain(value: Item, size: int | None = None) -> bytes:
    """Raises BrokenProof for a list, or another size."""
    if not isinstance(value, bytes) or (size is not None and len(value) != size):
        raise BrokenProof("expected a string" if size is None else f"expected {size} bytes")
    return value


def number(value: Item, most_bytes: int = 32) -> int:
    """Raises BrokenProof for leading zeros, which no number has."""
    digits = plain(value)
    if len(digits) > most_bytes or digits[:1] == b"\0":
        raise BrokenProof("not a number in its shortest form")
    return int.from_bytes(digits, "big")


def encode_number(value: int) -> bytes:
    """The RLP of a number below 2^64: the key of a receipt."""
    if value < 0x80:
        return bytes([value]) if value else b"\x80"
    digits = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes([0x80 + len(digits)]) + digits


def _item(encoded: bytes, start: int, end: int, depth: int) -> tuple[Item, int]:
    if start >= end or depth > _DEEPEST:
        raise BrokenProof("the value is cut short, or nests too deeply")
    prefix = encoded[start]
    if prefix < 0x80:
        return encoded[start : start + 1], start + 1
    is_list = prefix >= 0xC0
    first, last = _content(encoded, start, end, 0xC0 if is_list else 0x80)
    if not is_list:
        if last - first == 1 and encoded[first] < 0x80:
            raise BrokenProof("a byte that stands for itself has a prefix")
        return encoded[first:last], last
    items: list[Item] = []
    while first < last:
        value, first = _item(encoded, first, last, depth + 1)
        items.append(value)
    return items, last


def _content(encoded: bytes, start: int, end: int, base: int) -> tuple[int, int]:
    """Where what follows a prefix begins and ends."""
    length = encoded[start] - base
    first = start + 1
    if length > 55:
        digits = encoded[first : first + length - 55]
        first += length - 55
        length = int.from_bytes(digits, "big")
        if first > end or digits[0] == 0 or length <= 55:
            raise BrokenProof("a length is not in its shortest form")
    if first + length > end:
        raise BrokenProof("the value is cut short")
    return first, first + length


# --- Merkle-Patricia tries


class Nodes:
    """The nodes of one or more tries, found by hash. Every one has to be needed: `require_used` refuses the rest."""

    def __init__(self, nodes: Iterable[bytes]) -> None:
        self._nodes = {keccak(node): node for node in nodes}
        self._used: set[bytes] = set()

    def used(self) -> list[bytes]:
        """Those that were needed so far, rising by their bytes."""
        return sorted(self._nodes[digest] for digest in self._used)

    def unused(self) -> int:
        return len(self._nodes) - len(self._used)

    def find(self, root: bytes, key: bytes) -> bytes | None:
        """What a trie stores under a key; None: it provably stores nothing there.

        Raises:
            BrokenProof: a node is missing or is none.
        """
        if root == EMPTY_ROOT:
            return None
        path = key.hex()
        node = self._node(root)
        while True:
            if len(node) == 17:
                if not path:
                    return plain(node[16]) or None
                child, path = node[int(path[0], 16)], path[1:]
            elif len(node) == 2:
                is_leaf, part = _part(plain(node[0]))
                if is_leaf:
                    return plain(node[1]) if path == part else None
                if not part or not path.startswith(part):
                    return None
                child, path = node[1], path[len(part) :]
            else:
                raise BrokenProof("a trie node has 2 or 17 items")
            if child == b"":
                return None
            node = child if isinstance(child, list) else self._node(child)

    def _node(self, digest: bytes) -> list[Item]:
        found = self._nodes.get(digest)
        if found is None:
            raise BrokenProof("a trie node is missing")
        self._used.add(digest)
        return decode_list(found)


def _part(encoded: bytes) -> tuple[bool, str]:
    """(is it a leaf's, nibbles) of a hex-prefix encoded path."""
    digits = encoded.hex()
    flag = digits[:1]
    if flag in ("1", "3"):
        return flag == "3", digits[1:]
    if flag not in ("0", "2") or digits[1] != "0":
        raise BrokenProof("not a path of a trie node")
    return flag == "2", digits[2:]
