"""What the indexer writes: the cursor, the blocks, the chain's mirror and the queue of passports to make again.

Only the indexer, under its lease, writes these rows; what the logs mean for accepted events is in `outcomes`.
Plain SQL with tuples on the driver: a row costs three microseconds this way, and there are many.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Delete, Table, bindparam, delete, func, select, text
from sqlmodel import SQLModel

from ledger_api.store.engine import lock_refreshes, lock_watches
from ledger_api.store.records import LIST_LIMIT, Record
from ledger_api.tables import IS_OPINION

_table = SQLModel.metadata.tables
_BLOCKS, _ITEMS, _RECORDS, _MATERIALS = _table["blocks"], _table["items"], _table["records"], _table["materials"]
_REGISTRY_LOGS, _ORGANIZATIONS, _SUCCESSORS = _table["registry_logs"], _table["organizations"], _table["successors"]
_SIGNERS, _ACCREDITATIONS = _table["signers"], _table["accreditations"]
_SHOWN, _REFRESHES, _CURSOR = _table["shown"], _table["refreshes"], _table["chain_cursor"]


class Cursor(NamedTuple):
    """Which chain and contracts this database follows, and how far. `final_block` never goes back."""

    chain_id: int
    genesis_hash: bytes
    registry: bytes
    ledger: bytes
    code_hash: bytes
    next_block: int
    head_block: int
    final_block: int


class Block(NamedTuple):
    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int


class RegistryLog(NamedTuple):
    """`topics` are 32 bytes each, one after the other."""

    block_number: int
    log_index: int
    topics: bytes
    body: bytes


class ItemNow(NamedTuple):
    """A row of `items`."""

    item: bytes
    brand: bytes
    state: bytes
    sequence: int
    block_number: int
    passport: bytes
    etag: str


class Standing(NamedTuple):
    """Rows of `organizations`, `successors`, `signers` and `accreditations`, folded from the registry's logs."""

    organizations: list[tuple[Any, ...]]
    successors: list[tuple[Any, ...]]
    signers: list[tuple[Any, ...]]
    accreditations: list[tuple[Any, ...]]


def _insert(table: Table, conflict: str = "") -> str:
    columns = table.columns.keys()
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({', '.join(['?'] * len(columns))}) {conflict}"


def _upsert(table: Table, key: str) -> str:
    assignments = ", ".join(f"{name} = excluded.{name}" for name in map(str, table.columns.keys()) if name != key)
    return _insert(table, f"ON CONFLICT ({key}) DO UPDATE SET {assignments}")


_LOOK_NOW = text("UPDATE watches SET due_at = created_at WHERE item IN :items").bindparams(bindparam("items", expanding=True))
_LOOK_BY_NAME = text(
    "UPDATE watches SET due_at = created_at WHERE item IS NULL"
    " AND (gtin, serial) IN (SELECT gtin, serial FROM identifiers WHERE identifiers.item IN :items)"
).bindparams(bindparam("items", expanding=True))
_INSERT_MATERIAL = _insert(_MATERIALS, "ON CONFLICT DO NOTHING")
_QUEUE_REFRESH = "INSERT INTO refreshes (item, asked) VALUES (?, 0) ON CONFLICT (item) DO UPDATE SET asked = refreshes.asked + 1"
_TAKE_REFRESH = "DELETE FROM refreshes WHERE item = ? AND asked = ?"
_UPSERT_CURSOR, _UPSERT_ITEM, _UPSERT_SHOWN = _upsert(_CURSOR, "id"), _upsert(_ITEMS, "item"), _upsert(_SHOWN, "organization")
_BEGIN_CURSOR = _insert(_CURSOR, "ON CONFLICT (id) DO NOTHING")
_READ_CURSOR = select(*(_CURSOR.c[name] for name in Cursor._fields)).where(_CURSOR.c.id == 1)
# whoever acted on an item, received it, made it or made its material
_NAMING = (
    "SELECT item FROM items WHERE brand = :organization"
    " UNION SELECT item FROM records WHERE organization = :organization OR party = :organization"
    " UNION SELECT materials.item FROM materials JOIN items ON items.item = materials.lot WHERE items.brand = :organization"
)
_NAMES_ORGANIZATION = text(
    f"INSERT INTO refreshes (item, asked) SELECT item, 0 FROM ({_NAMING}) AS named WHERE true ORDER BY item ON CONFLICT DO NOTHING"
)
_ITEMS_NAMING = text(_NAMING)
_SIGNED_BY = text("SELECT DISTINCT item FROM records WHERE organization = :organization AND signer = :signer")
_JUDGED_BY = text(f"SELECT DISTINCT item FROM records WHERE organization = :organization AND {IS_OPINION}")
# a child before what it names; the payload store and the operations are not the mirror's
_MIRROR = (
    _REFRESHES,
    _SHOWN,
    _MATERIALS,
    _ITEMS,
    _RECORDS,
    _ACCREDITATIONS,
    _SIGNERS,
    _SUCCESSORS,
    _ORGANIZATIONS,
    _REGISTRY_LOGS,
    _BLOCKS,
)


# --- cursor ----------------------------------------------------------------------------------------------


def read_cursor(connection: Connection) -> Cursor | None:
    row = connection.execute(_READ_CURSOR).one_or_none()
    return None if row is None else Cursor._make(row)


def begin_cursor(connection: Connection, first: Cursor) -> Cursor:
    """The first one, or another's who began meanwhile and may be well on its way."""
    _many(connection, _BEGIN_CURSOR, [(1, *first)])
    return read_cursor(connection) or first


def write_cursor(connection: Connection, cursor: Cursor) -> None:
    _many(connection, _UPSERT_CURSOR, [(1, *cursor)])


# --- blocks --------------------------------------------------------------------------------------------------------


def newest_blocks(connection: Connection, below: int, most: int) -> list[Block]:
    """Blocks we applied with a number up to `below`, newest first. Where nothing happened far behind the head, there are gaps."""
    asked = select(_BLOCKS).where(_BLOCKS.c.number <= below).order_by(_BLOCKS.c.number.desc()).limit(most)
    return [Block._make(row) for row in connection.execute(asked)]


def write_blocks(connection: Connection, blocks: Sequence[Block]) -> None:
    _many(connection, _insert(_BLOCKS), blocks)


# --- items and their records ---------------------------------------------------------------------------------------


def write_records(connection: Connection, records: Sequence[Record]) -> None:
    _many(connection, _insert(_RECORDS), records)


def write_items(connection: Connection, items: Sequence[ItemNow], materials: Iterable[tuple[bytes, bytes]]) -> None:
    """The passports as they are now, and (lot, item) for each lot one of them tells of."""
    _many(connection, _UPSERT_ITEM, items)
    _many(connection, _INSERT_MATERIAL, list(materials))
    bring_watches_forward(connection, [row.item for row in items])


def bring_watches_forward(connection: Connection, items: Sequence[bytes]) -> None:
    """Whoever watches one of these items is to look again now. The watches' room is above this one: their table is known by its name."""
    if items:
        lock_watches(connection)
    for some in _lists(items):
        connection.execute(_LOOK_NOW, {"items": some})
        connection.execute(_LOOK_BY_NAME, {"items": some})


def queue_refreshes(connection: Connection, items: Iterable[bytes]) -> None:
    """Their passports are made again, those too that are being made at this moment from what was true before."""
    if queued := [(item,) for item in sorted(set(items))]:
        lock_refreshes(connection)
        _many(connection, _QUEUE_REFRESH, queued)


def queue_signed_by(connection: Connection, organization: bytes, signer: bytes) -> None:
    """Whatever this key signed, and what is made from lots it signed for."""
    signed = set(connection.scalars(_SIGNED_BY, {"organization": organization, "signer": signer}))
    queue_refreshes(connection, signed)
    for some in _lists(sorted(signed)):
        queue_refreshes(connection, connection.scalars(select(_MATERIALS.c.item).where(_MATERIALS.c.lot.in_(some)).distinct()))


def queue_opinions_of(connection: Connection, organizations: Iterable[bytes]) -> None:
    """Whatever these organizations gave an opinion on."""
    for organization in organizations:
        queue_refreshes(connection, connection.scalars(_JUDGED_BY, {"organization": organization}))


def take_refreshes(connection: Connection, made: Mapping[bytes, int]) -> None:
    """Items and how often they had been asked for when their passports were made: who was asked for since waits on."""
    if made:
        lock_refreshes(connection)
        _many(connection, _TAKE_REFRESH, sorted(made.items()))


def read_shown(connection: Connection) -> dict[bytes, tuple[str | None, str | None]]:
    shown = connection.execute(select(_SHOWN.c.organization, _SHOWN.c.did, _SHOWN.c.name))
    return {organization: (did, name) for organization, did, name in shown}


def show_differently(connection: Connection, changed: Mapping[bytes, tuple[str | None, str | None]]) -> None:
    """Remembers the names passports use from now on, and queues the passports that use others."""
    if changed:
        lock_refreshes(connection)
    for organization in changed:
        connection.execute(_NAMES_ORGANIZATION, {"organization": organization})
    _many(connection, _UPSERT_SHOWN, [(organization, did, name) for organization, (did, name) in changed.items()])


def items_naming(connection: Connection, organization: bytes) -> set[bytes]:
    """Items whose passport shows this organization's name."""
    return {bytes(item) for item in connection.scalars(_ITEMS_NAMING, {"organization": organization})}


# --- registry ------------------------------------------------------------------------------------------------------


def write_registry_logs(connection: Connection, logs: Sequence[RegistryLog]) -> None:
    _many(connection, _insert(_REGISTRY_LOGS), logs)


def registry_logs(connection: Connection) -> list[RegistryLog]:
    asked = select(_REGISTRY_LOGS).order_by(_REGISTRY_LOGS.c.block_number, _REGISTRY_LOGS.c.log_index)
    return [RegistryLog._make(row) for row in connection.execute(asked)]


def read_standing(connection: Connection) -> Standing:
    rows = ([tuple(row) for row in connection.execute(select(table))] for table in (_ORGANIZATIONS, _SUCCESSORS, _SIGNERS, _ACCREDITATIONS))
    return Standing(*rows)


def block_times(connection: Connection, numbers: Sequence[int]) -> dict[int, int]:
    """Of blocks that hold a log of ours: those are always kept."""
    found: dict[int, int] = {}
    for start in range(0, len(numbers), LIST_LIMIT):
        some = numbers[start : start + LIST_LIMIT]
        asked = select(_BLOCKS.c.number, _BLOCKS.c.timestamp).where(_BLOCKS.c.number.in_(some))
        found |= {number: timestamp for number, timestamp in connection.execute(asked)}
    return found


def replace_standing(connection: Connection, standing: Standing) -> None:
    for table in (_ACCREDITATIONS, _SIGNERS, _SUCCESSORS, _ORGANIZATIONS):
        connection.execute(delete(table))
    _many(connection, _insert(_ORGANIZATIONS), standing.organizations)
    _many(connection, _insert(_SUCCESSORS), standing.successors)
    _many(connection, _insert(_SIGNERS), standing.signers)
    _many(connection, _insert(_ACCREDITATIONS), standing.accreditations)


# --- undoing -------------------------------------------------------------------------------------------------------


def records_above(connection: Connection, block: int) -> list[tuple[bytes, bytes]]:
    """(item, event id) of what was recorded above this block."""
    asked = select(_RECORDS.c.item, _RECORDS.c.event_id).where(_RECORDS.c.block_number > block)
    return [(item, event_id) for item, event_id in connection.execute(asked)]


def forget_above(connection: Connection, block: int) -> bool:
    """Takes blocks, records and registry logs above this block away. True if the registry's were among them."""
    connection.execute(delete(_RECORDS).where(_RECORDS.c.block_number > block))
    connection.execute(delete(_BLOCKS).where(_BLOCKS.c.number > block))
    registry = connection.execute(delete(_REGISTRY_LOGS).where(_REGISTRY_LOGS.c.block_number > block))
    return registry.rowcount > 0


def forget_items(connection: Connection, items: Sequence[bytes]) -> None:
    """Items that no longer have a record."""
    _in_lists(connection, delete(_ITEMS), _ITEMS.c.item, items)
    _in_lists(connection, delete(_MATERIALS), _MATERIALS.c.item, items)
    bring_watches_forward(connection, items)


def drop_mirror(connection: Connection) -> None:
    """Everything derived from the chain. The cursor stays: it says whose chain this is."""
    for table in _MIRROR:
        connection.execute(delete(table))


def count_items(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(_ITEMS)) or 0


# --- the driver ----------------------------------------------------------------------------------------------------


def _many(connection: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if not rows:
        return
    if connection.dialect.paramstyle != "qmark":
        statement = statement.replace("?", "%s")
    # the driver wants plain tuples, and a list of them
    connection.exec_driver_sql(statement, [tuple(row) for row in rows])


def _in_lists(connection: Connection, statement: Delete, column: Any, keys: Sequence[bytes]) -> None:
    for some in _lists(keys):
        connection.execute(statement.where(column.in_(some)))


def _lists(keys: Sequence[bytes]) -> Iterable[Sequence[bytes]]:
    return (keys[start : start + LIST_LIMIT] for start in range(0, len(keys), LIST_LIMIT))
