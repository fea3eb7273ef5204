"""A notice is about any row, and reminders of one bill are told apart; a bill knows when its customer is reminded."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint("uq_outbox_messages_change_id_event_channel", "outbox_messages", type_="unique")
    op.drop_constraint("fk_outbox_messages_change_id", "outbox_messages", type_="foreignkey")
    op.alter_column("outbox_messages", "change_id", new_column_name="subject")
    op.add_column("outbox_messages", sa.Column("occasion", sa.BigInteger(), server_default="1", nullable=False))
    op.create_unique_constraint(
        op.f("uq_outbox_messages_subject_event_channel_occasion"),
        "outbox_messages",
        ["subject", "event", "channel", "occasion"],
    )
    op.add_column("invoices", sa.Column("remind_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("invoices", sa.Column("reminders", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index(
        op.f("ix_invoices_remind_at"), "invoices", ["remind_at"], postgresql_where=sa.text("remind_at IS NOT NULL")
    )
