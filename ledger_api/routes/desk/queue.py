"""The appraisers' doors: the queue, a claim, the case as it lies on the desk, another shot, a decision."""

from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Response
from pydantic import Field
from sqlalchemy import Connection

from ledger_api.desk import appraising, asking, policy, screening, seeding
from ledger_api.desk.appraising import REASONS, Decision, Next, Outcome
from ledger_api.desk.errors import (
    CaseMoved,
    DeskClosed,
    NoSuchCase,
    NoSuchPhoto,
    NotAnAppraiser,
    NotClaimed,
    PhotosAway,
    PhotoTampered,
    ShotsMissing,
    UnknownShot,
)
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.rows import queue as line
from ledger_api.desk.vault import Vault
from ledger_api.domain.events import CategoryName
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
    is_in_person: bool = Field(description="It lies on somebody's counter.")
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


class ReferenceOut(Out):
    shot: str | None = Field(description="null: about the item as a whole.")
    words: str


class DeskLineOut(Out):
    at: Said
    by: str = Field(description="`asker`, `appraiser`, `desk` or `brand`, never who.")
    why: str
    facts: dict[str, Any]


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
    numbers: dict[str, str] = Field(description="The piece's numbers beside its serial, as the asker gave them.")
    is_appeal: bool
    method: str = Field(description="photo, or in-person.")
    until: Said = Field(description="When the claim runs out.")
    due_at: Said
    seat: int = Field(description="1: the first opinion; 2: another one; 3: the senior's.")
    shots: list[DeskShotOut]
    checks: list[CheckOut]
    shot_list: list[str] = Field(description="The details that are photographed: by the asker; in person, by you.")
    missing: list[str] = Field(description="In person: the shots without which you cannot decide yet.")
    references: list[ReferenceOut] = Field(description="What your authenticator wants compared (`references` of its policy).")
    journal: list[DeskLineOut]
    tags: dict[str, str] = Field(description="category, colour, material, where a classifier is set up and sure.")
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
    found = line.waiting(db, who, categories=None if category is None else [category], after=place_of(after), most=PAGE)
    return QueueOut(cases=[waiting_of(case) for case in found], next=after_of(found[-1]) if len(found) == PAGE else None)


@router.post("/claims", responses=errors(NotAnAppraiser, NoSuchCase, CaseMoved))
def claim_case(body: ClaimIn, who: Appraiser, db: Db, ctx: Ctx, at: Moment) -> DeskCaseOut | None:
    """The next case in line, or the named one, for twenty minutes; null when nothing waits."""
    with writing(ctx.engine) as connection:
        claimed = appraising.claim(connection, who, body.case, now=at)
    return None if claimed is None else desk_case(db, claimed, who)


@router.get("/cases/{case}", responses=errors(NotAnAppraiser, NotClaimed))
def getdesk_case(case: str, who: Appraiser, db: Db) -> DeskCaseOut:
    """The case that lies on your desk."""
    return desk_case(db, case, who)


@router.get(
    "/cases/{case}/photos/{photo}",
    response_class=Response,
    responses=errors(NotAnAppraiser, NotClaimed, NoSuchPhoto, DeskClosed, PhotosAway, PhotoTampered),
)
def get_desk_photo(case: str, photo: str, who: Appraiser, db: Db, vault: Photos) -> Response:
    if line.held(db, case, who.id) is None:
        raise NotClaimed(case=case)
    return picture(vault, rows.shot(db, photo), case)


@router.get(
    "/cases/{case}/matches/{photo}",
    response_class=Response,
    responses=errors(NotAnAppraiser, NotClaimed, NoSuchPhoto, DeskClosed, PhotosAway, PhotoTampered),
)
def get_matched_photo(case: str, photo: str, who: Appraiser, db: Db, vault: Photos) -> Response:
    """An earlier photo of your desk's that a check says this case shows again (`matches` of the check `reuse`)."""
    return matched(db, vault, case, photo, who)


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
def ask_for_shot(case: str, body: AskShotIn, who: Appraiser, db: Db, ctx: Ctx, at: Moment) -> None:
    """Back to the asker, who reads your words."""
    terms = policy.read(db, who.organization)
    with writing(ctx.engine) as connection:
        appraising.ask_shot(connection, who, case, body.shot, body.words, terms, now=at)


@router.post("/cases/{case}/decision", responses=errors(NotAnAppraiser, NoSuchCase, NotClaimed, ShotsMissing))
def decide_case(case: str, body: DecisionIn, who: Appraiser, db: Db, ctx: Ctx, at: Moment) -> DecidedOut:
    """Your opinion. It cannot be changed; what comes of it depends on the policy and on the others.

    Of an item that you examine in person the required shots have to be there first (`missing` of the case), unless the policy only
    asks for them (`photos_in_person`).
    """
    decision, terms = decision_of(body), policy.read(db, who.organization)
    with writing(ctx.engine) as connection:
        return DecidedOut(case=case, next=appraising.decide(connection, who, case, decision, terms, now=at))


def decision_of(body: DecisionIn) -> Decision:
    """Raises InvalidBody."""
    unknown = sorted(set(body.reasons) - set(REASONS))
    if unknown:
        raise InvalidBody("There is no such reason.", field="body.reasons", unknown=[one[:32] for one in unknown], reasons=list(REASONS))
    if body.outcome == "inconclusive" and not body.reasons:
        raise InvalidBody("Who comes to no conclusion says what would help: give a reason.", field="body.reasons", reasons=list(REASONS))
    return Decision(body.outcome, body.confidence, tuple(body.reasons), body.grounds, body.note)


# --- shapes ----------------------------------------------------------------------------------------------------------


def waiting_of(case: AnyRow) -> WaitingOut:
    return WaitingOut(
        case=case.id,
        is_in_person=case.method == "in-person",
        brand=case.brand_did,
        category=case.category,
        value_eur=case.value_eur,
        is_appeal=case.appeal_of is not None,
        is_senior_wanted=case.seat == appraising.SENIOR,
        due_at=str(moment(utc(case.due_at))),
    )


def after_of(case: AnyRow) -> str:
    due_at = utc(case.due_at)
    assert due_at is not None
    return f"{case.rank}-{due_at.timestamp():.6f}-{case.id}"


def place_of(after: str | None) -> tuple[int, datetime, str] | None:
    if after is None:
        return None
    try:
        rank, due_at, case_id = after.split("-")
        return int(rank), datetime.fromtimestamp(float(due_at), UTC), case_id
    except (ValueError, OverflowError, OSError):
        raise InvalidBody("`after` is the `next` of the page before.", field="query.after") from None


def matched(connection: Connection, vault: Vault, case: str, photo: str, who: AnyRow) -> Response:
    """Raises NotClaimed; NoSuchPhoto: no check of this case names it."""
    if line.held(connection, case, who.id) is None:
        raise NotClaimed(case=case)
    checks = [check for check in rows.checks_of(connection, case) if check.kind == "reuse" and check.result is not None]
    if photo not in {match["photo"] for check in checks for match in orjson.loads(check.result)["matches"]}:
        raise NoSuchPhoto
    shot = rows.shot(connection, photo)
    return picture(vault, shot, "" if shot is None else shot.case)


def desk_case(connection: Connection, case_id: str, who: AnyRow) -> DeskCaseOut:
    """Raises NotClaimed."""
    case, held = rows.case(connection, case_id), line.held(connection, case_id, who.id)
    if case is None or held is None:
        raise NotClaimed(case=case_id)
    item = rows.item_of(connection, case)
    terms, shots, checks = (
        policy.read(connection, case.authenticator),
        rows.newest_shots(connection, case_id),
        rows.checks_of(connection, case_id),
    )
    return DeskCaseOut(
        case=case.id,
        state=case.state,
        brand=case.brand_did,
        category=case.category,
        gtin=case.gtin,
        serial=case.serial,
        value_eur=case.value_eur,
        notes=case.notes,
        numbers={} if case.references is None else orjson.loads(case.references),
        is_appeal=case.appeal_of is not None,
        method=case.method,
        until=str(moment(utc(held.lease_until))),
        due_at=str(moment(utc(case.due_at))),
        seat=min(case.seat, appraising.SECOND) if not who.is_senior else case.seat,
        shots=[_shot(shot) for shot in shots.values()],
        checks=[_check(check) for check in checks],
        shot_list=[shot.name for shot in terms.shots_for(case.category)],
        missing=asking.missing_in_person(terms, case, shots),
        references=[
            ReferenceOut(shot=one.shot, words=one.words) for one in terms.references_for(category=case.category, brand_did=case.brand_did)
        ],
        journal=[_told(line) for line in rows.told(connection, case_id) if line.why not in UNTOLD],
        ledger=seeding.known(connection, case, item),
        tags=screening.filled(checks),
        item=hex_of(item),
        others=[_opinion(opinion) for opinion in rows.opinions(connection, case_id)] if case.seat == appraising.SENIOR else [],
    )


# of a case's way to the desk an appraiser learns what helps to judge: not who asks, at what price, or what anybody thought of it
UNTOLD = frozenset({"paid", "decided"})
TOLD_FACTS = frozenset({"shot", "words", "attempt", "defects"})


def _told(told: AnyRow) -> DeskLineOut:
    by = told.by.split()[0]
    facts = {name: fact for name, fact in orjson.loads(told.facts).items() if name in TOLD_FACTS}
    return DeskLineOut(at=str(moment(utc(told.at))), by="asker" if by == "platform" else by, why=told.why, facts=facts)


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
