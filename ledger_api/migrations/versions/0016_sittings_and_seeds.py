"""Browsers in which somebody of the desk is signed in; which case a test case was made from."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "desk_sittings",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index("desk_sittings_expiry", "desk_sittings", ["expires_at"])
    op.add_column("cases", sa.Column("seed_of", sa.String(length=32), nullable=True))
    op.create_index("cases_seed", "cases", ["seed_of"])
    op.create_index("cases_known", "cases", ["authenticator", "known_outcome", "id"])
