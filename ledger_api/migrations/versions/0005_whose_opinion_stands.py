"""Whose opinion stands: since when a member is suspended or has its roles, opinions by their authors.

Passports tell of it, so every one is made again by the indexer. What happened before is filled in by `ledger rebuild`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("organizations", sa.Column("suspended_block", sa.BigInteger(), autoincrement=False, nullable=True))
    op.add_column("organizations", sa.Column("roles_block", sa.BigInteger(), autoincrement=False, nullable=True))
    opinions = sa.text("kind IN (7, 8, 10, 15)")
    op.create_index("records_opinions", "records", ["organization"], unique=False, sqlite_where=opinions, postgresql_where=opinions)
    op.execute("INSERT INTO refreshes (item) SELECT item FROM items WHERE true ON CONFLICT DO NOTHING")
