"""Is it alive, may it be given work, how is it doing. What `/metrics` says of the work it reads from the database at each scrape."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger_api.domain.network import Network
from ledger_api.errors import DatabaseBusy
from ledger_api.routes.deps import Ctx
from ledger_api.store.engine import reading
from ledger_api.store.watching import Place, Work, place, work

router = APIRouter(tags=["health"])

BEHIND_BLOCKS = 50
OLD_SECONDS = 300
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Remark(BaseModel):
    code: Literal["database-away", "not-followed-yet", "wrong-chain", "behind", "no-indexer", "no-worker", "stuck", "slow"]
    message: str
    facts: dict[str, Any] = {}


class ReadyOut(BaseModel):
    """`reasons` keep it from being ready; `warnings` say what will go wrong soon."""

    ready: bool
    reasons: list[Remark]
    warnings: list[Remark]


@router.get("/healthz")
async def check_alive() -> dict[str, str]:
    """The process answers. Nothing else is asked, and no thread is needed: while every thread waits for a slow database, this answers."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"model": ReadyOut, "description": "Not ready, and why."}})
def check_ready(ctx: Ctx, response: Response) -> ReadyOut:
    """Whether this process can answer truthfully now."""
    try:
        with reading(ctx.engine) as connection:
            here, doing = place(connection), work(connection)
    except (DatabaseBusy, SQLAlchemyError) as error:
        response.status_code = 503
        return ReadyOut(
            ready=False,
            reasons=[Remark(code="database-away", message="The database does not answer.", facts={"error": type(error).__name__})],
            warnings=[],
        )
    reasons = list(_reasons(here, ctx.network))
    response.status_code = 503 if reasons else 200
    return ReadyOut(ready=not reasons, reasons=reasons, warnings=list(_warnings(here, doing, ctx.clock())))


def _reasons(here: Place | None, network: Network) -> Iterator[Remark]:
    if here is None:
        yield Remark(code="not-followed-yet", message="The indexer has not read a block yet: nothing is known of any item.")
    elif (here.chain_id, here.ledger) != (network.chain_id, network.ledger):
        yield Remark(
            code="wrong-chain",
            message="The database follows another chain or contract.",
            facts={"chain_id": here.chain_id, "ledger": "0x" + here.ledger.hex()},
        )


def _warnings(here: Place | None, doing: Work, at: float) -> Iterator[Remark]:
    if here is not None and here.head_block - here.next_block + 1 > BEHIND_BLOCKS:
        yield Remark(
            code="behind", message="The indexer is behind the chain's head.", facts={"blocks": here.head_block - here.next_block + 1}
        )
    alive = {name for name, until in doing.leases.items() if _seconds(until) >= at}
    if "indexer" not in alive:
        yield Remark(code="no-indexer", message="Nobody follows the chain: answers grow old.")
    if not any(name.startswith("lane:") for name in alive) and doing.waiting:
        yield Remark(code="no-worker", message="Nobody carries accepted events to the chain.", facts={"waiting": doing.waiting})
    if doing.stuck:
        yield Remark(code="stuck", message="Some accepted events could not be carried for now.", facts={"events": doing.stuck})
    if doing.oldest is not None and at - _seconds(doing.oldest) > OLD_SECONDS:
        yield Remark(code="slow", message="An accepted event waits for long.", facts={"seconds": int(at - _seconds(doing.oldest))})


def _seconds(moment: datetime) -> float:
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


@router.get("/metrics", include_in_schema=False)
def read_metrics(request: Request, ctx: Ctx) -> Response:
    """Prometheus text. Requests are counted where `Metered` wraps the app."""
    registry = CollectorRegistry()
    registry.register(_State(ctx.engine, ctx.clock()))
    metered = getattr(request.app.state, "metered", None)
    counted = generate_latest(metered) if isinstance(metered, CollectorRegistry) else b""
    return Response(generate_latest(registry) + counted, media_type=CONTENT_TYPE_LATEST)


class _State:
    """The service's state as gauges, read in one transaction at the scrape."""

    def __init__(self, engine: Engine, at: float) -> None:
        self._engine, self._at = engine, at

    def collect(self) -> Iterator[GaugeMetricFamily]:
        with reading(self._engine) as connection:
            here, doing = place(connection), work(connection)
        oldest = self._at - _seconds(doing.oldest) if doing.oldest is not None else 0.0
        yield GaugeMetricFamily("ledger_events_waiting", "Events accepted and not recorded yet", value=doing.waiting)
        yield GaugeMetricFamily("ledger_events_waiting_oldest_seconds", "Age of the oldest of them", value=max(0.0, oldest))
        yield GaugeMetricFamily("ledger_events_stuck", "Accepted events that could not be carried for now", value=doing.stuck)
        yield GaugeMetricFamily("ledger_transactions_in_flight", "Transactions that no block holds yet", value=doing.in_flight)
        leases = GaugeMetricFamily("ledger_lease_held", "1 while somebody holds the lease", labels=["lease"])
        for name, until in sorted(doing.leases.items()):
            leases.add_metric([name], float(_seconds(until) >= self._at))
        yield leases
        if here is not None:
            yield GaugeMetricFamily("ledger_chain_head_block", "The chain's head as last seen", value=here.head_block)
            yield GaugeMetricFamily("ledger_indexed_block", "The last block applied", value=here.next_block - 1)
            yield GaugeMetricFamily("ledger_final_block", "The newest block that cannot fall out", value=here.final_block)


class Metered:
    """ASGI middleware: counts and times requests by route template, so that a serial never becomes a label."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        labels = ("method", "route", "status")
        self._requests = Counter("ledger_http_requests", "Requests answered", labels, registry=registry)
        self._seconds = Histogram("ledger_http_request_seconds", "Until the answer began", ("route",), buckets=BUCKETS, registry=registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def noticing(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "none")
                self._requests.labels(scope["method"], route, str(message["status"])).inc()
                self._seconds.labels(route).observe(time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, noticing)
