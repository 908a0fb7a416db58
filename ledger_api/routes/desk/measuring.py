"""How good a desk is, for the desk alone: how well its appraisers agree, and how they fare on test cases whose answer is known.

Whoever leads the desk makes test cases, from photos or from a case that was concluded; nobody who judges learns which they are.
"""

import secrets
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Query, Response
from markupsafe import Markup
from pydantic import Field

from ledger_api.auth import Principal, Scope
from ledger_api.desk import agreement, asking, policy, seeding
from ledger_api.desk.appraising import Outcome
from ledger_api.desk.asking import NewCase
from ledger_api.desk.errors import (
    CaseMoved,
    DeskClosed,
    NoSuchCase,
    NotAnAuthenticator,
    PhotosAway,
    ShotsMissing,
    TooManyShots,
    UnknownShot,
)
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.rows import queue as line
from ledger_api.desk.rows import seeds
from ledger_api.domain.events import CategoryName
from ledger_api.domain.fields import Bytes32, Did, Gtin, Serial, Strict
from ledger_api.errors import InvalidBody
from ledger_api.routes.deps import Caller, Ctx, Db, NewId, Now, RawBody
from ledger_api.routes.desk.cases import PHOTO_ERRORS, ShotAnswerOut
from ledger_api.routes.desk.deps import AnyRow, Moment, Photos, utc
from ledger_api.routes.desk.pages import page
from ledger_api.routes.desk.sittings import ASitting, DeskRoute, Leading
from ledger_api.routes.pages import AGuest
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import Moment as Said
from ledger_api.routes.schemas import Out, moment
from ledger_api.statistics.overturns import SMALL, wilson
from ledger_api.store.engine import reading, writing
from ledger_api.web.timeline import Pair
from ledger_verify.codes import Role

router = APIRouter(prefix="/v1/desk", tags=["desk"])
pages = APIRouter(include_in_schema=False, route_class=DeskRoute)

PAGE = 50
CaseId = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


class SeedIn(Strict):
    """From a concluded case (`from_case`), or from photos that you send afterwards (`brand` and `category`)."""

    known_outcome: Outcome = Field(description="What is right.")
    from_case: CaseId | None = Field(default=None, description="A case that your desk concluded from photos.")
    brand: Did | None = None
    category: CategoryName | None = None
    gtin: Gtin | None = None
    serial: Serial | None = None
    item: Bytes32 | None = None
    value_eur: Annotated[int, Field(ge=0, le=100_000_000)] | None = None
    notes: Annotated[str, Field(max_length=2_000)] = ""


class AnswerOut(Out):
    appraiser: str
    outcome: str
    confidence: int


class SeedOut(Out):
    case: str
    state: str
    known_outcome: str
    from_case: str | None
    brand: str
    category: str
    created_at: Said = Field(description="As its journal has it.")
    answers: list[AnswerOut]


class SeedsOut(Out):
    seeds: list[SeedOut]
    next: str | None


class ScoreOut(Out):
    appraiser: str
    hits: int
    misses: int
    inconclusive: int = Field(description="Neither hit nor miss, where something else was right.")
    rate: float | None = Field(description="hits / (hits + misses)")
    low: float | None = Field(description="Wilson's interval for 95 %.")
    high: float | None


class ScoresOut(Out):
    scores: list[ScoreOut]


def lead(caller: Caller, ctx: Ctx, now: Now) -> Principal:
    """Raises Forbidden, NotAnAuthenticator."""
    caller.require(Scope.ORGANIZATION)
    with reading(ctx.engine) as connection:
        standing = ctx.intake.authority.read(connection).at(now).standing(caller.organization)
    if not standing.roles & Role.AUTHENTICATOR:
        raise NotAnAuthenticator
    return caller


Lead = Annotated[Principal, Depends(lead)]


@router.post("/seeds", status_code=201, responses=errors(NotAnAuthenticator, NoSuchCase, CaseMoved))
def make_seed(body: SeedIn, who: Lead, ctx: Ctx, at: Moment, new_id: NewId) -> SeedOut:
    """A test case whose answer you know. Your appraisers get it like any other; it is never recorded and counted for you alone."""
    with writing(ctx.engine) as connection:
        terms = policy.read(connection, who.organization)
        if body.from_case is not None:
            drawn = secrets.token_hex(10)
            made = seeding.seed_from(connection, body.from_case, who.organization, body.known_outcome, terms, drawn=drawn, now=at)
        elif body.brand is None or body.category is None:
            raise InvalidBody("A test case from photos says brand and category; one from a case says `from_case`.", field="body.brand")
        else:
            new = NewCase(who.organization, body.brand, body.category, body.gtin, body.serial, body.item, body.value_eur, body.notes)
            made = seeding.open_seed(connection, new, body.known_outcome, terms, id=new_id, now=at)
        return _seed(connection, rows.case(connection, made))


@router.get("/seeds", responses=errors(NotAnAuthenticator))
def list_seeds(who: Lead, db: Db, before: Annotated[str | None, Query(pattern="^[0-9a-f]{32}$")] = None) -> SeedsOut:
    """Your test cases, newest first, with what was answered."""
    found = seeds.of(db, who.organization, before=before, most=PAGE)
    return SeedsOut(seeds=[_seed(db, case) for case in found], next=found[-1].id if len(found) == PAGE else None)


@router.get("/seeds/scores", responses=errors(NotAnAuthenticator))
def get_scores(who: Lead, db: Db) -> ScoresOut:
    """How each of your appraisers fared on test cases; told to nobody else."""
    return ScoresOut(scores=[_score(one) for one in seeding.scores(db, who.organization)])


@router.put(
    "/seeds/{case}/shots/{name}",
    status_code=201,
    responses=errors(NotAnAuthenticator, NoSuchCase, CaseMoved, UnknownShot, TooManyShots, DeskClosed, PhotosAway, *PHOTO_ERRORS),
)
def send_seed_shot(case: str, name: str, body: RawBody, who: Lead, vault: Photos, ctx: Ctx, at: Moment, new_id: NewId) -> ShotAnswerOut:
    """A photo (the body) of a test case; also one that an appraiser asked for."""
    with reading(ctx.engine) as connection:
        found, terms = _mine(connection, case, who.organization), policy.read(connection, who.organization)
    answer = asking.add_shot(ctx.engine, vault, found, name, body, terms, id=new_id, now=at)
    return ShotAnswerOut(photo=answer.id, name=name, attempt=answer.attempt, state=answer.state, defects=list(answer.defects))  # type: ignore[arg-type]  # good or poor


@router.post("/seeds/{case}/submit", responses=errors(NotAnAuthenticator, NoSuchCase, CaseMoved, ShotsMissing))
def submit_seed(case: str, who: Lead, ctx: Ctx, at: Moment) -> SeedOut:
    """To the machines, and into the queue."""
    with writing(ctx.engine) as connection:
        _mine(connection, case, who.organization)
        asking.submit(connection, case, policy.read(connection, who.organization), now=at)
        return _seed(connection, rows.case(connection, case))


def _mine(connection: Any, case: str, organization: bytes) -> AnyRow:
    found = rows.case(connection, case)
    if found is None or found.authenticator != organization or found.known_outcome is None:
        raise NoSuchCase(case=case)
    return found


def _seed(connection: Any, case: AnyRow | None) -> SeedOut:
    assert case is not None
    given = [
        AnswerOut(appraiser=one.appraiser, outcome=one.outcome, confidence=one.confidence) for one in rows.opinions(connection, case.id)
    ]
    return SeedOut(
        case=case.id,
        state=case.state,
        known_outcome=case.known_outcome,
        from_case=case.seed_of,
        brand=case.brand_did,
        category=case.category,
        created_at=str(moment(utc(case.created_at))),
        answers=given,
    )


def _score(score: seeding.Score) -> ScoreOut:
    rate = wilson(score.hits, score.hits + score.misses)
    shown = (None, None, None) if rate is None else tuple(round(figure, 4) for figure in rate)
    return ScoreOut(**score._asdict(), rate=shown[0], low=shown[1], high=shown[2])


# --- pages -----------------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    title: str
    pairs: list[Pair]
    is_small: bool


@pages.get("/desk/agreement")
def agreement_page(guest: AGuest, who: ASitting, db: Db) -> Response:
    """How well each pair agrees; an appraiser sees pairs by pseudonyms, the lead by names."""
    say, organization = guest.language.say, who.caller.organization
    names = _names(db, organization) if who.is_lead else {}
    told = agreement.agreements((one.first, one.second, one.first_outcome, one.second_outcome) for one in line.pairs(db, organization))
    shown = [
        Row(
            " · ".join(names.get(one, one) for one in pair.pair),
            [
                Pair(say("appraise.kappa"), Markup.escape("—" if pair.kappa is None else f"{pair.kappa:.2f}")),
                Pair(say("appraise.judged"), Markup.escape(pair.cases)),
                Pair(say("appraise.agreed"), Markup.escape(pair.agreed)),
            ],
            pair.cases < SMALL,
        )
        for pair in told
    ]
    return _measures(guest, who, "agreement", shown)


@pages.get("/desk/tests")
def tests_page(guest: AGuest, who: Leading, db: Db) -> Response:
    say, names = guest.language.say, _names(db, who.caller.organization)
    shown = [
        Row(
            names.get(one.appraiser, one.appraiser),
            [
                Pair(say("appraise.hit_rate"), Markup.escape(_percent(_score(one)))),
                Pair(say("appraise.hits"), Markup.escape(one.hits)),
                Pair(say("appraise.misses"), Markup.escape(one.misses)),
                Pair(say("appraise.undecided"), Markup.escape(one.inconclusive)),
            ],
            one.hits + one.misses < SMALL,
        )
        for one in seeding.scores(db, who.caller.organization)
    ]
    return _measures(guest, who, "tests", shown)


def _measures(guest: AGuest, who: ASitting, what: str, shown: list[Row]) -> Response:
    return page(guest, "desk_measures.html", what=what, rows=shown, is_lead=who.is_lead, judges=who.appraiser is not None)


def _names(connection: Any, organization: bytes) -> dict[str, str]:
    return {row.id: f"{row.name} ({row.id})" for row in line.all_appraisers(connection, organization)}


def _percent(score: ScoreOut) -> str:
    if score.rate is None or score.low is None or score.high is None:
        return "—"
    return f"{score.rate:.0%} ({score.low:.0%} – {score.high:.0%})"
