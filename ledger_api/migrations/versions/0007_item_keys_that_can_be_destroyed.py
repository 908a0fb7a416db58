"""Secrets for each organization's item keys. What was recorded before keeps keys that follow from the blinding key alone: empty secrets."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "item_secrets",
        sa.Column("organization", sa.LargeBinary(), nullable=False),
        sa.Column("item", sa.LargeBinary(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("organization", "item"),
    )
    op.create_table(
        "secret_buckets",
        sa.Column("organization", sa.LargeBinary(), nullable=False),
        sa.Column("bucket", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("organization", "bucket"),
    )
    empty = sa.literal(b"", sa.LargeBinary())
    payloads = sa.table("payloads", sa.column("organization"), sa.column("item"), sa.column("epoch"), sa.column("erased_at"))
    kept = sa.select(payloads.c.organization, payloads.c.item, empty).distinct()
    alive = kept.where(payloads.c.epoch > 0, payloads.c.erased_at.is_(None))
    secrets = sa.table("item_secrets", sa.column("organization"), sa.column("item"), sa.column("secret"))
    op.execute(secrets.insert().from_select(["organization", "item", "secret"], alive))
