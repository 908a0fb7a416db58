"""What an organization sends that keeps its keys itself: events as at the other door, the heads they follow, and every salt.

The service derives party, detail and commitments from the same bodies, so what was signed and what is stored cannot differ: if they
do, the hashes differ and the signature does not fit.
"""

import re
from typing import Annotated, Any

from pydantic import Field, PlainValidator, WithJsonSchema

from ledger_api.domain.fields import Address, Bytes32, Strict, Time, read_by
from ledger_api.domain.identifiers import Unreadable
from ledger_verify.transition import Reason

LONGEST_BATCH = 100
LONGEST_SIGNATURE = 4096
SALT_BYTES = 16


def _hex_of(size: range) -> PlainValidator:
    def read(text: str) -> bytes:
        if re.fullmatch(r"0x(?:[0-9a-fA-F]{2})*", text) is None or len(text) // 2 - 1 not in size:
            raise Unreadable(Reason.MALFORMED, f"Expected 0x and {size[0]} to {size[-1]} bytes in hexadecimal.")
        return bytes.fromhex(text[2:])

    return read_by(read)


Salt = Annotated[bytes, _hex_of(range(SALT_BYTES, SALT_BYTES + 1)), WithJsonSchema({"type": "string", "pattern": "^0x[0-9a-f]{32}$"})]
AnySignature = Annotated[bytes, _hex_of(range(1, LONGEST_SIGNATURE + 1)), WithJsonSchema({"type": "string", "pattern": "^0x"})]


class SignedEventIn(Strict):
    event: dict[str, Any]  # read like one of the other door's (`EventIn`), so that its refusal has a reason and a field
    head: Bytes32 = Field(description="The head it follows: the item's, or that after the batch's previous event of the item.")
    salts: dict[str, Salt] = Field(description="By the pointer (RFC 6901) of each leaf of the committed object.", max_length=400)
    name_salt: Bytes32 | None = Field(default=None, description="Of a birth: the salt of the serial's or the lot's commitment.")
    event_hash: Bytes32 | None = Field(default=None, description="What you signed for; told apart from what we make of it.")


class SignedBatchIn(Strict):
    signer: Address
    is_wallet: bool = Field(default=False, description="The signer is a contract (ERC-1271): only the ledger can check its signature.")
    deadline: Time
    all_or_nothing: bool = False
    events: Annotated[list[SignedEventIn], Field(min_length=1, max_length=LONGEST_BATCH)]
    signature: AnySignature
