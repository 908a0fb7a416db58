"""An owner's signed wish against the item as it is now: good, or the one thing that is wrong with it.

The owner sends the whole struct that was signed. So a wish that was made for another chain, ledger, item, history or deed is told apart
from one that nobody signed, and each has its own code. The contract would call every one of them *consent-invalid*.
"""

from dataclasses import dataclass

from ledger_api.domain.network import Network
from ledger_api.domain.signatures import signer_of
from ledger_api.errors import (
    ConsentExpired,
    ConsentNotSigned,
    ConsentNotTheHolder,
    ConsentToAnotherChain,
    ConsentToAnotherDeed,
    ConsentToAnotherItem,
    ConsentToAnotherLedger,
    ConsentWithdrawn,
)
from ledger_verify.claims import Wish, wish_digest
from ledger_verify.state import State


@dataclass(frozen=True, slots=True)
class Deed:
    """What the door was asked to record: the consent must be to exactly this."""

    action: int
    new_holder: bytes
    detail: int


@dataclass(frozen=True, slots=True)
class SignedWish:
    wish: Wish
    chain_id: int
    ledger: bytes
    signature: bytes


def check_wish(signed: SignedWish, deed: Deed, *, item: bytes, state: State, network: Network, now: int) -> None:
    """Raises the first of these that applies:

    ConsentNotSigned: the signature is not the named holder's under this very struct.
    ConsentToAnotherChain, ConsentToAnotherLedger: it was given elsewhere.
    ConsentToAnotherItem, ConsentToAnotherDeed: it agrees to something else.
    ConsentNotTheHolder: the key that signed does not hold the item (any more).
    ConsentWithdrawn: something happened to the item since it was signed.
    ConsentExpired: its deadline has passed.
    """
    wish = signed.wish
    signer = signer_of(wish_digest(wish, chain_id=signed.chain_id, ledger=signed.ledger), signed.signature)
    if signer is None or signer.rjust(32, b"\0") != wish.old_holder:
        raise ConsentNotSigned
    if signed.chain_id != network.chain_id:
        raise ConsentToAnotherChain(chain_id=network.chain_id)
    if signed.ledger != network.ledger:
        raise ConsentToAnotherLedger(ledger="0x" + network.ledger.hex())
    if wish.item != item:
        raise ConsentToAnotherItem(item="0x" + item.hex())
    if Deed(wish.action, wish.new_holder, wish.detail) != deed:
        raise ConsentToAnotherDeed
    if wish.old_holder != state.holder:
        raise ConsentNotTheHolder
    if wish.head != state.head:
        raise ConsentWithdrawn(head="0x" + state.head.hex())
    if wish.deadline < now:
        raise ConsentExpired(deadline=wish.deadline)
