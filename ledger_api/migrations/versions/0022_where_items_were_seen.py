"""What is too old to be a sign of a clone is forgotten, and found by its hour."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("item_seen_hour", "item_seen", ["hour"], unique=False)
