"""What running it asks for: the cost of what landed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("transactions", sa.Column("gas_used", sa.BigInteger(), autoincrement=False, nullable=True))
    op.add_column("transactions", sa.Column("gas_price_wei", sa.BigInteger(), autoincrement=False, nullable=True))
