"""What the asker takes away: who concluded what, how, when, on which evidence, and where the ledger says so. As JSON, and as a PDF that
carries the same JSON.

The certificate is signed by the service (EIP-712, like a verification's statement); what it says is the authenticator's word, and the
ledger's record of it is the authority: the certificate leads there and says so. It never says "authentic" in our own voice.

How to check: `document` is keccak256 of the RFC 8785 (JCS) form of the certificate without `proof`; the EIP-712 hash of `proof.typed_data`
is `proof.digest`; the signer recovered from it is `proof.signer`, the address that the service publishes.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import orjson
import rfc8785
import segno

from ledger_verify.hashing import domain_separator, keccak, typed_digest

Json = dict[str, Any]
VERSION = "desk-certificate-1"
NAME = "ProvenanceLedger Certificate"
TYPE = "Certificate(bytes32 document,bytes32 item,bytes32 evidence,bytes32 verdict,uint48 issuedAt)"
FIELDS = (("document", "bytes32"), ("item", "bytes32"), ("evidence", "bytes32"), ("verdict", "bytes32"), ("issuedAt", "uint48"))
HELPS = {
    "photos-insufficient": "Sharper and closer photos, in daylight, of every detail that was asked for.",
    "details-missing": "Photos of the details that are missing, those that were optional too.",
    "replaced-parts": "Papers of the repair: who replaced which part, and when.",
    "model-unknown": "An authenticator that knows this maker's models.",
    "nobody-left": "Another authenticator's desk.",
    "miscategorised": "A new case under the right category, whose details are others.",
}
IN_PERSON = "An examination in person, which settles what photos cannot."
SAYS = {
    "authentic": "concluded: authentic",
    "not-authentic": "concluded: not authentic",
    "inconclusive": "came to no conclusion",
}


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs and for which deployment."""

    chain_id: int
    ledger: bytes
    base_url: str
    sign: Callable[[bytes], bytes]
    signer: bytes


@dataclass(frozen=True, slots=True)
class Concluded:
    """The facts of a case that has ended with a verdict."""

    case: str
    authenticator: Mapping[str, str]  # id, did, name
    brand: str
    category: str
    method: str
    outcome: str
    confidence: int
    reasons: tuple[str, ...]
    appraiser: str
    decided_at: datetime
    evidence: bytes
    item: bytes | None
    verdict: bytes | None  # event id; None: not on the ledger
    sequence: int | None
    transaction: bytes | None
    why_not_recorded: str | None
    has_history: bool  # it was appealed


def certificate(concluded: Concluded, issuer: Issuer, *, at: datetime) -> Json:
    """Everything a reader needs, and the signature over it. The same facts at the same second give the same bytes."""
    ledger: Json | None = None
    if concluded.verdict is not None and concluded.item is not None:
        ledger = {
            "chain_id": issuer.chain_id,
            "ledger": _hex(issuer.ledger),
            "item": _hex(concluded.item),
            "event_id": _hex(concluded.verdict),
            "sequence": concluded.sequence,
            "transaction": None if concluded.transaction is None else _hex(concluded.transaction),
            "page": f"{issuer.base_url}/items/{_hex(concluded.item)}",
            "proof": f"{issuer.base_url}/v1/items/{_hex(concluded.item)}/proof",
        }
    told: Json = {
        "version": VERSION,
        "case": concluded.case,
        "authenticator": dict(concluded.authenticator),
        "brand": concluded.brand,
        "category": concluded.category,
        "method": concluded.method,
        "outcome": concluded.outcome,
        "confidence": concluded.confidence,
        "reasons": list(concluded.reasons),
        "would_help": would_help(concluded.outcome, concluded.reasons),
        "appraiser": concluded.appraiser,
        "decided_at": _moment(concluded.decided_at),
        "issued_at": _moment(at),
        "evidence": _hex(concluded.evidence),
        "ledger": ledger,
        "not_recorded": concluded.why_not_recorded,
        "appealed": concluded.has_history,
        "says": sentence(concluded),
        "page": f"{issuer.base_url}/certificates/{concluded.case}",
        "this": f"{issuer.base_url}/v1/certificates/{concluded.case}",
    }
    return told | {"proof": _proof(told, concluded, issuer, at)}


def sentence(concluded: Concluded) -> str:
    """Who said so, how and when: never more."""
    who, how = concluded.authenticator["name"], "from photos" if concluded.method == "photo" else "in person"
    return f"{who} looked at this item {how} and {SAYS[concluded.outcome]}, on {_day(concluded.decided_at)}."


def would_help(outcome: str | None, reasons: Iterable[str]) -> list[str]:
    """What an asker can do about a case without a conclusion; nothing where there is one."""
    return [*(HELPS[reason] for reason in reasons if reason in HELPS), IN_PERSON] if outcome == "inconclusive" else []


def check(told: Mapping[str, Any]) -> bytes:
    """The digest that the signature of a certificate has to be over.

    Raises:
        ValueError: the document is not the one that was signed.
    """
    unsigned = {name: value for name, value in told.items() if name != "proof"}
    data = told["proof"]["typed_data"]
    if data["message"]["document"] != _hex(keccak(rfc8785.dumps(unsigned))):
        raise ValueError("the certificate was changed after it was signed")
    domain = data["domain"]
    values = [_word(data["message"][name]) for name, _kind in FIELDS]
    separator = domain_separator(domain["chainId"], bytes.fromhex(domain["verifyingContract"][2:]), name=domain["name"])
    return typed_digest(separator, keccak(b"".join((keccak(TYPE.encode()), *values))))


def _proof(told: Json, concluded: Concluded, issuer: Issuer, at: datetime) -> Json:
    message = {
        "document": _hex(keccak(rfc8785.dumps(told))),
        "item": _hex(concluded.item or bytes(32)),
        "evidence": _hex(concluded.evidence),
        "verdict": _hex(concluded.verdict or bytes(32)),
        "issuedAt": int(at.timestamp()),
    }
    domain = {"name": NAME, "version": "1", "chainId": issuer.chain_id, "verifyingContract": _hex(issuer.ledger)}
    types = {"Certificate": [{"name": name, "type": kind} for name, kind in FIELDS]}
    typed = {"types": types, "primaryType": "Certificate", "domain": domain, "message": message}
    digest = check(told | {"proof": {"typed_data": typed}})
    return {"typed_data": typed, "digest": _hex(digest), "signature": _hex(issuer.sign(digest)), "signer": _hex(issuer.signer)}


def _word(value: str | int) -> bytes:
    return value.to_bytes(32, "big") if isinstance(value, int) else bytes.fromhex(value[2:])


# --- on paper --------------------------------------------------------------------------------------------------------


def pdf(told: Json) -> bytes:
    """One page that a printer likes. The JSON is attached under `certificate.json`; two codes lead to the ledger and to its own page."""
    from fpdf import FPDF

    page = FPDF(format="A4")
    page.set_creation_date(datetime.fromisoformat(told["issued_at"].replace("Z", "+00:00")))
    page.set_title(f"Certificate {told['case']}")
    page.add_page()
    page.set_margins(22, 22)
    page.set_font("Times", size=24)
    page.cell(0, 18, "Certificate", new_x="LMARGIN", new_y="NEXT")
    page.set_font("Times", size=13)
    page.multi_cell(0, 7, _latin(told["says"]), new_x="LMARGIN", new_y="NEXT")
    page.ln(4)
    page.set_font("Helvetica", size=10)
    for name, value in _lines(told):
        page.set_font(style="B")
        page.cell(42, 6, name)
        page.set_font(style="")
        page.multi_cell(0, 6, _latin(value), new_x="LMARGIN", new_y="NEXT")
    page.ln(4)
    top = page.get_y()
    for place, (words, address) in enumerate(_codes(told)):
        page.image(_code(address), x=22 + 86 * place, y=top, w=34)
        page.set_xy(58 + 86 * place, top + 4)
        page.multi_cell(46, 5, words, link=address)
    page.set_y(top + 40)
    page.set_font("Helvetica", size=8)
    page.multi_cell(0, 4.2, _latin(FOOT), new_x="LMARGIN", new_y="NEXT")
    page.ln(2)
    page.set_font("Courier", size=6)
    page.multi_cell(
        0, 3, f"digest    {told['proof']['digest']}\nsigner    {told['proof']['signer']}\nsignature {told['proof']['signature']}"
    )
    page.embed_file(basename="certificate.json", bytes=orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
    return bytes(page.output())


FOOT = (
    "This paper repeats an opinion; it passes no judgement of its own. Opinions can be disputed and change: the ledger shows how things "
    "stand today, this paper how they stood when it was issued. Follow the code, or type the address, before you rely on it."
)


def _lines(told: Json) -> list[tuple[str, str]]:
    where = told["ledger"]
    lines = [
        ("Outcome", f"{told['outcome'].replace('-', ' ')}, according to {told['authenticator']['name']}"),
        ("How sure", f"{told['confidence']} of 100, by their own account"),
        ("Reasons", ", ".join(reason.replace("-", " ") for reason in told["reasons"]) or "none given"),
        ("Claimed brand", told["brand"]),
        ("Category", told["category"]),
        ("Looked at", "photos" if told["method"] == "photo" else "the item in person"),
        ("Appraiser", told["appraiser"]),
        ("Decided", told["decided_at"]),
        ("Case", told["case"]),
        ("Evidence", told["evidence"]),
    ]
    if where is None:
        return [*lines, ("Ledger", f"Not on the ledger: {told['not_recorded']}.")]
    return [*lines, ("Item", where["item"]), ("Recorded as", f"event {where['event_id']}, number {where['sequence']} of the item")]


def _codes(told: Json) -> list[tuple[str, str]]:
    codes = [("This certificate as it stands today", told["page"])]
    return [("The item on the ledger, as it stands today", told["ledger"]["page"]), *codes] if told["ledger"] else codes


def _code(address: str) -> BytesIO:
    made = BytesIO()
    segno.make(address, error="m", micro=False).save(made, kind="png", scale=6, border=2)
    made.seek(0)
    return made


def _latin(words: str) -> str:
    """The fonts that every PDF reader has know Western European letters; any other is shown as a question mark (the JSON has it)."""
    return words.encode("latin-1", "replace").decode("latin-1")


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _moment(at: datetime) -> str:
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _day(at: datetime) -> str:
    return _moment(at)[:10]
