"""What can go wrong with a call."""

from __future__ import annotations

from planshift_client.shapes import ProblemDocument


class PlanshiftError(Exception):
    """Any error of a call."""


class Refused(PlanshiftError):
    """The server says no. `problem.code` is stable, `problem.detail` says what to do."""

    def __init__(self, problem: ProblemDocument) -> None:
        super().__init__(f"{problem.status} {problem.code}: {problem.detail}")
        self.problem = problem


class NotAnswered(PlanshiftError):
    """No answer came, or only that it is not available, however often the call was repeated.

    Send the same call again: one that writes carries its idempotency key, so that it happens once.
    """


class NotInTime(PlanshiftError):
    """The plan change did not come to what was waited for."""
