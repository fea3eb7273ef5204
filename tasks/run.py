"""How a task runs a step of the engine: the transaction, the clock, and the end of a canvas."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from celery import Task
from sqlalchemy.orm import Session

from domain.lifecycle import RESTING, Status
from engine.outside import OutsideStep
from models.database import transaction
from models.provider import business_now

Reached = TypeVar("Reached")


def inside(step: Callable[[Session, datetime, str], Reached], row: type[Any], row_id: str) -> Reached:
    """One step, one transaction. `row` is the class of the row whose provider's clock is the time."""
    with transaction() as session:
        return step(session, business_now(session, row, row_id), row_id)


def outside(step: OutsideStep[Any, Any, Reached], row: type[Any], row_id: str) -> Reached:
    """begin, commit; the call, without a transaction; finish, commit."""
    with transaction() as session:
        call = step.begin(session, business_now(session, row, row_id), row_id)
    if not isinstance(call, step.call_type):
        return call
    outcome = step.perform(call)
    with transaction() as session:
        return step.finish(session, business_now(session, row, row_id), call, outcome)


def end_here_if_resting(task: Task[Any, Any], status: Status) -> str:
    """Ends the canvas where nothing is left to do until somebody, or some date, moves the change again.

    Clearing the chain is the quiet way: Flower shows a success. Ignore and Reject leave a task that looks unfinished.
    """
    if status in RESTING:
        task.request.chain = None
    return status.value
