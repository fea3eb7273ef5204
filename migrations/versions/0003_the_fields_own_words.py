"""Columns and indexes get the words of the field: attempts, last error, actor, reason, channel. No row is rewritten
but the few that hold such a word as a value."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

PENDING_WORK = (
    "plan_changes",
    "payment_attempts",
    "refunds",
    "invoices",
    "inbox_events",
    "outbox_messages",
    "services",
)
# (table, old name, new name), in this order: the inbox has an `attempts` of another meaning before.
COLUMNS = (
    ("inbox_events", "attempts", "match_attempts"),
    *(
        (table, old, new)
        for table in PENDING_WORK
        for old, new in (
            ("rings", "attempts"),
            ("ring_error", "last_error"),
            ("next_ring_at", "next_attempt_at"),
        )
    ),
    *(
        (table, old, new)
        for table in ("operator_actions", "number_gaps", "refunds")
        for old, new in (("who", "actor"), ("why", "reason"))
    ),
    ("plan_changes", "door", "channel"),
    ("payment_attempts", "asked_at", "polled_at"),
    ("documents", "engine", "renderer_version"),
)
# (table, column, old value, new value)
VALUES = (
    ("plan_changes", "channel", "http", "api"),
    ("plan_changes", "channel", "late_money", "system"),
    ("payments", "outcome", "given_back", "credit_refund"),
)


def upgrade() -> None:
    for table, old, new in COLUMNS:
        op.alter_column(table, old, new_column_name=new)
    for table in PENDING_WORK:
        if table != "services":  # it has none
            op.execute(f"ALTER INDEX ix_{table}_ring RENAME TO ix_{table}_pending")
    for table, column, old, new in VALUES:
        op.execute(f"UPDATE {table} SET {column} = '{new}' WHERE {column} = '{old}'")
