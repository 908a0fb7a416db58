"""Appraisers at work: the queue, a claim that nobody else has, another shot asked for, an opinion; and when one opinion is not enough.

Who looks:
1. The first appraiser decides. Where the policy says so (value, brand), or where the opinion goes against a machine's finding, a second
   one looks, who does not learn what the first said.
2. If they agree, the case is concluded in the first one's name. If not, a senior sees both and decides.
A claim is a lease: who is silent for too long gives the case back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import orjson
from sqlalchemy import Connection

from ledger_api.desk import life
from ledger_api.desk.concluding import Conclusion, conclude
from ledger_api.desk.errors import CaseMoved, NoSuchCase, NotClaimed, UnknownShot
from ledger_api.desk.policy import Policy
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.rows import queue as line
from ledger_api.desk.rows.cases import AnyRow

CLAIM_MINUTES = 20
CANDIDATES = 20
FIRST, SECOND, SENIOR = 1, 2, 3
Outcome = Literal["authentic", "not-authentic", "inconclusive"]
# eBay's public vocabulary of reasons, and what photos add to it
REASONS = (
    "as-described",
    "not-as-described",
    "customised",
    "miscategorised",
    "counterfeit-signs",
    "replaced-parts",
    "photos-insufficient",
    "details-missing",
    "model-unknown",
)
Next = Literal["second", "senior", "conclude"]


@dataclass(frozen=True, slots=True)
class Decision:
    outcome: Outcome
    confidence: int  # 0 to 100, by their own account
    reasons: tuple[str, ...]
    grounds: dict[str, str]  # by shot
    note: str = ""


def claim(connection: Connection, who: AnyRow, case_id: str | None, *, now: datetime) -> str | None:
    """The id of the claimed case: the named one, or the next in line; None when there is none in line.

    Raises:
        NoSuchCase: it is not there, or not for this appraiser. CaseMoved: somebody else has it.
    """
    if case_id is None:
        candidates = line.waiting(connection, who, categories=_categories(who), most=CANDIDATES)
    else:
        case = rows.case(connection, case_id)
        if case is None or case.authenticator != who.organization:
            raise NoSuchCase(case=case_id)
        candidates = line.waiting(connection, who, only=case_id, most=1)
    for case in candidates:
        try:
            life.step(
                connection, case.id, "queued", "appraising", by=f"appraiser {who.id}", at=now, why="claimed", facts={"seat": case.seat}
            )
        except CaseMoved:
            continue  # somebody else was faster
        line.claim(connection, case_id=case.id, seat=case.seat, appraiser_id=who.id, now=now, until=_until(now))
        return str(case.id)
    if case_id is not None:
        raise CaseMoved("This case is not in the queue, or not for you.", case=case_id)
    return None


def keep(connection: Connection, who: AnyRow, case_id: str, *, now: datetime) -> datetime:
    """Until when the claim lasts now. Raises NotClaimed."""
    _held(connection, who, case_id)
    line.renew(connection, case_id, who.id, until=_until(now))
    return _until(now)


def give_back(connection: Connection, who: AnyRow, case_id: str, *, now: datetime) -> None:
    """Raises NotClaimed."""
    case = _held(connection, who, case_id)
    life.step(connection, case_id, "appraising", "queued", by=f"appraiser {who.id}", at=now, why="given-back")
    line.drop(connection, case_id, case.seat)


def ask_shot(connection: Connection, who: AnyRow, case_id: str, name: str, words: str, policy: Policy, *, now: datetime) -> None:
    """Back to the asker, who sends that shot again.

    Raises:
        NotClaimed, UnknownShot.
    """
    case = _held(connection, who, case_id)
    if name not in policy.shot_names(case.category) or case.appeal_of is not None:
        raise UnknownShot(shots=[] if case.appeal_of is not None else sorted(policy.shot_names(case.category)))
    newest = rows.newest_shots(connection, case_id).get(name)
    facts = {"shot": name, "words": words, "after": 0 if newest is None else newest.attempt}
    due = now + timedelta(days=policy.photo_days)
    by = f"appraiser {who.id}"
    life.step(connection, case_id, "appraising", "awaiting-photos", by=by, at=now, why="shot-asked", facts=facts, due_at=due)
    line.drop(connection, case_id, case.seat)


def decide(connection: Connection, who: AnyRow, case_id: str, decision: Decision, *, now: datetime) -> Next:
    """What comes of it: another opinion, the senior's, or the conclusion.

    Raises:
        NotClaimed: the claim ran out, or was never there.
    """
    case = _held(connection, who, case_id)
    line.decide(
        connection,
        case_id,
        case.seat,
        decided_at=now,
        outcome=decision.outcome,
        confidence=decision.confidence,
        reasons=orjson.dumps(list(decision.reasons)).decode(),
        grounds=orjson.dumps(decision.grounds, option=orjson.OPT_SORT_KEYS).decode(),
        note=decision.note,
    )
    opinions = rows.opinions(connection, case_id)
    comes = _next(connection, case, decision, opinions)
    by = f"appraiser {who.id}"
    if comes == "conclude":
        conclude(connection, case_id, _conclusion(case, opinions), at=now)
    elif comes == "second":
        life.step(connection, case_id, "appraising", "queued", by=by, at=now, why="second-opinion", seat=SECOND)
    else:
        life.step(connection, case_id, "appraising", "queued", by=by, at=now, why="opinions-differ", seat=SENIOR)
    return comes


def free_overdue_claims(connection: Connection, *, now: datetime, most: int) -> int:
    """Claims that ran out go back into the queue."""
    late = line.overdue(connection, now=now, most=most)
    for one in late:
        life.step(connection, one.case, "appraising", "queued", by="desk", at=now, why="claim-ran-out", facts={"appraiser": one.appraiser})
        line.drop(connection, one.case, one.seat)
    return len(late)


def contradicts(decision_outcome: str, checks: Sequence[AnyRow]) -> bool:
    """Whether a machine found something that speaks against it: another serial than claimed, a photo seen before."""
    if decision_outcome != "authentic":
        return False
    findings = [orjson.loads(check.result) for check in checks if check.result is not None]
    return any(finding.get("result") == "mismatch" or finding.get("matches") for finding in findings)


def _next(connection: Connection, case: AnyRow, decision: Decision, opinions: Sequence[AnyRow]) -> Next:
    if case.seat == SENIOR:
        return "conclude"
    if case.seat == SECOND:
        return "conclude" if len({opinion.outcome for opinion in opinions}) == 1 else "senior"
    if case.needs > 1 or contradicts(decision.outcome, rows.checks_of(connection, case.id)):
        return "second"
    return "conclude"


def _conclusion(case: AnyRow, opinions: Sequence[AnyRow]) -> Conclusion:
    """The senior's word; else what all said, as sure as the least sure of them."""
    counted = [opinion for opinion in opinions if opinion.seat == case.seat] if case.seat == SENIOR else list(opinions)
    reasons = dict.fromkeys(reason for opinion in counted for reason in orjson.loads(opinion.reasons))
    confidence = min(opinion.confidence for opinion in counted)
    return Conclusion(counted[0].outcome, confidence, tuple(reasons), counted[0].appraiser)


def _held(connection: Connection, who: AnyRow, case_id: str) -> AnyRow:
    case = rows.locked_case(connection, case_id)
    if case is None or case.authenticator != who.organization:
        raise NoSuchCase(case=case_id)
    if case.state != "appraising" or line.held(connection, case_id, who.id) is None:
        raise NotClaimed(case=case_id)
    return case


def _categories(who: AnyRow) -> list[str] | None:
    found: list[str] | None = None if who.categories is None else orjson.loads(who.categories)
    return found


def _until(now: datetime) -> datetime:
    return now + timedelta(minutes=CLAIM_MINUTES)
