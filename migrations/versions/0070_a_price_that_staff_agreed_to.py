"""The price of one unit that staff agreed to when they approved a change."""

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plan_changes", sa.Column("approved_unit_minor", sa.BigInteger(), nullable=True))
