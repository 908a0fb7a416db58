"""The desk's doors. Parse, ask, shape: what is decided is decided in `ledger_api.desk`."""

from collections.abc import Sequence

from fastapi import APIRouter

from ledger_api.routes.desk import (
    accounts,
    appraisers,
    cases,
    certified,
    evaluating,
    following,
    in_person,
    joining,
    judging,
    measuring,
    policies,
    queue,
    results,
    reviewing,
    reviews,
)

ROUTERS: Sequence[APIRouter] = (
    cases.router,
    accounts.router,
    results.router,
    reviews.router,
    following.router,
    queue.router,
    in_person.router,
    appraisers.router,
    policies.router,
    evaluating.router,
    joining.router,
    certified.router,
    measuring.router,
    measuring.pages,
    judging.router,
    reviewing.router,
)
