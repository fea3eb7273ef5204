"""What stands before every call to somebody else's network.

A process that does much at once installs a guard (worker/calls.py); elsewhere a call is simply made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class NoAnswer(Exception):
    """Nothing came that says what became of the call; the text says why, for the middle of a sentence."""


class NotAsked(NoAnswer):
    """The call was not made at all. `retry_after` is the pause (seconds) after which it may be."""

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Guard(Protocol):
    def __call__(self, system: str, call: Callable[[], T]) -> T:
        """Makes the call, or raises NotAsked. `system` names the other side, as a connection's id does; a call that
        raises NoAnswer is one that it failed."""
        ...


class _Installed:
    guard: Guard | None = None


def install(guard: Guard | None) -> None:
    _Installed.guard = guard


def guarded(system: str, call: Callable[[], T]) -> T:
    """Makes the call behind the guard; one without a name has none. Raises NotAsked, and what the call raises."""
    return _Installed.guard(system, call) if _Installed.guard is not None and system else call()
