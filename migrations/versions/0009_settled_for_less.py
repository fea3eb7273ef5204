"""A change that is paid on a later day than it was priced for keeps both: the quote, and what it was settled for."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plan_changes", sa.Column("settled_quote", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
