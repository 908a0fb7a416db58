"""The delivery log for people: an organization signs in with an API key (scope `organization`) and sees its endpoints, what was sent, and
what came of it; one button sends a test. Everything else is the API's.

The key is given once and kept nowhere: a cookie that we have signed stands for it, for a day's work, and no longer than the key lives.
"""

import hmac
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from ledger_api.auth import Principal, Scope, authenticate
from ledger_api.errors import Forbidden, Unauthenticated
from ledger_api.routes.cookies import Cookie
from ledger_api.routes.deps import Context, Ctx, Db, anonymous
from ledger_api.routes.desk.deps import Moment, own_page
from ledger_api.routes.desk.forms import Form
from ledger_api.routes.desk.pages import OWN, PageRoute, gone
from ledger_api.routes.pages import AGuest, Guest
from ledger_api.routes.webhooks import Position
from ledger_api.store import directory
from ledger_api.store.engine import reading, writing
from ledger_api.web import delivering
from ledger_api.webhooks import endpoints
from ledger_api.webhooks.errors import NoSuchDelivery
from ledger_verify.hashing import OrganizationId

PAGE = 50
COOKIE = Cookie("webhooks", seconds=12 * 3600)


def _from_our_page(request: Request, ctx: Ctx) -> None:
    """Raises CrossSite."""
    own_page(request, ctx)


router = APIRouter(prefix="/webhooks", include_in_schema=False, route_class=PageRoute, dependencies=[Depends(_from_our_page)])


# --- who sits there --------------------------------------------------------------------------------------------------


def sitting(request: Request, ctx: Ctx) -> Principal | None:
    """None for whoever is not signed in, or whose key has ended. Raises RateLimited."""
    key_id = _key_of(ctx, COOKIE.read(request, ctx) or "")
    if key_id is not None:
        with reading(ctx.engine) as connection:
            row = directory.live_key(connection, key_id)
        if row is not None and Scope.ORGANIZATION in row.scopes.split():
            ctx.limiter.take(key_id, is_key=True, at=ctx.clock())
            return Principal(key_id, OrganizationId(row.organization), frozenset(row.scopes.split()))
    anonymous(request, ctx)
    return None


Sitting = Annotated[Principal | None, Depends(sitting)]


def _ticket(ctx: Context, key_id: str, until: int) -> str:
    said = f"{key_id}.{until}"
    return f"{said}.{hmac.digest(ctx.webhooks.secret(b'sitting'), said.encode(), 'sha256').hex()}"


def _key_of(ctx: Context, ticket: str) -> str | None:
    """Of a ticket that we have signed and that has not run out."""
    key_id, _, rest = ticket.partition(".")
    until = rest.partition(".")[0]
    if not until.isascii() or not until.isdigit() or len(until) > 12 or int(until) <= ctx.clock():
        return None
    return key_id if hmac.compare_digest(_ticket(ctx, key_id, int(until)).encode(), ticket.encode()) else None


# --- pages -----------------------------------------------------------------------------------------------------------


@router.get("")
def webhooks_page(
    guest: AGuest,
    who: Sitting,
    ctx: Ctx,
    endpoint: Annotated[str | None, Query(max_length=64)] = None,
    before: Annotated[Position | None, Query()] = None,
) -> Response:
    """Endpoints, and the log of one of them; for whoever is not signed in, where to."""
    if who is None:
        return _page(guest, "webhooks_sign_in.html", wrong=False)
    with reading(ctx.engine) as connection:
        rows = endpoints.of(connection, who.organization)
        chosen = next((row for row in rows if row.id == endpoint), rows[0] if rows else None)
        waiting = {row.id: endpoints.waiting(connection, row.id) for row in rows}
        log = endpoints.log(connection, chosen.id, state=None, before=before, most=PAGE) if chosen is not None else []
    return _page(
        guest,
        "webhooks.html",
        places=[delivering.endpoint_line(row, waiting[row.id], guest.language) for row in rows],
        chosen=None if chosen is None else chosen.id,
        log=[delivering.delivery_line(row, guest.language) for row in log],
        older=log[-1].id if len(log) == PAGE else None,
    )


@router.post("/sign-in")
def sign_in(guest: AGuest, form: Form, request: Request, ctx: Ctx) -> Response:
    try:
        caller = authenticate(ctx.engine, form.get("key", ""))
        caller.require(Scope.ORGANIZATION)
    except (Unauthenticated, Forbidden):
        anonymous(request, ctx)
        return _page(guest, "webhooks_sign_in.html", status=401, wrong=True)
    return COOKIE.keep(gone(guest, "/webhooks"), ctx, _ticket(ctx, caller.key_id, int(ctx.clock()) + COOKIE.seconds))


@router.post("/sign-out")
def sign_out(guest: AGuest, ctx: Ctx) -> Response:
    return COOKIE.drop(gone(guest, "/webhooks"), ctx)


@router.post("/{endpoint}/test")
def send_test(endpoint: str, guest: AGuest, who: Sitting, ctx: Ctx, at: Moment) -> Response:
    if who is None:
        return gone(guest, "/webhooks")
    with writing(ctx.engine) as connection:
        row = endpoints.one(connection, who.organization, endpoint)
        if row.state == "active":
            endpoints.test(connection, row, at=at)
    return gone(guest, "/webhooks", endpoint=endpoint)


@router.get("/{endpoint}/{delivery}")
def delivery_page(endpoint: str, delivery: Position, guest: AGuest, who: Sitting, db: Db) -> Response:
    """One delivery: every attempt, and what was sent."""
    if who is None:
        return gone(guest, "/webhooks")
    place = endpoints.one(db, who.organization, endpoint)
    row = endpoints.delivery(db, place.id, delivery)
    if row is None:
        raise NoSuchDelivery
    tried = [delivering.attempt_line(one, guest.language) for one in endpoints.attempts_of(db, delivery)]
    line = delivering.delivery_line(row, guest.language)
    body = delivering.body_of(row.body)
    return _page(
        guest, "webhooks_delivery.html", place=place, line=line, subject=row.subject, notice=row.notice_id, attempts=tried, body=body
    )


def _page(guest: Guest, template: str, *, status: int = 200, **values: Any) -> Response:
    response = guest.page(template, status=status, **values)
    response.headers.update(OWN)
    return response
