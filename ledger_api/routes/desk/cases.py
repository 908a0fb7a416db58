"""Cases of platforms and of accounts: opened, photographed, sent off, paid, followed, taken back, forgotten."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Response
from pydantic import Field
from sqlalchemy import Connection

from ledger_api.auth import Scope
from ledger_api.desk import asking, certificates, life, policy, screening
from ledger_api.desk.errors import (
    CaseMoved,
    CaseOfBooking,
    CategoryNotServed,
    CrossSite,
    DeskClosed,
    NoSuchCase,
    NoSuchPhoto,
    NotAnAuthenticator,
    PhotoAnimated,
    PhotoDamaged,
    PhotographedInPerson,
    PhotoNotAnImage,
    PhotosAway,
    PhotoTampered,
    PhotoTooLarge,
    PhotoTooManyPixels,
    PhotoTooSmall,
    ReferenceInvalid,
    ReferenceTaken,
    ShotsMissing,
    TooManyCases,
    TooManyShots,
    UnknownShot,
)
from ledger_api.desk.rows import cases as rows
from ledger_api.domain.events import CategoryName
from ledger_api.domain.fields import Bytes32, Did, Gtin, OrganizationDid, Serial, Strict
from ledger_api.errors import Forbidden, InvalidBody
from ledger_api.routes.deps import Caller, Context, Ctx, Db, NewId, RawBody
from ledger_api.routes.desk.deps import AnAsker, AnyRow, AskedCase, Moment, Photos, utc
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


ReferenceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
References = Annotated[dict[ReferenceName, Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=20)]


class CaseIn(Strict):
    authenticator: OrganizationDid = Field(description="Whose desk is asked.")
    reference: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        default=None, description="A platform's own, and required of it: the same reference is the same case. Accounts have none."
    )
    brand: Did = Field(description="The brand that the item is claimed to be of.")
    category: CategoryName
    gtin: Gtin | None = None
    serial: Serial | None = None
    item: Bytes32 | None = Field(default=None, description="Its id, where the ledger knows it and you do not know the serial.")
    value_eur: Annotated[int, Field(ge=0, le=100_000_000)] | None = None
    notes: Annotated[str, Field(max_length=2_000)] = ""
    references: References = Field(default={}, description="The piece's numbers beside its serial, by the names of the desk's policy.")


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


class ProgressOut(Out):
    done: int
    total: int


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
    tags: dict[str, str] = Field(description="`category`, `colour`, `material` as a machine sees them in the photos, where it is sure.")
    checks: ProgressOut = Field(description="How far the machines are; what they found is for the appraiser.")
    outcome: str | None
    confidence: int | None
    reasons: list[str]
    would_help: list[str] = Field(description="Where there is no conclusion: what the asker can do about it.")
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


@router.post(
    "", status_code=201, responses=errors(NotAnAuthenticator, CategoryNotServed, ReferenceInvalid, ReferenceTaken, TooManyCases, CrossSite)
)
def open_case(body: CaseIn, whose: AnAsker, ctx: Ctx, at: Moment, new_id: NewId) -> CaseOut:
    """A new case, or the one that you opened under this reference.

    Every door to a case opens to the platform that asked (API key with the scope `verify`) or to the account that did (its cookie).
    """
    if isinstance(whose, asking.Platform) == (body.reference is None):
        raise InvalidBody("A platform names its reference, an account has none.", fields=[{"field": "body.reference"}])
    with writing(ctx.engine) as connection:
        opened = begin(ctx, connection, whose, body, id=new_id, at=at)
        return shown(connection, rows.case(connection, opened))


def begin(ctx: Context, connection: Connection, whose: asking.Asker, body: CaseIn, *, id: str, at: datetime) -> str:
    """Raises NotAnAuthenticator, CategoryNotServed, ReferenceInvalid, ReferenceTaken, TooManyCases."""
    authenticator = body.authenticator
    standing = ctx.intake.authority.read(connection).at(int(at.timestamp())).standing(OrganizationId(authenticator))
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
        references=body.references,
    )
    return asking.open_case(connection, whose, new, policy.read(connection, authenticator), id=id, now=at)


@router.get("", responses=errors())
def list_cases(whose: AnAsker, db: Db, before: Annotated[str | None, Query(pattern="^[0-9a-f]{32}$")] = None) -> CasesOut:
    """Your cases, newest first."""
    found = theirs(db, whose, before=before)
    return CasesOut(cases=[shown(db, case) for case in found], next=found[-1].id if len(found) == PAGE else None)


def theirs(connection: Connection, whose: asking.Asker, *, before: str | None = None) -> Sequence[AnyRow]:
    match whose:
        case asking.Account(id=account):
            return rows.of_account(connection, account, before=before, most=PAGE)
        case asking.Platform(organization=platform):
            return rows.of_platform(connection, platform, before=before, most=PAGE)


@router.get("/{case}", responses=errors(NoSuchCase))
def get_case(case: AskedCase, db: Db) -> CaseOut:
    return shown(db, case)


@router.put(
    "/{case}/shots/{name}",
    status_code=201,
    responses=errors(NoSuchCase, CaseMoved, PhotographedInPerson, UnknownShot, TooManyShots, DeskClosed, PhotosAway, *PHOTO_ERRORS),
)
def send_shot(case: AskedCase, name: str, body: RawBody, vault: Photos, ctx: Ctx, at: Moment, new_id: NewId) -> ShotAnswerOut:
    """A photo (the body: JPEG, PNG or WebP) and, at once, whether it is good or what to do better. Where it was taken is thrown away."""
    with reading(ctx.engine) as connection:
        terms = policy.read(connection, case.authenticator)
    answer = asking.add_shot(ctx.engine, vault, case, name, body, terms, id=new_id, now=at)
    return ShotAnswerOut(photo=answer.id, name=name, attempt=answer.attempt, state=answer.state, defects=list(answer.defects))  # type: ignore[arg-type]  # good or poor


@router.get(
    "/{case}/photos/{photo}", response_class=Response, responses=errors(NoSuchCase, NoSuchPhoto, DeskClosed, PhotosAway, PhotoTampered)
)
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


@router.post("/{case}/withdraw", responses=errors(NoSuchCase, CaseMoved, CaseOfBooking))
def withdraw_case(case: AskedCase, ctx: Ctx, at: Moment) -> CaseOut:
    """Take it back; possible until an appraiser has it. A booking's case ends with its booking."""
    with writing(ctx.engine) as connection:
        asking.withdraw(connection, case.id, now=at)
        return shown(connection, rows.case(connection, case.id))


@router.post("/{case}/erase", responses=errors(NoSuchCase, CaseMoved, DeskClosed, PhotosAway))
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
        tags={} if case.erased_at is not None else screening.filled(rows.checks_of(connection, case.id)),
        checks=_progress(connection, case.id),
        missing=missing if case.state == "awaiting-photos" else [],
        outcome=case.outcome if case.state in life.OUTCOME_SHOWN else None,
        confidence=case.confidence if case.state in ("concluded", "appealed") else None,
        reasons=orjson.loads(case.reasons or "[]") if case.state in ("concluded", "appealed") else [],
        would_help=certificates.would_help(case.outcome, orjson.loads(case.reasons or "[]"))
        if case.state in ("concluded", "appealed")
        else [],
        verdict=hex_of(case.verdict_event) if case.state in ("concluded", "appealed") else None,
        appeal_of=case.appeal_of,
        journal=[_line(line) for line in journal],
    )


def _progress(connection: Connection, case_id: str) -> ProgressOut:
    states = rows.check_states(connection, case_id)
    return ProgressOut(done=sum(state != "waiting" for state in states), total=len(states))


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
