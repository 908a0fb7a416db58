"""What a block says of the ledger: its header, an account, a word of storage, the logs of a receipt.

The places of the contracts' words follow from their storage layout, which a test reads from the compiler.
"""

from dataclasses import dataclass
from typing import NamedTuple

from ledger_verify.hashing import ItemId, OrganizationId, keccak
from ledger_verify.trie import BrokenProof, Nodes, decode_list, decode_rlp, encode_number, number, plain

# storage slots of the mappings, as the compiler lays the contracts out
SHELVES_SLOT = 2  # ProvenanceLedger._shelves
MEMBERS_SLOT = 4  # OrganizationRegistry._members
SIGNERS_SLOT = 6  # OrganizationRegistry._signers

_FEWEST_FIELDS, _MOST_FIELDS = 15, 40  # forks add fields at the end


@dataclass(frozen=True, slots=True)
class Header:
    hash: bytes
    number: int
    time: int
    state_root: bytes
    receipts_root: bytes


class Account(NamedTuple):
    storage_root: bytes
    code_hash: bytes


class ReceiptLog(NamedTuple):
    address: bytes
    topics: tuple[bytes, ...]
    body: bytes


def read_header(encoded: bytes) -> Header:
    """Raises BrokenProof."""
    fields = decode_list(encoded)
    if not _FEWEST_FIELDS <= len(fields) <= _MOST_FIELDS:
        raise BrokenProof("a block header has at least 15 fields")
    plain(fields[0], 32)  # the parent's hash: no receipt, node or transaction begins like this
    return Header(
        hash=keccak(encoded),
        state_root=plain(fields[3], 32),
        receipts_root=plain(fields[5], 32),
        number=number(fields[8], 8),
        time=number(fields[11], 6),
    )


def read_account(nodes: Nodes, state_root: bytes, address: bytes) -> Account:
    """Raises BrokenProof, also when there is no such account."""
    stored = nodes.find(state_root, keccak(address))
    if stored is None:
        raise BrokenProof("there is no account at the address")
    fields = decode_list(stored)
    if len(fields) != 4:
        raise BrokenProof("an account has four fields")
    return Account(plain(fields[2], 32), plain(fields[3], 32))


def read_word(nodes: Nodes, storage_root: bytes, slot: bytes) -> int:
    """The 32 bytes at a slot as a number; a slot that was never written is zero. Raises BrokenProof."""
    stored = nodes.find(storage_root, keccak(slot))
    return 0 if stored is None else number(decode_rlp(stored))


def item_slot(item: ItemId) -> bytes:
    return keccak(item + SHELVES_SLOT.to_bytes(32, "big"))


def member_slot(organization: OrganizationId) -> bytes:
    return keccak(organization + MEMBERS_SLOT.to_bytes(32, "big"))


def signer_slot(organization: OrganizationId, signer: bytes) -> bytes:
    return keccak(bytes(12) + signer + keccak(organization + SIGNERS_SLOT.to_bytes(32, "big")))


class Member(NamedTuple):
    """An organization's word in the registry."""

    admitted: bool
    suspended: bool
    roles: int


class SignerNow(NamedTuple):
    active: bool
    compromised_since: int  # a block; 0: never marked


def read_member(word: int) -> Member:
    standing = word >> 160
    return Member(bool(standing & 1), bool(standing & 2), standing >> 8 & 0xFF)


def read_signer(word: int) -> SignerNow:
    return SignerNow(bool(word & 1), word >> 8 & 0xFFFFFFFFFFFF)


def read_logs(nodes: Nodes, receipts_root: bytes, transaction: int) -> list[ReceiptLog]:
    """The logs of a block's transaction, which succeeded. Raises BrokenProof."""
    stored = nodes.find(receipts_root, encode_number(transaction))
    if not stored:
        raise BrokenProof("there is no receipt of this number")
    # EIP-2718: a byte below 0x80 in front names the kind of transaction
    fields = decode_list(stored[1:] if stored[0] < 0x80 else stored)
    if len(fields) != 4 or fields[0] != b"\x01" or isinstance(fields[3], bytes):
        raise BrokenProof("not the receipt of a transaction that succeeded")
    return [_log(entry) for entry in fields[3]]


def _log(entry: object) -> ReceiptLog:
    if not isinstance(entry, list) or len(entry) != 3 or not isinstance(entry[1], list):
        raise BrokenProof("not a log")
    return ReceiptLog(plain(entry[0], 20), tuple(plain(topic, 32) for topic in entry[1]), plain(entry[2]))
