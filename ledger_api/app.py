"""The service's HTTP side, wired: routers, the edge, one handler for every error, the API's description of itself."""

import atexit
import logging
import time
from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from ledger_api.auth import Limiter
from ledger_api.domain.events import EVENT
from ledger_api.errors import BusyError, IntegrityError, InvalidBody, LedgerError, MethodNotAllowed, NotFound, Unexpected
from ledger_api.listings.scans import Scans
from ledger_api.proving import ProofMaker
from ledger_api.routes import (
    badges,
    batches,
    booking,
    checking,
    claim_cards,
    clone_signals,
    desk,
    disputes,
    drafts,
    events,
    feed,
    health,
    items,
    keys,
    listings,
    metrics,
    offers,
    open_disputes,
    opinion_requests,
    organizations,
    ownership,
    owning,
    pages,
    proofs,
    resolver,
    statistics,
    statistics_page,
    submissions,
    verdicts,
    verifications,
    watches,
    webhooks,
    webhooks_page,
)
from ledger_api.routes.deps import Context
from ledger_api.routes.edge import Edge
from ledger_api.routes.problems import MEDIA_TYPE, SCHEMA, document, headers
from ledger_api.service import Service
from ledger_api.store.reading import PassportReader

logger = logging.getLogger(__name__)

# in the order in which they are searched: each that is passed costs a request a tenth of the whole lookup
ROUTERS: Sequence[APIRouter] = (
    items.router,
    proofs.router,
    events.router,
    batches.router,
    drafts.router,
    submissions.router,
    verifications.router,
    watches.router,
    listings.router,
    clone_signals.router,
    resolver.router,
    ownership.router,
    offers.router,
    claim_cards.router,
    feed.router,
    organizations.router,
    statistics.router,
    verdicts.router,
    opinion_requests.router,
    open_disputes.router,
    badges.router,
    *desk.ROUTERS,
    webhooks.router,
    *booking.ROUTERS,
    keys.router,
    health.router,
    metrics.router,
    owning.router,
    checking.router,
    disputes.router,
    statistics_page.router,
    webhooks_page.router,
    badges.pages,
    pages.router,
)
GZIP_FROM_BYTES = 1024
MOST_FIELDS = 20  # named in one answer about a body

DESCRIPTION = """
One record of a luxury item's whole life on an EVM chain. Brands, suppliers, retailers, platforms and authenticators send **events**;
anybody may look an **item** up; a platform asks for a **verification** before it lists, pays or ships.

An event is *accepted* (durably here), then *recorded* (on the chain, seen by the indexer), then *final* (cannot fall out). Or it is
*refused*, with one reason code that is the same in this API, in the contract and in the importer. Ids and hashes are lower-case `0x` hex,
times are UTC RFC 3339. Errors are RFC 9457 problems with a stable `code`.
"""


def create_app(ctx: Context) -> FastAPI:
    """The application on what it is given; opens nothing by itself."""
    app = FastAPI(
        title="Provenance ledger",
        version="1",
        description=DESCRIPTION,
        generate_unique_id_function=lambda route: route.name,
        separate_input_output_schemas=False,
        redoc_url=None,
    )
    app.state.context = ctx
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(LedgerError, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _by_framework)
    app.add_exception_handler(Exception, _unexpected)
    app.add_middleware(GZipMiddleware, minimum_size=GZIP_FROM_BYTES, compresslevel=5)
    app.state.metered = CollectorRegistry()
    app.add_middleware(metrics.Metered, registry=app.state.metered)
    limits = ctx.settings
    app.add_middleware(Edge, max_body_mebibytes=limits.max_body_mebibytes, patience_seconds=limits.body_patience_seconds)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]  # FastAPI's documented way to extend the description
    return app


def create_service_app(service: Service) -> FastAPI:
    """The application of a process that has opened everything."""
    settings, statements = service.settings, service.keyring.service()
    limiter = Limiter(anonymous_per_minute=settings.rate_per_minute_anonymous, key_per_minute=settings.rate_per_minute_key)
    scans = Scans(service.engine, time.time)
    scans.start()
    atexit.register(scans.close)
    return create_app(
        Context(
            settings=settings,
            engine=service.engine,
            network=service.network,
            intake=service.intake,
            registrar=service.registrar(),
            limiter=limiter,
            passports=PassportReader(settings.sqlalchemy_url),
            clock=time.time,
            sign_statement=statements.sign,
            statement_signer=statements.address,
            card_secret=service.keyring.card_secret,
            webhooks=service.webhooks(),
            keeps_key=service.keyring.holds,
            photos=service.photos(),
            scans=scans,
            proofs=ProofMaker(service.engine, service.node, service.deployment, service.keyring),
        )
    )


# --- errors ----------------------------------------------------------------------------------------------------------


def _answer(request: Request, error: LedgerError) -> Response:
    request_id = getattr(request.state, "request_id", "")
    body = orjson.dumps(document(error, request_id), default=str)
    return Response(body, error.status, headers(error), MEDIA_TYPE)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, LedgerError)
    if isinstance(error, IntegrityError):
        logger.critical("%s", error.message, extra={"code": error.code, "facts": error.facts})
    if isinstance(error, BusyError):
        logger.warning("%s: %s", error.code, error.facts)
    return _answer(request, error)


async def _invalid(request: Request, error: Exception) -> Response:
    """Where it is wrong and why, never what was sent: an answer must not reflect an unbounded input."""
    assert isinstance(error, RequestValidationError)
    fields = [{"field": ".".join(map(str, one["loc"]))[:200], "message": str(one["msg"])[:300]} for one in error.errors()[:MOST_FIELDS]]
    return _answer(request, InvalidBody(fields=fields))


async def _by_framework(request: Request, error: Exception) -> Response:
    """What the framework refuses by itself: an address or a method that does not exist, a body it cannot read."""
    assert isinstance(error, HTTPException)
    match error.status_code:
        case 404:
            return _answer(request, NotFound())
        case 405:
            answer = _answer(request, MethodNotAllowed())
            answer.headers.update(error.headers or {})
            return answer
        case status if status < 500:
            return _answer(request, InvalidBody())
    return _answer(request, Unexpected())


async def _unexpected(request: Request, error: Exception) -> Response:
    """The server logs the traceback: the framework raises again after this answer."""
    return _answer(request, Unexpected())


# --- OpenAPI ---------------------------------------------------------------------------------------------------------


def _described(app: FastAPI) -> dict[str, Any]:
    """Made once. The event bodies are read by hand, so the framework does not know them: they are added here."""
    if app.openapi_schema is None:
        described = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas = described.setdefault("components", {}).setdefault("schemas", {})
        event = EVENT.json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(event.pop("$defs"))
        schemas["EventIn"] = event
        for reader in ("SignedEventIn", "DraftIn"):
            schemas[reader]["properties"]["event"] = {"$ref": "#/components/schemas/EventIn"}
        schemas["Problem"] = SCHEMA
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        app.openapi_schema = described
    return app.openapi_schema
