"""What an owner should hear of, as an Atom feed (RFC 4287): no account, no address, any reader polls it.

Changes of hands, holds, disputes, opinions and requests to replace a lost key. It says nothing that the item's page does not say.
"""

from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

import orjson
from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from ledger_api.errors import UnknownItem, Withheld
from ledger_api.routes.items import AVisitor, Which
from ledger_api.routes.ownership import item_of
from ledger_api.routes.pages import AGuest
from ledger_api.routes.problems import errors
from ledger_api.web.timeline import Reader, make_entries

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


@router.get("/feed", response_class=Response, responses=_FOUND | errors(UnknownItem, Withheld, key=False))
def get_item_feed(which: Which, visitor: AVisitor, guest: AGuest, request: Request) -> Response:
    """The newest events of an item that concern its owner, newest first. Subscribe, and hear of a request to replace your key in time."""
    found = visitor.by_item(item_of(which))
    tag = f'W/"{found.etag}-{guest.language.tag}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Language"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    passport = orjson.loads(found.passport)
    page = f"{guest.ctx.settings.base_url}/items/{which}"
    return Response(_document(passport, Reader(guest.language), page, found.final_block), media_type=MEDIA_TYPE, headers=headers)


def _document(passport: dict[str, object], reader: Reader, page: str, final_block: int) -> bytes:
    entries = {entry.sequence: entry for entry in make_entries(passport, reader, final_block=final_block)}
    story = passport["story"]
    assert isinstance(story, list)
    feed = Element("feed", xmlns=ATOM)
    SubElement(feed, "id").text = f"urn:ledger:item:{passport['id']}"
    SubElement(feed, "title").text = f"{passport.get('model') or reader.say('site.name')}"
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
        SubElement(entry, "summary").text = _plain(shown.sentence)
    document: bytes = tostring(feed, encoding="utf-8", xml_declaration=True)
    return document


def _plain(text: Markup) -> str:
    return Markup(text).striptags()
