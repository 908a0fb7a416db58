"""What comes out of a case: its certificate, the evidence that was hashed, an appeal."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy import Connection

from ledger_api.desk import appeals, certificates, policy
from ledger_api.desk.certificates import Concluded, Issuer
from ledger_api.desk.errors import AlreadyAppealed, AppealTooLate, CaseMoved, NoSuchCase
from ledger_api.desk.rows import cases as rows
from ledger_api.domain.fields import Strict
from ledger_api.routes.deps import Context, Ctx, Db, DbMoment, NewId
from ledger_api.routes.desk.cases import CaseOut, shown
from ledger_api.routes.desk.deps import AnyRow, AskedCase, Moment, utc
from ledger_api.routes.problems import errors
from ledger_api.store.engine import writing
from ledger_api.store.records import organization_names

router = APIRouter(prefix="/v1/cases", tags=["desk"])

WHY_NOT = {
    "unknown-to-the-ledger": "the ledger does not know the item, and only an examination in person can enrol it",
    "not-presented": "the ledger does not know the item, and nobody presented it with a key of their own",
    "not-endorsed": "the brand did not sign the enrolment in time",
    "presented-too-long-ago": "what its presenter signed ran out before the verdict",
    "not-recorded": "the ledger refused the verdict",
    "appeal-decided": "it was decided on appeal",
}
STANDING = ("concluded", "appealed")


class AppealIn(Strict):
    grounds: Annotated[str, Field(min_length=10, max_length=2_000)] = Field(
        description="Why the verdict is wrong. Whoever judges reads it."
    )


@router.get("/{case}/certificate.json", responses=errors(NoSuchCase, CaseMoved))
def get_certificate(case: AskedCase, ctx: Ctx, db: DbMoment, at: Moment) -> dict[str, Any]:
    """Who concluded what, how and when, and where the ledger says so; signed (EIP-712, docs/desk.md)."""
    return certificate_of(ctx, db, case.id, at)


@router.get("/{case}/certificate.pdf", response_class=Response, responses=errors(NoSuchCase, CaseMoved))
def get_certificate_pdf(case: AskedCase, ctx: Ctx, db: DbMoment, at: Moment) -> Response:
    """The same on paper, with the JSON inside."""
    return pdf_of(certificate_of(ctx, db, case.id, at))


def pdf_of(told: dict[str, Any]) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="certificate-{told["case"]}.pdf"', "Cache-Control": "private, no-store"}
    return Response(certificates.pdf(told), media_type="application/pdf", headers=headers)


@router.get("/{case}/evidence", responses=errors(NoSuchCase))
def get_evidence(case: AskedCase, db: Db) -> dict[str, Any]:
    """The document whose keccak256 is the evidence hash on the ledger (its RFC 8785 form)."""
    kept = None if case.evidence is None or case.state not in STANDING else rows.evidence_by(db, case.evidence)
    if kept is None:
        raise NoSuchCase("There is no verdict, and so no evidence.")
    found: dict[str, Any] = orjson.loads(kept.body)
    return found


@router.post("/{case}/appeal", status_code=202, responses=errors(NoSuchCase, CaseMoved, AlreadyAppealed, AppealTooLate))
def appeal_case(case: AskedCase, body: AppealIn, ctx: Ctx, at: Moment, new_id: NewId) -> CaseOut:
    """Dispute the verdict: the ledger shows the dispute, and somebody judges who has not judged before."""
    with writing(ctx.engine) as connection:
        appeals.appeal(connection, case.id, body.grounds, policy.read(connection, case.authenticator), id=new_id, now=at)
        return shown(connection, rows.case(connection, case.id))


def certificate_of(ctx: Context, connection: Connection, case_id: str, at: Any) -> dict[str, Any]:
    """Of one moment of the database, which `connection` sees: outcome, journal and ledger belong together."""
    case = rows.case(connection, case_id)
    assert case is not None, "cases are never deleted"
    if case.state not in STANDING:
        raise CaseMoved("There is no verdict yet.", case=case.id, state=case.state)
    issuer = Issuer(ctx.network.chain_id, ctx.network.ledger, ctx.settings.base_url, ctx.sign_statement, ctx.statement_signer)
    return certificates.certificate(_concluded(connection, case), issuer, at=at.replace(microsecond=0))


def _concluded(connection: Connection, case: AnyRow) -> Concluded:
    did, name = organization_names(connection).get(case.authenticator, (None, None))
    standing = None if case.verdict_event is None else rows.standing(connection, case.verdict_event)
    is_there = standing is not None and standing.sequence is not None and case.item is not None
    decided = [line for line in rows.told(connection, case.id) if line.state == "recording" or line.why in ("overturned", "upheld")]
    ended = [line for line in rows.told(connection, case.id) if line.state == "concluded"]
    decided_at = utc((decided or ended)[-1].at)
    assert decided_at is not None
    identity = {"id": "0x" + case.authenticator.hex(), "did": did or "", "name": name or did or "0x" + case.authenticator.hex()}
    return Concluded(
        case=case.id,
        authenticator=identity,
        brand=case.brand_did,
        category=case.category,
        method=case.method,
        outcome=case.outcome,
        confidence=case.confidence,
        reasons=tuple(orjson.loads(case.reasons or "[]")),
        appraiser=case.appraiser_ref,
        decided_at=decided_at,
        evidence=case.evidence,
        item=case.item if is_there else None,
        verdict=case.verdict_event if is_there else None,
        sequence=standing.sequence if is_there and standing is not None else None,
        transaction=standing.transaction_hash if is_there and standing is not None else None,
        why_not_recorded=None if is_there else WHY_NOT.get(ended[-1].why, "it is on its way"),
        has_history=any(line.state == "appealed" for line in rows.told(connection, case.id)),
    )
