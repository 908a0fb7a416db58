"""Forgetting what an organization said of an item: bodies, salts and the secret of its item key go, commitments stay, so that the history
still verifies."""

from datetime import datetime

from sqlalchemy import Connection, Engine, bindparam, select, update
from sqlmodel import SQLModel

from ledger_api import tables  # noqa: F401  # the import makes the tables known to the metadata
from ledger_api.store import item_secrets

_table = SQLModel.metadata.tables
_PAYLOADS = _table["payloads"]
EMPTY = "{}"

_ERASABLE = select(_PAYLOADS.c.event_id).where(
    _PAYLOADS.c.item == bindparam("item"), _PAYLOADS.c.organization == bindparam("organization"), _PAYLOADS.c.erased_at.is_(None)
)
_ERASE = (
    update(_PAYLOADS)
    .where(_PAYLOADS.c.item == bindparam("of_item"), _PAYLOADS.c.organization == bindparam("by"), _PAYLOADS.c.erased_at.is_(None))
    .values(body=EMPTY, salts=None, erased_at=bindparam("at"))
)


def erase_payloads(connection: Connection, *, organization: bytes, item: bytes, at: datetime) -> int:
    """How many payloads were erased; harmless to repeat. In SQLite what was there is overwritten, not only unlinked."""
    overwrite(connection)
    erased = len(connection.scalars(_ERASABLE, {"item": item, "organization": organization}).all())
    item_secrets.destroy(connection, organization, item)  # before the payloads, as whoever accepts an event asks for them
    connection.execute(_ERASE, {"of_item": item, "by": organization, "at": at})
    return erased


def overwrite(connection: Connection) -> None:
    """From now on SQLite writes zeros over what is deleted or replaced; `settle_files` once it is committed."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")


def settle_files(engine: Engine) -> None:
    """Fold SQLite's write-ahead log into its file and empty it: it may still hold the text. PostgreSQL does its own in VACUUM."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
