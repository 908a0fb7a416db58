"""Test cases whose answer is known, mixed into the queue to measure appraisers honestly.

One is made from photos that the authenticator's lead sends, on the way of every other case, or from a case that was concluded: its photos,
its machines' findings and its journal up to the queue, moved to now. Whoever judges it sees what they see of any other; whoever judged the
first one does not get it. It never reaches the ledger (`recording`), has no asker and no certificate, and is counted for its
authenticator alone.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection

from ledger_api.columns import utc
from ledger_api.desk import life
from ledger_api.desk.asking import NewCase, new_row
from ledger_api.desk.errors import CaseMoved, NoSuchCase
from ledger_api.desk.policy import Policy
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.rows import seeds
from ledger_api.desk.rows.cases import AnyRow

_COPIED = ("authenticator", "brand", "brand_did", "category", "gtin", "serial", "item", "value_eur", "references", "notes", "method")


def open_seed(connection: Connection, new: NewCase, outcome: str, policy: Policy, *, id: str, now: datetime) -> str:
    """Its id; photos and `asking.submit` follow, as in any case."""
    life.begin(connection, new_row(connection, new, policy, id=id, now=now) | {"known_outcome": outcome}, by="asker", why="opened")
    return id


def seed_from(
    connection: Connection, case_id: str, authenticator: bytes, outcome: str, policy: Policy, *, drawn: str, now: datetime
) -> str:
    """The id of its copy in the queue. `drawn`: 20 random hexadecimal digits, the part of an id that no time is in.

    Raises:
        NoSuchCase: it is not one of this authenticator's. CaseMoved: it has not been concluded from photos that are still there.
    """
    case = rows.locked_case(connection, case_id)
    if case is None or case.authenticator != authenticator:
        raise NoSuchCase(case=case_id)
    is_whole = case.state == "concluded" and case.erased_at is None and case.method == "photo"
    journal = _until_the_queue(rows.told(connection, case_id))
    if not is_whole or case.appeal_of is not None or case.known_outcome is not None or not journal:
        raise CaseMoved("A test case is made from a case that was concluded from photos.", case=case_id, state=case.state)
    moved = now - utc(journal[-1].at)
    created_at = utc(case.created_at) + moved
    id = f"{int(created_at.timestamp() * 1000):012x}{drawn}"
    row = copied(case, policy, id=id, now=now) | {
        "rank": policy.rank(value_eur=case.value_eur),
        "created_at": created_at,
        "known_outcome": outcome,
        "seed_of": case_id,
    }
    seeds.keep(connection, row, [dict(line._mapping) | {"case": id, "at": utc(line.at) + moved} for line in journal])
    copy_findings(connection, case_id, id, moved, now)
    return id


def _until_the_queue(journal: Iterable[AnyRow]) -> list[AnyRow]:
    """Empty: it was never in the queue."""
    told: list[AnyRow] = []
    for line in journal:
        told.append(line)
        if line.state == "queued":
            return told
    return []


def copied(case: AnyRow, policy: Policy, *, id: str, now: datetime) -> dict[str, Any]:
    """A case of the same thing, in the queue from now on, for no fewer appraisers than judged the first."""
    return {name: case._mapping[name] for name in _COPIED} | {
        "id": id,
        "state": "queued",
        "due_at": now + timedelta(hours=policy.judge_hours),
        "created_at": now,
        "changed_at": now,
        "needs": max(case.needs, policy.opinions_needed(brand_did=case.brand_did, value_eur=case.value_eur)),
    }


def copy_findings(connection: Connection, source: str, id: str, moved: timedelta, now: datetime) -> None:
    """The photos of a case, and what machines found on them then: asked again, they would find the first case."""
    ids = {}
    for name, shot in rows.newest_shots(connection, source).items():
        ids[shot.id] = hashlib.sha256(f"{id} {name}".encode()).hexdigest()[:32]
        captured = None if shot.captured_at is None else utc(shot.captured_at) + moved
        times = {"captured_at": captured, "created_at": utc(shot.created_at) + moved}
        rows.keep_shot(connection, dict(shot._mapping) | times | {"id": ids[shot.id], "case": id})
    checks = [
        dict(check._mapping)
        | {"result": _as_own(check.result, source, id, ids)}
        | {"id": hashlib.sha256(f"{id} {check.id}".encode()).hexdigest()[:32], "case": id, "shot": ids[check.shot]}
        | {"created_at": utc(check.created_at) + moved}
        for check in rows.checks_of(connection, source)
        if check.shot in ids
    ]
    rows.ask_checks(connection, checks)


def _as_own(result: str | None, source: str, id: str, ids: Mapping[str, str]) -> str | None:
    """A photo that showed another of its own case still does: of this one, or the first case would be named."""
    found = {} if result is None else orjson.loads(result)
    if not found.get("matches"):
        return result
    matches = [
        match | {"case": id, "photo": ids[match["photo"]]} if match["case"] == source else match
        for match in found["matches"]
        if match["case"] != source or match["photo"] in ids
    ]
    return orjson.dumps(found | {"matches": matches}, option=orjson.OPT_SORT_KEYS).decode()


# --- what is shown of it ---------------------------------------------------------------------------------------------


def known(connection: Connection, case: AnyRow, item: bytes | None) -> dict[str, Any] | None:
    """The item's passport for whoever judges the case; of a test case as it was before the verdict that is to be found again."""
    found = None if item is None else rows.passport(connection, item)
    if found is None:
        return None
    passport: dict[str, Any] = orjson.loads(found)
    first = None if case.seed_of is None else rows.case(connection, case.seed_of)
    standing = None if first is None or first.verdict_event is None else rows.standing(connection, first.verdict_event)
    return passport if standing is None or standing.sequence is None else before(passport, standing.sequence)


def before(passport: Mapping[str, Any], sequence: int) -> dict[str, Any]:
    """The story up to that entry, and nothing that came of it or after it."""
    verdict = passport["verdict"]
    return dict(passport) | {
        "story": [entry for entry in passport["story"] if entry["sequence"] < sequence],
        "verdict": None if verdict is None or verdict["sequence"] >= sequence else verdict,
        "holds": [hold for hold in passport["holds"] if hold["sequence"] < sequence],
        "sequence": sequence - 1,
    }


# --- what came of it -------------------------------------------------------------------------------------------------


class Score(NamedTuple):
    """Of one appraiser. An inconclusive answer is neither hit nor miss."""

    appraiser: str
    hits: int
    misses: int
    inconclusive: int


def scores(connection: Connection, authenticator: bytes) -> list[Score]:
    """From every opinion that was given on a test case, the senior's too."""
    counted: dict[str, list[int]] = {}
    for told in seeds.answers(connection, authenticator):
        of = counted.setdefault(told.appraiser, [0, 0, 0])
        of[2 if told.outcome == "inconclusive" and told.known_outcome != "inconclusive" else int(told.outcome != told.known_outcome)] += 1
    return [Score(appraiser, *of) for appraiser, of in sorted(counted.items())]
