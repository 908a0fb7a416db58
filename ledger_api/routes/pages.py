"""Pages for people: search, an item by id, the honest answers, the stylesheet. What they say is made in `web/`; nothing is decided here."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse

from ledger_api.domain.identifiers import GTIN_LENGTHS, SERIAL_LENGTH, Unreadable, bytes32, gtin14
from ledger_api.domain.identifiers import serial as valid_serial
from ledger_api.errors import BusyError, LedgerError, RateLimited, UnknownItem, Withheld
from ledger_api.interop.digital_link import item_link, item_path
from ledger_api.routes.deps import Context, Ctx, address_of
from ledger_api.routes.items import Visitor
from ledger_api.routes.problems import headers as error_headers
from ledger_api.store.reading import Found
from ledger_api.web.languages import Language
from ledger_api.web.presenting import ItemPage, Shown, make_item_page
from ledger_api.web.rendering import ASSET_HEADERS, Site, Visit, headers_in, qr_code, utc
from ledger_api.web.timeline import Pair

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

T = TypeVar("T")
REFLECTED = 64  # characters of what was typed that are shown again, at most
STEPS = {"unknown": ("step1", "step2", "step3"), "withheld": ("step1", "step2")}


def site_of(request: Request) -> Site:
    """The process's one `Site`, made when the first page is asked for."""
    state = request.app.state
    if not hasattr(state, "site"):
        state.site = Site()
    found = state.site
    assert isinstance(found, Site)
    return found


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody who reads pages: in which language, from where."""

    ctx: Context
    site: Site
    visit: Visit
    address: str

    @property
    def language(self) -> Language:
        return self.visit.language

    def page(
        self, template: str, *, status: int = 200, error: LedgerError | None = None, is_scripted: bool = False, **values: Any
    ) -> Response:
        headers = headers_in(self.language, is_scripted=is_scripted) | (error_headers(error) if error else {})
        body = self.site.render(template, self.visit, is_scripted=is_scripted, **values)
        return HTMLResponse(body, status_code=status, headers=headers)


def guest_of(request: Request, ctx: Ctx, site: Annotated[Site, Depends(site_of)], lang: Annotated[str | None, Query()] = None) -> Guest:
    rest = tuple((name, value[:REFLECTED]) for name, value in request.query_params.multi_items() if name != "lang")
    # as it was sent: a serial's `%2F` must stay one in the links to other languages
    path = request.scope.get("raw_path", request.url.path.encode()).decode("ascii", "replace").partition("?")[0]
    visit = site.visit(path=path, accept_language=request.headers.get("accept-language"), lang=lang, query=rest)
    return Guest(ctx, site, visit, address_of(request))


AGuest = Annotated[Guest, Depends(guest_of)]
Typed = Annotated[str | None, Query()]


@router.get("/")
def search(guest: AGuest, gtin: Typed = None, serial: Typed = None) -> Response:
    """The search box; with both numbers, the way to the item's page."""
    if gtin is None and serial is None:
        return _search_page(guest, {"gtin": "", "serial": ""}, {}, 200)
    values = {"gtin": (gtin or "").strip(), "serial": (serial or "").strip()}
    wrong = errors_in(values, guest.language)
    if wrong:
        return _search_page(guest, values, wrong, 422)
    path = item_path(gtin14(compact(values["gtin"])), values["serial"])
    return RedirectResponse(guest.visit.keep(path), status_code=303, headers=headers_in(guest.language))


@router.get("/items/{item}")
async def item_page(item: str, guest: AGuest) -> Response:
    """An item or a lot by its id: for whoever has an id and no serial."""
    link = f"{guest.ctx.settings.base_url}/items/{item}"
    return await page_of_item(guest, item, Visitor.by_item, partial(_page_of, guest, link=link, serial=None))


@router.get("/assets/{version}/{name:path}")
def asset(request: Request, site: Annotated[Site, Depends(site_of)]) -> Response:
    found = site.assets.get(request.url.path)
    if found is None:
        return Response(status_code=404)
    return Response(found.body, media_type=found.media_type, headers=ASSET_HEADERS)


async def serial_page(guest: Guest, gtin: str, serial: str) -> Response:
    """The page at a Digital Link. Numbers that cannot be are answered with the form, which says what is wrong."""
    values = {"gtin": gtin, "serial": serial}
    wrong = errors_in(values, guest.language)
    if wrong:
        return _search_page(guest, values, wrong, 400)
    named = gtin14(compact(gtin)), serial
    link = item_link(guest.ctx.settings.base_url, *named)
    make = partial(_page_of, guest, link=link, serial=named[1])
    return await _show(guest, lambda visitor: visitor.by_serial(*named), make, numbers=named)


async def page_of_item(guest: Guest, item: str, find: Callable[[Visitor, bytes], T], make: Callable[[T], Response]) -> Response:
    """What `make` makes of the item with this id, or the honest page."""
    try:
        which = bytes32(item)
    except Unreadable:
        return await run_in_threadpool(honest_page, guest, "missing", status=404)
    return await _show(guest, lambda visitor: find(visitor, which), make)


async def _show(
    guest: Guest, find: Callable[[Visitor], T], make: Callable[[T], Response], *, numbers: tuple[str, str] | None = None
) -> Response:
    """A page of what is found, or the honest page that says why there is none.

    The lookup stays in the event loop like every other (docs/decisions/sync-or-async.md); a page takes longer and goes to a thread.
    """
    ctx = guest.ctx
    try:
        ctx.limiter.take(guest.address, is_key=False, at=ctx.clock())
        found = find(Visitor(ctx, None))
    except LedgerError as error:
        what = honest_word(error)
        return await run_in_threadpool(honest_page, guest, what, status=error.status, numbers=numbers, error=error)
    return await run_in_threadpool(make, found)


def honest_word(error: LedgerError) -> str:
    match error:
        case UnknownItem():
            return "unknown"
        case Withheld():
            return "withheld"
        case RateLimited():
            return "busy"
        case BusyError():
            return "away"
    raise error


def _page_of(guest: Guest, found: Found, *, link: str, serial: str | None) -> Response:
    page = item_in_words(guest, found, serial=serial, link=link, is_effective=("view", "effective") in guest.visit.query)
    return guest.page("item.html", page=page, qr=qr_code(link))


def item_in_words(guest: Guest, found: Found, *, serial: str | None = None, link: str = "", is_effective: bool = False) -> ItemPage:
    """What every page about an item says of it, in the guest's language."""
    shown = Shown(
        passport=orjson.loads(found.passport),
        block=found.block,
        final_block=found.final_block,
        is_final=found.status == "final",
        serial=serial,
        link=link,
        is_effective=is_effective,
    )
    return make_item_page(shown, guest.language, now=utc(guest.ctx.clock()))


def honest_page(
    guest: Guest, what: str, *, status: int, numbers: tuple[str, str] | None = None, error: LedgerError | None = None
) -> Response:
    """Why there is no story to show, and what to do next."""
    typed = dict(zip(("gtin", "serial"), numbers, strict=True)) if numbers else {}
    said = [Pair(guest.language.say(f"item.{name}"), guest.language.plain(value), is_code=True) for name, value in typed.items()]
    values = typed if what == "unknown" else None
    return guest.page("honest.html", status=status, error=error, what=what, steps=STEPS.get(what, ()), numbers=said, values=values)


def _search_page(guest: Guest, values: dict[str, str], wrong: dict[str, str], status: int) -> Response:
    shown = {name: value[:REFLECTED] for name, value in values.items()}
    return guest.page("search.html", status=status, values=shown, errors=wrong)


def compact(gtin: str) -> str:
    """Without the spaces and hyphens that cards print between digits."""
    return gtin.replace(" ", "").replace("-", "").replace("\u00a0", "")


def errors_in(values: dict[str, str], language: Language) -> dict[str, str]:
    """What is wrong with the numbers, field by field, in words."""
    keys = {"gtin": _gtin_error(compact(values["gtin"])), "serial": _serial_error(values["serial"])}
    return {field: language.say(f"error.{key}") for field, key in keys.items() if key is not None}


def _gtin_error(gtin: str) -> str | None:
    if not gtin:
        return "gtin_missing"
    if len(gtin) not in GTIN_LENGTHS or not (gtin.isascii() and gtin.isdigit()):
        return "gtin_length"
    return None if _reads(gtin14, gtin) else "gtin_check"


def _serial_error(serial: str) -> str | None:
    if not serial:
        return "serial_missing"
    if len(serial) > SERIAL_LENGTH:
        return "serial_length"
    return None if _reads(valid_serial, serial) else "serial_characters"


def _reads(read: Any, text: str) -> bool:
    try:
        read(text)
    except Unreadable:
        return False
    return True
