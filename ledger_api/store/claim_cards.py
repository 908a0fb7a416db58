"""Claim cards made for shops, until the shop says that it has them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlmodel import SQLModel

from ledger_api import tables  # noqa: F401  # the import makes the tables known to the metadata
from ledger_api.store.erasing import overwrite

_CARDS = SQLModel.metadata.tables["claim_cards"]
_MINE = _CARDS.c.organization == bindparam("of_organization")
_BY_REQUEST = select(_CARDS).where(_MINE, _CARDS.c.request == bindparam("of_request"))
_BY_ID = select(_CARDS).where(_MINE, _CARDS.c.id == bindparam("of_id"))
_WAITING = (
    select(_CARDS).where(_MINE, _CARDS.c.salt.is_not(None), _CARDS.c.id > bindparam("after")).order_by(_CARDS.c.id).limit(bindparam("most"))
)
_FORGET = update(_CARDS).where(_MINE, _CARDS.c.id == bindparam("of_id"), _CARDS.c.salt.is_not(None))


def keep(connection: Connection, card: dict[str, Any]) -> None:
    """Raises sqlalchemy's IntegrityError when the same request was answered meanwhile."""
    connection.execute(insert(_CARDS), card)


def by_request(connection: Connection, organization: bytes, request: bytes) -> Any | None:
    return connection.execute(_BY_REQUEST, {"of_organization": organization, "of_request": request}).first()


def find(connection: Connection, organization: bytes, card: str) -> Any | None:
    return connection.execute(_BY_ID, {"of_organization": organization, "of_id": card}).first()


def waiting(connection: Connection, organization: bytes, *, after: str, most: int) -> Sequence[Any]:
    """Cards whose shop has not said that it has them, in the order in which they were made."""
    return connection.execute(_WAITING, {"of_organization": organization, "after": after, "most": most}).all()


def forget_secret(connection: Connection, organization: bytes, card: str, *, now: datetime) -> None:
    """Harmless to repeat: the time of the first acknowledgement stays. Overwritten, not only unlinked; `settle_files` once committed."""
    overwrite(connection)
    connection.execute(_FORGET.values(salt=None, acknowledged_at=now), {"of_organization": organization, "of_id": card})
