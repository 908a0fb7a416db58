"""The signed answer: an EIP-712 statement that a third party can check without us.

How to check, with any wallet library:
  1. `reasons` is keccak256 of the RFC 8785 (JCS) form of the answer's `reasons`, `request` the same of the request's JSON body;
  2. the EIP-712 hash of `typed_data` is `digest` (domain: our name, the chain id, the ledger's address);
  3. the signer recovered from `digest` and `signature` is the address that the service publishes, and the one you agreed on with it;
  4. the block named is in the chain you trust, and there `word(item)` at the ledger's address is `word`.
Pure: the signature itself is made by a callable that the wiring injects.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import rfc8785

from ledger_api.verification.codes import Decision
from ledger_api.verification.decision import Answer, AsOf
from ledger_verify.hashing import domain_separator, keccak, typed_digest

Json = dict[str, Any]
Fields = Sequence[tuple[str, str]]
Values = Sequence[bytes | int]

NAME, VERSION = "ProvenanceLedger Verification", "1"
VALID_SECONDS = 600
FIELDS = (
    ("item", "bytes32"),
    ("decision", "uint8"),
    ("reasons", "bytes32"),
    ("word", "bytes32"),
    ("blockNumber", "uint64"),
    ("blockHash", "bytes32"),
    ("issuedAt", "uint48"),
    ("validUntil", "uint48"),
    ("request", "bytes32"),
)
STATEMENT_TYPE = f"Verification({','.join(f'{kind} {name}' for name, kind in FIELDS)})"


@dataclass(frozen=True, slots=True)
class Statement:
    """What the service puts its name to: this decision, for this request, as of this block, for ten minutes."""

    item: bytes  # zero when no item was found
    decision: Decision
    reasons: bytes
    word: bytes
    block_number: int
    block_hash: bytes
    issued_at: int
    valid_until: int
    request: bytes


def make_statement(answer: Answer, *, item: bytes, word: bytes, as_of: AsOf, now: int, request: Any) -> Statement:
    return Statement(
        item=item,
        decision=answer.decision,
        reasons=digest_of([reason.document() for reason in answer.reasons]),
        word=word,
        block_number=as_of.block,
        block_hash=as_of.block_hash,
        issued_at=now,
        valid_until=now + VALID_SECONDS,
        request=digest_of(request),
    )


def digest_of(value: Any) -> bytes:
    """keccak256 of the JCS form, so that whitespace and the order of members do not matter."""
    return keccak(rfc8785.dumps(value))


def statement_digest(statement: Statement, *, chain_id: int, ledger: bytes) -> bytes:
    return digest_to_sign(STATEMENT_TYPE, _values(statement), name=NAME, chain_id=chain_id, ledger=ledger)


def typed_data(statement: Statement, *, chain_id: int, ledger: bytes) -> Json:
    """The same as EIP-712 JSON, which every wallet library hashes to `statement_digest`."""
    return as_typed_data("Verification", FIELDS, _values(statement), name=NAME, chain_id=chain_id, ledger=ledger)


def digest_to_sign(kind: str, values: Values, *, name: str, chain_id: int, ledger: bytes) -> bytes:
    """Of a flat struct: keccak256(0x1901 ‖ domain separator ‖ hash of the struct)."""
    struct = b"".join(_word(value) for value in (keccak(kind.encode()), *values))
    return typed_digest(domain_separator(chain_id, ledger, name=name), keccak(struct))


def as_typed_data(primary: str, fields: Fields, values: Values, *, name: str, chain_id: int, ledger: bytes) -> Json:
    message = {
        field: "0x" + value.hex() if isinstance(value, bytes) else int(value) for (field, _kind), value in zip(fields, values, strict=True)
    }
    return {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            primary: [{"name": field, "type": kind} for field, kind in fields],
        },
        "primaryType": primary,
        "domain": {"name": name, "version": VERSION, "chainId": chain_id, "verifyingContract": "0x" + ledger.hex()},
        "message": message,
    }


def _values(statement: Statement) -> Values:
    """In the order of FIELDS."""
    return (
        statement.item,
        statement.decision,
        statement.reasons,
        statement.word,
        statement.block_number,
        statement.block_hash,
        statement.issued_at,
        statement.valid_until,
        statement.request,
    )


def _word(value: bytes | int) -> bytes:
    """Every member of the struct is 32 bytes wide."""
    return value if isinstance(value, bytes) else value.to_bytes(32, "big")
