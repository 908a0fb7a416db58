"""The pages on which keys are used: the owner's, the buyer's, the shop's, the brand's desk for a lost card.

The server sends words and modules; keys are made and used in the browser alone (docs/ownership.md).
"""

from functools import partial

import orjson
from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from ledger_api.errors import UnknownItem
from ledger_api.routes.items import Visitor
from ledger_api.routes.pages import AGuest, Guest, item_in_words, page_of_item
from ledger_api.store.reading import Found

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

DEEDS = ("claim", "offer", "hold-lost", "hold-stolen", "release-lost", "release-stolen", "dispute", "recovery", "retire")
# what a door or the page itself may answer, each with a sentence under [problem] in every language
PROBLEMS = (
    "unexpected", "unreachable", "rate-limited", "busy", "unknown-item", "unauthenticated", "forbidden",
    "not-a-card", "not-a-key-file", "wrong-passphrase", "passphrase-short", "passphrases-differ", "not-an-address", "too-many-files",
    "consent-not-signed", "consent-to-another-chain", "consent-to-another-ledger", "consent-to-another-item", "consent-to-another-deed",
    "consent-not-the-holder", "consent-withdrawn", "consent-expired", "consent-invalid", "retired", "role-missing", "not-accredited",
    "suspended", "already-sold", "not-sold", "on-hold", "not-authentic", "not-the-holder", "waiting-period", "too-early", "superseded",
    "not-on-hold",
)  # fmt: skip


@router.get("/own/{item}")
async def own_page(item: str, guest: AGuest) -> Response:
    """Where a claim card leads. The card's secret stands behind the # of the address and never comes here."""
    return await _page(guest, item, "own.html")


@router.get("/buy/{item}")
async def buy_page(item: str, guest: AGuest) -> Response:
    """For whoever is about to buy: a fresh key, a request, and whether the owner's consent is for what is shown."""
    return await _page(guest, item, "buy.html")


@router.get("/recover/{item}")
async def recover_page(item: str, guest: AGuest) -> Response:
    """A lost card: what its owner does, and the brand's desk."""
    return await _page(guest, item, "recover.html")


@router.get("/shop")
def shop_page(guest: AGuest) -> Response:
    """A sale with a claim card that is made in the shop's browser."""
    return guest.page("shop.html", is_scripted=True, problems=PROBLEMS)


async def _page(guest: Guest, item: str, template: str) -> Response:
    return await page_of_item(guest, item, _found_or_hidden, partial(_shown, guest, item, template))


def _found_or_hidden(visitor: Visitor, item: bytes) -> Found | None:
    """None for an item that its brand hides, *folded* included: it has its owner's page all the same, which names nothing.

    Whoever holds the key has to reach the doors, and those answer by the chain's word, which hides nothing. Raises UnknownItem.
    """
    found = visitor.ctx.passports.by_item(item)
    if found is None:
        raise UnknownItem
    return found if visitor.may_see(found) else None


def _shown(guest: Guest, item: str, template: str, found: Found | None) -> Response:
    page = None if found is None else item_in_words(guest, found)
    head = "" if found is None else orjson.loads(found.passport)["head"]
    return guest.page(template, is_scripted=True, item=item, page=page, head=head, deeds=DEEDS, problems=PROBLEMS)
