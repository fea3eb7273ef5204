"""Reconciliation asks first about the attempt that it has asked nothing about for longest: one that was polled before
does not wait for ever behind new ones."""

from alembic import op

from migrations.online import build_index

revision = "0092"
down_revision = "0091"
branch_labels = None
depends_on = None

UNRESOLVED = "status IN ('action_required', 'canceling', 'creating', 'open', 'pending')"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        build_index(
            "ix_payment_attempts_unresolved", "payment_attempts", ["coalesce(polled_at, created_at)"], UNRESOLVED
        )
