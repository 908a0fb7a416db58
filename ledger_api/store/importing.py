"""What an import asks once its rows are in: how each event ended."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select
from sqlmodel import SQLModel

from ledger_api import tables  # noqa: F401  # the import makes the tables known to the metadata

EVENTS = SQLModel.metadata.tables["events"]
CHUNK = 5_000
_OUTCOMES = (
    select(EVENTS.c.event_id, EVENTS.c.status, EVENTS.c.reason)
    .where(EVENTS.c.event_id.in_(bindparam("among", expanding=True)))
    .order_by(EVENTS.c.id)
)


def outcomes(connection: Connection, event_ids: Sequence[bytes]) -> dict[bytes, tuple[str, int | None]]:
    """(status, reason) of each event; of one that was refused and sent again, the last attempt."""
    found: dict[bytes, tuple[str, int | None]] = {}
    for start in range(0, len(event_ids), CHUNK):
        for event_id, status, reason in connection.execute(_OUTCOMES, {"among": list(event_ids[start : start + CHUNK])}):
            found[event_id] = (status, reason)
    return found
