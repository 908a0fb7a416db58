"""Disputes by their items, so that whoever has to rule finds them."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    disputes = sa.text("kind = 9")
    op.create_index("records_disputes", "records", ["item"], unique=False, sqlite_where=disputes, postgresql_where=disputes)
