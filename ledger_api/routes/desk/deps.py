"""Who stands before the desk, as types: `Photos`, `Appraiser`, `AnAsker`, `AskedCase`, `SignedIn`; and times as the rows have them.

An asker is a platform with its API key or a person with an account's cookie. A browser sends the cookie along whoever made it ask, so every
door that changes something first looks whose page it was (`own_page`), also where the cookie is only about to be given.
"""

from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request
from sqlalchemy import Row

from ledger_api import columns
from ledger_api.auth import Scope
from ledger_api.desk import accounts
from ledger_api.desk.accounts import Session
from ledger_api.desk.asking import Account, Asker, Platform
from ledger_api.desk.errors import CrossSite, DeskClosed, NoSuchCase, NotAnAppraiser, NotSignedIn
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.rows import queue as line
from ledger_api.desk.vault import Vault
from ledger_api.routes.cookies import Cookie
from ledger_api.routes.deps import Bearer, Caller, Context, Ctx, address_of, anonymous, principal
from ledger_api.store.engine import reading

AnyRow = Row[Any]
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
COOKIE = Cookie("account", seconds=accounts.SESSION_DAYS * 86_400)
NEW_ACCOUNT_COST = 20  # requests that making an account, or trying a code, counts as


async def photos(ctx: Ctx) -> Vault:
    """Raises DeskClosed: this process was not given a place for photos."""
    if ctx.photos is None:
        raise DeskClosed
    return ctx.photos


def moment_now(ctx: Ctx) -> datetime:
    return datetime.fromtimestamp(ctx.clock(), UTC)


async def moment(ctx: Ctx) -> datetime:
    return moment_now(ctx)


def appraiser(caller: Caller, ctx: Ctx) -> AnyRow:
    """Raises Forbidden, NotAnAppraiser."""
    caller.require(Scope.DESK)
    with reading(ctx.engine) as connection:
        found = line.by_key(connection, caller.key_id)
    if found is None:
        raise NotAnAppraiser
    return found


# --- accounts --------------------------------------------------------------------------------------------------------


def own_page(request: Request, ctx: Context) -> None:
    """A browser says whose page made it ask; who says nothing is no browser, and carries no stranger's cookie.

    `Sec-Fetch-Site` (W3C Fetch Metadata) where it is sent, else `Origin` (RFC 6454) compared with the host that was asked.

    Raises:
        CrossSite: something was to be changed by another site's page.
    """
    if request.method in SAFE:
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        raise CrossSite
    ours = (request.headers.get("host"), urlsplit(ctx.settings.base_url).netloc)
    if site is None and origin is not None and urlsplit(origin).netloc not in ours:
        raise CrossSite


def maybe_session(request: Request, ctx: Ctx) -> Session | None:
    """Whoever is signed in has a bucket of requests of their own; a flood of wrong cookies counts as its address's.

    Raises:
        CrossSite, RateLimited
    """
    own_page(request, ctx)
    token = COOKIE.read(request, ctx)
    found = None
    if token is not None:
        with reading(ctx.engine) as connection:
            found = accounts.session(connection, token, now=moment_now(ctx))
    if found is None:
        anonymous(request, ctx)
        return None
    ctx.limiter.take(f"account {found.account}", is_key=True, at=ctx.clock())
    return found


def signed_in(session: Annotated[Session | None, Depends(maybe_session)]) -> Account:
    """Raises NotSignedIn."""
    if session is None:
        raise NotSignedIn
    return Account(session.account)


def knocking(request: Request, ctx: Ctx) -> None:
    """Somebody makes an account or signs in: dear, so that neither accounts nor codes are had by the thousand.

    Raises:
        CrossSite, RateLimited
    """
    own_page(request, ctx)
    ctx.limiter.take(f"accounts {address_of(request)}", is_key=False, at=ctx.clock(), cost=NEW_ACCOUNT_COST)


# --- cases -----------------------------------------------------------------------------------------------------------


def asker(request: Request, ctx: Ctx, bearer: Bearer) -> Asker:
    """A key decides where there is one; else the cookie.

    Raises:
        Unauthenticated, Forbidden, NotSignedIn, CrossSite
    """
    if bearer is None:
        return signed_in(maybe_session(request, ctx))
    caller = principal(request, ctx, bearer)
    caller.require(Scope.VERIFY)
    return Platform(caller.organization)


def is_theirs(case: AnyRow, whose: Asker) -> bool:
    match whose:
        case Account(id=account):
            return bool(case.account == account)
        case Platform(organization=platform):
            return bool(case.platform == platform)


def asked_case(case: str, whose: Annotated[Asker, Depends(asker)], ctx: Ctx) -> AnyRow:
    """A case that this asker asked for. Another's is not there: not even its existence is told."""
    with reading(ctx.engine) as connection:
        found = rows.case(connection, case)
    if found is None or not is_theirs(found, whose):
        raise NoSuchCase
    return found


Photos = Annotated[Vault, Depends(photos)]
Moment = Annotated[datetime, Depends(moment)]
Appraiser = Annotated[Any, Depends(appraiser)]
MaybeSession = Annotated[Session | None, Depends(maybe_session)]
SignedIn = Annotated[Account, Depends(signed_in)]
Knocking = Annotated[None, Depends(knocking)]
AnAsker = Annotated[Asker, Depends(asker)]
AskedCase = Annotated[Any, Depends(asked_case)]


def utc(at: datetime | None) -> datetime | None:
    return None if at is None else columns.utc(at)
