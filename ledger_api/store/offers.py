"""Offers of owners to buyers: the newest of an item and a buyer counts."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select
from sqlmodel import SQLModel

from ledger_api import tables  # noqa: F401  # the import makes the tables known to the metadata

_OFFERS = SQLModel.metadata.tables["offers"]
_THIS = (_OFFERS.c.item == bindparam("of_item")) & (_OFFERS.c.buyer == bindparam("to_buyer"))
_FOUND = select(_OFFERS).where(_THIS)
_GONE = delete(_OFFERS).where(_THIS)


def keep(connection: Connection, offer: dict[str, Any], *, now: datetime) -> None:
    take_back(connection, offer["item"], offer["buyer"])
    connection.execute(insert(_OFFERS), offer | {"created_at": now})


def take_back(connection: Connection, item: bytes, buyer: bytes) -> bool:
    return connection.execute(_GONE, {"of_item": item, "to_buyer": buyer}).rowcount > 0


def find(connection: Connection, item: bytes, buyer: bytes) -> Any | None:
    return connection.execute(_FOUND, {"of_item": item, "to_buyer": buyer}).first()
