"""What pages with forms have in common: a refusal is told as a page, whoever is not signed in is shown where to, and nothing is kept by
a shared cache. What a refusal is called here is said to consumers; the desk's own pages say it their way (`sittings.DeskRoute`)."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from ledger_api.desk.errors import CaseMoved, CrossSite, NotSignedIn
from ledger_api.errors import BusyError, LedgerError, NotFound, RateLimited
from ledger_api.routes.deps import context_of
from ledger_api.routes.pages import Guest, guest_of, honest_page, site_of
from ledger_api.web.rendering import headers_in

# a form of ours says whose it is: under `no-referrer` a browser would send `Origin: null`
OWN = {"Referrer-Policy": "same-origin", "Cache-Control": "private, no-store"}


class PageRoute(APIRoute):
    """Whatever is refused on the way to a page is told as a page."""

    def refused(self, request: Request, error: LedgerError) -> Response:
        """Raises the error again where there is no page for it."""
        return _for_consumers(guest_at(request), request, error)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await inner(request)
            except LedgerError as error:
                return await run_in_threadpool(self.refused, request, error)

        return told


def guest_at(request: Request) -> Guest:
    """Who it is, where no dependency has said it."""
    return guest_of(request, context_of(request), site_of(request), request.query_params.get("lang"))


def _for_consumers(guest: Guest, request: Request, error: LedgerError) -> Response:
    match error:
        case NotSignedIn():
            return gone(guest, "/account")
        case CaseMoved():
            return gone(guest, f"/evaluate/{request.path_params['case']}")  # the page of the case says how it stands
        case NotFound():
            what = "missing"
        case CrossSite():
            what = "elsewhere"
        case RateLimited():
            what = "busy"
        case BusyError():
            what = "away"
        case _:
            raise error
    return honest_page(guest, what, status=error.status, error=error)


def gone(guest: Guest, path: str, **query: str) -> Response:
    """After a form: the page that shows what came of it."""
    return RedirectResponse(guest.visit.keep(path, **query), status_code=303, headers=headers_in(guest.language) | OWN)


def page(guest: Guest, template: str, *, status: int = 200, error: LedgerError | None = None, **values: Any) -> Response:
    response = guest.page(template, status=status, error=error, is_scripted=True, **values)
    response.headers.update(OWN)
    return response
