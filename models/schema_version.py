"""Which version the database's schema has, and which one this code wants: known without Alembic, whose import takes
longer than the answer."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

_VERSIONS = Path(__file__).parent.parent / "migrations" / "versions"


def wanted_version() -> str:
    """That of the last migration: its file's name begins with it."""
    return max(file.name.partition("_")[0] for file in _VERSIONS.glob("[0-9]*.py"))


def version_of(session: Session) -> str | None:
    """None: nothing was ever migrated there."""
    if session.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    version: str | None = session.scalar(text("SELECT version_num FROM alembic_version"))
    return version
