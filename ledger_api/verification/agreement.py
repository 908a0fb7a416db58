"""Whether the contract would take a holder's consent to a resale now. Pure: bytes in, the flaw in words out."""

from dataclasses import dataclass

from ledger_api.domain.signatures import signer_of
from ledger_verify.codes import Kind
from ledger_verify.hashing import ItemId, consent_digest
from ledger_verify.state import State

NOBODY = bytes(32)


@dataclass(frozen=True, slots=True)
class Resale:
    """A consent as the holder signed it: to this new holder, carried by this organization or (zero) by anybody."""

    new_holder: bytes
    deadline: int
    signature: bytes
    carrier: bytes = NOBODY


def flaw_in(consent: Resale, state: State, *, item: bytes, caller: bytes, domain_separator: bytes, now: int) -> str | None:
    """None for a consent that is good on the present head; else `expired`, `other-carrier` or `signature`.

    `signature` also stands for a consent to another history: any later event withdraws it, because it binds the head.
    """
    if consent.deadline < now:
        return "expired"
    if consent.carrier not in (NOBODY, caller):
        return "other-carrier"
    digest = consent_digest(
        domain_separator,
        action=Kind.RESALE,
        item=ItemId(item),
        head=state.head,
        old_holder=state.holder,
        new_holder=consent.new_holder,
        detail=0,
        carrier=consent.carrier,
        store=NOBODY,
        deadline=consent.deadline,
    )
    return None if signer_of(digest, consent.signature) == state.holder[12:] else "signature"
