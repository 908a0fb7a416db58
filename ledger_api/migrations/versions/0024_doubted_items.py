"""Items that may be on several objects: whether their listings' platforms were told, and when to ask again."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "doubts",
        sa.Column("item", sa.LargeBinary(), nullable=False),
        sa.Column("suspected", sa.Boolean(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("item"),
    )
    op.create_index("doubts_due", "doubts", ["due_at"], unique=False)
