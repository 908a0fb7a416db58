"""Booked verification: stores, campaigns, bookings, invitations, places, labels."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "booking_invitations",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("booking", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index("booking_invitations_code", "booking_invitations", ["code_hash"], unique=True)
    op.create_index("booking_invitations_party", "booking_invitations", ["booking", "role"], unique=True)
    op.create_table(
        "booking_journal",
        sa.Column("booking", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("why", sa.String(length=64), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("booking", "number"),
    )
    op.create_table(
        "booking_marks",
        sa.Column("booking", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("store", sa.String(length=32), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("booking", "role", "store", "starts_at"),
    )
    op.create_table(
        "booking_places",
        sa.Column("store", sa.String(length=32), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("booking", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("store", "starts_at", "number"),
    )
    op.create_index("booking_places_booking", "booking_places", ["booking"], unique=True)
    op.create_table(
        "bookings",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("platform", sa.LargeBinary(), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("organization", sa.LargeBinary(), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=True),
        sa.Column("price_cents", sa.Integer(), nullable=False),
        sa.Column("stores", sa.Text(), nullable=False),
        sa.Column("order", sa.Text(), nullable=False),
        sa.Column("item", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settle_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=True),
        sa.Column("store", sa.String(length=32), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seller_came_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("buyer_came_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("buyer_key", sa.LargeBinary(), nullable=True),
        sa.Column("hold_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hold_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hold_event", sa.LargeBinary(), nullable=True),
        sa.Column("resale_consent", sa.Text(), nullable=True),
        sa.Column("case", sa.String(length=32), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("plan", sa.Integer(), nullable=False),
        sa.Column("release_event", sa.LargeBinary(), nullable=True),
        sa.Column("resale_event", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("bookings_case", "bookings", ["case"], unique=False)
    op.create_index("bookings_due", "bookings", ["state", "due_at"], unique=False)
    op.create_index("bookings_platform", "bookings", ["platform", "id"], unique=False)
    op.create_index("bookings_reference", "bookings", ["platform", "reference"], unique=True)
    op.create_index("bookings_store", "bookings", ["store", "starts_at"], unique=False)
    op.create_table(
        "campaigns",
        sa.Column("tag", sa.String(length=64), nullable=False),
        sa.Column("shown", sa.String(length=64), nullable=False),
        sa.Column("organization", sa.LargeBinary(), nullable=False),
        sa.Column("stores", sa.Text(), nullable=True),
        sa.Column("price_cents", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tag"),
    )
    op.create_index("campaigns_organization", "campaigns", ["organization"], unique=False)
    op.create_table(
        "labels",
        sa.Column("serial", sa.String(length=16), nullable=False),
        sa.Column("organization", sa.LargeBinary(), nullable=False),
        sa.Column("store", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("item", sa.LargeBinary(), nullable=True),
        sa.Column("booking", sa.String(length=32), nullable=True),
        sa.Column("case", sa.String(length=32), nullable=True),
        sa.Column("verdict_event", sa.LargeBinary(), nullable=True),
        sa.Column("by", sa.String(length=16), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("serial"),
    )
    op.create_index("labels_booking", "labels", ["booking"], unique=False)
    op.create_index("labels_item", "labels", ["item", "activated_at"], unique=False)
    op.create_index(
        "labels_one_live_for_each_item",
        "labels",
        ["item"],
        unique=True,
        sqlite_where=sa.text("state = 'live'"),
        postgresql_where=sa.text("state = 'live'"),
    )
    op.create_index("labels_store", "labels", ["organization", "store", "state"], unique=False)
    op.create_table(
        "stores",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organization", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("stores_organization", "stores", ["organization", "id"], unique=False)
    op.add_column("cases", sa.Column("booking", sa.String(length=32), nullable=True))
