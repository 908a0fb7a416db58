"""What the badge of a listing says: evaluated at each request from the present state, signed for this listing alone, for five minutes.

A badge is public, so it says nothing that the page of the item does not show to everybody, and never why it says nothing.
How to check one, with any wallet library:
  1. `listing` is keccak256(platform's id ‖ keccak256(reference) ‖ keccak256(url)), `origin` is keccak256 of the origin of that url;
  2. the EIP-712 hash of `typed_data` is `digest`, and the signer recovered from it is the one of `GET /v1/verifications/signer`;
  3. `step` is 1 while the badge is alive; else it is 0, like `item` and `word`.
"""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection

from ledger_api.domain.network import Network
from ledger_api.listings.answers import answer_for
from ledger_api.listings.next_steps import Step
from ledger_api.listings.rows import AnyRow
from ledger_api.verification import answering
from ledger_api.verification.agreement import NOBODY
from ledger_api.verification.answering import Voice
from ledger_api.verification.asking import VerificationIn
from ledger_api.verification.decision import AsOf, Found
from ledger_api.verification.statement import Values, as_typed_data, digest_to_sign
from ledger_verify.hashing import keccak
from ledger_verify.state import word

Json = dict[str, Any]

NAME = "ProvenanceLedger Badge"
VALID_SECONDS = 300
FIELDS = (
    ("listing", "bytes32"),
    ("item", "bytes32"),
    ("word", "bytes32"),
    ("origin", "bytes32"),
    ("step", "uint8"),
    ("blockNumber", "uint64"),
    ("issuedAt", "uint48"),
    ("validUntil", "uint48"),
)
BADGE_TYPE = f"ListingBadge({','.join(f'{kind} {name}' for name, kind in FIELDS)})"

Says = Literal["live", "silent", "foreign"]


@dataclass(frozen=True, slots=True)
class Badge:
    """`item` is None when it says nothing any more."""

    listing: AnyRow
    item: Found | None
    here: AsOf
    now: int

    @property
    def is_alive(self) -> bool:
        return self.item is not None

    @property
    def valid_until(self) -> int:
        return self.now + VALID_SECONDS

    def says(self, *, is_at_home: bool = True) -> Says:
        if not is_at_home:
            return "foreign"
        return "live" if self.is_alive else "silent"


def badge_of(connection: Connection, row: AnyRow, *, network: Network, now: int) -> Badge:
    """Raises NotFollowedYet."""
    here = answering.as_of(connection)
    return Badge(row, _shown(connection, row, here, network, now), here, now)


def _shown(connection: Connection, row: AnyRow, here: AsOf, network: Network, now: int) -> Found | None:
    """The item, if its platform is told to list it and everybody may see it."""
    if row.state != "live" or row.question is None:
        return None
    if answer_for(connection, row, here, network=network, now=now).next.step != Step.LIST:
        return None
    (seen,) = answering.look_up(connection, [VerificationIn.model_validate_json(row.question)], NOBODY, now=now)
    return seen.shown


def signed(badge: Badge, voice: Voice) -> Json:
    """The statement with our signature under its digest."""
    chain: dict[str, Any] = {"name": NAME, "chain_id": voice.network.chain_id, "ledger": voice.network.ledger}
    values = _values(badge)
    digest = digest_to_sign(BADGE_TYPE, values, **chain)
    return {
        "signer": "0x" + voice.signer.hex(),
        "digest": "0x" + digest.hex(),
        "signature": "0x" + voice.sign(digest).hex(),
        "typed_data": as_typed_data("ListingBadge", FIELDS, values, **chain),
    }


def _values(badge: Badge) -> Values:
    """In the order of FIELDS."""
    item, item_word = (badge.item.item, word(badge.item.state)) if badge.item else (NOBODY, 0)
    return (
        listing_hash(badge.listing.platform, badge.listing.reference, badge.listing.url),
        item,
        item_word.to_bytes(32, "big"),
        keccak(badge.listing.origin.encode()),
        int(badge.is_alive),
        badge.here.block,
        badge.now,
        badge.valid_until,
    )


def listing_hash(platform: bytes, reference: str, url: str) -> bytes:
    return keccak(platform + keccak(reference.encode()) + keccak(url.encode()))
