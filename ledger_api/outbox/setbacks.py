"""What could not be carried, as the database remembers it: whoever has the lane next keeps the count.

`retrying.py` says when and how often; this says of what. An event that failed is left out of ordinary transactions, tried again
by itself, and after its last try parked: a dead letter with its reason, and what stands behind it waits with it.
"""

from collections.abc import Collection, Iterable, Sequence

import structlog
from sqlalchemy import Connection, Engine

from ledger_api.errors import ChainError, LedgerError
from ledger_api.outbox.retrying import Failure, next_try
from ledger_api.store import parking, tracing
from ledger_api.store.engine import writing
from ledger_api.store.sending import Accepted

logger = structlog.get_logger(__name__)

_NEVER = 2**63


class Setbacks:
    """`look` first, in the transaction that reads what waits; the rest is about what it found and what has happened since."""

    def __init__(self, engine: Engine, *, most_tries: int) -> None:
        self._engine = engine
        self._most_tries = most_tries
        self._failing: dict[bytes, int] = {}  # item → the block from which it is tried again

    def look(self, connection: Connection) -> None:
        self._failing = parking.failing(connection)

    def due(self, block: int) -> set[bytes]:
        """Items to try again now."""
        return {item for item, again in self._failing.items() if again <= block}

    def left_out(self, block: int, *, is_careful: bool) -> Iterable[bytes]:
        """What failed before travels only after the node was asked, and not before its time."""
        return (item for item, again in self._failing.items() if not is_careful or again > block)

    def fail(self, events: Sequence[Accepted], error: LedgerError, *, kind: Failure, block: int) -> None:
        """These, which travel together or not at all, could not be carried. A setback that outlives this process."""
        waiting = [one for one in events if one.status == "accepted"]
        rows, items = [one.id for one in waiting], {one.item for one in waiting}
        why = f"{error.code}: {error.message}"
        with writing(self._engine) as connection:
            times = parking.times_failed(connection, rows) + 1
            again = next_try(times, kind, block=block, most=self._most_tries)
            if again is None:
                parking.park(connection, rows, why, times=times)
            else:
                parking.try_again(connection, rows, why, block=again, times=times)
            traced = tracing.of_events(connection, rows)
        if kind is not Failure.DAMAGED:  # before a damaged row its item goes on; everything else that fails is the first of its item
            self._failing.update(dict.fromkeys(items, _NEVER if again is None else again))
        facts = {"code": error.code, "why": error.message, "times": times, **traced}
        if again is None:
            logger.error("parked", **facts, facts=error.facts)
        else:
            logger.warning("events cannot be carried for now", **facts, facts=error.facts, next_block=again)

    def carried(self, connection: Connection, events: Collection[int]) -> None:
        """In the commit that saves the transaction that carries these."""
        parking.is_carried(connection, events)

    def set_aside(self, connection: Connection, events: Sequence[Accepted]) -> set[int]:
        """Of these waiting events, the rows of those that stand behind a dead letter. They are out of the window from now on."""
        blocked = parking.blocked(connection, {one.item for one in events})
        behind: dict[int, list[int]] = {}  # letter → rows
        for one in events:
            if one.item in blocked and one.id > blocked[one.item].row:
                behind.setdefault(blocked[one.item].letter, []).append(one.id)
        if not behind:
            return set()
        with writing(self._engine) as writer:
            return {row for letter, rows in behind.items() for row in parking.wait_behind(writer, rows, letter)}


def kind_of(error: ChainError) -> Failure:
    """The contract's own words are about the event; the node's may be about the node."""
    return Failure.NODE if error.code == "node-refused" else Failure.CONTRACT
