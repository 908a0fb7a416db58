"""The desk's doors. Parse, ask, shape: what is decided is decided in `ledger_api.desk`."""

from collections.abc import Sequence

from fastapi import APIRouter

from ledger_api.routes.desk import appraisers, cases, policies, queue, results

ROUTERS: Sequence[APIRouter] = (cases.router, results.router, queue.router, appraisers.router, policies.router)
