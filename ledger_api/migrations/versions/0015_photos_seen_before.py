"""Marks of photos, by which one that was seen before is recognised."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "photo_prints",
        sa.Column("photo", sa.Integer(), nullable=False),
        sa.Column("shot", sa.String(length=32), nullable=False),
        sa.Column("version", sa.String(length=16), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("marks", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("photo"),
        sa.UniqueConstraint("shot"),
    )
    op.create_table(
        "photo_marks",
        sa.Column("photo", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("hash", sa.BigInteger(), nullable=False),
        sa.Column("a", sa.Integer(), nullable=False),
        sa.Column("b", sa.Integer(), nullable=False),
        sa.Column("c", sa.Integer(), nullable=False),
        sa.Column("d", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("photo", "number"),
    )
    for band in "abcd":
        op.create_index(f"photo_marks_{band}", "photo_marks", [band, "photo", "hash"], unique=False)
