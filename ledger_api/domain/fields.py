"""The small types that event bodies are made of: each reads one JSON value strictly and says in words what is wrong.

An error's type is the code of a refusal reason, so that `parsing` can tell a missing time zone from a malformed time.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, PlainValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from ledger_api.domain import identifiers
from ledger_api.domain.identifiers import Unreadable
from ledger_verify.hashing import claim_holder, organization_id
from ledger_verify.transition import Reason

T = TypeVar("T")

LOT_BYTES = 255
SIGNATURE_BYTES = 65

# RFC 3339 with the zone made optional, so that its absence can be named
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(Z|z|[+-]\d{2}:\d{2})?")
_DECIMAL = r"^(0|[1-9][0-9]{0,17})(\.[0-9]{1,9})?$"


class Strict(BaseModel):
    """No coercion and no unknown members: what is not understood is refused, never dropped."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def seconds(text: str) -> int:
    """An RFC 3339 time as unix seconds, fractions cut.

    Raises:
        Unreadable: `time-zone-missing`, or `malformed` (a time before 1970 cannot be recorded on chain).
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise Unreadable(Reason.MALFORMED, "Expected an RFC 3339 time such as 2025-03-01T09:30:00+01:00.")
    if match[1] is None:
        raise Unreadable(Reason.TIME_ZONE_MISSING, "The time has no zone: add Z or an offset such as +01:00.")
    try:
        moment = int(datetime.fromisoformat(text.upper()).timestamp())
    except (ValueError, OverflowError):
        raise Unreadable(Reason.MALFORMED, "There is no such time.") from None
    if moment < 0:
        raise Unreadable(Reason.MALFORMED, "Times before 1970 cannot be recorded.")
    return moment


def rfc3339(moment: int) -> str:
    """Unix seconds as UTC text, the one form in which times are committed and answered."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def lot_name(text: str) -> str:
    """Raises Unreadable: `malformed`, unless 1 to 255 bytes without control characters or space around."""
    if not 0 < len(text.encode()) <= LOT_BYTES or not text.isprintable() or text != text.strip():
        raise Unreadable(Reason.MALFORMED, f"A lot's name has 1 to {LOT_BYTES} bytes of printable text.")
    return text


def lot_reference(text: str) -> tuple[str, str]:
    """`did:web:supplier.example#LOT-7` as (supplier, lot)."""
    supplier, mark, lot = text.partition("#")
    if not mark:
        raise Unreadable(Reason.MALFORMED, "A lot is named <supplier's DID>#<lot>.")
    return identifiers.did(supplier), lot_name(lot)


def holder(text: str) -> bytes:
    """A claim key's address or an organization's DID, as the 32 bytes the chain holds."""
    if text.startswith("did:"):
        return organization_id(identifiers.did(text))
    return claim_holder(identifiers.address(text))


def signature(text: str) -> bytes:
    if re.fullmatch(r"0x[0-9a-fA-F]{130}", text) is None:
        raise Unreadable(Reason.MALFORMED, "Expected a signature: 0x and 65 bytes (r, s, v).")
    return bytes.fromhex(text[2:])


def read_by(read: Callable[[str], Any]) -> PlainValidator:
    def validate(value: object) -> Any:
        if not isinstance(value, str):
            raise PydanticCustomError("malformed", "Expected text.")
        try:
            return read(value)
        except Unreadable as error:
            raise PydanticCustomError(error.reason.code, "{message}", {"message": error.message}) from error

    return PlainValidator(validate)


def _schema(pattern: str | None = None, **members: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **({"pattern": pattern} if pattern else {}), **members})


Time = Annotated[int, read_by(seconds), _schema(format="date-time", examples=["2025-03-01T09:30:00+01:00"])]
Gtin = Annotated[str, read_by(identifiers.gtin14), _schema(r"^[0-9]{8,14}$", examples=["03760001000399"])]
Serial = Annotated[str, read_by(identifiers.serial), _schema(r"""^[!"%-?A-Z_a-z]{1,20}$""", examples=["A3513268"])]
Did = Annotated[str, read_by(identifiers.did), _schema(r"^did:", maxLength=identifiers.DID_LENGTH, examples=["did:web:maison.example"])]
OrganizationDid = Annotated[
    bytes,
    read_by(lambda text: organization_id(identifiers.did(text))),
    _schema(r"^did:", maxLength=identifiers.DID_LENGTH, examples=["did:web:boutique.example"]),
]
DigitalLink = Annotated[
    tuple[str, str],
    read_by(identifiers.digital_link),
    _schema(format="uri", examples=["https://id.example/01/03760001000399/21/A3513268"]),
]
Bytes32 = Annotated[bytes, read_by(identifiers.bytes32), _schema(r"^0x[0-9a-f]{64}$")]
Address = Annotated[bytes, read_by(identifiers.address), _schema(r"^0x[0-9a-fA-F]{40}$")]
ClaimKey = Annotated[bytes, read_by(lambda text: claim_holder(identifiers.address(text))), _schema(r"^0x[0-9a-fA-F]{40}$")]
Holder = Annotated[bytes, read_by(holder), _schema(description="A claim key's address, or an organization's DID.")]
Signature = Annotated[bytes, read_by(signature), _schema(r"^0x[0-9a-fA-F]{130}$")]
LotName = Annotated[str, read_by(lot_name), _schema(maxLength=LOT_BYTES, examples=["CONC-202500035"])]
LotReference = Annotated[
    str, read_by(lambda text: "#".join(lot_reference(text))), _schema("^did:.+#.+$", examples=["did:web:conceria.example#CONC-202500035"])
]

Line = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=300)]
Text = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=4000)]
Decimal = Annotated[str, StringConstraints(strict=True, pattern=_DECIMAL)]
Country = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z]{2}$")]  # ISO 3166-1 alpha-2
Currency = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z]{3}$")]  # ISO 4217
# a UN/ECE recommendation 20 code (MTK) or a QUDT one (M2, KiloGM)
Unit = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9_-]{1,24}$")]
EvidenceHash = Annotated[str, StringConstraints(strict=True, pattern=r"^0x[0-9a-f]{64}$")]
