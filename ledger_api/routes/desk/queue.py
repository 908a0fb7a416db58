"""The appraisers' doors: the queue, a claim, the case as it lies on the desk, another shot, a decision."""

from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Response
from pydantic import Field
from sqlalchemy import Connection

from ledger_api.desk import appraising, policy
from ledger_api.desk.appraising import REASONS, Decision, Next, Outcome
from ledger_api.desk.errors import CaseMoved, DeskClosed, NoSuchCase, NoSuchPhoto, NotAnAppraiser, NotClaimed, PhotoTampered, UnknownShot
from ledger_api.desk.policy import CategoryName
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.rows import queue as line
from ledger_api.domain.fields import Strict
from ledger_api.errors import InvalidBody
from ledger_api.routes.deps import Ctx, Db
from ledger_api.routes.desk.cases import picture
from ledger_api.routes.desk.deps import AnyRow, Appraiser, Moment, Photos, utc
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import Hex32, Out, hex_of, moment
from ledger_api.routes.schemas import Moment as Said
from ledger_api.store.engine import writing

router = APIRouter(prefix="/v1/desk", tags=["desk"])

PAGE = 50
Words = Annotated[str, Field(min_length=1, max_length=1_000)]


class WaitingOut(Out):
    case: str
    brand: str
    category: str
    value_eur: int | None
    is_appeal: bool
    is_senior_wanted: bool
    due_at: Said


class QueueOut(Out):
    cases: list[WaitingOut]
    next: str | None


class ClaimIn(Strict):
    case: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = Field(default=None, description="absent: the next in line")


class DeskShotOut(Out):
    name: str
    photo: str
    attempt: int
    state: str
    width: int
    height: int
    captured_at: Said | None
    device: str | None
    quality: dict[str, Any]


class CheckOut(Out):
    kind: str
    shot: str | None
    state: str
    result: dict[str, Any] | None


class OpinionOut(Out):
    appraiser: str
    outcome: str
    confidence: int
    reasons: list[str]
    grounds: dict[str, str]
    note: str


class DeskCaseOut(Out):
    case: str
    state: str
    brand: str
    category: str
    gtin: str | None
    serial: str | None
    value_eur: int | None
    notes: str
    is_appeal: bool
    seat: int = Field(description="1: the first opinion; 2: another one; 3: the senior's.")
    shots: list[DeskShotOut]
    checks: list[CheckOut]
    ledger: dict[str, Any] | None = Field(description="The item's passport, where the ledger knows it.")
    item: Hex32 | None
    others: list[OpinionOut] = Field(description="For the senior alone: what the first two said.")


class AskShotIn(Strict):
    shot: Annotated[str, Field(max_length=32)]
    words: Words


class DecisionIn(Strict):
    outcome: Outcome
    confidence: Annotated[int, Field(ge=0, le=100)]
    reasons: Annotated[list[str], Field(max_length=len(REASONS))] = Field(description="Of: " + ", ".join(REASONS))
    grounds: dict[Annotated[str, Field(max_length=32)], Words] = Field(description="By the name of the shot that shows it.")
    note: Annotated[str, Field(max_length=2_000)] = ""


class DecidedOut(Out):
    case: str
    next: Next = Field(
        description="`second`: another appraiser looks; `senior`: the opinions differ; `conclude`: the verdict is on its way."
    )


class KeptOut(Out):
    case: str
    until: Said


@router.get("/queue", responses=errors(NotAnAppraiser))
def get_queue(
    who: Appraiser, db: Db, category: CategoryName | None = None, after: Annotated[str | None, Query(max_length=80)] = None
) -> QueueOut:
    """Cases that you may claim, in line: by rank, then by deadline."""
    found = line.waiting(db, who, categories=None if category is None else [category], after=_place(after), most=PAGE)
    return QueueOut(cases=[_waiting(case) for case in found], next=_after(found[-1]) if len(found) == PAGE else None)


@router.post("/claims", responses=errors(NotAnAppraiser, NoSuchCase, CaseMoved))
def claim_case(body: ClaimIn, who: Appraiser, ctx: Ctx, at: Moment) -> DeskCaseOut | None:
    """The next case in line, or the named one, for twenty minutes; null when nothing waits."""
    with writing(ctx.engine) as connection:
        claimed = appraising.claim(connection, who, body.case, now=at)
        return None if claimed is None else _desk_case(connection, claimed, who)


@router.get("/cases/{case}", responses=errors(NotAnAppraiser, NotClaimed))
def get_desk_case(case: str, who: Appraiser, db: Db) -> DeskCaseOut:
    """The case that lies on your desk."""
    if line.held(db, case, who.id) is None:
        raise NotClaimed(case=case)
    return _desk_case(db, case, who)


@router.get(
    "/cases/{case}/photos/{photo}",
    response_class=Response,
    responses=errors(NotAnAppraiser, NotClaimed, NoSuchPhoto, DeskClosed, PhotoTampered),
)
def get_desk_photo(case: str, photo: str, who: Appraiser, db: Db, vault: Photos) -> Response:
    if line.held(db, case, who.id) is None:
        raise NotClaimed(case=case)
    return picture(vault, rows.shot(db, photo), case)


@router.post("/cases/{case}/keep", responses=errors(NotAnAppraiser, NoSuchCase, NotClaimed))
def keep_claim(case: str, who: Appraiser, ctx: Ctx, at: Moment) -> KeptOut:
    """Twenty more minutes."""
    with writing(ctx.engine) as connection:
        return KeptOut(case=case, until=str(moment(appraising.keep(connection, who, case, now=at))))


@router.post("/cases/{case}/give-back", status_code=204, responses=errors(NotAnAppraiser, NoSuchCase, NotClaimed))
def give_case_back(case: str, who: Appraiser, ctx: Ctx, at: Moment) -> None:
    with writing(ctx.engine) as connection:
        appraising.give_back(connection, who, case, now=at)


@router.post("/cases/{case}/shots", status_code=204, responses=errors(NotAnAppraiser, NoSuchCase, NotClaimed, UnknownShot))
def ask_for_shot(case: str, body: AskShotIn, who: Appraiser, ctx: Ctx, at: Moment) -> None:
    """Back to the asker, who reads your words."""
    with writing(ctx.engine) as connection:
        appraising.ask_shot(connection, who, case, body.shot, body.words, policy.read(connection, who.organization), now=at)


@router.post("/cases/{case}/decision", responses=errors(NotAnAppraiser, NoSuchCase, NotClaimed))
def decide_case(case: str, body: DecisionIn, who: Appraiser, ctx: Ctx, at: Moment) -> DecidedOut:
    """Your opinion. It cannot be changed; what comes of it depends on the policy and on the others."""
    unknown = sorted(set(body.reasons) - set(REASONS))
    if unknown:
        raise InvalidBody("There is no such reason.", field="body.reasons", unknown=[one[:32] for one in unknown], reasons=list(REASONS))
    if body.outcome == "inconclusive" and not body.reasons:
        raise InvalidBody("Who comes to no conclusion says what would help: give a reason.", field="body.reasons", reasons=list(REASONS))
    decision = Decision(body.outcome, body.confidence, tuple(body.reasons), body.grounds, body.note)
    with writing(ctx.engine) as connection:
        return DecidedOut(case=case, next=appraising.decide(connection, who, case, decision, now=at))


# --- shapes ----------------------------------------------------------------------------------------------------------


def _waiting(case: AnyRow) -> WaitingOut:
    return WaitingOut(
        case=case.id,
        brand=case.brand_did,
        category=case.category,
        value_eur=case.value_eur,
        is_appeal=case.appeal_of is not None,
        is_senior_wanted=case.seat == appraising.SENIOR,
        due_at=str(moment(utc(case.due_at))),
    )


def _after(case: AnyRow) -> str:
    due_at = utc(case.due_at)
    assert due_at is not None
    return f"{case.rank}-{due_at.timestamp():.6f}-{case.id}"


def _place(after: str | None) -> tuple[int, datetime, str] | None:
    if after is None:
        return None
    try:
        rank, due_at, case_id = after.split("-")
        return int(rank), datetime.fromtimestamp(float(due_at), UTC), case_id
    except (ValueError, OverflowError, OSError):
        raise InvalidBody("`after` is the `next` of the page before.", field="query.after") from None


def _desk_case(connection: Connection, case_id: str, who: AnyRow) -> DeskCaseOut:
    case = rows.case(connection, case_id)
    assert case is not None
    item = case.item or (rows.named(connection, case.gtin, case.serial) if case.gtin and case.serial else None)
    passport = None if item is None else rows.passport(connection, item)
    return DeskCaseOut(
        case=case.id,
        state=case.state,
        brand=case.brand_did,
        category=case.category,
        gtin=case.gtin,
        serial=case.serial,
        value_eur=case.value_eur,
        notes=case.notes,
        is_appeal=case.appeal_of is not None,
        seat=min(case.seat, appraising.SECOND) if not who.is_senior else case.seat,
        shots=[_shot(shot) for shot in rows.newest_shots(connection, case_id).values()],
        checks=[_check(check) for check in rows.checks_of(connection, case_id)],
        ledger=None if passport is None else orjson.loads(passport),
        item=hex_of(item),
        others=[_opinion(opinion) for opinion in rows.opinions(connection, case_id)] if case.seat == appraising.SENIOR else [],
    )


def _shot(shot: AnyRow) -> DeskShotOut:
    return DeskShotOut(
        name=shot.name,
        photo=shot.id,
        attempt=shot.attempt,
        state=shot.state,
        width=shot.width,
        height=shot.height,
        captured_at=moment(utc(shot.captured_at)),
        device=shot.device,
        quality=orjson.loads(shot.findings),
    )


def _check(check: AnyRow) -> CheckOut:
    return CheckOut(
        kind=check.kind, shot=check.shot, state=check.state, result=None if check.result is None else orjson.loads(check.result)
    )


def _opinion(opinion: AnyRow) -> OpinionOut:
    return OpinionOut(
        appraiser=opinion.appraiser,
        outcome=opinion.outcome,
        confidence=opinion.confidence,
        reasons=orjson.loads(opinion.reasons),
        grounds=orjson.loads(opinion.grounds),
        note=opinion.note or "",
    )
