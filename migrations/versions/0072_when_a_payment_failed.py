"""When the gateway says that a payment failed, so that what came before it is told from what came after."""

import sqlalchemy as sa
from alembic import op

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payment_attempts", sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True))
