"""GS1 Digital Link: how an item's link is written, what a resolver answers about it, and which form a caller asked for.

Reading an identifier is `domain/identifiers.py`'s business. Follows the GS1 Digital Link URI Syntax and the GS1-Conformant Resolver
standard (https://ref.gs1.org/standards/resolver), with RFC 9264 linksets and RFC 9110 negotiation. Pure.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any
from urllib.parse import quote

Json = dict[str, Any]

VOCABULARY = "https://ref.gs1.org/voc/"
LINKSET_CONTEXT = "https://ref.gs1.org/standards/resolver/linkset-context"
HTML, JSON, LINKSET = "text/html", "application/json", "application/linkset+json"
PAGE_TYPES = ("pip", "defaultLink")  # what a browser wants
DATA_TYPES = ("traceability",)  # what a machine wants: the passport


class Form(StrEnum):
    """What is answered at a Digital Link."""

    PAGE = HTML
    PASSPORT = JSON
    LINKSET = LINKSET


def item_link(base: str, gtin: str, serial: str) -> str:
    """The Digital Link of an item under our own name. A serial may hold `/`, `%` and `?`: all but unreserved characters are escaped."""
    return f"{base.rstrip('/')}{item_path(gtin, serial)}"


def item_path(gtin: str, serial: str) -> str:
    return f"/01/{gtin}/21/{quote(serial, safe='')}"


def asked_form(accept: str | None, link_type: str | None) -> Form | None:
    """Which form to answer: `linkType` decides before `Accept` does. None: a link type that we do not have.

    `linkset` and the older `all` ask for the linkset; a type may be a CURIE (`gs1:pip`) or the whole name.
    """
    if link_type is not None:
        return _form_of(link_type)
    return best_form(accept, (Form.PAGE, Form.PASSPORT, Form.LINKSET))


def _form_of(link_type: str) -> Form | None:
    name = link_type.removeprefix("gs1:").removeprefix(VOCABULARY).removeprefix("https://gs1.org/voc/")
    if name in ("linkset", "all"):
        return Form.LINKSET
    if name in PAGE_TYPES:
        return Form.PAGE
    return Form.PASSPORT if name in DATA_TYPES else None


def best_form(accept: str | None, offers: Sequence[Form]) -> Form:
    """The offer the caller likes best (RFC 9110 §12.5.1); at equal liking the earlier one, except that `*/*` alone means a machine.

    A browser always names text/html. A client that names nothing (curl, most libraries) is a program and gets the passport. When
    nothing fits, the passport is sent all the same: the standard allows it, and it is more use than an empty 406.
    """
    ranges = _ranges(accept or "*/*")
    if all(wanted in ("*/*", "application/*") for wanted in ranges):
        return Form.PASSPORT
    liked = {offer: _quality(offer, ranges) for offer in offers}
    best = max(liked.values())
    return next(offer for offer in offers if liked[offer] == best) if best > 0 else Form.PASSPORT


def _ranges(accept: str) -> dict[str, float]:
    """Media ranges with their weights. What cannot be read counts as not said."""
    ranges: dict[str, float] = {}
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
        try:
            ranges[name] = min(1.0, max(0.0, float(weight)))
        except ValueError:
            continue
    return ranges


def _quality(offer: str, ranges: dict[str, float]) -> float:
    """The most specific range decides. `application/ld+json` is answered with our JSON, which is no worse than none."""
    group = offer.partition("/")[0]
    for name in (offer, *(("application/ld+json",) if offer == JSON else ()), f"{group}/*", "*/*"):
        if name in ranges:
            return ranges[name]
    return 0.0


def linkset(base: str, gtin: str, serial: str, *, languages: Sequence[str], title: str) -> Json:
    """All we have about an item (RFC 9264): its page in each language, its passport."""
    anchor = item_link(base, gtin, serial)
    page = {"href": anchor, "title": title, "type": HTML, "hreflang": list(languages)}
    passport = {"href": f"{anchor}?linkType=gs1:traceability", "title": title, "type": JSON}
    links: Json = {"anchor": anchor, "itemDescription": title}
    links |= {f"{VOCABULARY}{name}": [page] for name in PAGE_TYPES}
    links |= {f"{VOCABULARY}{name}": [passport] for name in DATA_TYPES}
    return {"linkset": [links]}


def link_header(base: str, gtin: str, serial: str) -> str:
    """Where the linkset is, and how to read it as JSON-LD."""
    anchor = item_link(base, gtin, serial)
    return (
        f'<{anchor}?linkType=linkset>; rel="linkset"; type="{LINKSET}", '
        f'<{LINKSET_CONTEXT}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
    )


def description(base: str) -> Json:
    """The resolver description file at `/.well-known/gs1resolver`."""
    return {
        "name": "Provenance ledger",
        "resolverRoot": base,
        "supportedPrimaryKeys": ["01"],
        "supportedLinkType": [{"namespace": VOCABULARY, "prefix": "gs1:"}],
        "linkTypeDefaultCanBeLinkset": False,
    }
