"""What the ledger ought to hold, in the simplest terms: lists of events, folded by a page of rules. It knows no head, hash or chain.

    book = Book()
    book.foresee("M1", "sale")                  # "unknown-item"
    book.accept(Told(event_id, "M0", "manufacture", body))
    book.state("M0").holder                     # "maison"

Items M… are Maison's, V… are Verne's. Boutique and Expert are accredited by Maison alone. What the door, the worker and the
indexer make of the same events has to agree with this, whatever happens to them on the way.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.faults.fleet import GTIN

ITEMS = ("M0", "M1", "M2", "M3", "M4", "M5", "V0", "V1")
# deed → (who, kind); BRAND is whoever made the item
BRAND = "brand"
DEEDS = {
    "manufacture": (BRAND, "manufacture"),
    "shipment": (BRAND, "shipment"),
    "return": ("boutique", "shipment"),
    "sale": (BRAND, "sale"),
    "retail sale": ("boutique", "sale"),
    "verdict": ("expert", "verdict"),
    "service": (BRAND, "service"),
    "recall": (BRAND, "hold"),
    "release": (BRAND, "release"),
    "dispute": ("expert", "dispute"),
    "ruling against": (BRAND, "ruling"),
    "ruling for": (BRAND, "ruling"),
    "poison": (BRAND, "manufacture"),
}
# before → what may be seen next, without a reorg and without the event being sent again
ARROWS = {
    "accepted": {"accepted", "recorded", "final", "refused"},
    "recorded": {"recorded", "final"},
    "final": {"final"},
    "refused": {"refused"},
}
# the indexer took blocks back since the last look: everything but final may have begun anew
ARROWS_AFTER_A_REORG = {status: {"final"} if status == "final" else set(ARROWS) for status in ARROWS}


def brand_of(item: str) -> str:
    return "maison" if item.startswith("M") else "verne"


def doer_of(item: str, deed: str) -> str:
    who = DEEDS[deed][0]
    return brand_of(item) if who == BRAND else who


@dataclass(frozen=True, slots=True)
class State:
    """An item after some events."""

    sequence: int = 0
    holder: str = ""  # an organization, or "owner"
    is_recalled: bool = False
    is_disputed: bool = False
    is_fake: bool = False

    @property
    def is_held(self) -> bool:
        return self.is_recalled or self.is_disputed


@dataclass(slots=True)
class Told:
    """An event that the door said yes to, and what was last heard of it."""

    event_id: str
    item: str
    deed: str
    body: dict[str, Any]
    status: str = "accepted"
    reason: str | None = None
    is_doubtful: bool = False  # Boutique was suspended while it was on its way: the chain may refuse it

    @property
    def by(self) -> str:
        return doer_of(self.item, self.deed)


@dataclass(slots=True)
class Book:
    """Every event that was accepted, in the order of acceptance, and who may act now."""

    told: list[Told] = field(default_factory=list)
    is_suspended: bool = False  # Boutique

    def live(self, item: str) -> list[Told]:
        return [told for told in self.told if told.item == item and told.status != "refused"]

    def recorded(self, item: str) -> list[Told]:
        return [told for told in self.live(item) if told.status in ("recorded", "final")]

    def state(self, item: str) -> State:
        return folded(item, self.live(item))

    def is_settled(self, item: str) -> bool:
        """Is what comes next certain? Not while events wait whose predecessor may be refused, or was."""
        waiting = [told for told in self.told if told.item == item and told.status == "accepted"]
        return not any(told.is_doubtful for told in waiting)

    def foresee(self, item: str, deed: str) -> str | None:
        """The reason for which the door will refuse it, or None."""
        return refusal(item, deed, self.state(item), is_suspended=self.is_suspended)

    def accept(self, told: Told) -> None:
        """An event that is sent again after it was refused stands at its new place. Whatever follows a doubtful one is doubtful."""
        self.told = [one for one in self.told if one.event_id != told.event_id]
        is_doubtful = any(one.is_doubtful for one in self.told if one.item == told.item)
        self.told.append(replace(told, status="accepted", reason=None, is_doubtful=is_doubtful))

    def doubt(self) -> None:
        """Boutique's standing changes: what it sent, and what was sent to it, may be refused from here on, and all that follows."""
        for item in ITEMS:
            is_doubtful = False
            for told in self.live(item):
                if told.status == "final":
                    continue
                is_doubtful = is_doubtful or told.deed in ("shipment", "return", "retail sale")
                told.is_doubtful = told.is_doubtful or is_doubtful


def folded(item: str, events: Iterable[Told]) -> State:
    """Raises ValueError for an event that no rule allows: what is accepted or recorded has to make sense."""
    state = State()
    for told in events:
        reason = refusal(item, told.deed, state)
        if reason is not None:
            raise ValueError(f"{told.deed} of {item} stands at place {state.sequence + 1}, where it would be {reason}")
        state = after(item, told.deed, state)
    return state


def refusal(item: str, deed: str, state: State, *, is_suspended: bool = False) -> str | None:
    """The first reason that applies, in the order of the protocol."""
    if deed == "poison":
        return "gtin-check-digit"
    if deed == "manufacture":
        return "already-recorded" if state.sequence else None
    if not state.sequence:
        return "unknown-item"
    doer = doer_of(item, deed)
    if deed in ("retail sale", "verdict", "dispute") and brand_of(item) != "maison":
        return "not-accredited"
    if is_suspended and deed in ("shipment", "return", "retail sale"):
        return "suspended"
    kind = DEEDS[deed][1]
    if kind in ("shipment", "sale"):
        return _handover_refusal(state, doer)
    if kind == "dispute" and state.is_disputed:
        return "on-hold"
    if kind == "ruling" and not state.is_disputed:
        return "not-disputed"
    if kind == "release" and not state.is_recalled:
        return "not-on-hold"
    return None


def _handover_refusal(state: State, doer: str) -> str | None:
    if state.holder == "owner":
        return "already-sold"
    if state.is_held:
        return "on-hold"
    if state.is_fake:
        return "not-authentic"
    return None if state.holder == doer else "not-the-holder"


def after(item: str, deed: str, state: State) -> State:
    moved = replace(state, sequence=state.sequence + 1)
    match deed:
        case "manufacture" | "return":
            return replace(moved, holder=brand_of(item))
        case "shipment":
            return replace(moved, holder="boutique")
        case "sale" | "retail sale":
            return replace(moved, holder="owner")
        case "recall" | "release":
            return replace(moved, is_recalled=deed == "recall")
        case "dispute":
            return replace(moved, is_disputed=True)
        case "ruling against" | "ruling for":
            return replace(moved, is_disputed=False, is_fake=deed == "ruling against")
    return moved


def body_of(item: str, deed: str, number: int, occurred_at: str) -> dict[str, Any]:
    """`number` makes it an event of its own."""
    kind = DEEDS[deed][1]
    body = {"kind": kind, "occurred_at": occurred_at, "payload": {"reference": f"R-{number}"}}
    if kind == "manufacture":
        named = {"gtin": GTIN if deed == "manufacture" else "03760001000398", "serial": item, "category": "handbag"}
        return body | named | {"payload": {"model": f"Sac {number}", "colour": "noir"}}
    body["item"] = {"gtin": GTIN, "serial": item}
    match deed:
        case "shipment":
            return body | {"to": "did:web:boutique.example"}
        case "return":
            return body | {"to": f"did:web:{brand_of(item)}.example"}
        case "sale" | "retail sale":
            return body | {"claim_key": f"0x{number + 1:040x}", "payload": {"invoice": f"F-{number}"}}
        case "verdict":
            return body | {"outcome": "authentic", "method": "photo", "payload": {"appraiser": f"APR-{number}"}}
        case "service":
            return body | {"payload": {"description": f"new strap {number}"}}
        case "recall" | "release":
            return body | {"hold": "recalled"}
        case "dispute":
            return body | {"payload": {"grounds": f"stitching {number}"}}
    return body | {"outcome": "not-authentic" if deed == "ruling against" else "authentic", "payload": {"grounds": f"examined {number}"}}
