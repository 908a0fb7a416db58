"""Every reason a verification can give, with the decision it leads to: the one table, read by the rules, the tests and the API's text.

A code has one decision for ever. Nothing here is an opinion of ours about the object: the ledger's state, somebody's attributed verdict,
or what we could not know. *Unknown is never the same as failed*: what we do not know leads to `quarantine`, never to `reject`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


class Decision(IntEnum):
    """The number stands in the signed statement. The worst reason decides."""

    ACCEPT = 1
    QUARANTINE = 2
    REJECT = 3

    @property
    def code(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Code:
    decision: Decision
    meaning: str
    remedy: str


_QUARANTINE, _REJECT = Decision.QUARANTINE, Decision.REJECT

CODES: Mapping[str, Code] = {
    # what cannot be known
    "unknown-item": Code(
        _QUARANTINE,
        "No item with this identifier is on the ledger. That is not a verdict.",
        "Check GTIN and serial; an older item can be enrolled by an accredited store.",
    ),
    "withheld": Code(
        _QUARANTINE, "The item exists; its brand shows it to the holder and to partners only.", "Ask the brand for an accreditation."
    ),
    "stale": Code(_QUARANTINE, "Our copy of the chain is too old to answer from.", "Ask again in a few minutes."),
    "not-final": Code(_QUARANTINE, "The item's last event could still fall out of the chain.", "Ask again in a few blocks."),
    "pending": Code(_QUARANTINE, "Events of this item were accepted and are not recorded yet.", "Ask again in a few blocks."),
    # what the ledger's state forbids
    "retired": Code(_REJECT, "The item was retired; it may not change hands any more.", "Do not list it."),
    "on-hold:lost": Code(_REJECT, "The holder reported it lost.", "Do not list it; tell the brand who presents it."),
    "on-hold:stolen": Code(_REJECT, "The holder reported it stolen.", "Do not list or pay; follow your procedure for stolen goods."),
    "on-hold:recalled": Code(_REJECT, "The brand recalled it.", "Send it back as the brand's recall says."),
    "on-hold:in-verification": Code(_QUARANTINE, "A store has it for an in-person verification.", "Wait for the store's verdict."),
    "disputed": Code(_QUARANTINE, "A dispute about it is open.", "Wait for the brand's ruling."),
    "recovery-pending": Code(
        _QUARANTINE, "The brand was asked to give it a new claim key; the waiting period runs.", "Wait until it is completed or vetoed."
    ),
    "not-sold": Code(
        _QUARANTINE, "No sale to a consumer is recorded: it is still in the trade.", "Ask the shop named as holder to record its sale."
    ),
    # who judged it, and how
    "not-authentic": Code(
        _REJECT, "The effective verdict is not authentic, by the organization named.", "Do not list it; its holder may dispute."
    ),
    "no-verdict": Code(_QUARANTINE, "Nobody accredited has judged it yet.", "Have it looked at by an accredited authenticator."),
    "verdict-expired": Code(_QUARANTINE, "The verdict authentic has expired.", "Have it looked at again."),
    "verdict-inconclusive": Code(_QUARANTINE, "The effective verdict is inconclusive.", "Have it looked at by a stronger method."),
    "compromised": Code(
        _QUARANTINE,
        "An event that carries its state was signed by a key later marked compromised.",
        "Wait for the brand's correction or ruling.",
    ),
    "accreditation-withdrawn": Code(
        _QUARANTINE,
        "The accreditation of whoever gave the effective verdict was withdrawn since.",
        "Have it looked at by an accredited authenticator.",
    ),
    "giver-suspended": Code(
        _QUARANTINE, "The organization that gave the effective verdict is suspended.", "Have it looked at by an accredited authenticator."
    ),
    # whose listing it is
    "not-the-holder": Code(
        _REJECT, "Whoever is said to hold it does not, by the ledger.", "Ask the seller for the claim of this very item."
    ),
    "consent-missing": Code(
        _QUARANTINE, "The holder has not signed a consent to this change of hands.", "Have the holder sign before you pay."
    ),
    "consent-invalid": Code(
        _QUARANTINE, "The consent given would not be accepted by the contract now.", "Have the holder sign again, on the present head."
    ),
    # whether it is what was described
    "mismatch:brand": Code(_REJECT, "The item is another brand's than the listing says.", "Do not list it under this brand."),
    "mismatch:model": Code(_QUARANTINE, "The ledger names another model.", "Compare the object with the passport."),
    "mismatch:colour": Code(_QUARANTINE, "The ledger names another colour.", "Compare the object with the passport."),
    "mismatch:category": Code(_QUARANTINE, "The ledger names another category.", "Compare the object with the passport."),
    "not-stated:model": Code(_QUARANTINE, "The ledger does not say which model it is.", "Compare the object with the brand's catalogue."),
    "not-stated:colour": Code(
        _QUARANTINE, "The ledger does not say which colour it has.", "Compare the object with the brand's catalogue."
    ),
    "not-stated:category": Code(
        _QUARANTINE, "The ledger does not say what kind of thing it is.", "Compare the object with the brand's catalogue."
    ),
}


def as_markdown() -> str:
    """The table as it stands in the OpenAPI text."""
    rows = (f"| `{name}` | {code.decision.code} | {code.meaning} | {code.remedy} |" for name, code in CODES.items())
    return "\n".join(("| code | decision | meaning | what to do |", "|---|---|---|---|", *rows))
