"""Waiting for something to come about, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

PATIENCE_SECONDS = 60


class NotInTime(Exception):
    """What should have come about did not."""


def until(
    poll: Callable[[], Found | None], what: str, seconds: float = PATIENCE_SECONDS, pause_seconds: float = 0.1
) -> Found:
    """What `poll` finds, once that is not None. Raises NotInTime."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (found := poll()) is not None:
            return found
        time.sleep(pause_seconds)
    raise NotInTime(f"waited {seconds:g} s for {what}")
