"""Lists are served by an index however long the history, and so is the search for what is kept for a time only. On
large tables that are in use: indexes without a lock that anybody waits for, each statement by itself, so that what was
interrupted is simply run again."""

from alembic import op

from migrations.online import build_index

revision = "0090"
down_revision = "0075"
branch_labels = None
depends_on = None

UNMATCHED = "outcome = 'unmatched' AND kind = 'payment'"
# Name, table, columns, condition. One that replaces an index of its name is built beside it first.
INDEXES = (
    ("ix_customers_listed", "customers", ["provider_id", "id"], None),
    ("ix_customers_email", "customers", ["provider_id", "email", "id"], None),
    ("ix_services_listed", "services", ["provider_id", "id"], None),
    ("ix_services_in_status", "services", ["provider_id", "status", "id"], None),
    ("ix_services_created_at", "services", ["provider_id", "created_at", "id"], None),
    ("ix_services_customer_id", "services", ["customer_id", "id"], None),
    ("ix_services_of_customer", "services", ["customer_id", "ref"], None),
    ("ix_plan_changes_listed", "plan_changes", ["provider_id", "id"], None),
    ("ix_plan_changes_in_status", "plan_changes", ["provider_id", "status", "id"], None),
    ("ix_plan_changes_received_at", "plan_changes", ["provider_id", "received_at", "id"], None),
    ("ix_plan_changes_customer_id", "plan_changes", ["customer_id", "id"], None),
    ("ix_plan_changes_service_id", "plan_changes", ["service_id", "id"], None),
    ("ix_plan_changes_accepted_quote_id", "plan_changes", ["accepted_quote_id"], "accepted_quote_id IS NOT NULL"),
    ("ix_invoices_listed", "invoices", ["provider_id", "id"], None),
    ("ix_invoices_open", "invoices", ["provider_id", "id"], "settled_at IS NULL AND voided_at IS NULL"),
    ("ix_invoices_void", "invoices", ["provider_id", "id"], "voided_at IS NOT NULL"),
    ("ix_invoices_issued_at", "invoices", ["provider_id", "issued_at", "id"], None),
    ("ix_invoices_number", "invoices", ["provider_id", "lower(number)"], None),
    ("ix_invoices_customer_id", "invoices", ["customer_id", "id"], None),
    ("ix_invoices_service_id", "invoices", ["service_id", "id"], None),
    ("ix_payments_listed", "payments", ["provider_id", "id"], None),
    ("ix_payments_unmatched", "payments", ["provider_id", "id"], UNMATCHED),
    ("ix_payments_event_id", "payments", ["event_id"], "event_id IS NOT NULL"),
    ("ix_refunds_gateway_ref", "refunds", ["provider_id", "gateway_ref"], "gateway_ref IS NOT NULL"),
    ("ix_inbox_events_listed", "inbox_events", ["provider_id", "id"], None),
    ("ix_inbox_events_in_status", "inbox_events", ["provider_id", "status", "id"], "status <> 'processed'"),
    ("ix_inbox_events_conflicting", "inbox_events", ["provider_id", "id"], "conflicting"),
    ("ix_outbox_messages_customer_id", "outbox_messages", ["customer_id", "id"], None),
    ("ix_operator_actions_listed", "operator_actions", ["provider_id", "id"], None),
    # What is kept for a time.
    ("ix_inbox_events_bodies", "inbox_events", ["recorded_at"], "status IN ('ignored', 'processed') AND body <> ''"),
    ("ix_outbox_messages_words", "outbox_messages", ["sent_at"], "sent_at IS NOT NULL AND recipient <> ''"),
    ("ix_quotes_created_at", "quotes", ["created_at"], "NOT taken"),
    ("ix_rejected_messages_recorded_at", "rejected_messages", ["recorded_at"], None),
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE quotes ADD COLUMN IF NOT EXISTS taken boolean DEFAULT false NOT NULL")
        for name, table, columns, where in INDEXES:
            build_index(name, table, columns, where)
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_payments_provider_id")
