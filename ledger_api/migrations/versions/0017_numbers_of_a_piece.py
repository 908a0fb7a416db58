"""Cases keep a piece's numbers beside its serial: a watch's reference and movement, a car's VIN."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cases", sa.Column("references", sa.Text(), nullable=True))
