"""What stands of a story once corrections, void keys and stronger verdicts are applied: a pure function of the passport itself."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ledger_api.passport.standing import standing_at
from ledger_verify.codes import OUTCOME_CODES, Method, Outcome
from ledger_verify.transition import replaces

Json = dict[str, Any]
NOTHING: Json = {}
DESCRIBED = ("model", "colour", "category")  # what the brand's own record of an enrolled item says in the enrolment's place


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

    An enrolment is never left out for its opinion, since it is a birth too: it says which entry outranks it (`overruled_by`), and where
    the brand's own record came later, that record's description is in the place of its own (`replaced`).
    """
    facts = effective_facts(passport["story"])
    made = next((entry["sequence"] for entry in passport["story"] if entry["kind"] == "manufacture" and entry["void"] is None), None)
    stands: list[Json] = []
    left_out: list[Json] = []
    for entry in passport["story"]:
        reason = _left_out(entry, facts, passport["verdict"])
        if reason is not None:
            left_out.append({"sequence": entry["sequence"], "kind": entry["kind"]} | reason)
            continue
        facts_now, by = _facts_now(entry, facts, made)
        replaced = {"facts": entry["facts"], "by": by} if facts_now != entry["facts"] else None
        overruled = _overruled_by(entry, facts, passport["verdict"])
        standing = standing_at(entry.get("standing"), now)
        stands.append(entry | {"facts": facts_now, "replaced": replaced, "standing": standing, "overruled_by": overruled})
    outranked = [(gone["sequence"], gone["by"]) for gone in left_out if gone["reason"] == "overruled"]
    outranked += [(entry["sequence"], entry["overruled_by"]) for entry in stands]
    outranked += [(entry["sequence"], made) for entry in stands if entry["replaced"] is not None and entry["replaced"]["by"] == made]
    return [entry | {"outranks": sorted(one for one, by in outranked if by == entry["sequence"])} for entry in stands], left_out


def _facts_now(entry: Json, facts: Mapping[int, Json], made: int | None) -> tuple[Json, int | None]:
    """The facts that count, and which entry made them what they are. `made`: the brand's own record of the item."""
    own = facts[entry["sequence"]]
    if entry["kind"] != "enrolment" or made is None:
        return own, entry["corrected_by"]
    said = {name: value for name, value in own.items() if name not in DESCRIBED}
    joined = said | {name: facts[made][name] for name in DESCRIBED if name in facts[made]}
    return (own, entry["corrected_by"]) if joined == own else (joined, made)


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
    overruled = _overruled_by(entry, facts, verdict)
    return None if overruled is None else {"reason": "overruled", "by": overruled}


def _overruled_by(entry: Json, facts: Mapping[int, Json], verdict: Json | None) -> int | None:
    """The opinion in effect, where it says otherwise than this one."""
    outcome = facts[entry["sequence"]].get("outcome") if entry["kind"] in ("verdict", "ruling", "enrolment") else None
    if verdict is None or outcome in (None, OUTCOME_CODES[Outcome.NONE], verdict["outcome"]):
        return None
    sequence: int = verdict["sequence"]
    return sequence
