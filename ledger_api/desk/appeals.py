"""The asker disputes a verdict: the case is heard again by somebody who has not judged it, and the ledger shows the dispute meanwhile.

`recording.py` brings the dispute to the ledger, and the correction if there is one. The brand may rule on the ledger before that; then its
word stands there, and the desk's second look only answers the asker.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from ledger_api.columns import utc
from ledger_api.desk import life
from ledger_api.desk.asking import by_whom
from ledger_api.desk.errors import AlreadyAppealed, AppealTooLate, CaseMoved, NoSuchCase
from ledger_api.desk.policy import Policy
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.seeding import copied, copy_findings

APPEAL_RANK = 10  # before the ordinary ones


def appeal(connection: Connection, case_id: str, grounds: str, policy: Policy, *, id: str, now: datetime) -> str:
    """The id of the case that hears it: the same photos, what machines found on them, other eyes, and as many as the policy wants.

    Raises:
        CaseMoved: there is no verdict to dispute. AlreadyAppealed. AppealTooLate.
    """
    case = rows.locked_case(connection, case_id)
    if case is None:
        raise NoSuchCase(case=case_id)
    if rows.appeal_of(connection, case_id) is not None or case.appeal_of is not None:
        raise AlreadyAppealed(case=case_id)
    if case.state != "concluded" or case.erased_at is not None:
        raise CaseMoved(case=case_id, state=case.state, expected=["concluded"])
    if utc(case.changed_at) + timedelta(days=policy.appeal_days) < now:
        raise AppealTooLate(case=case_id, days=policy.appeal_days)
    life.step(connection, case_id, "concluded", "appealed", by=by_whom(case), at=now, why="appealed", facts={"appeal": id})
    heard = {"account": None, "platform": None, "notes": grounds, "rank": APPEAL_RANK, "seat": 1, "appeal_of": case_id}
    row = copied(case, policy, id=id, now=now) | heard
    life.begin(connection, row, by=by_whom(case), why="appeal", facts={"of": case_id})
    copy_findings(connection, case_id, id, timedelta(), now)
    return id
