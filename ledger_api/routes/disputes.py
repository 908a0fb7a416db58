"""Pages on what became of opinions: the disputes about one item, and how authenticators fared. Read only; nothing is decided here."""

from functools import partial

import orjson
from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from ledger_api.errors import LedgerError
from ledger_api.routes.items import Visitor
from ledger_api.routes.pages import AGuest, Guest, honest_page, honest_word, item_in_words, page_of_item
from ledger_api.routes.statistics import count_all
from ledger_api.store.engine import moment
from ledger_api.store.reading import Found
from ledger_api.web.reviewing import make_disputes, make_rates
from ledger_api.web.timeline import Reader

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

RULES = ("rule1", "rule2", "rule3", "rule4", "rule5")


@router.get("/items/{item}/disputes")
async def disputes_page(item: str, guest: AGuest) -> Response:
    """What was contested about an item, what was decided, and what that changed."""
    return await page_of_item(guest, item, Visitor.by_item, partial(_disputes, guest, item))


def _disputes(guest: Guest, item: str, found: Found) -> Response:
    disputes = make_disputes(orjson.loads(found.passport), Reader(guest.language))
    return guest.page("dispute.html", item=item, page=item_in_words(guest, found), disputes=disputes)


@router.get("/authenticators")
def authenticators_page(guest: AGuest) -> Response:
    """Overturn rates with their intervals, and what is counted."""
    ctx = guest.ctx
    try:
        ctx.limiter.take(guest.address, is_key=False, at=ctx.clock())
        with moment(ctx.engine) as connection:
            counted = count_all(connection)
    except LedgerError as error:
        return honest_page(guest, honest_word(error), status=error.status, error=error)
    rates = make_rates((one.model_dump() for one in counted.authenticators), Reader(guest.language))
    return guest.page("authenticators.html", rates=rates, block=counted.as_of.block, rules=RULES)
