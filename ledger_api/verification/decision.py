"""Accept, quarantine or reject: a pure function of what the ledger shows of an item and what the caller says of it.

The rules run in the order of the table in `codes`; each gives every reason it finds, so that a caller sees all at once. No clock, no
database: time, the row and the caller's expectations are parameters.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ledger_api.domain.terms import UNSPECIFIED
from ledger_api.verification.codes import CODES, Decision
from ledger_verify.codes import HOLD_CODES, Hold, Outcome, Stage
from ledger_verify.state import State

Json = dict[str, Any]
Step = Literal["list", "pay", "ship"]

STALE_SECONDS = 900
# an accreditation that merely ran out, or a key that was retired in order, takes nothing from an opinion given before
LOST_STANDING = {"accreditation-withdrawn": "accreditation-withdrawn", "suspended": "giver-suspended"}


@dataclass(frozen=True, slots=True)
class Reason:
    code: str
    facts: Json

    @property
    def decision(self) -> Decision:
        return CODES[self.code].decision

    def document(self) -> Json:
        code = CODES[self.code]
        return {"code": self.code, "decision": code.decision.code, "message": f"{code.meaning} {code.remedy}", "facts": self.facts}


@dataclass(frozen=True, slots=True)
class AsOf:
    """The block the answer stands on, and the newest one that cannot fall out."""

    block: int
    block_hash: bytes
    time: int
    final_block: int


@dataclass(frozen=True, slots=True)
class Found:
    """The item's row: its state, its passport, what waits behind it."""

    item: bytes
    state: State
    passport: Json
    last_block: int  # of its last event
    pending: Sequence[str] = ()  # kinds of accepted events that are not recorded yet


@dataclass(frozen=True, slots=True)
class Asked:
    """What the caller says of the item. Nothing said, nothing compared.

    `holder` is who must hold it now: the seller before the change of hands, the buyer once it is recorded (step `ship`).
    `consent_flaw` is None for a consent that the contract would take, else what is wrong with it.
    """

    step: Step = "list"
    brand: bytes | None = None
    descriptions: Mapping[str, str] = field(default_factory=dict)  # model, colour, category
    holder: bytes | None = None
    has_consent: bool = False
    consent_flaw: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    decision: Decision
    reasons: Sequence[Reason]


def decide(found: Found | None, asked: Asked, as_of: AsOf, *, now: int, visible: bool = True) -> Answer:
    """The decision and every reason for it, first to last by the table. No reason at all is `accept`.

    `visible` False: the caller may not see this item, and learns nothing but that.
    """
    reasons = list(_reasons(found, asked, as_of, now, visible))
    return Answer(max((reason.decision for reason in reasons), default=Decision.ACCEPT), reasons)


def _reasons(found: Found | None, asked: Asked, as_of: AsOf, now: int, visible: bool) -> Iterator[Reason]:
    if found is None or found.state.stage in (Stage.UNBORN, Stage.LOT):
        yield Reason("unknown-item", {})
    elif not visible:
        yield Reason("withheld", {})
    if now - as_of.time > STALE_SECONDS:
        yield Reason("stale", {"block": as_of.block, "age_seconds": now - as_of.time})
    if found is None or not visible or found.state.stage in (Stage.UNBORN, Stage.LOT):
        return
    yield from _unsettled(found, as_of)
    yield from _forbidden(found, asked, now)
    yield from _judged(found, now)
    yield from _held(found, asked)
    yield from _described(found, asked)


def _unsettled(found: Found, as_of: AsOf) -> Iterator[Reason]:
    if found.last_block > as_of.final_block:
        yield Reason("not-final", {"block": found.last_block, "final_block": as_of.final_block})
    if found.pending:
        yield Reason("pending", {"kinds": sorted(set(found.pending))})


def _forbidden(found: Found, asked: Asked, now: int) -> Iterator[Reason]:
    """What the contract would refuse, and what may soon change the holder."""
    if found.state.stage == Stage.RETIRED:
        yield Reason("retired", {})
    for hold in Hold:
        if not found.state.holds >> hold & 1 or (hold == Hold.IN_VERIFICATION and now > found.state.aside.verification_until):
            continue
        facts = next((dict(shown) for shown in found.passport["holds"] if shown["hold"] == HOLD_CODES[hold]), {})
        yield Reason("disputed" if hold == Hold.DISPUTED else f"on-hold:{HOLD_CODES[hold]}", facts)
    if found.passport["recovery"] is not None:
        yield Reason("recovery-pending", dict(found.passport["recovery"]))
    if found.state.stage == Stage.UNSOLD:
        yield Reason("not-sold", {"holder": found.passport["holder"]})


def _judged(found: Found, now: int) -> Iterator[Reason]:
    verdict = found.passport["verdict"]
    expired = 0 < found.state.verdict_expiry <= now
    match Outcome(found.state.verdict):
        case Outcome.NONE:
            yield Reason("no-verdict", {})
        case Outcome.NOT_AUTHENTIC:
            yield Reason("not-authentic", {"verdict": verdict})
        case Outcome.INCONCLUSIVE:
            yield Reason("verdict-inconclusive", {"verdict": verdict})
        case Outcome.AUTHENTIC:
            if expired:
                yield Reason("verdict-expired", {"verdict": verdict})
    bearing = {1, found.state.verdict_sequence, *_holder_changes(found.passport["story"])}
    void = [entry["sequence"] for entry in found.passport["story"] if entry["void"] is not None and entry["sequence"] in bearing]
    if void:
        yield Reason("compromised", {"sequences": void})
    standing = verdict.get("standing") if verdict is not None else None  # absent until the indexer has made it again
    if standing is not None and (code := LOST_STANDING.get(standing["reason"])) is not None:
        yield Reason(code, {"by": verdict["by"], "since": standing["since"], "sequence": verdict["sequence"]})


def _holder_changes(story: Sequence[Json]) -> Iterator[int]:
    """The last event that gave the item a holder."""
    changing = ("manufacture", "enrolment", "shipment", "sale", "resale", "transfer")
    last = max((entry["sequence"] for entry in story if entry["kind"] in changing or _completes_recovery(entry)), default=None)
    if last is not None:
        yield last


def _completes_recovery(entry: Json) -> bool:
    return bool(entry["kind"] == "recovery" and entry["facts"].get("phase") == "complete")


def _held(found: Found, asked: Asked) -> Iterator[Reason]:
    if asked.holder is not None and asked.holder != found.state.holder:
        yield Reason("not-the-holder", {"claimed": "0x" + asked.holder.hex(), "step": asked.step})
        return
    if asked.step != "pay" or found.passport["holder"]["type"] != "owner":
        return
    if not asked.has_consent:
        yield Reason("consent-missing", {"head": found.passport["head"]})
    elif asked.consent_flaw is not None:
        yield Reason("consent-invalid", {"head": found.passport["head"], "flaw": asked.consent_flaw})


def _described(found: Found, asked: Asked) -> Iterator[Reason]:
    if asked.brand is not None and asked.brand != found.state.brand:
        yield Reason("mismatch:brand", {"expected": "0x" + asked.brand.hex(), "recorded": found.passport["brand"]})
    for name, expected in asked.descriptions.items():
        recorded = found.passport[name]
        if recorded is None or (name, recorded) == ("category", UNSPECIFIED):
            yield Reason(f"not-stated:{name}", {"expected": expected})
        elif _comparable(recorded) != _comparable(expected):
            yield Reason(f"mismatch:{name}", {"expected": expected, "recorded": recorded})


def _comparable(text: str) -> str:
    """Case, width, accents' encoding and runs of space do not make another model."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def item_facts(found: Found) -> Json:
    """The facts behind a decision: the passport without its story."""
    shown = (
        "id",
        "brand",
        "gtin",
        "model",
        "colour",
        "category",
        "stage",
        "holder",
        "verdict",
        "holds",
        "recovery",
        "sequence",
        "head",
        "word",
    )
    return {name: found.passport[name] for name in shown}
