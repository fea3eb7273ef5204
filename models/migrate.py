"""Brings the database's schema to this version of the code."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from models.database import PooledMigration
from settings import settings


def alembic_config() -> Config:
    """Alembic's configuration; the scripts stand beside the package."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations"))
    return config


def migrate() -> None:
    """Runs every migration that the database has not seen. Harmless when there is none. Raises PooledMigration."""
    if settings().database_pooled:
        raise PooledMigration
    command.upgrade(alembic_config(), "head")
