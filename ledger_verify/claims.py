"""Claim keys: what stands on a claim card, the key it gives, and the consent its owner signs (docs/ownership.md).

For the shop's side and for tests; an owner's browser does the same in JavaScript and answers to `tests/vectors/claims.json`.
Randomness is the caller's: nothing here makes a secret.
"""

from base64 import b32decode, b32encode
from dataclasses import dataclass

from coincurve import PrivateKey

from ledger_verify.hashing import ZERO32, Head, ItemId, consent_digest, domain_separator, keccak

SECRET_BYTES = 20
_DOMAIN = b"ledger-claim-v1"
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_GROUP = 4


class NotACard(ValueError):
    """What was read or typed is no claim card's secret."""


def claim_key(secret: bytes) -> PrivateKey:
    """The key that a card's secret gives.

    Raises:
        NotACard: it has not 20 bytes.
    """
    if len(secret) != SECRET_BYTES:
        raise NotACard(f"a card's secret has {SECRET_BYTES} bytes, not {len(secret)}")
    scalar = keccak(_DOMAIN + secret)
    while not 0 < int.from_bytes(scalar, "big") < _ORDER:  # pragma: no cover  # once in 2^128
        scalar = keccak(scalar)
    return PrivateKey(scalar)


def address_of(key: PrivateKey) -> bytes:
    """The 20 bytes by which the ledger knows a claim key."""
    return keccak(key.public_key.format(compressed=False)[1:])[12:]


def card_text(secret: bytes) -> str:
    """As it is printed: 32 letters and digits in groups of four."""
    plain = b32encode(secret).decode()
    return " ".join(plain[start : start + _GROUP] for start in range(0, len(plain), _GROUP))


def read_card(text: str) -> bytes:
    """The secret that somebody typed in (blanks, hyphens and lower case are forgiven) or that a card's address carries.

    Raises:
        NotACard.
    """
    typed = text.rpartition("#c=")[2]
    letters = "".join(typed.upper().replace("-", " ").split()).replace("0", "O").replace("1", "I").replace("8", "B")
    try:
        secret = b32decode(letters)
    except ValueError as error:
        raise NotACard("a card has the letters A to Z and the digits 2 to 7 only") from error
    if len(secret) != SECRET_BYTES:
        raise NotACard(f"a card has {SECRET_BYTES * 8 // 5} letters and digits, not {len(letters)}")
    return secret


def card_link(base_url: str, item: ItemId, secret: bytes) -> str:
    """The address of the owner's page; the secret stands in the fragment, which no browser sends."""
    return f"{base_url.rstrip('/')}/own/0x{item.hex()}#c={b32encode(secret).decode()}"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a holder agrees to, on exactly the history that ends in `head` (`Consent` of docs/protocol.md §4)."""

    action: int
    item: ItemId
    head: Head
    old_holder: bytes
    deadline: int
    new_holder: bytes = ZERO32
    detail: int = 0
    carrier: bytes = ZERO32
    store: bytes = ZERO32


def wish_digest(wish: Wish, *, chain_id: int, ledger: bytes) -> bytes:
    return consent_digest(
        domain_separator(chain_id, ledger),
        action=wish.action,
        item=wish.item,
        head=wish.head,
        old_holder=wish.old_holder,
        new_holder=wish.new_holder,
        detail=wish.detail,
        carrier=wish.carrier,
        store=wish.store,
        deadline=wish.deadline,
    )


def agree(wish: Wish, key: PrivateKey, *, chain_id: int, ledger: bytes) -> bytes:
    """The holder's signature, 65 bytes with v 27 or 28."""
    signature = key.sign_recoverable(wish_digest(wish, chain_id=chain_id, ledger=ledger), hasher=None)
    return signature[:64] + bytes([27 + signature[64]])
