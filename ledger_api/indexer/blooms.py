"""A block's log bloom (Yellow Paper §4.3.1): which addresses and topics its logs may have, and for certain which they have not."""

from collections.abc import Iterable

from ledger_verify.hashing import keccak

_BITS = 2048
_PAIRS = 3  # of octets of the hash, each naming one bit


def may_contain(bloom: bytes, values: Iterable[bytes]) -> bool:
    """False: no log of the block has one of these as address or topic. True may be chance: in a full block it often is."""
    bits = int.from_bytes(bloom, "big")
    return any(bits & mask == mask for mask in map(mask_of, values))


def mask_of(value: bytes) -> int:
    """The bits that a log with this address or topic sets."""
    digest = keccak(value)
    mask = 0
    for start in range(0, 2 * _PAIRS, 2):
        mask |= 1 << (int.from_bytes(digest[start : start + 2], "big") % _BITS)
    return mask
