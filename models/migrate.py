"""Brings the database's schema to this version of the code."""

from __future__ import annotations

import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy.exc import OperationalError

# A statement that waits for a lock makes all others wait behind it: it gives up soon, and comes again.
LOCK_ATTEMPTS, PAUSE_SECONDS = 30, 2.0
LOCKED = (LockNotAvailable, DeadlockDetected)


def alembic_config() -> Config:
    """Alembic's configuration; the scripts stand beside the package."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations"))
    return config


def migrate() -> None:
    """Runs every migration that the database has not seen. Harmless when there is none. On a busy database a lock may
    not be had in time; what was to wait for it is tried again. Raises OperationalError."""
    for attempt in range(LOCK_ATTEMPTS):
        try:
            command.upgrade(alembic_config(), "head")
            return
        except OperationalError as error:
            if not isinstance(error.orig, LOCKED) or attempt == LOCK_ATTEMPTS - 1:
                raise
            time.sleep(PAUSE_SECONDS)
