"""A mail knows its customer: where the address was wrong, it goes to the one that they have now."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0010"
branch_labels = None
depends_on = None

OF_SUBJECT = """
    UPDATE outbox_messages m SET customer_id = s.customer_id
    FROM (
        SELECT id, customer_id FROM plan_changes
        UNION ALL SELECT id, customer_id FROM invoices
        UNION ALL SELECT e.id, v.customer_id FROM endings e JOIN services v ON v.id = e.service_id
    ) s
    WHERE s.id = m.subject
"""


def upgrade() -> None:
    op.add_column("outbox_messages", sa.Column("customer_id", sa.String(), nullable=True))
    op.execute(OF_SUBJECT)
    op.alter_column("outbox_messages", "customer_id", nullable=False)
    op.create_foreign_key(
        op.f("fk_outbox_messages_customer_id"), "outbox_messages", "customers", ["customer_id"], ["id"]
    )
