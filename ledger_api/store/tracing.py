"""Whose events a batch, a transaction or a block concerns, for log lines: submissions and request ids, a few of each.

With them one grep follows an event from the HTTP call to the receipt.
"""

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, func, select, text

from ledger_api.tables import BatchRow, EventRow, SubmissionRow

MOST_NAMED = 5  # submissions in one line; `events` says how many events there are

_e = EventRow.__table__  # type: ignore[attr-defined]  # SQLModel adds it at run time
_b = BatchRow.__table__  # type: ignore[attr-defined]
_s = SubmissionRow.__table__  # type: ignore[attr-defined]
_KEYS: Any = bindparam("keys", expanding=True)
_SOME: Select[Any] = select(_e.c.submission, func.max(_s.c.request_id), func.count()).select_from(
    _e.join(_s, _s.c.id == _e.c.submission, isouter=True)
)
_OF_EVENTS = _SOME.where(_e.c.id.in_(_KEYS)).group_by(_e.c.submission).order_by(func.min(_e.c.id))
_OF_TRANSACTIONS = (
    _SOME.where(_e.c.batch.in_(select(_b.c.id).where(_b.c.transaction.in_(_KEYS)))).group_by(_e.c.submission).order_by(func.min(_e.c.id))
)
_REFUSED = (
    select(_e.c.event_id, _e.c.reason, _e.c.refused_block, _e.c.submission, _s.c.request_id)
    .select_from(_e.join(_s, _s.c.id == _e.c.submission, isouter=True))
    .where(_e.c.refused_block.between(bindparam("first"), bindparam("last")), text("events.refused_block IS NOT NULL"))
    .order_by(_e.c.id)
)


class Refused(NamedTuple):
    """An event that a block refused, with where it came from."""

    event_id: bytes
    reason: int
    block: int
    submission: str
    request: str | None


def of_events(connection: Connection, events: Collection[int]) -> dict[str, Any]:
    """`events` (how many), `submissions` and `requests` of these rows."""
    return _told(connection, _OF_EVENTS, list(events)[:900])


def of_transactions(connection: Connection, transactions: Collection[int]) -> dict[str, Any]:
    """The same of what these transactions carry."""
    return _told(connection, _OF_TRANSACTIONS, list(transactions))


def refused_in(connection: Connection, first: int, last: int) -> list[Refused]:
    """Events refused in these blocks, both inclusive."""
    return [Refused._make(row) for row in connection.execute(_REFUSED, {"first": first, "last": last})]


def _told(connection: Connection, asked: Select[Any], keys: list[int]) -> dict[str, Any]:
    found = connection.execute(asked, {"keys": keys}).all()
    requests = list(dict.fromkeys(row[1] for row in found if row[1]))
    return {
        "events": sum(row[2] for row in found),
        "submissions": [row[0] for row in found[:MOST_NAMED]],
        "requests": requests[:MOST_NAMED],
    }
