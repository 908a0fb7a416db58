"""What statistics ask for: opinions, and what disputes and corrects them, by the block that recorded them."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    told = sa.text("kind IN (7, 8, 9, 10, 15)")
    op.create_index("records_told", "records", ["block_number"], unique=False, sqlite_where=told, postgresql_where=told)
