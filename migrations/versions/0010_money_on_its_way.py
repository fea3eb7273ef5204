"""A payment attempt knows since when its money is on its way, and until when its bill waits for it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("pending_since", "pending_until"):
        op.add_column("payment_attempts", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.add_column("payment_attempts", sa.Column("outlasts", sa.Boolean(), server_default=sa.false(), nullable=False))
