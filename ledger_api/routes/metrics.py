"""What Prometheus reads. The state of the work comes from the database at each scrape, requests are counted in this process.

No label is a serial, an id of an item or anything else whose values have no end.
"""

import logging
import time
from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sqlalchemy import Engine
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger_api.alarms import MEANINGS, ringing, seconds
from ledger_api.logs import ACCESS
from ledger_api.routes.deps import Ctx
from ledger_api.settings import Settings
from ledger_api.store import tallies
from ledger_api.store.engine import reading
from ledger_api.store.tallies import Tally
from ledger_api.store.watching import Place, Work, counted, place, transactions, work

router = APIRouter(tags=["health"])
access = logging.getLogger(ACCESS)

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_REFUSERS = {tallies.DOOR: "door", tallies.CHAIN: "chain", tallies.WORKER: "worker"}


@router.get("/metrics", include_in_schema=False)
def read_metrics(request: Request, ctx: Ctx) -> Response:
    """Prometheus text. Requests are counted where `Metered` wraps the app."""
    registry = CollectorRegistry()
    registry.register(State(ctx.engine, ctx.settings, ctx.clock()))
    metered = getattr(request.app.state, "metered", None)
    told = generate_latest(metered) if isinstance(metered, CollectorRegistry) else b""
    return Response(generate_latest(registry) + told, media_type=CONTENT_TYPE_LATEST)


class State:
    """The service's state, read in one transaction at the scrape."""

    def __init__(self, engine: Engine, settings: Settings, at: float) -> None:
        self._engine, self._settings, self._at = engine, settings, at

    def collect(self) -> Iterator[Metric]:
        with reading(self._engine) as connection:
            here, doing, sent, told = place(connection), work(connection, at=self._at), transactions(connection), counted(connection)
        yield from _waiting(doing, self._at)
        yield from _leases(doing, self._at, self._settings.lease_seconds)
        yield from _transactions(sent)
        yield from _tallied(told)
        if here is not None:
            yield from _chain(here)
        rings = {alarm.code for alarm in ringing(here, doing, at=self._at, settings=self._settings)}
        alarms = GaugeMetricFamily("ledger_alarm", "1 while this alarm rings", labels=["code"])
        for code in MEANINGS:
            alarms.add_metric([code], float(code in rings))
        yield alarms


def _waiting(doing: Work, at: float) -> Iterator[Metric]:
    oldest = at - seconds(doing.oldest) if doing.oldest is not None else 0.0
    yield GaugeMetricFamily("ledger_events_waiting", "Events accepted and not recorded yet", value=doing.waiting)
    yield GaugeMetricFamily("ledger_events_waiting_oldest_seconds", "Age of the oldest that is not parked", value=max(0.0, oldest))
    yield GaugeMetricFamily("ledger_events_stuck", "Accepted events that failed and are tried again", value=doing.failing)
    yield GaugeMetricFamily("ledger_dead_letters", "Events that wait for an operator's decision", value=doing.letters)
    yield GaugeMetricFamily("ledger_events_parked", "The same with what waits behind them", value=doing.parked)
    overdue = max(0.0, at - seconds(doing.due)) if doing.due is not None else 0.0
    yield GaugeMetricFamily(
        "ledger_notices_undelivered", "Webhook deliveries that wait for their time, or for somebody", value=doing.undelivered
    )
    late = max(0.0, at - seconds(doing.late_since)) if doing.late_since is not None else 0.0
    yield GaugeMetricFamily("ledger_cases_overdue", "Cases of the desk whose deadline has passed", value=doing.late)
    yield GaugeMetricFamily("ledger_cases_overdue_seconds", "Since the first of those deadlines", value=late)
    yield GaugeMetricFamily("ledger_notices_overdue_seconds", "Since the oldest that is due could have been sent", value=overdue)


def _leases(doing: Work, at: float, lease_seconds: int) -> Iterator[Metric]:
    held = GaugeMetricFamily("ledger_lease_held", "1 while somebody holds the lease", labels=["lease"])
    turned = GaugeMetricFamily("ledger_last_turn_seconds", "Since its holder last prolonged the lease", labels=["lease"])
    for name, until in sorted(doing.leases.items()):
        held.add_metric([name], float(seconds(until) >= at))
        turned.add_metric([name], max(0.0, at - (seconds(until) - lease_seconds)))
    yield held
    yield turned


def _transactions(sent: dict[str, int]) -> Iterator[Metric]:
    by_status = GaugeMetricFamily("ledger_transactions", "Transactions of the lanes by status", labels=["status"])
    for status, count in sorted(sent.items()):
        by_status.add_metric([status], count)
    yield by_status
    flying = sum(sent.get(status, 0) for status in ("saved", "sent"))
    yield GaugeMetricFamily("ledger_transactions_in_flight", "Transactions that no block holds yet", value=flying)


def _tallied(told: list[Tally]) -> Iterator[Metric]:
    refusals = CounterMetricFamily("ledger_refusals", "Events refused, by who refused them and why", labels=["by", "reason"])
    for one in told:
        if one.name in _REFUSERS:
            refusals.add_metric([_REFUSERS[one.name], one.label], one.value)
    yield refusals
    single = {one.name: one.value for one in told if one.label == ""}
    recorded, reorgs, deepest = (single.get(name, 0.0) for name in (tallies.RECORDED, tallies.REORGS, tallies.DEEPEST_REORG))
    yield CounterMetricFamily("ledger_events_recorded", "Events of ours that the chain recorded", value=recorded)
    yield CounterMetricFamily("ledger_reorgs", "Times the chain took blocks back", value=reorgs)
    yield GaugeMetricFamily("ledger_reorg_deepest_blocks", "The most blocks taken back at once", value=deepest)
    gas, fee_wei = (single.get(name, 0.0) for name in (tallies.GAS, tallies.FEE_WEI))
    yield CounterMetricFamily("ledger_gas_used", "Gas of what landed, reverted transactions included", value=gas)
    yield CounterMetricFamily("ledger_fee_wei", "What landing has cost, in wei", value=fee_wei)
    if recorded:
        yield GaugeMetricFamily("ledger_event_fee_wei", "What an event has cost since the first, on average", value=fee_wei / recorded)


def _chain(here: Place) -> Iterator[Metric]:
    yield GaugeMetricFamily("ledger_chain_head_block", "The chain's head as last seen", value=here.head_block)
    yield GaugeMetricFamily("ledger_indexed_block", "The last block applied", value=here.next_block - 1)
    yield GaugeMetricFamily("ledger_final_block", "The newest block that cannot fall out", value=here.final_block)
    lag = max(0, here.head_block - here.next_block + 1)
    yield GaugeMetricFamily("ledger_indexer_lag_blocks", "Blocks between the head and the last one applied", value=lag)


class Metered:
    """ASGI middleware: counts, times and logs requests by route template, so that a serial never becomes a label or a line."""

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
                route, took = getattr(scope.get("route"), "path", "none"), time.perf_counter() - began
                self._requests.labels(scope["method"], route, str(message["status"])).inc()
                self._seconds.labels(route).observe(took)
                if access.isEnabledFor(logging.INFO):
                    facts = {"method": scope["method"], "route": route, "status": message["status"], "ms": round(took * 1000, 2)}
                    access.info("request", extra=facts)
            await send(message)

        await self._app(scope, receive, noticing)
