"""Figures for readiness and metrics: how far the mirror is, what waits, who works. Every query is bounded by a partial index."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from ledger_api.tables import CursorRow, EventRow, LeaseRow, SubmissionRow, TransactionRow

_EVENTS = EventRow.__table__.c  # type: ignore[attr-defined]  # SQLModel adds it at run time
_SUBMISSIONS = SubmissionRow.__table__.c  # type: ignore[attr-defined]
_TRANSACTIONS = TransactionRow.__table__.c  # type: ignore[attr-defined]
_LEASES = LeaseRow.__table__.c  # type: ignore[attr-defined]
_CURSOR = CursorRow.__table__.c  # type: ignore[attr-defined]

_ACCEPTED = _EVENTS.status == "accepted"
_WAITING = select(func.count()).where(_ACCEPTED)
_OLDEST = select(_SUBMISSIONS.created_at).where(
    _SUBMISSIONS.id == select(_EVENTS.submission).where(_ACCEPTED).order_by(_EVENTS.id).limit(1).scalar_subquery()
)
_STUCK = select(func.count()).where(_ACCEPTED, _EVENTS.error.is_not(None))
_IN_FLIGHT = select(func.count()).where(_TRANSACTIONS.status.in_(("saved", "sent")))
_HELD = select(_LEASES.name, _LEASES.expires_at)
_PLACE = select(_CURSOR.chain_id, _CURSOR.ledger, _CURSOR.next_block, _CURSOR.head_block, _CURSOR.final_block)


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
    oldest: datetime | None  # when the first of them was accepted
    stuck: int  # of them, those that could not be carried for now
    in_flight: int  # transactions that no block holds yet
    leases: dict[str, datetime]  # name: until when


def place(connection: Connection) -> Place | None:
    """None before the indexer's first step."""
    row = connection.execute(_PLACE).first()
    return None if row is None else Place(*row)


def work(connection: Connection) -> Work:
    return Work(
        waiting=connection.execute(_WAITING).scalar_one(),
        oldest=connection.execute(_OLDEST).scalar(),
        stuck=connection.execute(_STUCK).scalar_one(),
        in_flight=connection.execute(_IN_FLIGHT).scalar_one(),
        leases={row.name: row.expires_at for row in connection.execute(_HELD)},
    )
