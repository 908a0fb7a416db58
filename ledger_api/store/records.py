"""What a passport is made from: records, the payloads behind them, and the names of things. Read only, by the thousand.

Each statement is built once and asked with lists: the indexer asks for thousands of items at a time.
"""

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Select, bindparam, select, tuple_
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import SQLModel

from ledger_api import tables  # noqa: F401  # the import makes the tables known to the metadata

_table = SQLModel.metadata.tables
LIST_LIMIT = 900  # values in one IN list


class Record(NamedTuple):
    """A row of `records`, in the order of its columns."""

    item: bytes
    sequence: int
    event_hash: bytes
    event_id: bytes
    organization: bytes
    signer: bytes
    kind: int
    occurred_at: int
    party: bytes
    detail: bytes
    payload: bytes
    extra: bytes
    state: bytes
    block_number: int
    block_time: int
    log_index: int
    transaction_hash: bytes


class LotName(NamedTuple):
    supplier: bytes
    lot: str


def _by(columns: Any, key: ColumnElement[Any]) -> Select[Any]:
    return select(*columns).where(key.in_(bindparam("keys", expanding=True)))


_RECORDS, _PAYLOADS, _IDENTIFIERS = _table["records"].c, _table["payloads"].c, _table["identifiers"].c
_PROFILES, _ORGANIZATIONS, _SIGNERS = _table["profiles"].c, _table["organizations"].c, _table["signers"].c
_MATERIALS, _REFRESHES, _ACCREDITATIONS = _table["materials"].c, _table["refreshes"].c, _table["accreditations"].c

# on the driver, where the keys are plain bytes: half the cost of the typed statement, and these three are asked for every item
_HISTORIES = f"SELECT {', '.join(Record._fields)} FROM records WHERE item IN (:keys) ORDER BY item, sequence"
_BODIES = "SELECT event_id, body FROM payloads WHERE event_id IN (:keys)"
_NAMES = "SELECT item, gtin, lot FROM identifiers WHERE item IN (:keys)"
_LOTS = _by((_IDENTIFIERS.brand, _IDENTIFIERS.lot, _IDENTIFIERS.item), tuple_(_IDENTIFIERS.brand, _IDENTIFIERS.lot))
_MADE_FROM = _by((_MATERIALS.item,), _MATERIALS.lot).distinct()
_COMPROMISED = select(_SIGNERS.organization, _SIGNERS.address, _SIGNERS.compromised_since).where(_SIGNERS.compromised_since.is_not(None))
_WAITING = select(_REFRESHES.item, _REFRESHES.asked).order_by(_REFRESHES.item).limit(bindparam("most"))
_ACCREDITED = (
    select(_ACCREDITATIONS.role, _ACCREDITATIONS.scope, _ACCREDITATIONS.from_time, _ACCREDITATIONS.until_time)
    .where(_ACCREDITATIONS.brand == bindparam("brand"), _ACCREDITATIONS.organization == bindparam("organization"))
    .order_by(_ACCREDITATIONS.block_number, _ACCREDITATIONS.log_index)
)
_DIDS = select(_ORGANIZATIONS.id, _ORGANIZATIONS.did)
_SHOWN_NAMES = select(_PROFILES.organization, _PROFILES.did, _PROFILES.name)


def histories(connection: Connection, items: Collection[bytes]) -> dict[bytes, list[Record]]:
    """Records of these items, first to last; no entry for an item that has none."""
    found: dict[bytes, list[Record]] = {}
    for row in _ask_plain(connection, _HISTORIES, items):
        found.setdefault(row[0], []).append(Record._make(row))
    return found


def bodies(connection: Connection, event_ids: Collection[bytes]) -> dict[bytes, dict[str, Any]]:
    """Committed payload objects by event id; no entry where only somebody else has the payload."""
    return {event_id: orjson.loads(body) for event_id, body in _ask_plain(connection, _BODIES, event_ids)}


def names(connection: Connection, items: Collection[bytes]) -> dict[bytes, tuple[str | None, str | None]]:
    """(gtin, lot name) by item or lot."""
    return {item: (gtin, lot) for item, gtin, lot in _ask_plain(connection, _NAMES, items)}


def lots_by_name(connection: Connection, wanted: Collection[LotName]) -> dict[LotName, bytes]:
    return {LotName(supplier, lot): item for supplier, lot, item in _ask(connection, _LOTS, wanted)}


def made_from(connection: Connection, lots: Collection[bytes]) -> set[bytes]:
    """The items that name one of these lots."""
    return {item for (item,) in _ask(connection, _MADE_FROM, lots)}


def compromised_signers(connection: Connection) -> dict[tuple[bytes, bytes], int]:
    return {(organization, signer): since for organization, signer, since in connection.execute(_COMPROMISED)}


def waiting_refreshes(connection: Connection, most: int) -> dict[bytes, int]:
    """Items whose passports wait to be made again, and how often they were asked for while they waited."""
    return {item: asked for item, asked in connection.execute(_WAITING, {"most": most})}


def organization_names(connection: Connection) -> dict[bytes, tuple[str | None, str | None]]:
    """(DID, name) of every organization of which we know one. The registry's DID stands in where there is no profile."""
    found: dict[bytes, tuple[str | None, str | None]] = {organization: (did, None) for organization, did in connection.execute(_DIDS)}
    found.update({organization: (did, name) for organization, did, name in connection.execute(_SHOWN_NAMES)})
    return found


def registered_dids(connection: Connection) -> dict[bytes, str]:
    """The DID of every organization that the registry knows."""
    return {organization: did for organization, did in connection.execute(_DIDS)}


def is_partner(connection: Connection, brand: bytes, organization: bytes, *, now: int) -> bool:
    """Whether the brand itself accredits the organization in some role now: the newest word per role counts."""
    newest = {row.role: row for row in connection.execute(_ACCREDITED, {"brand": brand, "organization": organization})}
    return any(any(row.scope) and row.from_time <= now and (not row.until_time or now < row.until_time) for row in newest.values())


def _ask(connection: Connection, statement: Select[Any], keys: Collection[Any]) -> Iterator[Any]:
    ordered = list(keys)
    for start in range(0, len(ordered), LIST_LIMIT):
        yield from connection.execute(statement, {"keys": ordered[start : start + LIST_LIMIT]})


def _ask_plain(connection: Connection, statement: str, keys: Collection[bytes]) -> Iterator[Any]:
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    ordered = tuple(keys)
    for start in range(0, len(ordered), LIST_LIMIT):
        some = ordered[start : start + LIST_LIMIT]
        yield from connection.exec_driver_sql(statement.replace(":keys", ",".join([mark] * len(some))), some).all()
