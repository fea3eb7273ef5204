"""The shape of an external step, which waits for somebody else's network, and the lease that guards it.

`begin` commits the intent (row, key, lease, fence), `perform` makes the call without a session, `finish` commits the
outcome if the fence is still ours. A crash in between repeats the call with the same key once the lease is over.
Leases run on the database's clock: they measure machine time, never business time.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from settings import settings

Call = TypeVar("Call")
Outcome = TypeVar("Outcome")
Reached = TypeVar("Reached")


@dataclass(frozen=True, slots=True)
class ExternalStep(Generic[Call, Outcome, Reached]):
    """`begin` returns the call to make, or what was reached without one (the step is not at its turn, or done)."""

    begin: Callable[[Session, datetime, str], Call | Reached]
    perform: Callable[[Call], Outcome]
    finish: Callable[[Session, datetime, Call, Outcome], Reached]
    call_type: type[Call]


class Leased(Protocol):
    """A row whose external call one worker makes at a time."""

    lease_until: datetime | None
    fence: int


def take_lease(session: Session, row: Leased) -> int | None:
    """Takes the row's lease and returns the new fence number; None while another worker holds it."""
    machine_now = machine_time(session)
    if lease_runs(row, machine_now):
        return None
    row.lease_until = machine_now + timedelta(seconds=settings().lease_seconds)
    row.fence += 1
    session.flush()
    return row.fence


def lease_runs(row: Leased, machine_now: datetime) -> bool:
    """Whether somebody holds the row. A lease that would run for longer than any does was written before the database's
    clock was set back (a failover to a slow clock); it counts as over, and the fence keeps its holder out."""
    longest = timedelta(seconds=settings().longest_pause_seconds)
    return row.lease_until is not None and machine_now < row.lease_until <= machine_now + longest


def machine_time(session: Session) -> datetime:
    """The database's clock (UTC): the one clock that all machines share."""
    now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return now


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many tries: 2, 4, 8 … seconds, up to the longest pause of the settings, and up to a
    quarter less, so that what failed together does not come back together."""
    seconds = min(2.0 ** min(attempts, 20), settings().retry_pause_max_seconds)
    return timedelta(seconds=seconds * random.uniform(0.75, 1))
