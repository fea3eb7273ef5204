"""A refund that was confirmed may come back: until when its payment is fetched now and then.

Confirmed refunds of the last 60 days, the longest that an adapter says, are watched from now on, too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payments", sa.Column("refunds_watched_until", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        """
        UPDATE payments SET refunds_watched_until = newest.at + interval '60 days'
        FROM (
            SELECT of_payment_id, max(created_at) AS at FROM payments WHERE kind = 'refund' GROUP BY of_payment_id
        ) newest, connections
        WHERE payments.id = newest.of_payment_id AND newest.at > clock_timestamp() - interval '60 days'
            AND connections.id = payments.connection_id AND connections.adapter <> 'manual'
        """
    )
