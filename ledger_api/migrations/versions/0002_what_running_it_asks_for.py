"""What running it asks for: the cost of what landed, retries that outlive a process, dead letters, counters."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("transactions", sa.Column("gas_used", sa.BigInteger(), autoincrement=False, nullable=True))
    op.add_column("transactions", sa.Column("gas_price_wei", sa.BigInteger(), autoincrement=False, nullable=True))
    op.create_index(
        "transactions_flying",
        "transactions",
        ["relayer", "nonce"],
        unique=False,
        sqlite_where=sa.text("status IN ('saved', 'sent')"),
        postgresql_where=sa.text("status IN ('saved', 'sent')"),
    )
    op.create_index("transactions_costs", "transactions", ["gas_used", "gas_price_wei", "status"], unique=False)
    op.add_column("events", sa.Column("failures", sa.Integer(), nullable=True))
    op.add_column("events", sa.Column("retry_block", sa.BigInteger(), autoincrement=False, nullable=True))
    op.add_column("events", sa.Column("parked", sa.Integer(), nullable=True))
    _partial_index("events_parked", "parked", "parked IS NOT NULL")
    _partial_index("events_unit", "unit", "unit IS NOT NULL")
    op.drop_index("ix_events_batch", "events")
    _partial_index("events_batch", "batch", "batch IS NOT NULL")
    _partial_index("events_failing", "retry_block", "retry_block IS NOT NULL")
    op.drop_index("events_unbatched", "events")
    _partial_index("events_unbatched", "id", "status = 'accepted' AND batch IS NULL AND parked IS NULL")
    op.create_table(
        "tallies",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", "label"),
    )


def _partial_index(name: str, column: str, where: str) -> None:
    op.create_index(name, "events", [column], unique=False, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
