"""The page of a light account: made, signed in to, left. Forms do it all; a passkey needs the page's script."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection

from ledger_api.desk import accounts
from ledger_api.desk.asking import Account
from ledger_api.desk.errors import WrongCode
from ledger_api.desk.rows import accounts as rows
from ledger_api.routes.deps import Ctx, NewId
from ledger_api.routes.desk.cases import theirs
from ledger_api.routes.desk.deps import COOKIE, Knocking, MaybeSession, Moment, Photos, SignedIn
from ledger_api.routes.desk.forms import Form
from ledger_api.routes.desk.pages import PageRoute, gone, page
from ledger_api.routes.pages import AGuest, Guest
from ledger_api.store.engine import reading, writing
from ledger_api.web.asking import CaseLine, case_line

router = APIRouter(prefix="/account", include_in_schema=False, default_response_class=HTMLResponse, route_class=PageRoute)


@router.get("")
def account_page(guest: AGuest, session: MaybeSession) -> Response:
    """Where one joins; or one's cases, and how to leave."""
    if session is None:
        return page(guest, "account.html", account=None, wrong=None)
    with reading(guest.ctx.engine) as connection:
        account = rows.account(connection, session.account)
        known = len(rows.passkeys_of(connection, session.account))
        mine = _lines(guest, connection, session.account)
    return page(guest, "account.html", account=account, passkeys=known, cases=mine, wrong=None)


@router.post("/new")
def join(guest: AGuest, ctx: Ctx, at: Moment, new_id: NewId, _: Knocking) -> Response:
    """The code stands on this one page and nowhere else."""
    with writing(ctx.engine) as connection:
        account = accounts.create(connection, id=new_id, now=at)
        code, token = accounts.give_code(connection, account), accounts.begin_session(connection, account, now=at)
    response = page(guest, "code.html", code=code, is_new=True)
    COOKIE.keep(response, ctx, token)
    return response


@router.post("/code")
def another_code(guest: AGuest, account: SignedIn, ctx: Ctx) -> Response:
    with writing(ctx.engine) as connection:
        code = accounts.give_code(connection, account.id)
    return page(guest, "code.html", code=code, is_new=False)


@router.post("/sign-in")
def sign_in(guest: AGuest, form: Form, ctx: Ctx, at: Moment, _: Knocking) -> Response:
    try:
        with writing(ctx.engine) as connection:
            token = accounts.begin_session(connection, accounts.by_code(connection, form.get("code", "")), now=at)
    except WrongCode as error:
        return page(guest, "account.html", status=error.status, account=None, wrong="code")
    response = gone(guest, "/account")
    COOKIE.keep(response, ctx, token)
    return response


@router.post("/sign-out")
def leave_for_now(guest: AGuest, request: Request, _: SignedIn, ctx: Ctx) -> Response:
    with writing(ctx.engine) as connection:
        accounts.end_session(connection, COOKIE.read(request, ctx) or "")
    response = gone(guest, "/evaluate")
    COOKIE.drop(response, ctx)
    return response


@router.post("/erase")
def leave_for_good(guest: AGuest, form: Form, account: SignedIn, vault: Photos, ctx: Ctx, at: Moment) -> Response:
    """Asked for twice: by the button and by the box beside it."""
    if form.get("sure") != "yes":
        return gone(guest, "/account")
    accounts.leave(ctx.engine, vault, account.id, now=at)
    response = gone(guest, "/evaluate")
    COOKIE.drop(response, ctx)
    return response


def _lines(guest: Guest, connection: Connection, account: str) -> list[CaseLine]:
    return [case_line(guest.language, case) for case in theirs(connection, Account(account))]
