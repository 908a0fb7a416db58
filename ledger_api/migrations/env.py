"""Alembic's entry: runs the revisions on the connection that `upgrade` opened, and on no other."""

from alembic import context
from sqlmodel import SQLModel

from ledger_api import tables  # noqa: F401  # the import makes the tables known to the metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=SQLModel.metadata)
with context.begin_transaction():
    context.run_migrations()
