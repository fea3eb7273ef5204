"""A refund may fail weeks after it succeeded: what a gateway reported as refunded, and what a person decides about."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payments", sa.Column("refunded_minor", sa.BigInteger(), nullable=True))
    op.add_column("payments", sa.Column("refunded_as_of", sa.DateTime(timezone=True), nullable=True))
    op.add_column("refunds", sa.Column("to_decide_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.create_check_constraint(
        op.f("ck_refunds_to_decide_in_amount"), "refunds", "to_decide_minor BETWEEN 0 AND amount_minor"
    )
