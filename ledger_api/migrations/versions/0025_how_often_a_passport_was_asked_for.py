"""Whoever asks for a passport that waits already is counted: who makes it at this moment may not know yet what it is asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("refreshes", sa.Column("asked", sa.Integer(), nullable=False, server_default="0"))
