"""Appraisers at work: the queue, a claim that nobody else has, another shot asked for, an opinion; and when one opinion is not enough.

Who looks:
1. The first appraiser decides. Where the policy says so (value, brand), or where a machine found something that speaks against the item,
   a second one looks, whatever the first said: who is second cannot tell from being asked.
2. If they agree, the case is concluded in the first one's name. If not, a senior sees both and decides.
3. Where nobody is left who may look, the case ends in its time without a conclusion (`end_stranded`), and an appeal with the verdict that
   it disputes.
A claim is a lease: who is silent for too long gives the case back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson
from sqlalchemy import Connection

from ledger_api.desk import life
from ledger_api.desk.asking import missing_in_person
from ledger_api.desk.concluding import Conclusion, conclude
from ledger_api.desk.errors import CaseMoved, NoSuchCase, NotClaimed, ShotsMissing, UnknownShot
from ledger_api.desk.policy import Policy
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.rows import queue as line
from ledger_api.desk.rows.cases import AnyRow

CLAIM_MINUTES = 20
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
NOBODY_LEFT = "nobody-left"  # why a case ends that waits for an opinion which nobody may give
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
        case = line.next_in_line(connection, who, categories=_categories(who), method="photo")  # nobody else's counter
        if case is None:
            return None
    else:
        case = rows.locked_case(connection, case_id)
        if case is None or case.authenticator != who.organization:
            raise NoSuchCase(case=case_id)
        if not line.may_claim(connection, who, case_id):
            raise CaseMoved("This case is not in the queue, or not for you.", case=case_id)
    life.step(connection, case.id, "queued", "appraising", by=f"appraiser {who.id}", at=now, why="claimed", facts={"seat": case.seat})
    line.claim(connection, case_id=case.id, seat=case.seat, appraiser_id=who.id, now=now, until=until(now))
    return str(case.id)


def keep(connection: Connection, who: AnyRow, case_id: str, *, now: datetime) -> datetime:
    """Until when the claim lasts now. Raises NotClaimed."""
    held_case(connection, who, case_id)
    line.renew(connection, case_id, who.id, until=until(now))
    return until(now)


def give_back(connection: Connection, who: AnyRow, case_id: str, *, now: datetime) -> None:
    """Raises NotClaimed."""
    case = held_case(connection, who, case_id)
    life.step(connection, case_id, "appraising", "queued", by=f"appraiser {who.id}", at=now, why="given-back")
    line.drop(connection, case_id, case.seat)


def ask_shot(connection: Connection, who: AnyRow, case_id: str, name: str, words: str, policy: Policy, *, now: datetime) -> None:
    """Back to the asker, who sends that shot again.

    Raises:
        NotClaimed. UnknownShot: nobody can be asked for it; what lies on the counter its appraiser photographs.
    """
    case = held_case(connection, who, case_id)
    names = set() if case.appeal_of is not None or case.method == "in-person" else policy.shot_names(case.category)
    if name not in names:
        raise UnknownShot(shots=sorted(names))
    newest = rows.newest_shots(connection, case_id).get(name)
    facts = {"shot": name, "words": words, "after": 0 if newest is None else newest.attempt}
    due = now + timedelta(days=policy.photo_days)
    by = f"appraiser {who.id}"
    life.step(connection, case_id, "appraising", "awaiting-photos", by=by, at=now, why="shot-asked", facts=facts, due_at=due)
    line.drop(connection, case_id, case.seat)


def decide(connection: Connection, who: AnyRow, case_id: str, decision: Decision, policy: Policy, *, now: datetime) -> Next:
    """What comes of it: another opinion, the senior's, or the conclusion.

    Raises:
        NotClaimed: the claim ran out, or was never there. ShotsMissing: the item is here, and not photographed.
    """
    case = held_case(connection, who, case_id)
    missing = missing_in_person(policy, case, rows.newest_shots(connection, case_id))
    if missing:
        raise ShotsMissing(missing=missing)
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
    comes = _next(case, opinions)
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


def end_stranded(connection: Connection, case_id: str, *, now: datetime) -> bool:
    """Whether it was, and has been concluded: opinions are missing, and nobody is left to give them."""
    if rows.locked_case(connection, case_id) is None or case_id not in line.stranded(connection, now=now, only=case_id, most=1):
        return False
    case, first = rows.case(connection, case_id), rows.opinions(connection, case_id)[0].appraiser
    assert case is not None
    disputed = None if case.appeal_of is None else rows.case(connection, case.appeal_of)
    outcome, confidence = ("inconclusive", 0) if disputed is None else (disputed.outcome, disputed.confidence)
    conclude(connection, case_id, Conclusion(outcome, confidence, (NOBODY_LEFT,), first), at=now, why=NOBODY_LEFT)
    return True


def opinions_wanted(connection: Connection, case: AnyRow) -> int:
    """Two where machines found something; else what the policy said when the case was opened."""
    return max(int(case.needs), 2 if speaks_against(rows.checks_of(connection, case.id)) else 1)


def speaks_against(checks: Sequence[AnyRow]) -> bool:
    """Whether a machine found something: another serial than claimed or than the ledger's, a photo that was seen before."""
    findings = [orjson.loads(check.result) for check in checks if check.result is not None]
    return any(is_another_serial(finding) or _is_elsewhere(finding.get("matches", ())) for finding in findings)


def is_another_serial(finding: Mapping[str, Any]) -> bool:
    return "mismatch" in (finding.get("result"), finding.get("ledger"))


def _is_elsewhere(matches: Sequence[Mapping[str, Any]]) -> bool:
    """Who asks again sends their own photos again. One that stands for two details is another matter, and so is one that a platform sent
    for another case: it asks for many people, and who takes a seller's photos takes them from a listing."""
    return any(match["whose"] != "same-account" for match in matches)


def _next(case: AnyRow, opinions: Sequence[AnyRow]) -> Next:
    if case.seat == SENIOR:
        return "conclude"
    if case.seat == SECOND:
        return "conclude" if len({opinion.outcome for opinion in opinions}) == 1 else "senior"
    return "second" if case.needs > 1 else "conclude"


def _conclusion(case: AnyRow, opinions: Sequence[AnyRow]) -> Conclusion:
    """The senior's word; else what all said, as sure as the least sure of them."""
    counted = [opinion for opinion in opinions if opinion.seat == case.seat] if case.seat == SENIOR else list(opinions)
    reasons = dict.fromkeys(reason for opinion in counted for reason in orjson.loads(opinion.reasons))
    confidence = min(opinion.confidence for opinion in counted)
    return Conclusion(counted[0].outcome, confidence, tuple(reasons), counted[0].appraiser)


def held_case(connection: Connection, who: AnyRow, case_id: str) -> AnyRow:
    """The case on this appraiser's desk, locked. Raises NoSuchCase, NotClaimed."""
    case = rows.locked_case(connection, case_id)
    if case is None or case.authenticator != who.organization:
        raise NoSuchCase(case=case_id)
    if case.state != "appraising" or line.held(connection, case_id, who.id) is None:
        raise NotClaimed(case=case_id)
    return case


def _categories(who: AnyRow) -> list[str] | None:
    found: list[str] | None = None if who.categories is None else orjson.loads(who.categories)
    return found


def until(now: datetime) -> datetime:
    return now + timedelta(minutes=CLAIM_MINUTES)
