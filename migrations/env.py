"""Alembic's entry: `planshift migrate` runs it against PLANSHIFT_DATABASE_URL."""

from typing import Any, Literal

from alembic import context

from models import metadata
from models.base import EncryptedList
from models.database import migrating


def _plain_type(kind: str, item: Any, autogen: Any) -> str | Literal[False]:
    """A migration must not change when a Python class does: it names the database's own type."""
    return "sa.LargeBinary()" if kind == "type" and isinstance(item, EncryptedList) else False


with migrating() as connection:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        compare_server_default=True,
        render_item=_plain_type,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
