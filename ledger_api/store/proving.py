"""What a proof is made from: an item's records, the payloads behind them, the batches that were signed. Read only."""

from collections import defaultdict
from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select
from sqlmodel import SQLModel

from ledger_api import tables  # noqa: F401  # the import makes the tables known to the metadata
from ledger_api.store import item_secrets
from ledger_api.store.records import LIST_LIMIT

_table = SQLModel.metadata.tables
_PAYLOADS, _EVENTS, _BATCHES, _IDENTIFIERS = _table["payloads"].c, _table["events"].c, _table["batches"].c, _table["identifiers"].c
_CURSOR, _KNOWN_BLOCKS = _table["chain_cursor"].c, _table["blocks"].c

_STORED = select(_PAYLOADS.event_id, _PAYLOADS.body, _PAYLOADS.salts, _PAYLOADS.epoch, _PAYLOADS.organization, _PAYLOADS.item).where(
    _PAYLOADS.event_id.in_(bindparam("keys", expanding=True)), _PAYLOADS.erased_at.is_(None)
)
_CARRIED = (
    select(_EVENTS.event_hash, _EVENTS.batch, _EVENTS.batch_position)
    .where(_EVENTS.event_hash.in_(bindparam("keys", expanding=True)), _EVENTS.status.in_(("recorded", "final")), _EVENTS.batch.is_not(None))
    .order_by(_EVENTS.id)
)
_SIGNED = select(_table["batches"]).where(_BATCHES.id.in_(bindparam("keys", expanding=True)))
_HASHES = select(_EVENTS.event_hash, _EVENTS.batch_position).where(_EVENTS.batch == bindparam("batch")).order_by(_EVENTS.batch_position)
_WATERMARKS = select((_CURSOR.next_block - 1).label("block"), _CURSOR.final_block).where(_CURSOR.id == 1)
_HASH_OF_BLOCK = select(_KNOWN_BLOCKS.hash).where(_KNOWN_BLOCKS.number == bindparam("number"))
_NAMED = select(_IDENTIFIERS.brand, _IDENTIFIERS.gtin, _IDENTIFIERS.serial, _IDENTIFIERS.lot).where(_IDENTIFIERS.item == bindparam("item"))


class StoredPayload(NamedTuple):
    body: str
    salts: str | None
    epoch: int
    secret: bytes | None = None  # that the item key is made with; None: there is none


class SignedBatch(NamedTuple):
    """A batch as it was signed, and where in it an event stood."""

    signer: bytes
    deadline: int
    all_or_nothing: bool
    signature: bytes
    hashes: tuple[bytes, ...]
    position: int


class Watermarks(NamedTuple):
    block: int
    final_block: int


class Named(NamedTuple):
    brand: bytes
    gtin: str | None
    serial: str | None
    lot: str | None


def payloads(connection: Connection, event_ids: Collection[bytes]) -> dict[bytes, StoredPayload]:
    """By event id; no entry where only somebody else has the payload, or it was erased."""
    ordered = list(event_ids)
    rows = [
        row
        for start in range(0, len(ordered), LIST_LIMIT)
        for row in connection.execute(_STORED, {"keys": ordered[start : start + LIST_LIMIT]})
    ]
    items: defaultdict[bytes, set[bytes]] = defaultdict(set)
    for row in rows:
        items[bytes(row.organization)].add(bytes(row.item))
    secrets = {organization: item_secrets.read(connection, organization, its) for organization, its in items.items()}
    return {
        bytes(row.event_id): StoredPayload(row.body, row.salts, row.epoch, secrets[bytes(row.organization)].get(bytes(row.item)))
        for row in rows
    }


def signed_batches(connection: Connection, event_hashes: Collection[bytes], *, most_events: int) -> dict[bytes, SignedBatch]:
    """By event hash; no entry for an event that another service carried, or whose batch is longer than `most_events`."""
    ordered = list(event_hashes)
    places: dict[bytes, tuple[int, int]] = {}
    for start in range(0, len(ordered), LIST_LIMIT):
        for event_hash, batch, position in connection.execute(_CARRIED, {"keys": ordered[start : start + LIST_LIMIT]}):
            places[event_hash] = (batch, position)
    wanted = sorted({batch for batch, _ in places.values()})
    rows = {}
    for start in range(0, len(wanted), LIST_LIMIT):
        rows.update({row.id: row for row in connection.execute(_SIGNED, {"keys": wanted[start : start + LIST_LIMIT]})})
    hashes = {batch: tuple(connection.scalars(_HASHES, {"batch": batch})) for batch in rows}
    return {
        event_hash: SignedBatch(row.signer, row.deadline, bool(row.all_or_nothing), row.signature, hashes[batch], position)
        for event_hash, (batch, position) in places.items()
        if (row := rows.get(batch)) is not None and len(hashes[batch]) <= most_events
    }


def watermarks(connection: Connection) -> Watermarks | None:
    """None: the chain was not followed yet."""
    row = connection.execute(_WATERMARKS).first()
    return None if row is None else Watermarks(*row)


def block_hash(connection: Connection, number: int) -> bytes | None:
    """None where the mirror kept no block of this number."""
    found: bytes | None = connection.scalar(_HASH_OF_BLOCK, {"number": number})
    return found


def name_of(connection: Connection, item: bytes) -> Named | None:
    row = connection.execute(_NAMED, {"item": item}).first()
    return None if row is None else Named(*row)
