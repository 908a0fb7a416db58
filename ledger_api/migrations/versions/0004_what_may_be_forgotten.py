"""What may be forgotten: when a payload was erased. Its commitment stays."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payloads", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
