"""A row names the last move of its history: one statement writes both."""

import sqlalchemy as sa
from alembic import op

revision = "0075"
down_revision = "0074"
branch_labels = None
depends_on = None

TABLES = ("plan_changes", "payment_attempts", "refunds", "services", "endings")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("last_move_id", sa.BigInteger(), nullable=True))
