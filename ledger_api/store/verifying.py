"""What a verification looks at: the item's row, the block the mirror stands on, what was accepted and is not recorded yet. Read only."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, select

from ledger_api.tables import BlockRow, CursorRow, EventRow, IdentifierRow, ItemRow, ProfileRow

_ITEMS = ItemRow.__table__.c  # type: ignore[attr-defined]  # SQLModel adds it at run time
_IDENTIFIERS = IdentifierRow.__table__.c  # type: ignore[attr-defined]
_PROFILES = ProfileRow.__table__.c  # type: ignore[attr-defined]
_EVENTS = EventRow.__table__.c  # type: ignore[attr-defined]
_CURSOR = CursorRow.__table__.c  # type: ignore[attr-defined]
_BLOCKS = BlockRow.__table__.c  # type: ignore[attr-defined]


class Row(NamedTuple):
    """An item as of the mirror's last block. `visibility` None: its brand has no profile."""

    item: bytes
    brand: bytes
    state: bytes
    passport: bytes
    block_number: int
    visibility: str | None


class Standing(NamedTuple):
    """The mirror's last block. `block_hash` is None before the first one was kept."""

    block: int
    final_block: int
    block_hash: bytes | None
    time: int | None


def _found() -> Select[Any]:
    columns = (_ITEMS.item, _ITEMS.brand, _ITEMS.state, _ITEMS.passport, _ITEMS.block_number, _PROFILES.visibility)
    return select(*columns).outerjoin(ProfileRow, _PROFILES.organization == _ITEMS.brand)


_BY_ITEM = _found().where(_ITEMS.item == bindparam("item"))
_BY_SERIAL = (
    _found()
    .join(IdentifierRow, _IDENTIFIERS.item == _ITEMS.item)
    .where(_IDENTIFIERS.gtin == bindparam("gtin"), _IDENTIFIERS.serial == bindparam("serial"))
)
_STANDING = (
    select((_CURSOR.next_block - 1).label("block"), _CURSOR.final_block, _BLOCKS.hash, _BLOCKS.timestamp)
    .outerjoin(BlockRow, _BLOCKS.number == _CURSOR.next_block - 1)
    .where(_CURSOR.id == 1)
)
_PENDING = select(_EVENTS.kind).where(_EVENTS.item == bindparam("item"), _EVENTS.status == "accepted").order_by(_EVENTS.id)


def item_by_serial(connection: Connection, gtin: str, serial: str) -> Row | None:
    row = connection.execute(_BY_SERIAL, {"gtin": gtin, "serial": serial}).first()
    return None if row is None else Row(*row)


def item_by_id(connection: Connection, item: bytes) -> Row | None:
    row = connection.execute(_BY_ITEM, {"item": item}).first()
    return None if row is None else Row(*row)


def standing(connection: Connection) -> Standing | None:
    """None before the indexer's first step."""
    row = connection.execute(_STANDING).first()
    return None if row is None else Standing(*row)


def pending_kinds(connection: Connection, item: bytes) -> list[int]:
    """Of events that were accepted for the item and that no block holds yet."""
    return [row.kind for row in connection.execute(_PENDING, {"item": item})]
