"""Booked verification's doors: a partner's stores, a platform's bookings, the two parties' links, the counter.

Parse, ask, shape: what is decided is decided in `ledger_api.desk.booking`.
"""

from collections.abc import Sequence

from fastapi import APIRouter

from ledger_api.routes.booking import bookings, counter, counter_page, invitations, labels, pages, stores

ROUTERS: Sequence[APIRouter] = (
    bookings.router,
    invitations.router,
    counter.router,
    labels.router,
    stores.router,
    pages.router,
    counter_page.router,
)
