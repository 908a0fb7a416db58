"""The appraisers' pages: sign in, the queue, a case on the desk. They say what the API says and do what it does (`queue.py`), and work
without a script; `web/static/desk/judging.js` adds zoom and keys.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import ValidationError
from sqlalchemy import Connection

from ledger_api.desk import appraising, in_person, policy, sittings
from ledger_api.desk.appraising import REASONS
from ledger_api.desk.errors import NotAnAppraiser, NotClaimed, PhotoRefused, ShotsMissing, TooManyShots
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.rows import queue as line
from ledger_api.errors import EventRefused, EventUnreadable, InvalidBody, Unauthenticated
from ledger_api.routes.deps import Context, Ctx, Db, NewId
from ledger_api.routes.desk.cases import picture
from ledger_api.routes.desk.deps import AnyRow, Knocking, Moment, Photos, utc
from ledger_api.routes.desk.forms import FormPhoto
from ledger_api.routes.desk.in_person import PresentedIn, keep_signature
from ledger_api.routes.desk.pages import gone, page
from ledger_api.routes.desk.presenter import drafted, presenting
from ledger_api.routes.desk.queue import PAGE, AskShotIn, DecisionIn, after_of, decision_of, desk_case, matched, place_of, waiting_of
from ledger_api.routes.desk.sittings import COOKIE, DeskRoute, FormValues, Judging, MaybeSitting, Sitting, sign_in
from ledger_api.routes.pages import AGuest, Guest
from ledger_api.store.engine import reading, writing
from ledger_api.web.appraising import CasePage, case_page, waiting_in_words

router = APIRouter(include_in_schema=False, route_class=DeskRoute)

After = Annotated[str | None, Query(max_length=80)]
Key = Annotated[str | None, Query(max_length=64)]
ShotName = Annotated[str | None, Query(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
DONE = ("second", "senior", "conclude", "given-back", "shot-asked", "nothing")


@router.get("/desk")
def desk_page(
    guest: AGuest, who: MaybeSitting, db: Db, after: After = None, done: Annotated[str | None, Query(max_length=16)] = None
) -> Response:
    """The queue; for whoever is not signed in, the door."""
    if who is None:
        return page(guest, "desk_sign_in.html", wrong=None)
    if who.appraiser is None:
        return gone(guest, "/desk/agreement")
    return _queue(guest, who, who.appraiser, db, after, done if done in DONE else None)


@router.post("/desk/sign-in")
def sign_in_to_desk(guest: AGuest, form: FormValues, ctx: Ctx, at: Moment, knocking: Knocking) -> Response:
    """The key comes in the body of a form and goes into no page, address or log."""
    try:
        token = sign_in(ctx, form.get("key", [""])[0].strip(), at)
    except (Unauthenticated, NotAnAppraiser) as error:
        wrong = "wrong_key" if isinstance(error, Unauthenticated) else "no_desk_key"
        return page(guest, "desk_sign_in.html", status=error.status, wrong=wrong)
    return COOKIE.keep(gone(guest, "/desk"), ctx, token)


@router.post("/desk/sign-out")
def sign_out_of_desk(guest: AGuest, who: MaybeSitting, ctx: Ctx) -> Response:
    if who is not None:
        with writing(ctx.engine) as connection:
            sittings.end(connection, who.token)
    return COOKIE.drop(gone(guest, "/desk"), ctx)


@router.post("/desk/claim")
def claim_on_page(guest: AGuest, form: FormValues, who: Judging, ctx: Ctx, at: Moment) -> Response:
    """The named case, or the next in line."""
    with writing(ctx.engine) as connection:
        claimed = appraising.claim(connection, who, form.get("case", [None])[0], now=at)
    return gone(guest, "/desk", done="nothing") if claimed is None else gone(guest, f"/desk/cases/{claimed}")


@router.get("/desk/cases/{case}")
def desk_case_page(case: str, guest: AGuest, who: Judging, db: Db, at: Moment, taken: ShotName = None, presenter: Key = None) -> Response:
    """`presenter`: the address of a key that is to sign for an item without history."""
    here = _case(guest, db, case, who, taken=taken)
    presented = presenting(rows.case(db, case))
    try:
        if presented is not None and presenter is not None:
            presented = drafted(guest.ctx, who, case, presenter, presented, at)
    except (ValidationError, EventRefused, EventUnreadable):
        return _again(case, guest, {}, who, guest.ctx, ("presenter",))
    return page(guest, "desk_case.html", here=here, values={}, wrong=(), refused=None, presented=presented)


@router.get("/desk/cases/{case}/photos/{photo}")
def desk_photo(case: str, photo: str, who: Judging, db: Db, vault: Photos) -> Response:
    if line.held(db, case, who.id) is None:
        raise NotClaimed(case=case)
    return picture(vault, rows.shot(db, photo), case)


@router.get("/desk/cases/{case}/matches/{photo}")
def matched_photo(case: str, photo: str, who: Judging, db: Db, vault: Photos) -> Response:
    return matched(db, vault, case, photo, who)


@router.post("/desk/cases/{case}/keep")
def keep_on_page(case: str, guest: AGuest, who: Judging, ctx: Ctx, at: Moment) -> Response:
    with writing(ctx.engine) as connection:
        appraising.keep(connection, who, case, now=at)
    return gone(guest, f"/desk/cases/{case}")


@router.post("/desk/cases/{case}/give-back")
def give_back_on_page(case: str, guest: AGuest, who: Judging, ctx: Ctx, at: Moment) -> Response:
    with writing(ctx.engine) as connection:
        appraising.give_back(connection, who, case, now=at)
    return gone(guest, "/desk", done="given-back")


@router.post("/desk/cases/{case}/shots")
def ask_shot_on_page(case: str, guest: AGuest, form: FormValues, who: Judging, db: Db, ctx: Ctx, at: Moment) -> Response:
    try:
        asked = AskShotIn(shot=form.get("shot", [""])[0], words=form.get("words", [""])[0].strip())
    except ValidationError:
        return _again(case, guest, form, who, ctx, ("words",))
    terms = policy.read(db, who.organization)
    with writing(ctx.engine) as connection:
        appraising.ask_shot(connection, who, case, asked.shot, asked.words, terms, now=at)
    return gone(guest, "/desk", done="shot-asked")


@router.post("/desk/cases/{case}/shots/{name}")
def take_shot_on_page(
    case: str, name: str, guest: AGuest, photo: FormPhoto, who: Judging, vault: Photos, ctx: Ctx, at: Moment, new_id: NewId
) -> Response:
    """Of an item on the counter, by the tablet's camera."""
    try:
        in_person.take_shot(ctx.engine, vault, who, case, name, photo, id=new_id, now=at)
    except (PhotoRefused, TooManyShots) as error:
        return _again(case, guest, {}, who, ctx, (), refused=error.code)
    return gone(guest, f"/desk/cases/{case}", taken=name)


@router.post("/desk/cases/{case}/presenter")
def sign_on_page(case: str, guest: AGuest, form: FormValues, who: Judging, ctx: Ctx, at: Moment) -> Response:
    """What whoever presents an item without history signed."""
    try:
        said = {name: form.get(name, [""])[0].strip() for name in ("presenter_key", "deadline", "signature")}
        deadline = int(said["deadline"]) if said["deadline"].isdecimal() else -1
        keep_signature(ctx, who, case, PresentedIn.model_validate(said | {"deadline": deadline}), at)
    except (ValidationError, InvalidBody, EventRefused, EventUnreadable):
        return _again(case, guest, form, who, ctx, ("presenter",))
    return gone(guest, f"/desk/cases/{case}")


@router.post("/desk/cases/{case}/decision")
def decide_on_page(case: str, guest: AGuest, form: FormValues, who: Judging, db: Db, ctx: Ctx, at: Moment) -> Response:
    try:
        decision = decision_of(_decision(form))
    except (ValidationError, ValueError):
        return _again(case, guest, form, who, ctx, ("outcome", "confidence"))
    except InvalidBody:
        return _again(case, guest, form, who, ctx, ("reasons",))
    terms = policy.read(db, who.organization)
    try:
        with writing(ctx.engine) as connection:
            comes = appraising.decide(connection, who, case, decision, terms, now=at)
    except ShotsMissing:
        return _again(case, guest, form, who, ctx, ("shots",))
    return gone(guest, "/desk", done=comes)


def _decision(form: dict[str, list[str]]) -> DecisionIn:
    """Raises ValidationError, ValueError: no outcome, no number."""
    grounds = {name.removeprefix("grounds-"): texts[0].strip() for name, texts in form.items() if name.startswith("grounds-")}
    return DecisionIn(
        outcome=form.get("outcome", [""])[0],  # type: ignore[arg-type]  # judged by the model
        confidence=int(form.get("confidence", [""])[0]),
        reasons=form.get("reasons", [])[: len(REASONS)],
        grounds={shot: words for shot, words in grounds.items() if words},
        note=form.get("note", [""])[0].strip(),
    )


def _again(
    case: str, guest: Guest, form: dict[str, list[str]], who: AnyRow, ctx: Context, wrong: tuple[str, ...], *, refused: str | None = None
) -> Response:
    """The same page with what was written, and what is missing; or with why a photo was not taken."""
    with reading(ctx.engine) as connection:
        here = _case(guest, connection, case, who)
        presented = presenting(rows.case(connection, case))
    return page(guest, "desk_case.html", status=422, here=here, values=form, wrong=wrong, refused=refused, presented=presented)


def _case(guest: Guest, connection: Connection, case: str, who: AnyRow, *, taken: str | None = None) -> CasePage:
    """Raises NotClaimed."""
    return case_page(desk_case(connection, case, who).model_dump(), guest.language, taken=taken)


def _queue(guest: Guest, who: Sitting, appraiser: AnyRow, db: Connection, after: str | None, done: str | None) -> Response:
    found = line.waiting(db, appraiser, after=place_of(after), most=PAGE)
    held = [(waiting_of(case).model_dump(), utc(case.lease_until)) for case in line.on_desk(db, appraiser.id)]
    return page(
        guest,
        "desk_queue.html",
        name=appraiser.name,
        is_lead=who.is_lead,
        is_senior=appraiser.is_senior,
        held=[waiting_in_words(case, guest.language, until=until) for case, until in held],
        waiting=[waiting_in_words(waiting_of(case).model_dump(), guest.language) for case in found],
        after=after_of(found[-1]) if len(found) == PAGE else None,
        done=done,
    )
