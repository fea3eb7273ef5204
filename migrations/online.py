"""For migrations of large tables that are in use. Each call is a transaction of its own (`autocommit_block`) and may be
repeated after an interruption."""

from __future__ import annotations

from alembic import op


def build_index(name: str, table: str, columns: list[str], where: str | None, using: str = "btree") -> None:
    """Builds an index while the table is read and written, in place of the one of its name, if there is one. What an
    interrupted migration left half built is built again."""
    # It waits for transactions that began before it, and nobody waits for it.
    op.execute("SET lock_timeout = 0")
    op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}_new")
    on, condition = f"{table} USING {using} ({', '.join(columns)})", f" WHERE {where}" if where else ""
    op.execute(f"CREATE INDEX CONCURRENTLY {name}_new ON {on}{condition}")
    op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
    op.execute(f"ALTER INDEX {name}_new RENAME TO {name}")
    op.execute("SET lock_timeout = '2s'")
