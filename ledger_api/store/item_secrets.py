"""The secrets that item keys are made with: one for each organization and item, kept until it is destroyed."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, bindparam, delete, select, text
from sqlmodel import SQLModel

from ledger_api import tables  # noqa: F401  # the import makes the tables known to the metadata
from ledger_api.store.records import LIST_LIMIT

_table = SQLModel.metadata.tables["item_secrets"]
_READ = select(_table.c.item, _table.c.secret).where(
    _table.c.organization == bindparam("organization"), _table.c.item.in_(bindparam("items", expanding=True))
)
_KEEP = text("INSERT INTO item_secrets (organization, item, secret) VALUES (:organization, :item, :secret) ON CONFLICT DO NOTHING")


def read(connection: Connection, organization: bytes, items: Collection[bytes]) -> dict[bytes, bytes]:
    """By item; no entry where none was drawn, or it was destroyed."""
    ordered, found = list(items), dict[bytes, bytes]()
    for start in range(0, len(ordered), LIST_LIMIT):
        asked = {"organization": organization, "items": ordered[start : start + LIST_LIMIT]}
        found.update((bytes(item), bytes(secret)) for item, secret in connection.execute(_READ, asked))
    return found


def keep(connection: Connection, organization: bytes, drawn: Mapping[bytes, bytes]) -> None:
    """The first one stands. In the order of the items, so that two lists of the same items cannot wait for each other in a circle."""
    rows = [{"organization": organization, "item": item, "secret": drawn[item]} for item in sorted(drawn)]
    if rows:
        connection.execute(_KEEP, rows)


def destroy(connection: Connection, organization: bytes, item: bytes) -> None:
    connection.execute(delete(_table).where(_table.c.organization == organization, _table.c.item == item))
