"""Disputes that nobody has ruled on, with what their authors said: for whoever has to rule."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, bindparam, text

from ledger_api.tables import IS_DISPUTE

# an item has one open dispute at most: while it stands the contract takes no other
_OPEN = text(
    "SELECT told.item, told.sequence, told.organization, told.occurred_at, told.detail, items.brand, items.state, payloads.body"
    f" FROM (SELECT * FROM records WHERE {IS_DISPUTE}) AS told JOIN items ON items.item = told.item"
    " LEFT JOIN payloads ON payloads.event_id = told.event_id AND payloads.erased_at IS NULL"
    " WHERE told.item > :after AND (:is_any OR items.brand IN :brands) AND NOT EXISTS (SELECT 1 FROM records AS later"
    " WHERE later.item = told.item AND later.sequence > told.sequence AND later.kind IN (9, 10))"
    " ORDER BY told.item LIMIT :most"
).bindparams(bindparam("brands", expanding=True))


class Contested(NamedTuple):
    """`said`: the payload as it was committed; empty where only somebody else has it."""

    item: bytes
    sequence: int
    organization: bytes
    occurred_at: int
    detail: bytes
    brand: bytes
    state: bytes
    said: dict[str, Any]


def newest(connection: Connection, brands: Sequence[bytes] | None, *, after: bytes, most: int) -> Sequence[Contested]:
    """The last dispute of each item without a ruling since, by item; `brands` None: everybody's. Whether it was lifted, the state says."""
    asked = {"brands": list(brands or [b""]), "is_any": brands is None, "after": after, "most": most}
    return [_contested(row) for row in connection.execute(_OPEN, asked)]


def _contested(row: Any) -> Contested:
    found = row._mapping
    said = {"said": orjson.loads(found["body"] or b"{}")}
    return Contested(**{name: found[name] for name in Contested._fields[:-1]} | said)
