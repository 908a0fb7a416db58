"""What things are called in the world: GTIN, serial, Digital Link, DID, address. Text in, canonical text or bytes out.

Each reader raises `Unreadable` with the refusal reason that names what is wrong, so that every door gives the same answer.
"""

import re
from urllib.parse import unquote, urlsplit

from ledger_verify.hashing import keccak
from ledger_verify.transition import Reason

GTIN_LENGTHS = (8, 12, 13, 14)
SERIAL_LENGTH = 20
DID_LENGTH = 255

# GS1 General Specifications, figure 7.11-1: the 82 characters that AI (21) may hold
_SERIAL = re.compile(r"""[!"%-?A-Z_a-z]{1,20}""")
# W3C DID Core §3.1
_DID = re.compile(r"did:[a-z0-9]+:(?:[A-Za-z0-9._-]|%[0-9A-Fa-f]{2}|:)*(?:[A-Za-z0-9._-]|%[0-9A-Fa-f]{2})")
_BYTES32 = re.compile(r"0x[0-9a-f]{64}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_GTIN_KEY, _SERIAL_KEY = "01", "21"


class Unreadable(ValueError):
    """This text is not what it should be."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def check_digit(body: str) -> str:
    """The GS1 modulo 10 digit: weights 3 and 1 from the right (General Specifications §7.9.1)."""
    total = sum((3 if place % 2 == 0 else 1) * int(digit) for place, digit in enumerate(reversed(body)))
    return str(-total % 10)


def gtin14(text: str) -> str:
    """GTIN-8, -12, -13 or -14 as fourteen digits.

    Raises:
        Unreadable: `gtin-check-digit`, for a wrong length or a letter too: the remedy is the same, look at the number again.
    """
    if len(text) not in GTIN_LENGTHS or not (text.isascii() and text.isdigit()):
        raise Unreadable(Reason.GTIN_CHECK_DIGIT, "A GTIN has 8, 12, 13 or 14 digits.")
    if check_digit(text[:-1]) != text[-1]:
        raise Unreadable(Reason.GTIN_CHECK_DIGIT, "The last digit of the GTIN does not fit the others.")
    return text.zfill(14)


def serial(text: str) -> str:
    """A serial as GS1 AI (21) allows it: 1 to 20 of 82 characters. Case matters.

    Raises:
        Unreadable: `serial-invalid`.
    """
    if _SERIAL.fullmatch(text) is None:
        raise Unreadable(Reason.SERIAL_INVALID, f"A serial has 1 to {SERIAL_LENGTH} characters of the GS1 set for AI (21).")
    return text


def did(text: str) -> str:
    """Raises Unreadable: `malformed`."""
    if len(text) > DID_LENGTH or _DID.fullmatch(text) is None:
        raise Unreadable(Reason.MALFORMED, "This is not a DID such as did:web:maison.example.")
    return text


def bytes32(text: str) -> bytes:
    """Raises Unreadable: `malformed`, unless `0x` and 64 lower-case hexadecimal digits."""
    if _BYTES32.fullmatch(text) is None:
        raise Unreadable(Reason.MALFORMED, "Expected 0x and 64 lower-case hexadecimal digits.")
    return bytes.fromhex(text[2:])


def address(text: str) -> bytes:
    """Twenty bytes. Mixed case must be an EIP-55 checksum: a mistyped claim key would lose the item for ever.

    Raises:
        Unreadable: `malformed`, for the zero address too.
    """
    if _ADDRESS.fullmatch(text) is None or int(text, 16) == 0:
        raise Unreadable(Reason.MALFORMED, "Expected an address: 0x and 40 hexadecimal digits, not zero.")
    digits = text[2:]
    if digits not in (digits.lower(), digits.upper()) and digits != _checksummed(digits.lower()):
        raise Unreadable(Reason.MALFORMED, "The address does not fit its EIP-55 checksum.")
    return bytes.fromhex(digits)


def _checksummed(digits: str) -> str:
    nibbles = keccak(digits.encode()).hex()
    return "".join(digit.upper() if int(nibble, 16) >= 8 else digit for digit, nibble in zip(digits, nibbles, strict=False))


def digital_link(text: str) -> tuple[str, str]:
    """GTIN-14 and serial of a GS1 Digital Link such as `https://id.example/01/09506000134352/21/ABC`.

    Any host and any path before `/01/` may be there; qualifiers between (`/22/…`, `/10/…`) and a query are not ours and are passed over.

    Raises:
        Unreadable: `malformed` when it is no such link, `gtin-check-digit` or `serial-invalid` when it holds a wrong one.
    """
    try:
        parts = urlsplit(text)
    except ValueError:
        raise Unreadable(Reason.MALFORMED, "This is not a link.") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise Unreadable(Reason.MALFORMED, "A Digital Link reads https://…/01/<GTIN>/21/<serial>.")
    named = _application_identifiers(parts.path.rstrip("/").split("/"))
    if _GTIN_KEY not in named or _SERIAL_KEY not in named:
        raise Unreadable(Reason.MALFORMED, "The Digital Link names no GTIN (01) with a serial (21).")
    return gtin14(unquote(named[_GTIN_KEY])), serial(unquote(named[_SERIAL_KEY]))


def _application_identifiers(segments: list[str]) -> dict[str, str]:
    """Key and value in turn, from the first `01` that a GTIN follows: a path before ours may hold an 01 of its own."""
    for place in range(len(segments) - 1):
        rest = segments[place:]
        if rest[0] == _GTIN_KEY and len(rest) % 2 == 0 and unquote(rest[1]).isdigit():
            return dict(zip(rest[::2], rest[1::2], strict=True))
    return {}
