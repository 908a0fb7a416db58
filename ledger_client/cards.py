"""Claim cards for a till: made and printed here, so that the service learns an address and never a secret (docs/ownership.md).

    card = make_card("https://ledger.example", item)                      # before the sale is sent
    Path("card.html").write_text(card.page(piece="Atelier Verne · Cabas"))  # keep it until the buyer has it: nobody can make it again
    ledger.ask(calls.record([{"kind": "sale", "item": {"id": item}, "claim_key": card.address, …}]))

Needs the extra `[cards]`: keys are those of `ledger_verify.claims`, the picture is segno's.
"""

import secrets
from dataclasses import dataclass, field
from html import escape

import segno

from ledger_verify import claims
from ledger_verify.hashing import ItemId

HEADING = "Claim card"
ADVICE = (
    "Whoever has this card owns the piece. Scan it, and move the piece to a key of your own first.",
    "No camera? Look the piece up, choose “It is mine” and type the letters.",
)
_PAGE = """<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<title>{heading}</title>
<style>
body {{ margin: 12mm; font: 11pt/1.5 serif; }}
main {{ display: grid; grid-template-columns: 45mm 1fr; gap: 8mm; align-items: center; padding: 6mm; border: 1px solid; }}
svg {{ width: 100%; height: auto; background: #fff; }}
h1 {{ margin: 0; font-size: 11pt; font-weight: normal; }}
code {{ font-size: 13pt; }}
</style>
</head>
<body>
<main>
<figure role="img" aria-label="{heading}" style="margin: 0">{picture}</figure>
<div>
<h1>{heading}</h1>
<p><bdi>{piece}</bdi></p>
<p><code>{text}</code></p>
{advice}
</div>
</main>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class ClaimCard:
    """What a buyer is given. Whoever knows `text` or `link` owns the piece, so neither is in `repr`."""

    address: str  # for the sale's `claim_key`
    text: str = field(repr=False)  # as it is printed and typed
    link: str = field(repr=False)  # for the QR code; the secret stands behind the #, which no browser sends

    def page(self, *, piece: str, heading: str = HEADING, advice: tuple[str, ...] = ADVICE, lang: str = "en") -> str:
        """A page to print, whole in itself: it asks nobody for anything. Words other than English are the caller's."""
        picture = segno.make(self.link, error="m", micro=False).svg_inline(omitsize=True, border=3)
        told = {"heading": heading, "piece": piece, "text": self.text, "lang": lang}
        paragraphs = "\n".join(f"<p>{escape(one)}</p>" for one in advice)
        return _PAGE.format(picture=picture, advice=paragraphs, **{name: escape(value) for name, value in told.items()})


def make_card(base_url: str, item: str) -> ClaimCard:
    """A fresh card for the buyer of this item (its id, 0x…), whose page is at `base_url`/own.

    Raises:
        ValueError: that is no item's id.
    """
    octets = bytes.fromhex(item.removeprefix("0x"))
    if len(octets) != 32:
        raise ValueError(f"an item's id has 32 bytes, not {len(octets)}")
    secret = secrets.token_bytes(claims.SECRET_BYTES)
    address = claims.address_of(claims.claim_key(secret))
    return ClaimCard("0x" + address.hex(), claims.card_text(secret), claims.card_link(base_url, ItemId(octets), secret))
