"""Whoever searches for a part of a name, an address or a reference is served by an index of trigrams. The extension is
one that the owner of a database may create (PostgreSQL calls it trusted)."""

from alembic import op

from migrations.online import build_index

revision = "0091"
down_revision = "0090"
branch_labels = None
depends_on = None

COLUMNS = {"customers": ("name", "email", "ref"), "services": ("ref",)}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        for table, columns in COLUMNS.items():
            build_index(f"ix_{table}_parts", table, [f"{one} gin_trgm_ops" for one in columns], None, using="gin")
