"""What a case's state means and what leads from one to another, as one table; `step` moves a case along it (`course`).

Every move is written into the case's journal in the same transaction, and the platform that asked, and the desk's organization, are told;
and a brand that is to sign the enrolment of a piece of its own.
"""

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, Table

from ledger_api.desk.course import Course, Facts
from ledger_api.desk.errors import CaseMoved
from ledger_api.desk.tables import CaseRow, JournalRow
from ledger_api.domain.statuses import Life, Way
from ledger_api.webhooks import telling

CASE = Life(
    "case",
    {
        "awaiting-photos": "The asker is to send photos: at first, or another one that an appraiser asked for.",
        "awaiting-payment": "The photos are there; the platform has not yet said that the case is paid.",
        "checking": "Machines look at the photos.",
        "queued": "It waits for an appraiser.",
        "appraising": "An appraiser has it on the desk.",
        "recording": "The desk has decided; the verdict is on its way to the ledger.",
        "concluded": "The verdict is recorded, or the ledger does not know the item and the certificate says so.",
        "appealed": "The verdict is disputed; somebody else judges.",
        "withdrawn": "The asker took it back before anybody judged.",
        "expired": "Photos or payment did not come in time.",
    },
    (
        Way("", "awaiting-photos", "the asker opened it"),
        Way("", "queued", "an appeal: its photos are known"),
        Way("", "appraising", "in person: the item lies before an appraiser"),
        Way("awaiting-photos", "awaiting-payment", "every required shot is good and the evaluation has a price"),
        Way("awaiting-photos", "checking", "every required shot is good and nothing is to be paid"),
        Way("awaiting-payment", "checking", "the platform or the authenticator marked it paid"),
        Way("checking", "queued", "every check has ended"),
        Way("queued", "appraising", "an appraiser claimed it"),
        Way("appraising", "queued", "given back, the claim ran out, or another opinion is needed"),
        Way("appraising", "awaiting-photos", "the appraiser asked for another shot"),
        Way("appraising", "recording", "the opinions that are needed agree, or the senior decided"),
        Way("queued", "recording", "another opinion is needed and nobody is left to give it"),
        Way("recording", "concluded", "the verdict is recorded, or cannot be and the certificate says why"),
        Way("concluded", "recording", "a reorg took the block of the verdict"),
        Way("concluded", "appealed", "the asker disputes the verdict"),
        Way("appealed", "concluded", "somebody else has judged: upheld or overturned"),
        Way("awaiting-photos", "withdrawn", "the asker took it back"),
        Way("awaiting-payment", "withdrawn", "the asker took it back"),
        Way("checking", "withdrawn", "the asker took it back"),
        Way("queued", "withdrawn", "the asker took it back"),
        Way("awaiting-photos", "expired", "the photos did not come in time"),
        Way("awaiting-payment", "expired", "the payment did not come in time"),
    ),
)
ENDED = frozenset({"concluded", "withdrawn", "expired"})
OUTCOME_SHOWN = frozenset({"concluded", "appealed"})  # before, it may still change


def is_presentable(case: Row[Any]) -> bool:
    """Whether there is an enrolment to sign for: in person, named, and unknown to the ledger."""
    return bool(case.method == "in-person" and case.gtin and case.serial and case.item is None)


def awaits_endorsement(case: Row[Any]) -> bool:
    """Whether a brand that is a member is to sign what was decided, or was asked to and may sign anew."""
    is_decided = case.state == "recording" and case.outcome == "authentic" and case.verdict_event is None
    return bool(is_decided and case.presenter is not None and is_presentable(case))


cases: Table = CaseRow.__table__  # type: ignore[attr-defined]  # SQLModel sets it
journal: Table = JournalRow.__table__  # type: ignore[attr-defined]


def _tell(connection: Connection, now: Row[Any], at: datetime, why: str, _facts: Facts) -> None:
    """By webhook, as of what the case is now. What is told is what the platform may read of it."""
    if now.platform is None:
        return
    body = {
        "case": now.id,
        "reference": now.reference,
        "state": now.state,
        "why": why,
        "item": None if now.item is None else "0x" + now.item.hex(),
        "outcome": now.outcome if now.state in OUTCOME_SHOWN else None,
        "appeal_of": now.appeal_of,
    }
    for organization in sorted({now.platform, now.authenticator}):
        telling.tell(connection, organization, f"case.{now.state}", f"case:{now.id}", body, at=at)
    if awaits_endorsement(now) and now.brand != now.authenticator:
        asked = {"case": now.id, "gtin": now.gtin, "serial": now.serial, "category": now.category}
        asked |= {"authenticator": "0x" + now.authenticator.hex(), "until": orjson.loads(now.presenter)["consent"]["deadline"]}
        telling.tell(connection, now.brand, "enrolment.endorsement-wanted", f"case:{now.id}", asked, at=at)


_CASES = Course(CASE, ENDED, cases, journal, CaseMoved, _tell)
begin, step, note, drawn = _CASES.begin, _CASES.step, _CASES.write, _CASES.drawn


if __name__ == "__main__":
    print(drawn())  # noqa: T201  # docs/desk.md is written with this
