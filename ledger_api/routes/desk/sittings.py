"""Who sits at the desk's pages: an appraiser, or whoever leads the desk, signed in with an API key that a cookie stands for.

Whatever is refused on the way to one of these pages is told as a page. Every form is looked at for whose page it came from (`own_page`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import Depends, Request, Response
from sqlalchemy import Connection

from ledger_api.auth import Principal, Scope, authenticate, principal_of
from ledger_api.desk import sittings
from ledger_api.desk.errors import NotAnAppraiser, NotSignedIn
from ledger_api.desk.rows import queue as line
from ledger_api.errors import InvalidBody, LedgerError
from ledger_api.routes.cookies import Cookie
from ledger_api.routes.deps import Context, Ctx, RawBody, anonymous
from ledger_api.routes.desk.deps import AnyRow, moment_now, own_page
from ledger_api.routes.desk.pages import PageRoute, gone, guest_at, page
from ledger_api.store.engine import reading, writing
from ledger_verify.codes import Role

COOKIE = Cookie("desk", seconds=sittings.HOURS * 3600)
MOST_FIELDS = 200
TROUBLES = (
    "not-claimed",
    "case-moved",
    "no-such-case",
    "not-an-appraiser",
    "cross-site",
    "rate-limited",
    "unknown-shot",
    "no-such-review",
    "review-decided",
    "review-changed",
)


@dataclass(frozen=True, slots=True)
class Sitting:
    """`appraiser`: the row of whoever judges; None for somebody who leads the desk and does not judge."""

    caller: Principal
    appraiser: AnyRow | None
    token: str

    @property
    def is_lead(self) -> bool:
        return self.caller.has(Scope.ORGANIZATION)


# --- signing in and out ----------------------------------------------------------------------------------------------


def sign_in(ctx: Context, key: str, now: datetime) -> str:
    """What the cookie will hold.

    Raises:
        Unauthenticated: no living key. NotAnAppraiser: a key that opens no desk.
    """
    caller = authenticate(ctx.engine, key)
    with reading(ctx.engine) as connection:
        if _sitting(ctx, connection, caller, "") is None:
            raise NotAnAppraiser
    with writing(ctx.engine) as connection:
        return sittings.begin(connection, caller.key_id, now=now)


def _sitting(ctx: Context, connection: Connection, caller: Principal, token: str) -> Sitting | None:
    appraiser = line.by_key(connection, caller.key_id) if caller.has(Scope.DESK) else None
    standing = ctx.intake.authority.read(connection).at(int(ctx.clock())).standing(caller.organization)
    is_lead = caller.has(Scope.ORGANIZATION) and bool(standing.roles & Role.AUTHENTICATOR)
    return Sitting(caller, appraiser, token) if appraiser is not None or is_lead else None


def maybe_sitting(request: Request, ctx: Ctx) -> Sitting | None:
    """Raises CrossSite, RateLimited (a flood of wrong cookies counts as its address's)."""
    own_page(request, ctx)
    token = COOKIE.read(request, ctx)
    found = None
    if token is not None:
        with reading(ctx.engine) as connection:
            key_id = sittings.key_of(connection, token, now=moment_now(ctx))
            caller = None if key_id is None else principal_of(connection, key_id)
            found = None if caller is None else _sitting(ctx, connection, caller, token)
    if found is None:
        anonymous(request, ctx)
        return None
    ctx.limiter.take(f"desk {found.caller.key_id}", is_key=True, at=ctx.clock())
    return found


async def sitting(found: Annotated[Sitting | None, Depends(maybe_sitting)]) -> Sitting:
    """Raises NotSignedIn."""
    if found is None:
        raise NotSignedIn
    return found


async def judging(found: Annotated[Sitting, Depends(sitting)]) -> AnyRow:
    """Raises NotSignedIn, NotAnAppraiser."""
    if found.appraiser is None:
        raise NotAnAppraiser
    return found.appraiser


async def leading(found: Annotated[Sitting, Depends(sitting)]) -> Sitting:
    """Raises NotSignedIn, NotAnAppraiser: what is measured is for the organization alone."""
    if not found.is_lead:
        raise NotAnAppraiser("This page is for the organization: sign in with a key that has the scope `organization`.")
    return found


# --- forms -----------------------------------------------------------------------------------------------------------


def form_values(body: RawBody) -> dict[str, list[str]]:
    """Of `application/x-www-form-urlencoded`, every value of each name. Raises InvalidBody."""
    try:
        return parse_qs(body.decode(), keep_blank_values=False, max_num_fields=MOST_FIELDS)
    except (UnicodeDecodeError, ValueError):
        raise InvalidBody from None


MaybeSitting = Annotated[Sitting | None, Depends(maybe_sitting)]
ASitting = Annotated[Sitting, Depends(sitting)]
Judging = Annotated[Any, Depends(judging)]
Leading = Annotated[Sitting, Depends(leading)]
FormValues = Annotated[dict[str, list[str]], Depends(form_values)]


# --- pages -----------------------------------------------------------------------------------------------------------


class DeskRoute(PageRoute):
    """Whatever is refused on the way to a page of the desk is told as a page of the desk."""

    def refused(self, request: Request, error: LedgerError) -> Response:
        guest = guest_at(request)
        if isinstance(error, NotSignedIn):
            return gone(guest, "/desk")
        said = error.code.replace("-", "_") if error.code in TROUBLES else "other"
        return page(guest, "desk_trouble.html", status=error.status, error=error, said=said, message=error.message)
