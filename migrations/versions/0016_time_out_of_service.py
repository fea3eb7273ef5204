"""What a service's host reported is remembered, and so is what became of its period when it was out of service.

Of a service from before it is not known what was reported at its creation: its next report is remembered as that.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("services", sa.Column("reported", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    for table, column, value in (
        ("services", sa.Column("anchor_assumed", sa.Boolean()), sa.true()),
        ("services", sa.Column("moved_days", sa.BigInteger()), sa.text("0")),
        ("billed_items", sa.Column("moved_days", sa.BigInteger()), sa.text("0")),
    ):
        column.nullable, column.server_default = False, sa.DefaultClause(value)
        op.add_column(table, column)
        op.alter_column(table, column.name, server_default=None)
    _create_resumptions()


def _create_resumptions() -> None:
    moment, text, whole = sa.DateTime(timezone=True), sa.String(), sa.BigInteger()
    op.create_table(
        "resumptions",
        *(sa.Column(name, text, nullable=False) for name in ("id", "provider_id", "service_id", "policy", "outcome")),
        *(sa.Column(name, moment, nullable=False) for name in ("out_since", "resumed_at", "starts_at")),
        sa.Column("anchor_day", whole, nullable=False),
        sa.Column("anchor_time", sa.Time(), nullable=False),
        sa.Column("moved_days", whole, nullable=False),
        sa.Column("recorded_at", moment, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('kept', 'restarted', 'extended', 'reported')", name=op.f("ck_resumptions_outcome_is_known")
        ),
        sa.CheckConstraint("out_since <= resumed_at", name=op.f("ck_resumptions_runs_forward")),
        sa.CheckConstraint("moved_days >= 0", name=op.f("ck_resumptions_never_earlier")),
        *(
            sa.ForeignKeyConstraint([f"{to}_id"], [f"{to}s.id"], name=op.f(f"fk_resumptions_{to}_id"))
            for to in ("provider", "service")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resumptions")),
    )
    op.create_index(op.f("ix_resumptions_service_id"), "resumptions", ["service_id"])
    op.execute(
        "CREATE TRIGGER resumptions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON resumptions "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite_history()"
    )
