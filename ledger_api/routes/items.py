"""Items: the passport by serial or by id, and the story behind it, page by page. Open to everybody the brand does not shut out.

The lookups are `async def` and touch nothing but one prepared statement (docs/decisions/sync-or-async.md).
"""

import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from math import inf
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

from ledger_api.domain.identifiers import Unreadable, bytes32, gtin14
from ledger_api.domain.identifiers import serial as valid_serial
from ledger_api.errors import InvalidBody, UnknownItem, Withheld
from ledger_api.listings.scans import Degrees
from ledger_api.passport.effective import effective_view
from ledger_api.routes.deps import Bearer, Context, address_of, bearer_of, principal
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import AsOfOut, ItemEventsOut, PassportOut
from ledger_api.store.engine import reading
from ledger_api.store.reading import Found
from ledger_api.store.records import is_partner

router = APIRouter(prefix="/v1/items", tags=["items"])

# may be kept, must be asked for again: a stolen item must not look well from a cache
CACHE = "no-cache"
JSON = "application/json"
_gtin14 = lru_cache(maxsize=10_000)(gtin14)  # the articles looked up are few, however many their serials
PLACE = r"^-?[0-9]{1,2}(\.[0-9]{1,12})?,-?[0-9]{1,3}(\.[0-9]{1,12})?$"
NOT_MODIFIED: dict[int | str, dict[str, str]] = {304: {"description": "What you have is still what there is."}}
PLACE_PARAMETER = {
    "name": "place",
    "in": "query",
    "required": False,
    "description": "Where the code was read from the object itself, as `latitude,longitude`, when its reader agrees to say so. Kept to a "
    "whole degree, some hundred kilometres, and for a week; never guessed from an address.",
    "schema": {"type": "string", "pattern": PLACE, "maxLength": 40},
}
FINDING = {
    "parameters": [
        {"name": name, "in": "query", "required": True, "description": description, "schema": {"type": "string", "maxLength": longest}}
        for name, longest, description in (
            ("gtin", 14, "GTIN-8, -12, -13 or -14."),
            ("serial", 20, "As in the code on the item; case matters."),
        )
    ]
    + [PLACE_PARAMETER],
    "security": [{}, {"API key": []}],
}
Which = Annotated[str, Path(alias="item", description="The item's id.", max_length=66)]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who looks an item up, with or without a key."""

    ctx: Context
    organization: bytes | None

    def by_serial(self, gtin: str, serial: str, place: Degrees | None = None) -> Found:
        """Counted as a scan, with the place that was named. Raises UnknownItem, Withheld."""
        found = self._shown(self.ctx.passports.by_serial(gtin, serial))
        if self.ctx.scans is not None:
            self.ctx.scans.count(found.item, place)
        return found

    def by_item(self, item: bytes) -> Found:
        """Raises UnknownItem, Withheld."""
        return self._shown(self.ctx.passports.by_item(item))

    def _shown(self, found: Found | None) -> Found:
        """What its brand lets everybody see, or this visitor: a brand may fold *withheld* into *unknown*."""
        if found is None:
            raise UnknownItem
        if self.may_see(found):
            return found
        raise UnknownItem if found.visibility == "folded" else Withheld

    def may_see(self, found: Found) -> bool:
        return found.visibility in (None, "public") or self._is_insider(found)

    def _is_insider(self, found: Found) -> bool:
        if self.organization is None or self.organization == found.brand:
            return self.organization is not None
        with reading(self.ctx.engine) as connection:
            return is_partner(connection, found.brand, self.organization, now=int(self.ctx.clock()))


async def visitor(request: Request, bearer: Bearer) -> Visitor:
    """Raises RateLimited; Unauthenticated for a key that is none: a wrong key is not the same as no key."""
    if bearer is None:
        return _anybody(request)
    ctx: Context = request.app.state.context
    caller = await run_in_threadpool(principal, request, ctx, bearer)
    return Visitor(ctx, caller.organization)


def _anybody(request: Request) -> Visitor:
    ctx: Context = request.app.state.context
    ctx.limiter.take(address_of(request), is_key=False, at=ctx.clock())
    return Visitor(ctx, None)


AVisitor = Annotated[Visitor, Depends(visitor)]


class Bare(APIRoute):
    """A route whose function takes the request and gives the response: no declared parameters, which would cost more than its work."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return endpoint


async def find_item(request: Request) -> Response:
    """The passport of the item with this serial. `status` says whether its last event can still fall out of the chain."""
    asked = request.query_params
    missing = [name for name in ("gtin", "serial") if name not in asked]
    if missing:
        raise InvalidBody(fields=[{"field": f"query.{name}", "message": "Field required"} for name in missing])
    who = await visitor(request, await bearer_of(request)) if "authorization" in request.headers else _anybody(request)
    return answer_by_serial(request, who, asked["gtin"], asked["serial"])


router.add_api_route(
    "",
    find_item,
    response_model=PassportOut,
    responses=NOT_MODIFIED | errors(UnknownItem, Withheld, key=False),
    openapi_extra=FINDING,
    route_class_override=Bare,
)


def answer_by_serial(request: Request, visitor: Visitor, gtin: str, serial: str) -> Response:
    """Raises InvalidBody for what is no GTIN or serial; UnknownItem, Withheld."""
    try:
        named = _gtin14(gtin), valid_serial(serial)
    except Unreadable as error:
        raise InvalidBody(error.message, reason=error.reason.code) from error
    where = request.query_params.get("place")
    return _answer(request, visitor.by_serial(*named, None if where is None else whole_degrees(where)))


def whole_degrees(text: str) -> Degrees:
    """Where a consumer reads a code: no nearer than some hundred kilometres. Raises InvalidBody."""
    latitude, longitude = map(float, text.split(",")) if re.fullmatch(PLACE, text) else (inf, inf)
    if abs(latitude) > 90 or abs(longitude) > 180:
        fields = [{"field": "query.place", "message": "Give latitude,longitude in degrees, such as 48,2; or leave it out."}]
        raise InvalidBody(fields=fields)
    return round(latitude) + 0.0, round(longitude) + 0.0


@router.get("/{item}", response_model=PassportOut, responses=NOT_MODIFIED | errors(UnknownItem, Withheld, key=False))
async def get_item(request: Request, which: Which, visitor: AVisitor) -> Response:
    """The passport of an item or a lot by its id."""
    return _answer(request, visitor.by_item(item_named(which)))


@router.get("/{item}/events", responses=errors(UnknownItem, Withheld, key=False))
def list_item_events(
    which: Which,
    visitor: AVisitor,
    view: Annotated[Literal["journal", "effective"], Query(description="As it was recorded, or what stands of it now.")] = "journal",
    after: Annotated[int, Query(ge=0, lt=2**32, description="Continue after this sequence.")] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ItemEventsOut:
    """An item's story. The effective view resolves corrections and says what it left out, and why."""
    found = visitor.by_item(item_named(which))
    passport = orjson.loads(found.passport)
    story, left_out = effective_view(passport, _now(visitor)) if view == "effective" else (passport["story"], [])
    page = [entry for entry in story if entry["sequence"] > after][:limit]
    more = bool(page) and page[-1] is not story[-1]
    # what was left out belongs to the page on whose stretch of the story it lies
    last = page[-1]["sequence"] if more else passport["sequence"]
    gone = [entry for entry in left_out if after < entry["sequence"] <= last]
    as_of = AsOfOut(block=found.block, final_block=found.final_block)
    told = {"status": found.status, "view": view, "events": page, "left_out": gone, "next": last if more else None}
    return ItemEventsOut.model_validate(told | {"as_of": as_of})


def _now(visitor: Visitor) -> datetime:
    return datetime.fromtimestamp(visitor.ctx.clock(), UTC)


def item_named(text: str) -> bytes:
    """Raises InvalidBody for what is no id."""
    try:
        return bytes32(text)
    except Unreadable as error:
        raise InvalidBody(error.message, reason=error.reason.code) from error


def _answer(request: Request, found: Found) -> Response:
    """The stored bytes as they are, or 304 for a reader who has them."""
    tag = found.weak_etag
    headers = {"ETag": tag, "Cache-Control": CACHE}
    if matches(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(found.envelope(), media_type=JSON, headers=headers)


def matches(asked: str | None, tag: str) -> bool:
    """Weak comparison of a list (RFC 9110 §8.8.3.2 and §13.1.2)."""
    if asked is None:
        return False
    plain = tag.removeprefix("W/")
    return any(one.strip().removeprefix("W/") in (plain, "*") for one in asked.split(","))
