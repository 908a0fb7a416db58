"""What an owner's page asks of the database: the present state of an item, an event that was sent already, what became of one."""

from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, bindparam, select, union_all
from sqlmodel import SQLModel

from ledger_api import tables  # noqa: F401  # the import makes the tables known to the metadata
from ledger_api.store import accepting
from ledger_api.store.submissions import STATUS, WITH_RECORDS

_EVENTS = SQLModel.metadata.tables["events"]
_CURSOR = SQLModel.metadata.tables["chain_cursor"]
_BLOCKS = SQLModel.metadata.tables["blocks"]

_SAME_DEED = select(_EVENTS.c.event_id, _EVENTS.c.submission, _EVENTS.c.approval).where(
    _EVENTS.c.item == bindparam("item"),
    _EVENTS.c.head == bindparam("head"),
    _EVENTS.c.kind == bindparam("kind"),
    _EVENTS.c.status != "refused",
)
_RECORDS = SQLModel.metadata.tables["records"]
_NAMED_ONCE = union_all(
    *(
        select(table.c.item).where(table.c.item == bindparam("item"), table.c.party == bindparam("key"), *more)
        for table, more in ((_RECORDS, ()), (_EVENTS, (_EVENTS.c.status != "refused",)))
    )
).limit(1)
_ON_THE_WAY = select(_EVENTS.c.id).where(_EVENTS.c.item == bindparam("item"), _EVENTS.c.status == "accepted").limit(1)
_STANDING = (
    select(_EVENTS.c.kind, _EVENTS.c.reason, _EVENTS.c.error, STATUS.label("status"))
    .select_from(WITH_RECORDS)
    .where(_EVENTS.c.item == bindparam("item"), _EVENTS.c.event_id == bindparam("event_id"))
    .order_by(_EVENTS.c.id.desc())
    .limit(1)
)
_BLOCK_TIME = select(_BLOCKS.c.timestamp).order_by(_BLOCKS.c.number.desc()).limit(1)


class Tip(NamedTuple):
    """The item as its next event will find it. `is_settled`: nothing of it is on its way."""

    state: bytes
    is_settled: bool


def tip(connection: Connection, item: bytes) -> Tip | None:
    """None: no such item is recorded or accepted."""
    stored = accepting.tips(connection, [item]).get(item)
    return None if stored is None else Tip(stored, connection.execute(_ON_THE_WAY, {"item": item}).first() is None)


def block_time(connection: Connection) -> int | None:
    return connection.scalar(_BLOCK_TIME)


def sent_already(connection: Connection, *, item: bytes, head: bytes, kind: int, signature: bytes) -> Any | None:
    """The live event that carries this very consent: a consent binds a head, so there is one at most."""
    for row in connection.execute(_SAME_DEED, {"item": item, "head": head, "kind": kind}):
        consent = orjson.loads(row.approval or b"{}").get("consent") or {}
        if consent.get("signature") == "0x" + signature.hex():
            return row
    return None


def standing(connection: Connection, *, item: bytes, event_id: bytes) -> Any | None:
    """Whether an event of this item is accepted, recorded, final or refused, and why."""
    return connection.execute(_STANDING, {"item": item, "event_id": event_id}).first()


def has_held(connection: Connection, *, item: bytes, key: bytes) -> bool:
    """Whether an event of the item names the key as its party: it was given the item at some time."""
    return connection.execute(_NAMED_ONCE, {"item": item, "key": key}).first() is not None
