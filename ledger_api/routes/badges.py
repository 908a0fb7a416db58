"""The badge of a listing: as signed data, as a picture, as a snippet to put into a page, and our page on which it is compared.

Open to everybody; evaluated at each request, kept by nobody.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import Field

from ledger_api.domain.fields import rfc3339
from ledger_api.errors import LedgerError, NotFollowedYet
from ledger_api.listings import badges, rows
from ledger_api.listings.addresses import belongs, is_at_home, origin_of
from ledger_api.listings.badges import BADGE_TYPE, VALID_SECONDS, Badge
from ledger_api.listings.errors import NoSuchListing
from ledger_api.routes.deps import Anonymous, Context, Ctx
from ledger_api.routes.pages import AGuest, Guest, honest_page, honest_word, site_of
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import Hex32, HexAddress, Moment, NamedOut, Out, VerdictOut, hex_of
from ledger_api.store import directory
from ledger_api.store.engine import moment
from ledger_api.verification.answering import Json, Voice
from ledger_api.web.badging import Offer, make_offer, make_picture, sentence, valid_until
from ledger_api.web.languages import DEFAULT
from ledger_api.web.rendering import Site, utc

router = APIRouter(prefix="/v1/listings/{listing}", tags=["listings"])
pages = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

LONGEST_URL = 2048
# the picture is shown on other sites, fetches nothing and runs nothing
SHOWN_HEADERS = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex", "Referrer-Policy": "no-referrer"}
PICTURE_HEADERS = SHOWN_HEADERS | {
    "Content-Security-Policy": "default-src 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Vary": "Accept-Language, Origin, Referer",
}
_ID = re.compile(r"[0-9a-f]{32}")
_ORIGIN = re.compile(r"https?://[a-z0-9.:\[\]-]{1,255}")

HOW_IT_LIVES = f"""
What everybody may know of a listing at this moment: who gave the opinion that stands, how and when. `alive` is true while the listing is
open and nothing speaks against showing it; else the badge says nothing, and not why. A listing is shown a badge only where `alive` and
`belongs` are true. Each answer is evaluated anew and holds for {VALID_SECONDS // 60} minutes.

**Checking it without us.** `typed_data` is an EIP-712 statement, `{BADGE_TYPE}`. `listing` is keccak256(platform's id ‖
keccak256(reference) ‖ keccak256(url)), `origin` is keccak256 of the url's origin; `step` is 1 while the badge is alive, else 0, like
`item` and `word`. Recover the signer of `digest` from `signature`; compare it with `GET /v1/verifications/signer`.
"""


class BadgeListingOut(Out):
    id: str
    platform: NamedOut
    reference: str
    title: str
    url: str
    origin: str


class BadgeOut(Out):
    listing: BadgeListingOut
    alive: bool
    belongs: bool | None = Field(description="Whether `url` is this listing's address; null when none was asked about.")
    says: str = Field(description="Who said what, when; or that it says nothing.")
    verdict: VerdictOut | None
    item: Hex32 | None
    page: str = Field(description="Where people compare it.")
    item_page: str | None
    block: int = Field(description="The ledger was read up to this block.")
    issued_at: Moment
    valid_until: Moment
    signer: HexAddress
    digest: Hex32
    signature: str
    typed_data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Looked:
    """A badge with the words that are the same in every language."""

    badge: Badge
    platform: Json
    offer: Offer
    page: str

    @property
    def verdict(self) -> Json | None:
        found: Json | None = self.badge.item.passport["verdict"] if self.badge.item else None
        return found

    @property
    def item(self) -> str | None:
        return hex_of(self.badge.item.item) if self.badge.item else None


def look(ctx: Context, listing: str) -> Looked:
    """Raises NoSuchListing, NotFollowedYet."""
    with moment(ctx.engine) as connection:
        row = rows.listing(connection, listing) if _ID.fullmatch(listing) else None
        if row is None:
            raise NoSuchListing
        badge = badges.badge_of(connection, row, network=ctx.network, now=int(ctx.clock()))
        profile = directory.organization(connection, row.platform)
    platform = {"id": hex_of(row.platform), "did": profile.did if profile else None, "name": profile.name if profile else None}
    name = platform["name"] or platform["did"] or platform["id"]
    offer = make_offer(title=row.title, platform=str(name), host=row.origin.partition("://")[2])
    return Looked(badge, platform, offer, f"{ctx.settings.base_url}/badges/{row.id}")


def signature_of(ctx: Context, looked: Looked) -> Json:
    return badges.signed(looked.badge, Voice(ctx.network, ctx.sign_statement, ctx.statement_signer))


# --- for programs and other sites ------------------------------------------------------------------------------------


@router.get("/badge.json", responses=errors(NoSuchListing, NotFollowedYet, key=False), description=HOW_IT_LIVES)
def get_badge(
    listing: str,
    _guest: Anonymous,
    ctx: Ctx,
    response: Response,
    site: Annotated[Site, Depends(site_of)],
    url: Annotated[str | None, Query(max_length=LONGEST_URL, description="The address at which the badge was seen.")] = None,
) -> BadgeOut:
    looked = look(ctx, listing)
    badge, row = looked.badge, looked.badge.listing
    is_its_own = None if url is None else belongs(row.url, url)
    says = badge.says(is_at_home=is_its_own is not False)
    language = site.languages[DEFAULT]
    response.headers.update(SHOWN_HEADERS | {"Access-Control-Allow-Origin": "*"})
    named = {"id": row.id, "reference": row.reference, "title": row.title, "url": row.url, "origin": row.origin}
    return BadgeOut.model_validate(
        {
            "listing": named | {"platform": looked.platform},
            "alive": badge.is_alive,
            "belongs": is_its_own,
            "says": sentence(looked.verdict, language) if says == "live" else str(language.say(f"badge.{says}")),
            "verdict": looked.verdict,
            "item": looked.item,
            "page": looked.page,
            "item_page": f"{ctx.settings.base_url}/items/{looked.item}" if looked.item else None,
            "block": badge.here.block,
            "issued_at": rfc3339(badge.now),
            "valid_until": rfc3339(badge.valid_until),
        }
        | signature_of(ctx, looked)
    )


_SVG: dict[int | str, dict[str, Any]] = {200: {"description": "The picture.", "content": {"image/svg+xml": {"schema": {"type": "string"}}}}}
_HTML: dict[int | str, dict[str, Any]] = {200: {"description": "The snippet.", "content": {"text/html": {"schema": {"type": "string"}}}}}


@router.get("/badge.svg", response_class=Response, responses=_SVG | errors(NoSuchListing, NotFollowedYet, key=False))
def get_badge_picture(listing: str, _guest: Anonymous, ctx: Ctx, request: Request, guest: AGuest) -> Response:
    """The badge as a picture, in the visitor's language (or `lang`), with its signature in `metadata`. A picture that stays open goes
    dark when its time is over; one that another site shows says that it belongs to another listing.
    """
    looked = look(ctx, listing)
    headers, row = request.headers, looked.badge.listing
    is_home = is_at_home(row.origin, own=ctx.settings.base_url, origin=headers.get("origin"), referer=headers.get("referer"))
    kind, until = looked.badge.says(is_at_home=is_home), utc(looked.badge.valid_until)
    picture = make_picture(kind, looked.offer, looked.verdict, guest.language, until=until)
    signature = orjson.dumps(signature_of(ctx, looked)).decode() if is_home else None
    body = guest.site.render("badge.svg", guest.visit, picture=picture, signature=signature, seconds=VALID_SECONDS)
    return Response(body, media_type="image/svg+xml", headers=PICTURE_HEADERS | {"Content-Language": guest.language.tag})


@router.get("/badge.html", response_class=Response, responses=_HTML | errors(NoSuchListing, NotFollowedYet, key=False))
def get_badge_snippet(listing: str, _guest: Anonymous, ctx: Ctx, guest: AGuest) -> Response:
    """To be put into the page of the listing, as it is or in a frame: the picture with a link to our page about it. Only pages of the
    listing's own origin may frame it.
    """
    looked = look(ctx, listing)
    body = guest.site.render(
        "badge_snippet.html",
        guest.visit,
        page=looked.page,
        picture=f"{ctx.settings.base_url}/v1/listings/{looked.badge.listing.id}/badge.svg",
        alt=guest.language.say("badge.alt", title=looked.offer.title),
    )
    origin = looked.badge.listing.origin
    home = origin if _ORIGIN.fullmatch(origin) else ""
    policy = f"default-src 'none'; img-src {ctx.settings.base_url}; base-uri 'none'; frame-ancestors 'self' {home}".strip()
    headers = SHOWN_HEADERS | {"Content-Security-Policy": policy, "Content-Language": guest.language.tag, "Vary": "Accept-Language"}
    del headers["Referrer-Policy"]  # the picture's own attribute says it
    return HTMLResponse(body, headers=headers)


# --- for people ------------------------------------------------------------------------------------------------------


@pages.get("/badges/{listing}")
def badge_page(listing: str, guest: AGuest) -> Response:
    """Which address the badge is good for, and what it says now."""
    ctx = guest.ctx
    try:
        ctx.limiter.take(guest.address, is_key=False, at=ctx.clock())
        looked = look(ctx, listing)
    except NoSuchListing:
        return honest_page(guest, "missing", status=404)
    except LedgerError as error:
        return honest_page(guest, honest_word(error), status=error.status, error=error)
    response = _page(guest, looked)
    response.headers["Cache-Control"] = "no-store"
    return response


def _page(guest: Guest, looked: Looked) -> Response:
    badge, language = looked.badge, guest.language
    kind: Literal["live", "silent"] = "live" if badge.is_alive else "silent"
    address = f"/v1/listings/{badge.listing.id}/badge"
    return guest.page(
        "badge.html",
        heading=language.say(f"badge.heading_{kind}"),
        words=sentence(looked.verdict, language) if badge.is_alive else language.say("badge.silent_text"),
        until=valid_until(utc(badge.valid_until), language) if badge.is_alive else "",
        offer=looked.offer,
        url=badge.listing.url,
        is_link=origin_of(badge.listing.url) != "",
        item=looked.item,
        picture=f"{address}.svg?lang={language.tag}",
        data=f"{address}.json",
    )
