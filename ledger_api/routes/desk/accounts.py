"""Light accounts for programs and for the scripts of our pages: made, signed in to, left. The cookie is HttpOnly, for this site alone."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from ledger_api.desk import accounts, passkeys
from ledger_api.desk.errors import CrossSite, DeskClosed, NotSignedIn, PasskeyRefused, PhotosAway, WrongCode
from ledger_api.desk.rows import accounts as rows
from ledger_api.domain.fields import Strict
from ledger_api.routes.deps import Ctx, Db, NewId
from ledger_api.routes.desk.deps import COOKIE, Knocking, MaybeSession, Moment, Photos, SignedIn, utc
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import Moment as Said
from ledger_api.routes.schemas import Out, moment
from ledger_api.store.engine import writing

router = APIRouter(prefix="/v1/account", tags=["account"])

Json = dict[str, Any]


class CodeIn(Strict):
    code: Annotated[str, Field(min_length=1, max_length=100)] = Field(description="As it was shown; spaces and hyphens do not matter.")


class CredentialIn(Strict):
    credential: Json = Field(description="What `navigator.credentials` gave, as `PublicKeyCredential.toJSON()` writes it.")


class AccountOut(Out):
    id: str
    created_at: Said
    has_code: bool
    passkeys: int


class NewAccountOut(AccountOut):
    code: str = Field(description="Signs in to this account again, anywhere. Shown once; whoever loses it, and every passkey, is out.")


class OptionsOut(Out):
    options: Json = Field(description="For `navigator.credentials`, in the form of `PublicKeyCredential.parse…OptionsFromJSON`.")


@router.post("", status_code=201, responses=errors(CrossSite, key=False))
def make_account(ctx: Ctx, response: Response, at: Moment, new_id: NewId, _: Knocking) -> NewAccountOut:
    """An account with a code, and signed in to: no name, no address. For an account with a passkey see `…/passkeys`."""
    with writing(ctx.engine) as connection:
        account = accounts.create(connection, id=new_id, now=at)
        code, token = accounts.give_code(connection, account), accounts.begin_session(connection, account, now=at)
        made = _shown(connection, account)
    COOKIE.keep(response, ctx, token)
    return NewAccountOut(**made.model_dump(), code=code)


@router.get("", responses=errors(NotSignedIn, key=False))
def get_account(account: SignedIn, db: Db) -> AccountOut:
    """The account that is signed in."""
    return _shown(db, account.id)


@router.delete("", status_code=204, response_class=Response, responses=errors(NotSignedIn, CrossSite, DeskClosed, PhotosAway, key=False))
def erase_account(account: SignedIn, vault: Photos, ctx: Ctx, at: Moment) -> Response:
    """Leave: cases are taken back where they can be, photos and words go, hashes and outcomes stay. There is no way back."""
    accounts.leave(ctx.engine, vault, account.id, now=at)
    response = Response(status_code=204)
    COOKIE.drop(response, ctx)
    return response


@router.post("/code", responses=errors(NotSignedIn, CrossSite, key=False))
def renew_code(account: SignedIn, ctx: Ctx) -> NewAccountOut:
    """Another code; the one before it opens nothing any more."""
    with writing(ctx.engine) as connection:
        code = accounts.give_code(connection, account.id)
        return NewAccountOut(**_shown(connection, account.id).model_dump(), code=code)


# --- sessions --------------------------------------------------------------------------------------------------------


@router.post("/sessions", status_code=201, responses=errors(WrongCode, CrossSite, key=False))
def sign_in_with_code(body: CodeIn, ctx: Ctx, response: Response, at: Moment, _: Knocking) -> AccountOut:
    """Sign in with the code."""
    with writing(ctx.engine) as connection:
        account = accounts.by_code(connection, body.code)
        token = accounts.begin_session(connection, account, now=at)
        found = _shown(connection, account)
    COOKIE.keep(response, ctx, token)
    return found


@router.delete("/sessions", status_code=204, response_class=Response, responses=errors(NotSignedIn, CrossSite, key=False))
def sign_out(request: Request, _: SignedIn, ctx: Ctx) -> Response:
    """This browser's session ends."""
    with writing(ctx.engine) as connection:
        accounts.end_session(connection, COOKIE.read(request, ctx) or "")
    response = Response(status_code=204)
    COOKIE.drop(response, ctx)
    return response


# --- passkeys --------------------------------------------------------------------------------------------------------


@router.post("/passkeys/options", responses=errors(CrossSite, DeskClosed, PhotosAway, key=False))
def ask_for_passkey(session: MaybeSession, ctx: Ctx, at: Moment, new_id: NewId, _: Knocking, __: Photos) -> OptionsOut:
    """What the browser needs to make a passkey: for the account that is signed in, else for a new one."""
    account = new_id if session is None else session.account
    with writing(ctx.engine) as connection:
        return OptionsOut(options=passkeys.options_to_make(connection, passkeys.site_at(ctx.settings.base_url), account, now=at))


@router.post("/passkeys", status_code=201, responses=errors(PasskeyRefused, CrossSite, DeskClosed, PhotosAway, key=False))
def keep_passkey(body: CredentialIn, session: MaybeSession, ctx: Ctx, response: Response, at: Moment, _: Photos) -> AccountOut:
    """The passkey that was made: it opens the account that is signed in, or a new one, which is signed in from now on."""
    site, known = passkeys.site_at(ctx.settings.base_url), None if session is None else session.account
    with writing(ctx.engine) as connection:
        account = passkeys.made(connection, site, body.credential, signed_in=known, now=at)
        token = None if session is not None else accounts.begin_session(connection, account, now=at)
        found = _shown(connection, account)
    if token is not None:
        COOKIE.keep(response, ctx, token)
    return found


@router.post("/sessions/options", responses=errors(CrossSite, DeskClosed, PhotosAway, key=False))
def ask_for_signature(ctx: Ctx, at: Moment, _: Knocking, __: Photos) -> OptionsOut:
    """What the browser needs to ask for a passkey."""
    with writing(ctx.engine) as connection:
        return OptionsOut(options=passkeys.options_to_sign_in(connection, passkeys.site_at(ctx.settings.base_url), now=at))


@router.post("/sessions/passkey", status_code=201, responses=errors(PasskeyRefused, CrossSite, DeskClosed, PhotosAway, key=False))
def sign_in_with_passkey(body: CredentialIn, ctx: Ctx, response: Response, at: Moment, _: Knocking, __: Photos) -> AccountOut:
    """Sign in with a passkey."""
    with writing(ctx.engine) as connection:
        account = passkeys.signed_in(connection, passkeys.site_at(ctx.settings.base_url), body.credential, now=at)
        token = accounts.begin_session(connection, account, now=at)
        found = _shown(connection, account)
    COOKIE.keep(response, ctx, token)
    return found


def _shown(connection: Connection, account_id: str) -> AccountOut:
    account = rows.account(connection, account_id)
    if account is None:
        raise NotSignedIn
    known = len(rows.passkeys_of(connection, account_id))
    return AccountOut(
        id=account_id, created_at=str(moment(utc(account.created_at))), has_code=account.code_hash is not None, passkeys=known
    )
