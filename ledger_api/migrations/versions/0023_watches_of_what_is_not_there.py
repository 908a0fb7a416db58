"""Watches of items that nobody knows yet, or that whoever asks may not see: met by what the question names them."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("watches") as watches:
        watches.alter_column("item", existing_type=sa.LargeBinary(), nullable=True)
        watches.add_column(sa.Column("gtin", sa.String(length=14), nullable=True))
        watches.add_column(sa.Column("serial", sa.String(length=20), nullable=True))
    op.create_index("watches_named", "watches", ["gtin", "serial"], unique=False)
