"""What the ledger says happened: its logs as values. Together with block times they are all inputs of the fold.

How they look on the wire is the business of `wire`.
"""

from dataclasses import dataclass

from ledger_verify.hashing import Commitment, EventHash, ItemId, OrganizationId


@dataclass(frozen=True, slots=True)
class Recorded:
    item: ItemId
    event_hash: EventHash
    organization: OrganizationId
    signer: bytes  # 20 bytes
    kind: int
    occurred_at: int
    party: bytes
    detail: int
    payload: Commitment


@dataclass(frozen=True, slots=True)
class Enrolled:
    """Right before the `Recorded` of an enrolment: what the item's id is made of."""

    item: ItemId
    brand: OrganizationId
    serial_commitment: Commitment


@dataclass(frozen=True, slots=True)
class ReleasedByOrder:
    """Right before the `Recorded` of a release: the consortium lifts a hold that only others could."""

    item: ItemId
    hold: int


@dataclass(frozen=True, slots=True)
class Refused:
    item: ItemId
    event_hash: EventHash
    batch_hash: bytes
    reason: int
    carrier: bytes  # 20 bytes


@dataclass(frozen=True, slots=True)
class BatchRefused:
    organization: OrganizationId
    batch_hash: bytes
    reason: int
    carrier: bytes


Log = Recorded | Enrolled | ReleasedByOrder | Refused | BatchRefused
