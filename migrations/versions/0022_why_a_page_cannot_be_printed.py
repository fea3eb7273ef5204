"""Why an invoice's document cannot be printed: nothing waits for it any more, and a person is asked."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("invoices", sa.Column("print_error", sa.String(), nullable=True))
