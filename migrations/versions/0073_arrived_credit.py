"""Account credit that has come is looked at once: what of the customer's that is open does it pay?"""

import sqlalchemy as sa
from alembic import op

revision = "0073"
down_revision = "0072"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "arrived_credits",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column(
            "next_attempt_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=True
        ),
        sa.Column("enqueued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_arrived_credits_provider_id")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_arrived_credits_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arrived_credits")),
        sa.UniqueConstraint(
            "provider_id", "customer_id", "currency", name=op.f("uq_arrived_credits_provider_id_customer_id_currency")
        ),
    )
    op.create_index(op.f("ix_arrived_credits_customer_id"), "arrived_credits", ["customer_id"])
    op.create_index(
        "ix_arrived_credits_pending",
        "arrived_credits",
        ["provider_id", "next_attempt_at"],
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.create_index(
        "ix_arrived_credits_given_up",
        "arrived_credits",
        ["id"],
        postgresql_where=sa.text("next_attempt_at IS NULL AND arrived_at IS NOT NULL"),
    )
