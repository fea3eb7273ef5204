"""What the sweep and the scans look for is found by an index, however long the history; a row says when its message was
sent. On large tables that are in use: columns without a rewrite, indexes without a lock that anybody waits for, and
each statement by itself, so that what was interrupted is simply run again."""

from alembic import op

from migrations.online import build_index

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None

PENDING = "next_attempt_at IS NOT NULL"
TABLES = (
    "endings",
    "inbox_events",
    "invoices",
    "outbox_messages",
    "payment_attempts",
    "plan_changes",
    "refunds",
    "services",
)
IN_HAND = "status IN ('applying', 'invoiced', 'paid', 'quoted', 'requested')"
OFFERED = "status IN ('awaiting_payment', 'invoiced', 'quoted')"
IN_REVIEW = "status = 'awaiting_review'"
UNWARNED = "status = 'scheduled' AND warned_at IS NULL"
OPEN = "status IN ('applying', 'awaiting_payment', 'awaiting_review', 'invoiced', 'paid', 'quoted', 'requested')"
# Name, table, columns, condition. One that replaces an index of its name is built beside it first.
INDEXES = (
    ("ix_plan_changes_pending", "plan_changes", ["provider_id", "next_attempt_at"], f"{PENDING} AND {IN_HAND}"),
    ("ix_plan_changes_offers", "plan_changes", ["provider_id", "payable_until"], f"{PENDING} AND {OFFERED}"),
    ("ix_plan_changes_reviews", "plan_changes", ["provider_id", "review_until"], f"{PENDING} AND {IN_REVIEW}"),
    ("ix_plan_changes_unwarned", "plan_changes", ["provider_id", "effective_at"], UNWARNED),
    ("ix_plan_changes_stuck", "plan_changes", ["provider_id"], "status = 'stuck'"),
    ("ix_plan_changes_given_up", "plan_changes", ["id"], f"next_attempt_at IS NULL AND {OPEN}"),
    ("ix_services_renewing", "services", ["provider_id", "period_end"], f"{PENDING} AND status = 'active'"),
    ("ix_services_given_up", "services", ["id"], "next_attempt_at IS NULL AND status = 'active'"),
    ("ix_endings_pending", "endings", ["provider_id", "next_attempt_at"], f"{PENDING} AND status = 'ending'"),
    ("ix_endings_to_end", "endings", ["provider_id"], f"{PENDING} AND status = 'scheduled'"),
    ("ix_endings_given_up", "endings", ["id"], "next_attempt_at IS NULL AND status IN ('ending', 'scheduled')"),
    ("ix_payment_attempts_pending", "payment_attempts", ["provider_id", "next_attempt_at"], PENDING),
    (
        "ix_payment_attempts_given_up",
        "payment_attempts",
        ["id"],
        "status = 'failed' OR next_attempt_at IS NULL AND status IN ('creating', 'canceling')",
    ),
    (
        "ix_payment_attempts_unresolved",
        "payment_attempts",
        ["polled_at NULLS FIRST"],
        "status IN ('action_required', 'canceling', 'creating', 'open', 'pending')",
    ),
    ("ix_refunds_unconfirmed", "refunds", ["payment_id"], "status = 'pending'"),
    ("ix_payments_watched", "payments", ["refunds_watched_until"], "refunds_watched_until IS NOT NULL"),
    ("ix_refunds_pending", "refunds", ["provider_id", "next_attempt_at"], PENDING),
    ("ix_refunds_given_up", "refunds", ["id"], "to_decide_minor > 0 OR next_attempt_at IS NULL AND status = 'sending'"),
    ("ix_invoices_pending", "invoices", ["provider_id", "next_attempt_at"], PENDING),
    (
        "ix_invoices_given_up",
        "invoices",
        ["id"],
        "next_attempt_at IS NULL AND attempts > 0 OR print_error IS NOT NULL AND voided_at IS NULL",
    ),
    (
        "ix_invoices_remind_at",
        "invoices",
        ["provider_id", "remind_at"],
        "remind_at IS NOT NULL AND settled_at IS NULL AND voided_at IS NULL",
    ),
    ("ix_invoices_past_due_at", "invoices", ["provider_id", "past_due_at"], "past_due_at IS NOT NULL"),
    ("ix_outbox_messages_pending", "outbox_messages", ["provider_id", "next_attempt_at"], PENDING),
    ("ix_outbox_messages_given_up", "outbox_messages", ["id"], "next_attempt_at IS NULL AND sent_at IS NULL"),
    ("ix_inbox_events_pending", "inbox_events", ["provider_id", "next_attempt_at"], PENDING),
    ("ix_inbox_events_given_up", "inbox_events", ["id"], "status = 'dead'"),
    ("ix_ledger_balances_held", "ledger_balances", ["provider_id", "owner"], "account = 'held' AND balance_minor > 0"),
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for table in TABLES:
            op.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS enqueued_at timestamptz")
        op.execute("ALTER TABLE invoices ADD COLUMN IF NOT EXISTS past_due_at timestamptz")
        for name, table, columns, where in INDEXES:
            build_index(name, table, columns, where)
        build_index("ix_inbox_events_recorded_at", "inbox_events", ["recorded_at"], None, using="brin")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_services_period_end")
        op.execute(
            "UPDATE invoices SET past_due_at = due_at WHERE kind = 'invoice' AND change_id IS NULL"
            " AND settled_at IS NULL AND voided_at IS NULL AND past_due_at IS NULL"
        )
