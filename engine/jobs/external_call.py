"""The shape of an external step, which waits for somebody else's network, and the lease that guards it.

`begin` commits the intent (row, key, lease, fence), `perform` makes the call without a session, `finish` commits the
outcome if the fence is still ours. A crash in between repeats the call with the same key once the lease is over.
Leases run on the database's clock: they measure machine time, never business time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.pending_work import MACHINE_NOW, Leased, pause, seconds
from models.provider import business_now
from settings import settings

Call = TypeVar("Call")
Outcome = TypeVar("Outcome")
Reached = TypeVar("Reached")


# The first statement of a transaction about a row: brings the business time.
Opening = Callable[[Session, type[Any], str], datetime]


@dataclass(frozen=True, slots=True)
class ExternalStep(Generic[Call, Outcome, Reached]):
    """`begin` returns the call to make, or what was reached without one (the step is not at its turn, or done).
    `opens` is the first statement of both transactions: it brings the business time, and the step's first lock."""

    begin: Callable[[Session, datetime, str], Call | Reached]
    perform: Callable[[Call], Outcome]
    finish: Callable[[Session, datetime, Call, Outcome], Reached]
    call_type: type[Call]
    opens: Opening = business_now


def take_lease(row: Leased) -> int | None:
    """Takes the row's lease and returns the new fence number; None while another worker holds it."""
    if row.lease_until is not None and row.lease_runs:
        return None
    row.lease_until = MACHINE_NOW + seconds(settings().lease_seconds)
    row.fence += 1
    return row.fence


def machine_time(session: Session) -> datetime:
    """The database's clock (UTC): the one clock that all machines share."""
    now: datetime = session.execute(select(MACHINE_NOW)).scalar_one()
    return now


def retry_at(
    session: Session,
    attempts: int,
    first_seconds: float = 1.0,
    longest_seconds: float | None = None,
    asked_seconds: float | None = None,
) -> datetime:
    """When to try again after so many attempts (machine time), with the pauses of models.pending_work.pause; not before
    the other side's `asked_seconds` are over, as far as anything waits here."""
    asked = min(asked_seconds or 0.0, settings().retry_pause_max_seconds)
    query = select(MACHINE_NOW + func.greatest(pause(attempts, first_seconds, longest_seconds), seconds(asked)))
    moment: datetime = session.execute(query).scalar_one()
    return moment
