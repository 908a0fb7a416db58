"""The consumer's pages: choose whom to ask, photograph detail by detail, send it off, follow it, read what was concluded, appeal.

Every step is a form that works without a script; the page's script only answers sooner. What is decided is decided in `ledger_api.desk`.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError
from sqlalchemy import Connection

from ledger_api.desk import appeals, asking, policy
from ledger_api.desk.asking import Account
from ledger_api.desk.errors import AlreadyAppealed, AppealTooLate, PhotoRefused, ShotsMissing, TooManyCases, TooManyShots, UnknownShot
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.rows import desks as members
from ledger_api.errors import LedgerError
from ledger_api.routes.deps import Context, Ctx, NewId
from ledger_api.routes.desk.cases import CaseIn, begin, shown
from ledger_api.routes.desk.deps import AnyRow, AskedCase, MaybeSession, Moment, Photos, SignedIn
from ledger_api.routes.desk.forms import Form, FormPhoto
from ledger_api.routes.desk.pages import PageRoute, gone, page
from ledger_api.routes.desk.results import STANDING, AppealIn, certificate_of
from ledger_api.routes.pages import AGuest, Guest
from ledger_api.store.engine import moment, reading, writing
from ledger_api.store.records import organization_names
from ledger_api.web.asking import CasePage, ShotCard, case_page, price, result, shot_cards

router = APIRouter(prefix="/evaluate", include_in_schema=False, default_response_class=HTMLResponse, route_class=PageRoute)

FIELDS = ("category", "brand", "authenticator", "serial", "gtin", "value_eur", "notes")
ShotName = Annotated[str | None, Query(pattern=r"^[a-z][a-z0-9-]{0,31}$")]


# --- opening one -----------------------------------------------------------------------------------------------------


@router.get("")
def evaluate_page(guest: AGuest, session: MaybeSession) -> Response:
    """What happens, what it costs, and the form; without an account, how to have one."""
    return _begin_page(guest, None if session is None else Account(session.account), {}, {})


@router.post("")
def begin_evaluation(guest: AGuest, form: Form, account: SignedIn, ctx: Ctx, at: Moment, new_id: NewId) -> Response:
    values = {name: form.get(name, "") for name in FIELDS}
    try:
        asked = CaseIn.model_validate({name: _typed(name, value) for name, value in values.items() if value})
        with writing(ctx.engine) as connection:
            case = begin(ctx, connection, account, asked, id=new_id, at=at)
    except ValidationError as error:
        wrong = {str(one["loc"][0]): "wrong" for one in error.errors()}
        return _begin_page(guest, account, values, wrong, status=422)
    except TooManyCases as error:
        return _begin_page(guest, account, values, {"case": "too-many-cases"}, status=error.status)
    return gone(guest, f"/evaluate/{case}")


def _typed(name: str, value: str) -> str | int:
    return int(value) if name == "value_eur" and value.isascii() and value.isdigit() else value


def _begin_page(guest: Guest, account: Account | None, values: dict[str, str], wrong: dict[str, str], *, status: int = 200) -> Response:
    with reading(guest.ctx.engine) as connection:
        brands, desks = members.brands(connection), members.desks(connection)
        offers = [(desk, _costs(connection, desk.organization, account)) for desk in desks]
    shown_offers = [(desk, price(guest.language, cents), price(guest.language, then)) for desk, (cents, then) in offers]
    return page(
        guest,
        "evaluate.html",
        status=status,
        is_known=account is not None,
        categories=policy.default().plain_categories(),
        brands=brands,
        offers=shown_offers,
        values={name: values.get(name, "") for name in FIELDS},
        errors=wrong,
    )


def _costs(connection: Connection, desk: bytes, account: Account | None) -> tuple[int | None, int | None]:
    """What this evaluation costs at that desk, and what any other does."""
    terms = policy.read(connection, desk)
    used = 0 if account is None else rows.free_evaluations(connection, authenticator=desk, account=account.id, platform=None)
    return terms.price_for(used=used, platform=None), terms.price_cents or None


# --- photos, and following it ----------------------------------------------------------------------------------------


@router.get("/{case}")
def show_case(guest: AGuest, case: AskedCase, ctx: Ctx, at: Moment, shot: ShotName = None, good: ShotName = None) -> Response:
    """Photos while they are wanted, one at a time; then how it stands."""
    if case.state != "awaiting-photos":
        return _case(guest, ctx, case, at)
    with reading(ctx.engine) as connection:
        here = _page_of(guest, connection, case)
    wanted = next((card for card in here.shots if card.name == shot), None)
    if wanted is None and shot is None:
        wanted = next((card for card in here.shots if (card.required or card.asked) and not card.is_enough), None)
    praised = next((card for card in here.shots if card.name == good and card.state == "good"), None)
    return page(guest, "evaluate_shots.html", **_shots(here, wanted), praised=praised, refused=None)


@router.post("/{case}/shots/{name}")
def send_photo(guest: AGuest, case: AskedCase, name: str, photo: FormPhoto, vault: Photos, ctx: Ctx, at: Moment, new_id: NewId) -> Response:
    with reading(ctx.engine) as connection:
        terms = policy.read(connection, case.authenticator)
    try:
        answer = asking.add_shot(ctx.engine, vault, case, name, photo, terms, id=new_id, now=at)
    except (PhotoRefused, UnknownShot, TooManyShots) as error:
        return _refused_photo(guest, ctx, case, name, error)
    if answer.state == "good":
        return gone(guest, f"/evaluate/{case.id}", good=name)
    return gone(guest, f"/evaluate/{case.id}", shot=name)


def _refused_photo(guest: Guest, ctx: Context, case: AnyRow, name: str, error: LedgerError) -> Response:
    with reading(ctx.engine) as connection:
        here = _page_of(guest, connection, case)
    wanted = next((card for card in here.shots if card.name == name), None)
    return page(guest, "evaluate_shots.html", status=error.status, **_shots(here, wanted), praised=None, refused=error.code)


def _shots(here: CasePage, wanted: ShotCard | None) -> dict[str, Any]:
    needed = [card for card in here.shots if card.required or card.asked]
    return {
        "page": here,
        "shot": wanted,
        "needed": len(needed),
        "done": sum(card.is_enough for card in needed),
        "next": None if wanted is None else next((card for card in here.shots if card.number == wanted.number + 1), None),
    }


def _page_of(guest: Guest, connection: Connection, case: AnyRow) -> CasePage:
    names, terms = organization_names(connection), policy.read(connection, case.authenticator)
    told = shown(connection, case).model_dump()
    own_words = {shot.name: (shot.why, shot.hint) for shot in terms.shots}
    brand, desk = names.get(case.brand, (case.brand_did, None)), names.get(case.authenticator, ("", None))
    cards = shot_cards(guest.language, told, own_words)
    return case_page(guest.language, told, brand=str(brand[1] or brand[0]), desk=str(desk[1] or desk[0]), shots=cards)


def _case(guest: Guest, ctx: Context, asked: AnyRow, at: Any, *, wrong: str | None = None, status: int = 200) -> Response:
    with moment(ctx.engine) as connection:
        case = rows.case(connection, asked.id)
        assert case is not None, "cases are never deleted"
        here = _page_of(guest, connection, case)
        certificate = certificate_of(ctx, connection, case.id, at) if case.state in STANDING else None
        is_heard = rows.appeal_of(connection, case.id) is not None
    return page(
        guest,
        "evaluate_case.html",
        status=status,
        page=here,
        result=None if certificate is None else result(guest.language, certificate, state=case.state),
        may_withdraw=case.state in asking.OPEN_STATES,
        may_appeal=case.state == "concluded" and not is_heard and case.erased_at is None,
        may_erase=case.state in ("concluded", "withdrawn", "expired") and case.erased_at is None,
        is_erased=case.erased_at is not None,
        wrong=wrong,
    )


# --- what is done with it --------------------------------------------------------------------------------------------


@router.post("/{case}/submit")
def send_off(guest: AGuest, case: AskedCase, ctx: Ctx, at: Moment) -> Response:
    try:
        with writing(ctx.engine) as connection:
            asking.submit(connection, case.id, policy.read(connection, case.authenticator), now=at)
    except ShotsMissing:
        pass  # the page shows which
    return gone(guest, f"/evaluate/{case.id}")


@router.post("/{case}/withdraw")
def take_back(guest: AGuest, case: AskedCase, ctx: Ctx, at: Moment) -> Response:
    with writing(ctx.engine) as connection:
        asking.withdraw(connection, case.id, now=at)
    return gone(guest, f"/evaluate/{case.id}")


@router.post("/{case}/erase")
def forget(guest: AGuest, case: AskedCase, vault: Photos, ctx: Ctx, at: Moment) -> Response:
    asking.erase(ctx.engine, vault, case.id, now=at)
    return gone(guest, f"/evaluate/{case.id}")


@router.post("/{case}/appeal")
def dispute_verdict(guest: AGuest, case: AskedCase, form: Form, ctx: Ctx, at: Moment, new_id: NewId) -> Response:
    try:
        grounds = AppealIn(grounds=form.get("grounds", "")).grounds
    except ValidationError:
        return _case(guest, ctx, case, at, wrong="grounds", status=422)
    try:
        with writing(ctx.engine) as connection:
            appeals.appeal(connection, case.id, grounds, policy.read(connection, case.authenticator), id=new_id, now=at)
    except AlreadyAppealed:
        pass  # the page shows it
    except AppealTooLate as error:
        return _case(guest, ctx, case, at, wrong="too-late", status=error.status)
    return gone(guest, f"/evaluate/{case.id}")
