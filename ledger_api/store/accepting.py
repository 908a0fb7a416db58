"""What acceptance reads and writes, a thousand events at a time: prebuilt statements, `IN` lists and executemany.

Every function takes a connection inside `writing` (or `reading`) and leaves the commit to its caller.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, insert, literal_column, select, text, tuple_, union_all
from sqlmodel import SQLModel

from ledger_api import tables  # noqa: F401  # the import makes the tables known to the metadata

MOST_PARAMETERS = 10_000  # in one statement; SQLite allows 32,766, PostgreSQL 65,535

_table = SQLModel.metadata.tables
EVENTS, RECORDS, PAYLOADS, IDENTIFIERS = _table["events"], _table["records"], _table["payloads"], _table["identifiers"]
TIPS, ITEMS, REFUSALS, BATCHES, SUBMISSIONS = _table["tips"], _table["items"], _table["refusals"], _table["batches"], _table["submissions"]


def _among(column: ColumnElement[Any]) -> ColumnElement[bool]:
    return column.in_(bindparam("among", expanding=True))


_LIVE = select(EVENTS.c.event_id, EVENTS.c.submission).where(_among(EVENTS.c.event_id), EVENTS.c.status != text("'refused'"))
_RECORDED = select(RECORDS.c.event_id).where(_among(RECORDS.c.event_id))
_REFUSED_AT_THE_DOOR = select(REFUSALS.c.event_id, REFUSALS.c.reason).where(_among(REFUSALS.c.event_id))
_REFUSED_ON_CHAIN = (
    select(EVENTS.c.event_id, EVENTS.c.reason).where(_among(EVENTS.c.event_id), EVENTS.c.reason.is_not(None)).order_by(EVENTS.c.id.desc())
)
_KEPT = select(PAYLOADS.c.event_id).where(_among(PAYLOADS.c.event_id))
# in one statement, which sees one moment: what is recorded goes from the one table into the other
_STATES = union_all(
    select(ITEMS.c.item, ITEMS.c.state, literal_column("0").label("is_tip")).where(_among(ITEMS.c.item)),
    select(TIPS.c.item, TIPS.c.state, literal_column("1")).where(_among(TIPS.c.item)),
)
_BY_SERIAL = select(IDENTIFIERS.c.gtin, IDENTIFIERS.c.serial, IDENTIFIERS.c.item, IDENTIFIERS.c.brand).where(
    _among(tuple_(IDENTIFIERS.c.gtin, IDENTIFIERS.c.serial))
)
_BY_LOT = select(IDENTIFIERS.c.brand, IDENTIFIERS.c.lot, IDENTIFIERS.c.item).where(_among(tuple_(IDENTIFIERS.c.brand, IDENTIFIERS.c.lot)))
_BATCH = select(BATCHES.c.id).where(BATCHES.c.batch_hash == bindparam("batch_hash")).limit(1)

_KEEP_PAYLOAD = text(
    "INSERT INTO payloads (event_id, item, organization, commitment, epoch, body, salts)"
    " VALUES (:event_id, :item, :organization, :commitment, :epoch, :body, :salts) ON CONFLICT (event_id) DO NOTHING"
)
# as text like the others: without types in between, the driver takes the bytes as they are, at half the cost
_KEEP_EVENT = text(
    "INSERT INTO events (event_id, submission, position, organization, item, kind, occurred_at, party, detail, payload, head, event_hash,"
    " approval, state, status, unit, batch, batch_position)"
    " VALUES (:event_id, :submission, :position, :organization, :item, :kind, :occurred_at, :party, :detail, :payload, :head, :event_hash,"
    " :approval, :state, :status, :unit, :batch, :batch_position)"
)
# only the item's own row may be there already: the same serial under another item is a conflict that must be seen
_KEEP_IDENTIFIER = text(
    "INSERT INTO identifiers (item, brand, gtin, serial, lot) VALUES (:item, :brand, :gtin, :serial, :lot) ON CONFLICT (item) DO NOTHING"
)
_FORGET_IDENTIFIER = text("DELETE FROM identifiers WHERE item = :item")
_KEEP_TIP = text("INSERT INTO tips (item, state) VALUES (:item, :state) ON CONFLICT (item) DO UPDATE SET state = excluded.state")
_KEEP_REFUSAL = text(
    "INSERT INTO refusals (event_id, reason, created_at) VALUES (:event_id, :reason, :created_at) ON CONFLICT (event_id) DO NOTHING"
).bindparams(bindparam("created_at", type_=REFUSALS.c.created_at.type))
_KEEP_SUBMISSION = text(
    "INSERT INTO submissions (id, organization, request_id, created_at) VALUES (:id, :organization, :request_id, :created_at)"
    " ON CONFLICT (id) DO NOTHING"
).bindparams(bindparam("created_at", type_=SUBMISSIONS.c.created_at.type))


class Named(NamedTuple):
    item: bytes
    brand: bytes


def _chunks(values: Iterable[Any], size: int) -> Iterator[list[Any]]:
    waiting = iter(values)
    while chunk := list(islice(waiting, size)):
        yield chunk


def _rows(connection: Connection, statement: Any, values: Iterable[Any], *, width: int = 1) -> Iterator[Any]:
    for chunk in _chunks(values, MOST_PARAMETERS // width):
        yield from connection.execute(statement, {"among": chunk})


def live_events(connection: Connection, event_ids: Iterable[bytes]) -> dict[bytes, str | None]:
    """Those of the events that are accepted or recorded already, with the submission that brought them.

    None for an event that only the chain knows: another service's, or one accepted after the backup we were restored from.
    """
    wanted = list(event_ids)
    found: dict[bytes, str | None] = dict.fromkeys(row[0] for row in _rows(connection, _RECORDED, wanted))
    found.update((row[0], row[1]) for row in _rows(connection, _LIVE, wanted))
    return found


def first_reasons(connection: Connection, event_ids: Iterable[bytes]) -> dict[bytes, int]:
    """For events that were refused before: why, the first time (at the door, or by the contract)."""
    wanted = list(event_ids)
    found = {row[0]: row[1] for row in _rows(connection, _REFUSED_ON_CHAIN, wanted)}
    found.update((row[0], row[1]) for row in _rows(connection, _REFUSED_AT_THE_DOOR, wanted))
    return found


def kept_payloads(connection: Connection, event_ids: Iterable[bytes]) -> set[bytes]:
    """Those of the events whose payload is here; one that was erased is here too, and stays empty."""
    return {row[0] for row in _rows(connection, _KEPT, event_ids)}


def tips(connection: Connection, items: Iterable[bytes]) -> dict[bytes, bytes]:
    """The state after each item's last accepted event, else the chain's; an unborn item is absent."""
    found: dict[bytes, bytes] = {}
    for item, state, is_tip in _rows(connection, _STATES, items, width=2):
        if is_tip or item not in found:
            found[item] = state
    return found


def by_serial(connection: Connection, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Named]:
    return {(row[0], row[1]): Named(row[2], row[3]) for row in _rows(connection, _BY_SERIAL, pairs, width=2)}


def by_lot(connection: Connection, pairs: Iterable[tuple[bytes, str]]) -> dict[tuple[bytes, str], bytes]:
    """(supplier, lot's name) → lot."""
    return {(row[0], row[1]): row[2] for row in _rows(connection, _BY_LOT, pairs, width=2)}


def authors(connection: Connection, item: bytes) -> list[tuple[bytes, bytes]]:
    """(event hash, organization) of the item's events in order: recorded ones, then those accepted and not yet recorded."""
    recorded = connection.execute(
        select(RECORDS.c.event_hash, RECORDS.c.organization).where(RECORDS.c.item == item).order_by(RECORDS.c.sequence)
    ).all()
    known = {row[0] for row in recorded}
    waiting = connection.execute(
        select(EVENTS.c.event_hash, EVENTS.c.organization).where(EVENTS.c.item == item, EVENTS.c.status == "accepted").order_by(EVENTS.c.id)
    ).all()
    return [(row[0], row[1]) for row in (*recorded, *(row for row in waiting if row[0] not in known))]


def batch_exists(connection: Connection, batch_hash: bytes) -> bool:
    return connection.execute(_BATCH, {"batch_hash": batch_hash}).first() is not None


# --- writes ----------------------------------------------------------------------------------------------------------


def _write(connection: Connection, statement: Any, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        connection.execute(statement, rows)


def keep_submission(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(_KEEP_SUBMISSION, row)


def keep_payloads(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """A payload that is there already (of an event refused before) is the same one: its id commits to it."""
    _write(connection, _KEEP_PAYLOAD, rows)


def keep_identifiers(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Raises sqlalchemy's IntegrityError when another item took the name meanwhile."""
    _write(connection, _KEEP_IDENTIFIER, sorted(rows, key=_name))


def forget_identifiers(connection: Connection, items: Iterable[bytes]) -> None:
    """Of items that were never born: their names are free again."""
    _write(connection, _FORGET_IDENTIFIER, [{"item": item} for item in sorted(items)])


def _name(identifier: Mapping[str, Any]) -> tuple[bytes, ...]:
    """An order for the names of several items, which no lock on their ids covers."""
    return tuple(str(identifier[column] or "").encode() for column in ("gtin", "serial", "lot"))


def keep_events(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Raises sqlalchemy's IntegrityError when one of them was accepted meanwhile (the partial unique index)."""
    _write(connection, _KEEP_EVENT, rows)


def keep_tips(connection: Connection, states: dict[bytes, bytes]) -> None:
    _write(connection, _KEEP_TIP, [{"item": item, "state": state} for item, state in sorted(states.items())])


def keep_refusals(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """The first reason stays."""
    _write(connection, _KEEP_REFUSAL, rows)


def insert_batch(connection: Connection, row: dict[str, Any]) -> int:
    return int(connection.execute(insert(BATCHES).returning(BATCHES.c.id), row).scalar_one())
