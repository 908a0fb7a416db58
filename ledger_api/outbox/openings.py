"""What the carrier adds beside a signed event: the holder's consent, an enrolled item's names, a brand's endorsement.

Read from `events.approval` as intake wrote it (docs/architecture.md, Acceptance).
"""

from dataclasses import dataclass
from typing import Any

import orjson

from ledger_verify.hashing import ZERO32, Commitment, OrganizationId
from ledger_verify.state import NO_KEY

_NO_BRAND, _NO_COMMITMENT = OrganizationId(ZERO32), Commitment(ZERO32)


@dataclass(frozen=True, slots=True)
class Consent:
    """The holder's signature over exactly this event."""

    deadline: int
    carrier: bytes
    store: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Papers:
    """Everything of an event that travels unsigned. Most events have none."""

    consent: Consent | None = None
    brand: OrganizationId = _NO_BRAND
    serial_commitment: Commitment = _NO_COMMITMENT
    endorser: bytes = NO_KEY
    endorsement_deadline: int = 0
    endorsement: bytes = b""


NO_PAPERS = Papers()


def read_papers(approval: bytes | None) -> Papers:
    if approval is None:
        return NO_PAPERS
    told: dict[str, Any] = orjson.loads(approval)
    consent, endorsement, enrolment = told.get("consent"), told.get("endorsement") or {}, told.get("enrolment") or {}
    return Papers(
        consent=None if consent is None else _consent(consent),
        brand=OrganizationId(_bytes(enrolment.get("brand"), 32)),
        serial_commitment=Commitment(_bytes(enrolment.get("serial_commitment"), 32)),
        endorser=_bytes(endorsement.get("endorser"), 20),
        endorsement_deadline=int(endorsement.get("deadline", 0)),
        endorsement=_bytes(endorsement.get("signature"), 0),
    )


def _consent(told: dict[str, Any]) -> Consent:
    return Consent(
        deadline=int(told["deadline"]),
        carrier=_bytes(told.get("carrier"), 32),
        store=_bytes(told.get("store"), 32),
        signature=_bytes(told["signature"], 0),
    )


def _bytes(text: str | None, size: int) -> bytes:
    return bytes(size) if not text else bytes.fromhex(text[2:])
