"""What a verification looks at: the item's row, the block the mirror stands on, what was accepted and is not recorded yet. Read only."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Select, bindparam, select

from ledger_api.store.records import LIST_LIMIT
from ledger_api.tables import BlockRow, CursorRow, EventRow, IdentifierRow, ItemRow, ProfileRow

_ITEMS = ItemRow.__table__.c  # type: ignore[attr-defined]  # SQLModel adds it at run time
_IDENTIFIERS = IdentifierRow.__table__.c  # type: ignore[attr-defined]
_PROFILES = ProfileRow.__table__.c  # type: ignore[attr-defined]
_EVENTS = EventRow.__table__.c  # type: ignore[attr-defined]
_CURSOR = CursorRow.__table__.c  # type: ignore[attr-defined]
_BLOCKS = BlockRow.__table__.c  # type: ignore[attr-defined]


T = TypeVar("T")


class Row(NamedTuple):
    """An item as of the mirror's last block. `visibility` None: its brand has no profile."""

    item: bytes
    brand: bytes
    state: bytes
    passport: bytes
    block_number: int
    etag: str
    visibility: str | None


class Standing(NamedTuple):
    """The mirror's last block. `block_hash` is None before the first one was kept."""

    block: int
    final_block: int
    block_hash: bytes | None
    time: int | None


def _found() -> Select[Any]:
    columns = (_ITEMS.item, _ITEMS.brand, _ITEMS.state, _ITEMS.passport, _ITEMS.block_number, _ITEMS.etag, _PROFILES.visibility)
    return select(*columns).outerjoin(ProfileRow, _PROFILES.organization == _ITEMS.brand)


_BY_ITEM = _found().where(_ITEMS.item.in_(bindparam("keys", expanding=True)))
_BY_SERIAL = (
    _found()
    .add_columns(_IDENTIFIERS.serial)
    .join(IdentifierRow, _IDENTIFIERS.item == _ITEMS.item)
    .where(_IDENTIFIERS.gtin == bindparam("gtin"), _IDENTIFIERS.serial.in_(bindparam("keys", expanding=True)))
)
_STANDING = (
    select((_CURSOR.next_block - 1).label("block"), _CURSOR.final_block, _BLOCKS.hash, _BLOCKS.timestamp)
    .outerjoin(BlockRow, _BLOCKS.number == _CURSOR.next_block - 1)
    .where(_CURSOR.id == 1)
)
_PENDING = (
    select(_EVENTS.item, _EVENTS.kind)
    .where(_EVENTS.item.in_(bindparam("keys", expanding=True)), _EVENTS.status == "accepted")
    .order_by(_EVENTS.id)
)


def items_by_serial(connection: Connection, names: Collection[tuple[str, str]]) -> dict[tuple[str, str], Row]:
    """By (gtin, serial); those that are there."""
    found: dict[tuple[str, str], Row] = {}
    for gtin in {gtin for gtin, _ in names}:
        for some in _lists([serial for of, serial in names if of == gtin]):
            for row in connection.execute(_BY_SERIAL, {"gtin": gtin, "keys": some}):
                found[gtin, row.serial] = Row(*row[:-1])
    return found


def items_by_id(connection: Connection, items: Collection[bytes]) -> dict[bytes, Row]:
    found = (row for some in _lists(list(items)) for row in connection.execute(_BY_ITEM, {"keys": some}))
    return {bytes(row.item): Row(*row) for row in found}


def standing(connection: Connection) -> Standing | None:
    """None before the indexer's first step."""
    row = connection.execute(_STANDING).first()
    return None if row is None else Standing(*row)


def pending_kinds(connection: Connection, items: Collection[bytes]) -> dict[bytes, list[int]]:
    """Of events that were accepted for these items and that no block holds yet."""
    kinds: dict[bytes, list[int]] = {}
    for some in _lists(list(items)):
        for item, kind in connection.execute(_PENDING, {"keys": some}):
            kinds.setdefault(bytes(item), []).append(kind)
    return kinds


def _lists(keys: Sequence[T]) -> Iterator[Sequence[T]]:
    return (keys[start : start + LIST_LIMIT] for start in range(0, len(keys), LIST_LIMIT))
