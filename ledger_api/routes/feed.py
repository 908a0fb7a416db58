"""What an owner should hear of, as an Atom feed (RFC 4287): no account, no address, any reader polls it.

Changes of hands, holds, disputes, opinions and requests to replace a lost key. It says nothing that the item's page does not say.

Whoever names the key that holds the item has a feed of items that their brand hides too. Of those it tells the bare kind of each event,
as the chain tells it to everybody, so that a request to replace a key reaches its owner in time whatever the brand shows.
"""

from collections.abc import Sequence
from typing import Annotated, Any
from xml.etree.ElementTree import Element, SubElement, tostring

import orjson
from fastapi import APIRouter, Query, Request, Response
from markupsafe import Markup

from ledger_api.errors import UnknownItem, Withheld
from ledger_api.routes.items import AVisitor, Visitor, Which
from ledger_api.routes.ownership import item_of
from ledger_api.routes.pages import AGuest
from ledger_api.routes.problems import errors
from ledger_api.store.engine import reading
from ledger_api.store.reading import Found
from ledger_api.store.records import histories
from ledger_api.web.timeline import Reader, make_entries
from ledger_verify.state import state_from_bytes

router = APIRouter(prefix="/v1/items/{item}", tags=["ownership"])

ATOM = "http://www.w3.org/2005/Atom"
MEDIA_TYPE = "application/atom+xml"
ALARMING = frozenset(
    ("sale", "resale", "transfer", "verdict", "ruling", "dispute", "hold", "release", "recovery", "correction", "retire")
)  # kinds that an owner wants to hear of
_FOUND: dict[int | str, dict[str, Any]] = {
    200: {"description": "The feed.", "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}},
    304: {"description": "Nothing new."},
}
LONGEST = 50
Key = Annotated[str | None, Query(max_length=42, description="The address of the key that holds the item: hears of hidden items too.")]


@router.get("/feed", response_class=Response, responses=_FOUND | errors(UnknownItem, Withheld, key=False))
def get_item_feed(which: Which, visitor: AVisitor, guest: AGuest, request: Request, key: Key = None) -> Response:
    """The newest events of an item that concern its owner, newest first. Subscribe, and hear of a request to replace your key in time.

    A key that holds the item no longer hears of the event that took it away and of nothing later.
    """
    item = item_of(which)
    found = visitor.by_item(item) if key is None else _held(visitor, item)
    is_hidden = not visitor.may_see(found)
    tag = f'W/"{found.etag}-{guest.language.tag}{"-hidden" * is_hidden}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Language"}
    last = None if key is None else _last_heard(visitor, item, key)
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    page = f"{guest.ctx.settings.base_url}/{'items' if key is None else 'own'}/{which}"
    told = _heard(orjson.loads(found.passport), last)
    return Response(_document(told, Reader(guest.language), page, is_hidden=is_hidden), media_type=MEDIA_TYPE, headers=headers)


def _held(visitor: Visitor, item: bytes) -> Found:
    """Hidden or not: `_last_heard` decides. Raises UnknownItem."""
    found = visitor.ctx.passports.by_item(item)
    if found is None:
        raise UnknownItem
    return found


def _last_heard(visitor: Visitor, item: bytes, key: str) -> int:
    """The sequence of the event that took the item from this key, or of the newest one. Raises UnknownItem for a key that never held it."""
    with reading(visitor.ctx.engine) as connection:
        records = histories(connection, [item]).get(item, [])
    holders = ["0x" + state_from_bytes(record.state).holder[12:].hex() for record in records]
    held = [place for place, holder in enumerate(holders, start=1) if holder == key.lower()]
    if not held:
        raise UnknownItem
    return min(held[-1] + 1, len(records))


def _heard(passport: dict[str, Any], last: int | None) -> dict[str, Any]:
    return passport if last is None else passport | {"story": passport["story"][:last]}


def _document(passport: dict[str, Any], reader: Reader, page: str, *, is_hidden: bool) -> bytes:
    story: Sequence[dict[str, Any]] = passport["story"]
    entries = {entry.sequence: entry for entry in make_entries(passport, reader, final_block=0)}
    feed = Element("feed", xmlns=ATOM)
    SubElement(feed, "id").text = f"urn:ledger:item:{passport['id']}"
    SubElement(feed, "title").text = str(reader.say("site.name") if is_hidden or not passport.get("model") else passport["model"])
    SubElement(feed, "updated").text = story[-1]["recorded_at"]
    author = SubElement(feed, "author")
    SubElement(author, "name").text = str(reader.say("site.name"))
    SubElement(feed, "link", rel="alternate", type="text/html", href=page)
    for told in [entry for entry in reversed(story) if entry["kind"] in ALARMING][:LONGEST]:
        entry = SubElement(feed, "entry")
        shown = entries[told["sequence"]]
        SubElement(entry, "id").text = f"urn:ledger:event:{told['event_hash']}"
        SubElement(entry, "title").text = _plain(shown.title)
        SubElement(entry, "updated").text = told["recorded_at"]
        SubElement(entry, "link", rel="alternate", type="text/html", href=f"{page}#entry-{told['sequence']}")
        if not is_hidden:
            SubElement(entry, "summary").text = _plain(shown.sentence)
    document: bytes = tostring(feed, encoding="utf-8", xml_declaration=True)
    return document


def _plain(text: Markup) -> str:
    return Markup(text).striptags()
