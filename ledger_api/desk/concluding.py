"""A case is decided: what the verdict rests on becomes one document with one hash, and the case waits for the ledger.

The evidence document is RFC 8785 JSON; keccak256 of it is the evidence hash that is recorded. It names photos by their SHA-256, checks by
their versions, appraisers by their pseudonymous references; no account, no name, no note of the asker's. Whoever holds the document can
check it against the ledger; without the photos nobody can make it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import rfc8785
from sqlalchemy import Connection

from ledger_api.desk import life
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.rows.cases import AnyRow
from ledger_verify.hashing import keccak

EVIDENCE_VERSION = "desk-evidence-1"
RECORDING_HOURS = 1  # after which somebody should look why the ledger has not answered


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What the desk says, in whose name among the appraisers."""

    outcome: str
    confidence: int
    reasons: tuple[str, ...]
    appraiser: str


def conclude(connection: Connection, case_id: str, conclusion: Conclusion, *, at: datetime, why: str = "decided") -> bytes:
    """The evidence hash. The case is `recording`; `recording.py` brings the verdict to the ledger. `why`: where no appraiser decided it.

    Raises:
        CaseMoved: the case is on nobody's desk by now.
    """
    case = rows.case(connection, case_id)
    assert case is not None
    document = evidence_document(connection, case, conclusion)
    encoded = rfc8785.dumps(document)
    hashed = keccak(encoded)
    rows.keep_evidence(connection, hash=hashed, case_id=case_id, body=encoded.decode(), at=at)
    life.step(
        connection,
        case_id,
        "appraising" if why == "decided" else "queued",
        "recording",
        by=f"appraiser {conclusion.appraiser}" if why == "decided" else "desk",
        at=at,
        why=why,
        facts={"outcome": conclusion.outcome, "confidence": conclusion.confidence, "reasons": list(conclusion.reasons)},
        due_at=at + timedelta(hours=RECORDING_HOURS),
        outcome=conclusion.outcome,
        confidence=conclusion.confidence,
        reasons=orjson.dumps(list(conclusion.reasons)).decode(),
        appraiser_ref=conclusion.appraiser,
        evidence=hashed,
    )
    return hashed


def evidence_document(connection: Connection, case: AnyRow, conclusion: Conclusion) -> dict[str, Any]:
    shots = rows.newest_shots(connection, case.id)
    names = {shot.id: name for name, shot in shots.items()}
    return {
        "version": EVIDENCE_VERSION,
        "case": case.id,
        "appeal_of": case.appeal_of,
        "authenticator": "0x" + case.authenticator.hex(),
        "brand": case.brand_did,
        "category": case.category,
        "item": None if case.item is None else "0x" + case.item.hex(),
        "method": case.method,
        "shots": [_shot(shot) for _, shot in sorted(shots.items())],
        "checks": [_check(check, names) for check in rows.checks_of(connection, case.id)],
        "opinions": [_opinion(opinion) for opinion in rows.opinions(connection, case.id)],
        "outcome": conclusion.outcome,
        "confidence": conclusion.confidence,
        "reasons": list(conclusion.reasons),
        "appraiser": conclusion.appraiser,
    }


def _shot(shot: AnyRow) -> dict[str, Any]:
    return {
        "name": shot.name,
        "attempt": shot.attempt,
        "original": shot.original,
        "shown": shot.shown,
        "state": shot.state,
        "quality": orjson.loads(shot.findings),
    }


def _check(check: AnyRow, names: dict[str, str]) -> dict[str, Any]:
    return {
        "kind": check.kind,
        "shot": names.get(check.shot),
        "state": check.state,
        "version": check.version,
        "result": None if check.result is None else _disclosed(check.result),
    }


def _disclosed(result: str) -> dict[str, Any]:
    """The asker may read the evidence. Of photos seen before it says how they were alike, and nothing that leads to somebody else's case;
    `digest` binds the desk to the whole of it."""
    told: dict[str, Any] = orjson.loads(result)
    if "matches" in told:
        open_to_all = [{name: match[name] for name in ("how", "mirrored", "like", "covers", "whose")} for match in told["matches"]]
        told |= {"matches": open_to_all, "digest": "0x" + keccak(result.encode()).hex()}
    return told


def _opinion(opinion: AnyRow) -> dict[str, Any]:
    return {
        "seat": opinion.seat,
        "appraiser": opinion.appraiser,
        "outcome": opinion.outcome,
        "confidence": opinion.confidence,
        "reasons": orjson.loads(opinion.reasons or "[]"),
        "grounds": orjson.loads(opinion.grounds or "{}"),
    }
