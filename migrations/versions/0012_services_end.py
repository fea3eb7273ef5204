"""The ending of a service is a row of its own, with its history; the credit note of an ending at once names it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_OPEN = "status IN ('ending', 'scheduled')"


def upgrade() -> None:
    _create_endings()
    _create_history()
    op.add_column("invoices", sa.Column("ending_id", sa.String(), nullable=True))
    op.create_foreign_key(op.f("fk_invoices_ending_id"), "invoices", "endings", ["ending_id"], ["id"])
    op.create_unique_constraint(op.f("uq_invoices_ending_id"), "invoices", ["ending_id"])
    op.drop_constraint(op.f("ck_invoices_one_cause"), "invoices")
    op.create_check_constraint(
        op.f("ck_invoices_one_cause"), "invoices", "num_nonnulls(change_id, renewal_id, corrects_id, ending_id) = 1"
    )


def _create_endings() -> None:
    moment, whole, text = sa.DateTime(timezone=True), sa.BigInteger(), sa.String()
    now = sa.text("clock_timestamp()")
    op.create_table(
        "endings",
        *(sa.Column(name, text, nullable=False) for name in ("id", "provider_id", "service_id", "customer_id")),
        *(sa.Column(name, text, nullable=False) for name in ("status", "at", "idempotency_key", "request_sha256")),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        *(sa.Column(name, text, nullable=False) for name in ("channel", "plan")),
        sa.Column("received_at", moment, nullable=False),
        sa.Column("ended_at", moment, nullable=True),
        *(sa.Column(name, whole, nullable=False) for name in ("credit_minor", "lost_minor")),
        sa.Column("generation", whole, nullable=True),
        sa.Column("created_at", moment, server_default=now, nullable=False),
        sa.Column("lease_until", moment, nullable=True),
        sa.Column("fence", whole, nullable=False),
        sa.Column("next_attempt_at", moment, server_default=now, nullable=True),
        sa.Column("attempts", whole, server_default="0", nullable=False),
        sa.Column("last_error", text, nullable=True),
        sa.CheckConstraint(
            "status IN ('scheduled', 'ending', 'ended', 'withdrawn')", name=op.f("ck_endings_status_is_known")
        ),
        sa.CheckConstraint("at IN ('period_end', 'now')", name=op.f("ck_endings_at_is_known")),
        sa.CheckConstraint("credit_minor >= 0 AND lost_minor >= 0", name=op.f("ck_endings_not_negative")),
        *(
            sa.ForeignKeyConstraint([f"{to}_id"], [f"{to}s.id"], name=op.f(f"fk_endings_{to}_id"))
            for to in ("provider", "service", "customer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_endings")),
        sa.UniqueConstraint("provider_id", "idempotency_key", name=op.f("uq_endings_provider_id_idempotency_key")),
    )
    op.create_index(op.f("ix_endings_service_id"), "endings", ["service_id"])
    op.create_index("uq_endings_one_open", "endings", ["service_id"], unique=True, postgresql_where=sa.text(_OPEN))
    op.create_index(
        "ix_endings_pending",
        "endings",
        ["next_attempt_at"],
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )


def _create_history() -> None:
    op.create_table(
        "ending_moves",
        sa.Column("ending_id", sa.String(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("from_status", sa.String(), nullable=True),
        sa.Column("to_status", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column(
            "recorded_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(["ending_id"], ["endings.id"], name=op.f("fk_ending_moves_ending_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ending_moves")),
    )
    op.create_index(op.f("ix_ending_moves_ending_id"), "ending_moves", ["ending_id"])
    op.execute(
        "CREATE TRIGGER ending_moves_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ending_moves "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite_history()"
    )
