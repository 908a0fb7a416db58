"""What a case's state means and what leads from one to another, as one table; and the one function that moves a case.

Every move is written into the case's journal in the same transaction.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Table, func, insert, select, update

from ledger_api.desk.errors import CaseMoved
from ledger_api.desk.tables import CaseRow, JournalRow
from ledger_api.domain.statuses import Life, Way

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
        Way("awaiting-photos", "awaiting-payment", "every required shot is good and the evaluation has a price"),
        Way("awaiting-photos", "checking", "every required shot is good and nothing is to be paid"),
        Way("awaiting-payment", "checking", "the platform or the authenticator marked it paid"),
        Way("checking", "queued", "every check has ended"),
        Way("queued", "appraising", "an appraiser claimed it"),
        Way("appraising", "queued", "given back, the claim ran out, or another opinion is needed"),
        Way("appraising", "awaiting-photos", "the appraiser asked for another shot"),
        Way("appraising", "recording", "the opinions that are needed agree, or the senior decided"),
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

cases: Table = CaseRow.__table__  # type: ignore[attr-defined]  # SQLModel sets it
journal: Table = JournalRow.__table__  # type: ignore[attr-defined]


def begin(connection: Connection, row: Mapping[str, Any], *, by: str, why: str = "opened", facts: Mapping[str, Any] | None = None) -> None:
    """A new case, with the first line of its journal."""
    assert CASE.leads("", str(row["state"]))
    connection.execute(insert(cases).values(**row))
    _tell(connection, str(row["id"]), str(row["state"]), by=by, at=row["created_at"], why=why, facts=facts)


def step(
    connection: Connection,
    case: str,
    start: str,
    end: str,
    *,
    by: str,
    at: datetime,
    why: str,
    facts: Mapping[str, Any] | None = None,
    **columns: Any,
) -> None:
    """From `start` to `end`, with the columns that change beside.

    Raises:
        CaseMoved: the case is in another state by now; nothing was changed.
    """
    assert CASE.leads(start, end), f"nothing leads from {start} to {end}"
    moved = connection.execute(update(cases).where(cases.c.id == case, cases.c.state == start).values(state=end, changed_at=at, **columns))
    if moved.rowcount != 1:
        raise CaseMoved(case=case, expected=start)
    _tell(connection, case, end, by=by, at=at, why=why, facts=facts)


def note(connection: Connection, case: str, state: str, *, by: str, at: datetime, why: str, facts: Mapping[str, Any] | None = None) -> None:
    """A line in the journal that changes no state. The case's row is locked by whoever calls, or nobody else writes its journal now."""
    _tell(connection, case, state, by=by, at=at, why=why, facts=facts)


def _tell(connection: Connection, case: str, state: str, *, by: str, at: datetime, why: str, facts: Mapping[str, Any] | None) -> None:
    number = connection.execute(select(func.coalesce(func.max(journal.c.number), 0) + 1).where(journal.c.case == case)).scalar_one()
    said = orjson.dumps(facts or {}, option=orjson.OPT_SORT_KEYS).decode()
    connection.execute(insert(journal).values(case=case, number=number, at=at, state=state, by=by, why=why, facts=said))


def drawn() -> str:
    """The table as docs/desk.md shows it: what each state means, and a picture (Mermaid) of the ways."""
    ways = (f"  {_node(way.start)} --> {_node(way.end)}: {way.when.replace(';', ',').replace(':', ',')}" for way in CASE.ways)
    meanings = (f"- `{state}`: {meaning}" for state, meaning in CASE.meanings.items())
    return "\n".join([*meanings, "", "```mermaid", "stateDiagram-v2", *ways, *(f"  {_node(end)} --> [*]" for end in sorted(ENDED)), "```"])


def _node(state: str) -> str:
    return state.replace("-", "_") or "[*]"


if __name__ == "__main__":
    print(drawn())  # noqa: T201  # docs/desk.md is written with this
