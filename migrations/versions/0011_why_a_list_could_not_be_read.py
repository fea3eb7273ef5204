"""A connection knows why its gateway's list of events could not be read."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("connections", sa.Column("list_error", sa.String(), nullable=True))
