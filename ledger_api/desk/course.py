"""What has a life (`statuses.Life`) goes along it here, cases and bookings alike. A move, its line in the journal and what is told of it
are one transaction; nothing moves that has moved meanwhile.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, Table, func, insert, select, update

from ledger_api.domain.statuses import Life
from ledger_api.errors import CallerError

Facts = Mapping[str, Any]


def _nothing(_state: str, _at: datetime) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Course:
    """`tell`: whoever is to hear of a row as it is now, why and with which facts. `brings`: columns that a state sets by itself."""

    life: Life
    ended: frozenset[str]
    rows: Table
    journal: Table  # its key is what the life is of, and a number
    moved: type[CallerError]
    tell: Callable[[Connection, Row[Any], datetime, str, Facts], None]
    brings: Callable[[str, datetime], dict[str, Any]] = _nothing

    def begin(self, connection: Connection, row: Mapping[str, Any], *, by: str, why: str, facts: Facts | None = None) -> None:
        """A new one, with the first line of its journal."""
        assert self.life.leads("", str(row["state"]))
        now = connection.execute(insert(self.rows).values(**row).returning(self.rows)).one()
        self.write(connection, str(row["id"]), str(row["state"]), by=by, at=row["created_at"], why=why, facts=facts)
        self.tell(connection, now, row["created_at"], why, facts or {})

    def step(
        self,
        connection: Connection,
        id: str,
        start: str,
        end: str,
        *,
        by: str,
        at: datetime,
        why: str,
        facts: Facts | None = None,
        **columns: Any,
    ) -> None:
        """From `start` to `end`, with the columns that change beside.

        Raises:
            CaseMoved, BookingMoved: it is in another state by now; nothing was changed.
        """
        assert self.life.leads(start, end), f"nothing leads from {start} to {end}"
        changed = self.brings(end, at) | columns | {"state": end, "changed_at": at}
        here = (self.rows.c.id == id, self.rows.c.state == start)
        now = connection.execute(update(self.rows).where(*here).values(**changed).returning(self.rows)).first()
        if now is None:
            raise self.moved(**{self.life.of: id}, expected=start)
        self.write(connection, id, end, by=by, at=at, why=why, facts=facts)
        self.tell(connection, now, at, why, facts or {})

    def write(self, connection: Connection, id: str, state: str, *, by: str, at: datetime, why: str, facts: Facts | None = None) -> None:
        """A line in the journal. The row is locked by whoever calls, or nobody else writes its journal now."""
        whose = self.journal.c[self.life.of]
        number = select(func.coalesce(func.max(self.journal.c.number), 0) + 1).where(whose == id).scalar_subquery()
        said = orjson.dumps(facts or {}, option=orjson.OPT_SORT_KEYS).decode()
        line = {self.life.of: id, "number": number, "at": at, "state": state, "by": by, "why": why, "facts": said}
        connection.execute(insert(self.journal).values(**line))

    def say(self, connection: Connection, id: str, *, at: datetime, why: str, facts: Facts | None = None) -> None:
        """Tell of it as it is now."""
        now = connection.execute(select(self.rows).where(self.rows.c.id == id)).one()
        self.tell(connection, now, at, why, facts or {})

    def drawn(self, beside: Callable[[str], str] = lambda _: "") -> str:
        """The table as the docs show it: what each state means, what is said beside it, and a picture (Mermaid) of the ways."""
        ways = (f"  {_node(way.start)} --> {_node(way.end)}: {way.when.replace(';', ',').replace(':', ',')}" for way in self.life.ways)
        meanings = (f"- `{state}`: {meaning}{beside(state)}" for state, meaning in self.life.meanings.items())
        ends = (f"  {_node(end)} --> [*]" for end in sorted(self.ended))
        return "\n".join([*meanings, "", "```mermaid", "stateDiagram-v2", *ways, *ends, "```"])


def _node(state: str) -> str:
    return state.replace("-", "_") or "[*]"
