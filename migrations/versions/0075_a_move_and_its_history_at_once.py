"""A row names the last move of its history: one statement writes both. Each table by itself: a migration that holds one
while it waits for another would wait for a step that does so the other way round."""

from alembic import op

revision = "0075"
down_revision = "0074"
branch_labels = None
depends_on = None

TABLES = ("plan_changes", "payment_attempts", "refunds", "services", "endings")


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for table in TABLES:
            op.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS last_move_id bigint")
