"""From a planned parcel to a signed batch and its call data: signatures, witnesses, openings, approvals. No database.

The witness is the state the contract will find, told in the fewest non-zero bytes; the opening and the approval come only
where a rule asks for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger_api.keys import Keyring
from ledger_api.outbox.plan import Carried, Parcel
from ledger_api.store.sending import Batch, NewBatch
from ledger_verify.codes import Kind
from ledger_verify.hashing import ZERO32, EventHash, Head, OrganizationId, batch_digest, batch_hash
from ledger_verify.state import Opening, has_aside
from ledger_verify.wire import NO_WITNESS, Approval, SignedBatch, Witness, encode_record, witness_of

_NOBODY = OrganizationId(ZERO32)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A batch under its signature. Either it was signed before, or `fresh` is the row that has to be written."""

    batch: SignedBatch
    events: Sequence[int]  # rows, in the order they were signed
    signed: Batch | None
    fresh: NewBatch | None


class Seal:
    """Signs in the organizations' names with the keys that the service holds."""

    def __init__(self, keyring: Keyring, domain_separator: bytes, deadline_seconds: int) -> None:
        self._keyring = keyring
        self._domain_separator = domain_separator
        self._deadline_seconds = deadline_seconds

    def __call__(self, parcel: Parcel, now: int) -> Sealed:
        """Raises: KeyMissing, for a parcel of an organization that signs for itself."""
        events = [carried.accepted.id for carried in parcel.members]
        if parcel.signed is not None:
            signed = parcel.signed
            return Sealed(_batch(parcel, signed.signer, signed.deadline, signed.signature), events, signed, None)
        organization = OrganizationId(parcel.organization)
        signer, deadline = self._keyring.signer(organization), now + self._deadline_seconds
        hashes = [EventHash(carried.accepted.event_hash) for carried in parcel.members]
        hashed = batch_hash(organization, signer.address, deadline, parcel.all_or_nothing, hashes)
        signature = signer.sign(batch_digest(self._domain_separator, hashed))
        fresh = NewBatch(organization, signer.address, deadline, parcel.all_or_nothing, hashed, signature)
        return Sealed(_batch(parcel, signer.address, deadline, signature), events, None, fresh)


def call_data(sealed: Sequence[Sealed]) -> bytes:
    return encode_record([one.batch for one in sealed])


def _batch(parcel: Parcel, signer: bytes, deadline: int, signature: bytes) -> SignedBatch:
    members = parcel.members
    return SignedBatch(
        organization=OrganizationId(parcel.organization),
        signer=signer,
        deadline=deadline,
        all_or_nothing=parcel.all_or_nothing,
        events=[carried.event for carried in members],
        witnesses=_witnesses(parcel),
        openings=[_opening(index, carried) for index, carried in enumerate(members) if _needs_opening(carried)],
        approvals=[_approval(index, carried) for index, carried in enumerate(members) if carried.papers.consent is not None],
        signature=signature,
    )


def _witnesses(parcel: Parcel) -> list[Witness]:
    """Zero stands for what repeats (docs/protocol.md §6): the batch's organization as holder, the brand named last."""
    told = []
    brand = parcel.organization
    for carried in parcel.members:
        witness = witness_of(carried.state, carried.event)
        if witness is not NO_WITNESS:
            holder = ZERO32 if witness.holder == parcel.organization else witness.holder
            repeats = witness.brand == brand
            brand = witness.brand
            witness = Witness(witness.head, holder, _NOBODY if repeats else witness.brand, witness.facts)
        told.append(witness)
    return told


def _needs_opening(carried: Carried) -> bool:
    return carried.event.kind in (Kind.CORRECTION, Kind.ENROLMENT) or has_aside(carried.state)


def _opening(index: int, carried: Carried) -> Opening:
    papers = carried.papers
    return Opening(
        index=index,
        aside=carried.state.aside,
        brand=papers.brand,
        serial_commitment=papers.serial_commitment,
        prior_head=Head(carried.prior_head),
        history=carried.links,
        endorser=papers.endorser,
        endorsement_deadline=papers.endorsement_deadline,
        endorsement=papers.endorsement,
    )


def _approval(index: int, carried: Carried) -> Approval:
    consent = carried.papers.consent
    assert consent is not None
    return Approval(index, consent.carrier, consent.store, consent.deadline, consent.signature)
