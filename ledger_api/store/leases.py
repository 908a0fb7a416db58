"""Who may do a job now: a lane of nonces, the indexer. A lease that ran out is anybody's."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from ledger_api.tables import LeaseRow

_leases = LeaseRow.__table__  # type: ignore[attr-defined]
_TAKE = (
    update(_leases)
    .where(_leases.c.name == bindparam("lease"))
    .where(or_(_leases.c.owner == bindparam("who"), _leases.c.expires_at < bindparam("now")))
    .values(owner=bindparam("who"), expires_at=bindparam("until"))
)
_EXISTS = select(_leases.c.name).where(_leases.c.name == bindparam("lease"))


def take_lease(connection: Connection, name: str, owner: str, *, now: datetime, seconds: int) -> bool:
    """Take or prolong the lease; False while another owner's has not run out.

    Inside the transaction that writes what the lease guards, this is also the proof that it still is ours: on PostgreSQL
    the row stays locked until the commit, on SQLite there is one writer.
    """
    until = now + timedelta(seconds=seconds)
    if connection.execute(_TAKE, {"lease": name, "who": owner, "now": now, "until": until}).rowcount:
        return True
    if connection.execute(_EXISTS, {"lease": name}).first() is not None:
        return False
    try:
        with connection.begin_nested():
            connection.execute(insert(_leases).values(name=name, owner=owner, expires_at=until))
    except IntegrityError:  # another process made the row meanwhile, and has the lease
        return False
    return True


def holds_lease(connection: Connection, name: str, owner: str, *, now: datetime, seconds: int) -> bool:
    """Whether ours still runs for half of its time, so that a loop with nothing to write need not write its lease each time."""
    asked = select(_leases.c.name).where(_leases.c.name == name, _leases.c.owner == owner)
    return connection.execute(asked.where(_leases.c.expires_at > now + timedelta(seconds=seconds) / 2)).first() is not None


def is_free(connection: Connection, name: str, owner: str, *, now: datetime) -> bool:
    """Whether taking it is worth a try: nobody else has it now."""
    asked = select(_leases.c.name).where(_leases.c.name == name, _leases.c.owner != owner, _leases.c.expires_at >= now)
    return connection.execute(asked).first() is None


def drop_lease(connection: Connection, name: str, owner: str) -> None:
    """Let others have it at once; nothing happens when it is no longer ours."""
    connection.execute(delete(_leases).where(_leases.c.name == name, _leases.c.owner == owner))
