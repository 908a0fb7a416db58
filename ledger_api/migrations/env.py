"""Alembic's entry: runs the revisions on the connection that `upgrade` opened, and on no other."""

from alembic import context
from sqlmodel import SQLModel

from ledger_api.migrations import know_all_tables

know_all_tables()

context.configure(connection=context.config.attributes["connection"], target_metadata=SQLModel.metadata)
with context.begin_transaction():
    context.run_migrations()
