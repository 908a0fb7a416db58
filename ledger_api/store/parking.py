"""Events that cannot be carried: tried again from a block on, or parked until an operator decides.

`events.retry_block` is set while one is tried again. `events.parked` names the row it waits for: its own, for the dead letter
itself; the dead letter's, for what stands behind it (its unit, its batch, later events of their items). Parked events are out of
the worker's window and still accepted: the indexer records them all the same should somebody else carry them.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select, text, update

from ledger_api.store.sending import COLUMNS, LIST_LIMIT, Accepted
from ledger_api.tables import EventRow, SubmissionRow

_e = EventRow.__table__  # type: ignore[attr-defined]  # SQLModel adds it at run time
_s = SubmissionRow.__table__  # type: ignore[attr-defined]
_blocker = _e.alias("blocker")

# literals, because SQLite uses a partial index only for what it can prove
_IS_ACCEPTED = text("events.status = 'accepted'")
_IS_PARKED = text("events.parked IS NOT NULL")
_KEYS: Any = bindparam("keys", expanding=True)
# ordered by the index it is to be found by: SQLite would else walk all that waits
_FAILING = (
    select(_e.c.item, _e.c.retry_block)
    .where(text("events.retry_block IS NOT NULL"), _IS_ACCEPTED, _e.c.parked.is_(None))
    .order_by(_e.c.retry_block)
)
_LOOSE_OF = select(*COLUMNS).where(_e.c.item.in_(_KEYS), _IS_ACCEPTED, _e.c.batch.is_(None), _e.c.parked.is_(None)).order_by(_e.c.id)
_FAILED = update(_e).where(_e.c.id.in_(_KEYS), _e.c.status == "accepted")
_TIMES = select(func.max(func.coalesce(_e.c.failures, 0))).where(_e.c.id.in_(_KEYS))
_ANY_PARKED = select(_e.c.id).where(_IS_PARKED).limit(1)
_BLOCKED = (
    select(_e.c.item, func.min(_e.c.parked), func.min(_e.c.id)).where(_e.c.item.in_(_KEYS), _IS_PARKED, _IS_ACCEPTED).group_by(_e.c.item)
)
_TOGETHER = select(_e.c.unit, _e.c.batch).where(_e.c.id.in_(_KEYS))
_FREED = text(
    "UPDATE events SET parked = NULL WHERE parked IS NOT NULL AND parked NOT IN"
    " (SELECT id FROM events WHERE parked IS NOT NULL AND parked = id AND status = 'accepted')"
)
_LETTER = (
    select(
        *COLUMNS,
        _e.c.submission,
        _e.c.error,
        func.coalesce(_e.c.failures, 0).label("failures"),
        _s.c.created_at,
    )
    .select_from(_e.join(_s, _s.c.id == _e.c.submission, isouter=True))
    .where(_IS_PARKED, _e.c.parked == _e.c.id, _IS_ACCEPTED)
    .order_by(_e.c.parked)
)
_HELD = select(_e.c.id).where(_e.c.id == bindparam("letter"), _e.c.parked == _e.c.id, _IS_ACCEPTED).with_for_update()
_BEHIND = select(_e.c.parked, func.count() - 1).where(_IS_PARKED, _IS_ACCEPTED).group_by(_e.c.parked)

_WAITING = (
    select(
        _e.c.submission,
        func.min(_e.c.organization),
        func.min(_s.c.created_at),
        func.count(),
        func.count(_e.c.parked),
        func.max(_e.c.error),
    )
    .select_from(_e.join(_s, _s.c.id == _e.c.submission, isouter=True))
    .where(_IS_ACCEPTED)
    .group_by(_e.c.submission)
    .order_by(func.min(_e.c.id))
    .limit(bindparam("most"))
)


class Barrier(NamedTuple):
    """From which row on an item waits, and for which dead letter."""

    letter: int
    row: int


class Waiting(NamedTuple):
    """A submission with events that are accepted and not recorded."""

    submission: str
    organization: bytes
    accepted_at: datetime | None
    waiting: int
    parked: int
    error: str | None  # one of those that could not be carried for now


class Letter(NamedTuple):
    """A dead letter, and how many events wait behind it."""

    event: Accepted
    submission: str
    error: str
    failures: int
    accepted_at: datetime | None
    behind: int


# --- tried again ---------------------------------------------------------------------------------------------------


def failing(connection: Connection) -> dict[bytes, int]:
    """Items with an event that failed, each with the block from which it is tried again."""
    return {bytes(item): block for item, block in connection.execute(_FAILING)}


def loose_of(connection: Connection, items: Collection[bytes]) -> list[Accepted]:
    """What of these items is in no batch and not parked, in order."""
    return [Accepted._make(row) for row in _ask(connection, _LOOSE_OF, items)]


def times_failed(connection: Connection, events: Collection[int]) -> int:
    """How often these, which travel together, have failed."""
    return max((row[0] or 0 for row in _ask(connection, _TIMES, events)), default=0)


def try_again(connection: Connection, events: Collection[int], error: str, *, block: int, times: int) -> None:
    for some in _lists(list(events)):
        connection.execute(_FAILED.values(error=error[:500], failures=times, retry_block=block), {"keys": some})


def is_carried(connection: Connection, events: Collection[int]) -> None:
    """These travel: nothing waits for a block any more. The count stays, in case they come back."""
    for some in _lists(list(events)):
        connection.execute(_FAILED.where(_e.c.retry_block.is_not(None)).values(retry_block=None, error=None), {"keys": some})


# --- parked --------------------------------------------------------------------------------------------------------


def park(connection: Connection, events: Sequence[int], error: str, *, times: int) -> None:
    """Set these aside with their reason, and with them what cannot travel without them. The first is the dead letter."""
    letter = min(events)
    rows = together(connection, events)
    for some in _lists(rows):
        values = {"error": error[:500], "failures": times, "retry_block": None, "parked": letter}
        connection.execute(_FAILED.values(**values), {"keys": some})


def together(connection: Connection, events: Collection[int]) -> list[int]:
    """The rows of these events, and of what shares a unit or a batch with them and still waits."""
    shared = [(unit, batch) for unit, batch in _ask(connection, _TOGETHER, events)]
    units, batches = {unit for unit, _ in shared if unit is not None}, {batch for _, batch in shared if batch is not None}
    found = set(events)
    for column, keys in ((_e.c.unit, units), (_e.c.batch, batches)):
        asked = select(_e.c.id).where(column.in_(_KEYS), _e.c.status == "accepted")
        found.update(row[0] for row in _ask(connection, asked, keys))
    return sorted(found)


def blocked(connection: Connection, items: Collection[bytes]) -> dict[bytes, Barrier]:
    """Of these items, those with a parked event."""
    if connection.execute(_ANY_PARKED).first() is None:
        return {}
    return {bytes(item): Barrier(letter, row) for item, letter, row in _ask(connection, _BLOCKED, items)}


def wait_behind(connection: Connection, events: Collection[int], letter: int) -> list[int]:
    """These stand behind a dead letter: they leave the window with all that cannot travel without them, which is returned."""
    rows = together(connection, events)
    for some in _lists(rows):
        connection.execute(_FAILED.where(_e.c.parked.is_(None)).values(parked=letter, retry_block=None), {"keys": some})
    return rows


def free(connection: Connection) -> int:
    """Let travel again what stands behind a dead letter that is none any more. Returns how many."""
    if connection.execute(_ANY_PARKED).first() is None:
        return 0
    return connection.execute(_FREED).rowcount


def items_of(connection: Connection, events: Collection[int]) -> set[bytes]:
    return {bytes(row[0]) for row in _ask(connection, select(_e.c.item).where(_e.c.id.in_(_KEYS)).distinct(), events)}


# --- the operator --------------------------------------------------------------------------------------------------


def letters(connection: Connection, *, event_id: bytes | None = None, submission: str | None = None) -> list[Letter]:
    """The dead letters, oldest first; of one event or one submission when asked for it."""
    asked = _LETTER
    if event_id is not None:
        asked = asked.where(_e.c.event_id == event_id)
    if submission is not None:
        asked = asked.where(_e.c.submission == submission)
    behind = {letter: count for letter, count in connection.execute(_BEHIND)}
    width = len(Accepted._fields)
    found = [(Accepted._make(row[:width]), row[width:]) for row in connection.execute(asked)]
    return [Letter(event, told[0], told[1] or "", told[2], told[3], behind.get(event.id, 0)) for event, told in found]


def waiting(connection: Connection, most: int) -> list[Waiting]:
    """Submissions that wait, oldest first."""
    return [Waiting._make(row) for row in connection.execute(_WAITING, {"most": most})]


def hold_letter(connection: Connection, letter: int) -> bool:
    """Whether this is a dead letter still, and stays one until the transaction ends."""
    return connection.execute(_HELD, {"letter": letter}).first() is not None


def requeue(connection: Connection, letter: int) -> int:
    """Back into the worker's window with what stands behind it, its failures forgotten. Returns how many events."""
    again = update(_e).where(_e.c.parked == letter, _IS_ACCEPTED)
    return connection.execute(again.values(parked=None, failures=None, retry_block=None, error=None)).rowcount


def _ask(connection: Connection, statement: Any, keys: Collection[Any]) -> Iterator[Any]:
    for some in _lists(list(keys)):
        yield from connection.execute(statement, {"keys": some})


def _lists(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (keys[start : start + LIST_LIMIT] for start in range(0, len(keys), LIST_LIMIT))
