"""Every status is one that its machine knows, and attempts, refunds and services keep their histories.

A row from before begins its history here, with the status that it has. A refund that the gateway has is `pending`, as
a payment on its way is.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# (table, column of the history for its id); its history is its name in the singular with `_moves`.
HISTORIES = (("payment_attempts", "attempt_id"), ("refunds", "refund_id"), ("services", "service_id"))
STATUSES = {
    "plan_changes": (
        "requested quoted invoiced awaiting_payment paid applying applied scheduled awaiting_review refused expired"
        " canceled superseded stuck compensated reversed"
    ),
    "payment_attempts": ("creating open action_required pending succeeded failed declined expired canceling canceled"),
    "refunds": "sending pending succeeded failed",
    "inbox_events": "received parked retry processed ignored poison dead",
    "services": "pending active past_due suspended canceled terminated",
}


def upgrade() -> None:
    op.execute("UPDATE refunds SET status = 'pending' WHERE status = 'sent'")
    for table, statuses in STATUSES.items():
        listed = ", ".join(f"'{status}'" for status in statuses.split())
        op.create_check_constraint(op.f(f"ck_{table}_status_is_known"), table, f"status IN ({listed})")
    op.create_check_constraint(
        op.f("ck_invoices_settled_is_never_void"), "invoices", "settled_at IS NULL OR voided_at IS NULL"
    )
    for table, column in HISTORIES:
        history = f"{table.removesuffix('s')}_moves"
        op.create_table(
            history,
            sa.Column(column, sa.String(), nullable=False),
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
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_{history}_{column}")),
            sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{history}")),
        )
        op.create_index(op.f(f"ix_{history}_{column}"), history, [column])
        op.execute(
            f"INSERT INTO {history} ({column}, event, to_status, at, actor, reason)"
            f" SELECT id, 'known', status, created_at, 'system', 'older than its history' FROM {table}"
        )
        op.execute(
            f"CREATE TRIGGER {history}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {history} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite_history()"
        )
