"""A platform's cases: opened, photographed, sent off, paid, followed, taken back, forgotten."""

from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Response
from pydantic import Field
from sqlalchemy import Connection

from ledger_api.auth import Scope
from ledger_api.desk import asking, life, policy
from ledger_api.desk.errors import (
    CaseMoved,
    DeskClosed,
    NoSuchCase,
    NoSuchPhoto,
    NotAnAuthenticator,
    PhotoAnimated,
    PhotoDamaged,
    PhotoNotAnImage,
    PhotoTampered,
    PhotoTooLarge,
    PhotoTooManyPixels,
    PhotoTooSmall,
    ReferenceTaken,
    ShotsMissing,
    TooManyShots,
    UnknownShot,
)
from ledger_api.desk.policy import CategoryName
from ledger_api.desk.rows import cases as rows
from ledger_api.domain.fields import Bytes32, Did, Gtin, OrganizationDid, Serial, Strict
from ledger_api.errors import Forbidden
from ledger_api.routes.deps import Caller, Ctx, Db, NewId, RawBody, Verifier
from ledger_api.routes.desk.deps import AnyRow, AskedCase, Moment, Photos, utc
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import Hex32, Out, hex_of, moment
from ledger_api.routes.schemas import Moment as Said
from ledger_api.store.engine import reading, writing
from ledger_verify.codes import Role
from ledger_verify.hashing import OrganizationId

router = APIRouter(prefix="/v1/cases", tags=["desk"])

PAGE = 50
PHOTO_ERRORS = (PhotoNotAnImage, PhotoTooLarge, PhotoTooManyPixels, PhotoTooSmall, PhotoDamaged, PhotoAnimated)
PICTURE_HEADERS = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff", "Content-Disposition": "inline"}
STATES = " · ".join(f"`{state}`: {meaning}" for state, meaning in life.CASE.meanings.items())


class CaseIn(Strict):
    authenticator: OrganizationDid = Field(description="Whose desk is asked.")
    reference: Annotated[str, Field(min_length=1, max_length=64)] = Field(description="Yours: the same reference is the same case.")
    brand: Did = Field(description="The brand that the item is claimed to be of.")
    category: CategoryName
    gtin: Gtin | None = None
    serial: Serial | None = None
    item: Bytes32 | None = Field(default=None, description="Its id, where the ledger knows it and you do not know the serial.")
    value_eur: Annotated[int, Field(ge=0, le=100_000_000)] | None = None
    notes: Annotated[str, Field(max_length=2_000)] = ""


class ShotOut(Out):
    name: str
    required: bool
    state: Literal["missing", "good", "poor", "erased"]
    attempt: int
    defects: list[str] = Field(
        description="What to do better: blurred, moved, too-dark, too-bright, glare, too-far, cut-off, too-few-pixels."
    )
    photo: str | None = Field(description="The id of the newest photo of this shot.")


class LineOut(Out):
    number: int
    at: Said
    state: str
    by: str
    why: str
    facts: dict[str, Any]


class CaseOut(Out):
    id: str
    reference: str | None
    state: str = Field(description=STATES)
    authenticator: Hex32
    brand: str
    category: str
    method: str
    item: Hex32 | None
    due_at: Said
    created_at: Said
    price_cents: int | None = Field(description="null: free.")
    paid: bool
    shots: list[ShotOut]
    missing: list[str] = Field(description="Shots that are needed before it can be sent off.")
    outcome: str | None
    confidence: int | None
    reasons: list[str]
    verdict: Hex32 | None = Field(description="The event on the ledger; null while it is not there.")
    appeal_of: str | None
    journal: list[LineOut]


class CasesOut(Out):
    cases: list[CaseOut]
    next: str | None


class ShotAnswerOut(Out):
    photo: str
    name: str
    attempt: int
    state: Literal["good", "poor"]
    defects: list[str]


@router.post("", status_code=201, responses=errors(NotAnAuthenticator, ReferenceTaken))
def open_case(body: CaseIn, caller: Verifier, ctx: Ctx, at: Moment, new_id: NewId) -> CaseOut:
    """A new case, or the one that you opened under this reference."""
    authenticator = body.authenticator
    with reading(ctx.engine) as connection:
        standing = ctx.intake.authority.read(connection).at(int(at.timestamp())).standing(OrganizationId(authenticator))
        terms = policy.read(connection, authenticator)
    if not standing.roles & Role.AUTHENTICATOR:
        raise NotAnAuthenticator(authenticator="0x" + authenticator.hex())
    new = asking.NewCase(
        authenticator=authenticator,
        brand_did=body.brand,
        category=body.category,
        gtin=body.gtin,
        serial=body.serial,
        item=body.item,
        value_eur=body.value_eur,
        notes=body.notes,
        reference=body.reference,
    )
    with writing(ctx.engine) as connection:
        opened = asking.open_case(connection, asking.Platform(caller.organization), new, terms, id=new_id, now=at)
        return shown(connection, rows.case(connection, opened))


@router.get("", responses=errors())
def list_cases(caller: Verifier, db: Db, before: Annotated[str | None, Query(pattern="^[0-9a-f]{32}$")] = None) -> CasesOut:
    """Your cases, newest first."""
    found = rows.of_platform(db, caller.organization, before=before, most=PAGE)
    return CasesOut(cases=[shown(db, case) for case in found], next=found[-1].id if len(found) == PAGE else None)


@router.get("/{case}", responses=errors(NoSuchCase))
def get_case(case: AskedCase, db: Db) -> CaseOut:
    return shown(db, case)


@router.put(
    "/{case}/shots/{name}", status_code=201, responses=errors(NoSuchCase, CaseMoved, UnknownShot, TooManyShots, DeskClosed, *PHOTO_ERRORS)
)
def send_shot(case: AskedCase, name: str, body: RawBody, vault: Photos, ctx: Ctx, at: Moment, new_id: NewId) -> ShotAnswerOut:
    """A photo (the body: JPEG, PNG or WebP) and, at once, whether it is good or what to do better. Where it was taken is thrown away."""
    with reading(ctx.engine) as connection:
        terms = policy.read(connection, case.authenticator)
    answer = asking.add_shot(ctx.engine, vault, case, name, body, terms, id=new_id, now=at)
    return ShotAnswerOut(photo=answer.id, name=name, attempt=answer.attempt, state=answer.state, defects=list(answer.defects))  # type: ignore[arg-type]  # good or poor


@router.get("/{case}/photos/{photo}", response_class=Response, responses=errors(NoSuchCase, NoSuchPhoto, DeskClosed, PhotoTampered))
def get_photo(case: AskedCase, photo: str, vault: Photos, db: Db) -> Response:
    """The picture as people look at it: made anew from what was sent."""
    return picture(vault, rows.shot(db, photo), case.id)


@router.post("/{case}/submit", responses=errors(NoSuchCase, CaseMoved, ShotsMissing))
def submit_case(case: AskedCase, ctx: Ctx, at: Moment) -> CaseOut:
    """Send it off: to payment where it has a price, else to the checks and the appraisers."""
    with writing(ctx.engine) as connection:
        asking.submit(connection, case.id, policy.read(connection, case.authenticator), now=at)
        return shown(connection, rows.case(connection, case.id))


@router.post("/{case}/paid", responses=errors(NoSuchCase, CaseMoved))
def mark_case_paid(case: str, caller: Caller, ctx: Ctx, at: Moment) -> CaseOut:
    """By the platform that asked (scope `verify`), or by the authenticator (scope `organization`), who were paid. Harmless to repeat."""
    with writing(ctx.engine) as connection:
        found = rows.case(connection, case)
        if found is None or caller.organization not in (found.platform, found.authenticator):
            raise NoSuchCase
        is_desk = caller.organization == found.authenticator
        if not caller.has(Scope.ORGANIZATION if is_desk else Scope.VERIFY):
            raise Forbidden
        asking.mark_paid(connection, case, policy.read(connection, found.authenticator), by="desk" if is_desk else "platform", now=at)
        return shown(connection, rows.case(connection, case))


@router.post("/{case}/withdraw", responses=errors(NoSuchCase, CaseMoved))
def withdraw_case(case: AskedCase, ctx: Ctx, at: Moment) -> CaseOut:
    """Take it back; possible until an appraiser has it."""
    with writing(ctx.engine) as connection:
        asking.withdraw(connection, case.id, now=at)
        return shown(connection, rows.case(connection, case.id))


@router.post("/{case}/erase", responses=errors(NoSuchCase, CaseMoved, DeskClosed))
def erase_case(case: AskedCase, vault: Photos, ctx: Ctx, at: Moment) -> CaseOut:
    """The photos and words of a case that has ended go; hashes, outcome and journal stay."""
    asking.erase(ctx.engine, vault, case.id, now=at)
    with reading(ctx.engine) as connection:
        return shown(connection, rows.case(connection, case.id))


# --- shapes ----------------------------------------------------------------------------------------------------------


def picture(vault: Photos, shot: AnyRow | None, case_id: str) -> Response:
    """Raises NoSuchPhoto for one of another case, and for one that was erased."""
    if shot is None or shot.case != case_id or shot.state == "erased":
        raise NoSuchPhoto
    return Response(vault.get(shot.shown), media_type="image/jpeg", headers=PICTURE_HEADERS)


def shown(connection: Connection, case: AnyRow | None) -> CaseOut:
    """The case as its asker sees it: appraisers by nothing but what they decided together."""
    assert case is not None
    terms, shots = policy.read(connection, case.authenticator), rows.newest_shots(connection, case.id)
    journal = rows.told(connection, case.id)
    missing = asking.missing_shots(terms, case.category, shots) or asking.asked_shots(journal, shots)
    return CaseOut(
        id=case.id,
        reference=case.reference,
        state=case.state,
        authenticator=str(hex_of(case.authenticator)),
        brand=case.brand_did,
        category=case.category,
        method=case.method,
        item=hex_of(case.item),
        due_at=str(moment(utc(case.due_at))),
        created_at=str(moment(utc(case.created_at))),
        price_cents=case.price_cents,
        paid=case.paid_at is not None,
        shots=[_shot(wanted.name, wanted.required, shots.get(wanted.name)) for wanted in terms.shots_for(case.category)],
        missing=missing if case.state == "awaiting-photos" else [],
        outcome=case.outcome if case.state in ("concluded", "appealed") else None,
        confidence=case.confidence if case.state in ("concluded", "appealed") else None,
        reasons=orjson.loads(case.reasons or "[]") if case.state in ("concluded", "appealed") else [],
        verdict=hex_of(case.verdict_event) if case.state in ("concluded", "appealed") else None,
        appeal_of=case.appeal_of,
        journal=[_line(line) for line in journal],
    )


def _shot(name: str, required: bool, shot: AnyRow | None) -> ShotOut:
    if shot is None:
        return ShotOut(name=name, required=required, state="missing", attempt=0, defects=[], photo=None)
    defects = [one["code"] for one in orjson.loads(shot.findings).get("defects", ())]
    return ShotOut(name=name, required=required, state=shot.state, attempt=shot.attempt, defects=defects, photo=shot.id)


PRIVATE_FACTS = {"outcome", "confidence", "reasons", "seat", "appraiser"}  # of the way there; the case says what was concluded


def _line(line: AnyRow) -> LineOut:
    facts = {name: fact for name, fact in orjson.loads(line.facts).items() if name not in PRIVATE_FACTS}
    by = "appraiser" if line.by.startswith("appraiser") else line.by
    return LineOut(number=line.number, at=str(moment(utc(line.at))), state=line.state, by=by, why=line.why, facts=facts)
