"""Offers of owners to buyers: the newest of an item and a buyer counts."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, text
from sqlmodel import SQLModel

from ledger_api import tables  # noqa: F401  # the import makes the tables known to the metadata

_OFFERS = SQLModel.metadata.tables["offers"]
_THIS = (_OFFERS.c.item == bindparam("of_item")) & (_OFFERS.c.buyer == bindparam("to_buyer"))
_FOUND = select(_OFFERS).where(_THIS)
_KEEP = text(
    "INSERT INTO offers (item, buyer, head, old_holder, deadline, signature, created_at)"
    " VALUES (:item, :buyer, :head, :old_holder, :deadline, :signature, :created_at)"
    " ON CONFLICT (item, buyer) DO UPDATE SET head = excluded.head, old_holder = excluded.old_holder, deadline = excluded.deadline,"
    " signature = excluded.signature, created_at = excluded.created_at"
).bindparams(bindparam("created_at", type_=_OFFERS.c.created_at.type))


def keep(connection: Connection, offer: dict[str, Any], *, now: datetime) -> None:
    connection.execute(_KEEP, offer | {"created_at": now})


def find(connection: Connection, item: bytes, buyer: bytes) -> Any | None:
    return connection.execute(_FOUND, {"of_item": item, "to_buyer": buyer}).first()
