"""What stands of a story once corrections, void keys and stronger verdicts are applied: a pure function of the passport itself."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ledger_api.passport.standing import standing_at
from ledger_verify.codes import OUTCOME_CODES, Method, Outcome
from ledger_verify.transition import replaces

Json = dict[str, Any]
NOTHING: Json = {}


def effective_facts(story: Sequence[Json]) -> dict[int, Json]:
    """Facts by sequence after the corrections that stand, in the order in which they were recorded."""
    facts = {entry["sequence"]: entry["facts"] for entry in story}
    for entry in story:
        target = entry["corrects"]
        if target is None or entry["void"] is not None:
            continue
        facts[target] = facts[target] | entry["facts"].get("replaces", NOTHING)
        if "outcome" in entry["facts"]:
            facts[target] |= {"outcome": entry["facts"]["outcome"]}
    return facts


def effective_view(passport: Json, now: datetime) -> tuple[list[Json], list[Json]]:
    """The story as it stands now, and what was left out of it with the reason.

    An entry whose facts were corrected keeps what they replaced beside them, an opinion that prevailed over others names them
    (`outranks`), and why its author could not give it at this time is resolved. Left out are void entries (*compromised*), corrections
    (*applied*: they are in what they corrected), withdrawn opinions (*withdrawn*) and those the effective verdict outranks (*overruled*).
    """
    facts = effective_facts(passport["story"])
    stands: list[Json] = []
    left_out: list[Json] = []
    for entry in passport["story"]:
        reason = _left_out(entry, facts, passport["verdict"])
        if reason is not None:
            left_out.append({"sequence": entry["sequence"], "kind": entry["kind"]} | reason)
            continue
        facts_now = facts[entry["sequence"]]
        replaced = {"facts": entry["facts"], "by": entry["corrected_by"]} if facts_now != entry["facts"] else None
        standing = standing_at(entry.get("standing"), now)
        stands.append(entry | {"facts": facts_now, "replaced": replaced, "standing": standing, "outranks": []})
    for entry in stands:
        entry["outranks"] = [gone["sequence"] for gone in left_out if gone["reason"] == "overruled" and gone["by"] == entry["sequence"]]
    return stands, left_out


def effective_opinions(story: Sequence[Json]) -> list[Json | None]:
    """After each entry the opinion then in effect, `{sequence, outcome, method}`: the contract's rule, told over the story."""
    found: list[Json | None] = []
    now: Json | None = None
    for entry in story:
        facts = entry["facts"]
        if entry["kind"] == "ruling" or (entry["kind"] in ("verdict", "enrolment") and _becomes_effective(entry, now)):
            now = {"sequence": entry["sequence"], "method": "ruling"} | {
                name: facts[name] for name in ("outcome", "method", "expires_at") if name in facts
            }
        elif entry["kind"] == "correction" and "outcome" in facts and now is not None:
            now = None if facts["outcome"] == OUTCOME_CODES[Outcome.NONE] else now | {"outcome": facts["outcome"]}
        found.append(now)
    return found


def _becomes_effective(entry: Json, now: Json | None) -> bool:
    if now is None:
        return True
    outcome, method = entry["facts"]["outcome"], entry["facts"]["method"]
    return replaces(
        effective=Outcome.from_code(now["outcome"]),
        effective_method=Method.from_code(now["method"]),
        expired=now["expires_at"] is not None and now["expires_at"] <= entry["occurred_at"],
        outcome=Outcome.from_code(outcome),
        method=Method.from_code(method),
    )


def _left_out(entry: Json, facts: Mapping[int, Json], verdict: Json | None) -> Json | None:
    if entry["void"] is not None:
        return {"reason": entry["void"], "by": None}
    if entry["corrects"] is not None:
        return {"reason": "applied", "by": entry["corrects"]}
    if entry["kind"] not in ("verdict", "ruling"):
        return None
    outcome = facts[entry["sequence"]]["outcome"]
    if outcome == OUTCOME_CODES[Outcome.NONE]:
        return {"reason": "withdrawn", "by": entry["corrected_by"]}
    if verdict is not None and outcome != verdict["outcome"]:
        return {"reason": "overruled", "by": verdict["sequence"]}
    return None
