"""Figures for readiness, alarms and metrics: how far the mirror is, what waits, who works, what it cost.

Every query is bounded by a partial index or answered from one alone: a scrape stays cheap with a hundred thousand events waiting
and millions recorded.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import Connection, DateTime, Integer, bindparam, func, select, text

from ledger_api.store import tallies
from ledger_api.store.tallies import Tally
from ledger_api.tables import CursorRow, EventRow, LeaseRow, StopRow, SubmissionRow, TransactionRow

_EVENTS = EventRow.__table__.c  # type: ignore[attr-defined]  # SQLModel adds it at run time
_SUBMISSIONS = SubmissionRow.__table__.c  # type: ignore[attr-defined]
_TRANSACTIONS = TransactionRow.__table__.c  # type: ignore[attr-defined]
_LEASES = LeaseRow.__table__.c  # type: ignore[attr-defined]
_CURSOR = CursorRow.__table__.c  # type: ignore[attr-defined]

# literals, because SQLite uses a partial index only for what it can prove
_ACCEPTED = text("events.status = 'accepted'")
_WAITING = select(func.count()).select_from(EventRow).where(_ACCEPTED)
_OLDEST = select(_SUBMISSIONS.created_at).where(
    _SUBMISSIONS.id == select(_EVENTS.submission).where(_ACCEPTED, _EVENTS.parked.is_(None)).order_by(_EVENTS.id).limit(1).scalar_subquery()
)
_FAILING = select(func.count()).select_from(EventRow).where(text("events.retry_block IS NOT NULL"), _ACCEPTED)
_PARKED = (
    select(func.count(), func.count().filter(_EVENTS.parked == _EVENTS.id))
    .select_from(EventRow)
    .where(text("events.parked IS NOT NULL"), _ACCEPTED)
)
# the webhooks' tables, by their names: their room is above this one
_UNDELIVERED = text("SELECT count(*) FROM webhook_deliveries WHERE state = 'waiting'")
_DUE = text(
    "SELECT min(due_at) AS due FROM (SELECT min(due_at) AS due_at FROM webhook_lines"
    " JOIN webhook_endpoints ON webhook_endpoints.id = webhook_lines.endpoint AND webhook_endpoints.state = 'active'"
    " UNION ALL SELECT min(created_at) FROM webhook_notices WHERE position IS NULL) AS waiting"
).columns(due=DateTime(timezone=True))
# the desk's table, likewise: what somebody of a desk, or `ledger desk`, should have done by now
_LATE = (
    text(
        "SELECT count(*) AS late, min(due_at) AS since FROM cases"
        " WHERE state IN ('checking', 'queued', 'appraising', 'recording') AND due_at < :at"
    )
    .bindparams(bindparam("at", type_=DateTime(timezone=True)))
    .columns(late=Integer, since=DateTime(timezone=True))
)
_HELD = select(_LEASES.name, _LEASES.expires_at)
_STOPS = select(StopRow.__table__.c.code, StopRow.__table__.c.next_block)  # type: ignore[attr-defined]
_STOP = text(
    "INSERT INTO stops (code, next_block) SELECT :code, next_block FROM chain_cursor WHERE 1 = 1"
    " ON CONFLICT (code) DO UPDATE SET next_block = excluded.next_block"
)
_PLACE = select(_CURSOR.chain_id, _CURSOR.ledger, _CURSOR.next_block, _CURSOR.head_block, _CURSOR.final_block)
_TRANSACTIONS_BY_STATUS = select(
    _TRANSACTIONS.status,
    func.count(),
).group_by(_TRANSACTIONS.status)


class Place(NamedTuple):
    """Where the mirror stands."""

    chain_id: int
    ledger: bytes
    next_block: int
    head_block: int
    final_block: int


class Work(NamedTuple):
    """What is on its way, and the leases of those who carry it."""

    waiting: int  # accepted and not recorded
    oldest: datetime | None  # when the first of them was accepted, the parked ones apart
    failing: int  # of them, those that could not be carried and are tried again
    letters: int  # dead letters: parked, until an operator decides
    parked: int  # the same with what waits behind them
    leases: dict[str, datetime]  # name: until when
    stops: Mapping[str, int] = MappingProxyType({})  # code of what a loop ended with: where the mirror stood
    undelivered: int = 0  # webhook deliveries that wait, for their time or for somebody
    due: datetime | None = None  # since when the oldest of them, or a notice that has none yet, could have been sent
    late: int = 0  # cases of the desk whose deadline has passed, those apart that wait for their asker
    late_since: datetime | None = None  # the first of those deadlines


def place(connection: Connection) -> Place | None:
    """None before the indexer's first step."""
    row = connection.execute(_PLACE).first()
    return None if row is None else Place(*row)


def work(connection: Connection, *, at: float) -> Work:
    """As of a moment, in unix seconds: what is late by then."""
    late, late_since = connection.execute(_LATE, {"at": datetime.fromtimestamp(at, UTC)}).one()
    parked, letters = connection.execute(_PARKED).one()
    return Work(
        waiting=connection.execute(_WAITING).scalar_one(),
        oldest=connection.execute(_OLDEST).scalar(),
        failing=connection.execute(_FAILING).scalar_one(),
        letters=letters,
        parked=parked,
        undelivered=connection.execute(_UNDELIVERED).scalar_one(),
        due=connection.execute(_DUE).scalar_one(),
        late=late,
        late_since=late_since,
        stops={row.code: row.next_block for row in connection.execute(_STOPS)},
        leases={row.name: row.expires_at for row in connection.execute(_HELD)},
    )


def note_stop(connection: Connection, code: str) -> None:
    """A loop ended with this, for a person to look at."""
    connection.execute(_STOP, {"code": code})


def transactions(connection: Connection) -> dict[str, int]:
    """By status. From the index alone: the transactions' bytes are never touched."""
    return {status: count for status, count in connection.execute(_TRANSACTIONS_BY_STATUS)}


def counted(connection: Connection) -> list[Tally]:
    return tallies.read(connection)
