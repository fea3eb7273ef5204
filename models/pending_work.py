"""The pending work of a row: when its next attempt is due, how many there were, the last error."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapped, mapped_column

# Of an error's text so much is kept.
ERROR_MAX = 2_000


class PendingWork:
    """`next_attempt_at` is machine time; null: nothing is left to do, or the row was given up. `attempts` counts how
    often the sweep has enqueued the row since it last moved, `last_error` is what a step raised last."""

    # An expression that is written comes back with the statement that wrote it.
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012

    next_attempt_at: Mapped[datetime | None] = mapped_column(server_default=func.clock_timestamp())
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    last_error: Mapped[str | None]

    def schedule_now(self) -> None:
        """The row has moved on: its next step is due now, and all its attempts are left."""
        machine_now: Any = func.clock_timestamp()
        self.next_attempt_at, self.attempts, self.last_error = machine_now, 0, None

    def unschedule(self) -> None:
        """Nothing is left to do."""
        self.next_attempt_at, self.attempts, self.last_error = None, 0, None


def error_text(error: Exception) -> str:
    """The exception as `Type: text`. A database names the values of a row in its details: they stay behind."""
    text = str(error)
    if isinstance(error, DBAPIError):
        diagnosis = getattr(error.orig, "diag", None)
        text = getattr(diagnosis, "message_primary", None) or type(error.orig).__name__
    return f"{type(error).__name__}: {text}"[:ERROR_MAX]
