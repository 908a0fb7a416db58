"""Figures for readiness, alarms and metrics: how far the mirror is, what waits, who works, what it cost.

Every query is bounded by a partial index or answered from one alone: a scrape stays cheap with a hundred thousand events waiting
and millions recorded.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Float, cast, func, select, text

from ledger_api.store import tallies
from ledger_api.store.tallies import Tally
from ledger_api.tables import CursorRow, EventRow, LeaseRow, SubmissionRow, TransactionRow

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
_HELD = select(_LEASES.name, _LEASES.expires_at)
_PLACE = select(_CURSOR.chain_id, _CURSOR.ledger, _CURSOR.next_block, _CURSOR.head_block, _CURSOR.final_block)
_TRANSACTIONS_BY_STATUS = select(
    _TRANSACTIONS.status,
    func.count(),
    func.coalesce(func.sum(cast(_TRANSACTIONS.gas_used, Float)), 0.0),
    func.coalesce(func.sum(cast(_TRANSACTIONS.gas_used, Float) * cast(_TRANSACTIONS.gas_price_wei, Float)), 0.0),
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


class Cost(NamedTuple):
    """Transactions of one status: how many, and what those that landed have used and cost."""

    transactions: int
    gas: float
    fee_wei: float


def place(connection: Connection) -> Place | None:
    """None before the indexer's first step."""
    row = connection.execute(_PLACE).first()
    return None if row is None else Place(*row)


def work(connection: Connection) -> Work:
    parked, letters = connection.execute(_PARKED).one()
    return Work(
        waiting=connection.execute(_WAITING).scalar_one(),
        oldest=connection.execute(_OLDEST).scalar(),
        failing=connection.execute(_FAILING).scalar_one(),
        letters=letters,
        parked=parked,
        leases={row.name: row.expires_at for row in connection.execute(_HELD)},
    )


def costs(connection: Connection) -> dict[str, Cost]:
    """By status. From the index alone: the transactions' bytes are never touched."""
    return {status: Cost(count, gas, fee) for status, count, gas, fee in connection.execute(_TRANSACTIONS_BY_STATUS)}


def counted(connection: Connection) -> list[Tally]:
    return tallies.read(connection)
