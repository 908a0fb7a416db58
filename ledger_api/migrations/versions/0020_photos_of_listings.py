"""Photos of listings: whose desk looks at them, their place in the line, and a review for each time that something new is flagged."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("listings", sa.Column("authenticator", sa.LargeBinary(), nullable=True))
    op.drop_table("listing_photos")  # no door has written any
    op.create_table(
        "listing_photos",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("listing", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("original", sa.String(length=64), nullable=False),
        sa.Column("shown", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("listing_photos_number", "listing_photos", ["listing", "number"], unique=True)
    op.create_index("listing_photos_original", "listing_photos", ["original"], unique=False)
    op.create_index("listing_photos_shown", "listing_photos", ["shown"], unique=False)
    _partial("listing_photos_waiting", "listing_photos", ["created_at", "id"], "state = 'waiting' AND number IS NOT NULL")
    _partial("listing_photos_forgotten", "listing_photos", ["id"], "number IS NULL")
    op.drop_index("reviews_subject", table_name="reviews")
    op.create_index("reviews_subject", "reviews", ["kind", "subject"], unique=False)
    _partial("reviews_waiting", "reviews", ["kind", "subject"], "state = 'waiting'", unique=True)


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
