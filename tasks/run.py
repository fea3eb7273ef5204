"""How a task runs a step of the engine: the transaction, the clock, and the end of a canvas."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from domain.lifecycle import Status
from domain.next_steps import ends_canvas
from engine.jobs.external_call import ExternalStep, Opening
from engine.jobs.sweep import note_error
from models.customer import OfService, lock_and_clock
from models.database import transaction
from models.pending_work import PendingWork
from models.provider import business_now
from worker import steps

Reached = TypeVar("Reached")

log = logging.getLogger(__name__)


def local_step(step: Callable[[Session, datetime, str], Reached], row: type[Any], row_id: str) -> Reached:
    """One step, one transaction. `row` is the class of the row whose provider's clock is the time."""
    opens = lock_and_clock if issubclass(row, OfService) else business_now
    with _noted(row, row_id), _opened(opens, row, row_id) as (session, now):
        return step(session, now, row_id)


def external_step(step: ExternalStep[Any, Any, Reached], row: type[Any], row_id: str) -> Reached:
    """begin, commit; the call, without a transaction; finish, commit."""
    with _noted(row, row_id):
        with _opened(step.opens, row, row_id) as (session, now):
            call = step.begin(session, now, row_id)
        if not isinstance(call, step.call_type):
            return call
        steps.tell()
        outcome = step.perform(call)
        with _opened(step.opens, row, row_id) as (session, now):
            return step.finish(session, now, call, outcome)


@contextmanager
def _opened(opens: Opening, row: type[Any], row_id: str) -> Iterator[tuple[Session, datetime]]:
    """A transaction after its first statement, with the business time. Where that one finds its connection gone, it is
    begun once more on another: nothing was done yet."""
    with ExitStack() as stack:
        session = stack.enter_context(transaction())
        try:
            now = opens(session, row, row_id)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            session.rollback()
            session = stack.enter_context(transaction())
            now = opens(session, row, row_id)
        yield session, now


@contextmanager
def _noted(row: type[Any], row_id: str) -> Iterator[None]:
    """What a step raises is written on its row, where a person finds it, and raised again."""
    try:
        yield
    except Exception as error:
        if issubclass(row, PendingWork):
            _note(row, row_id, error)
        raise


def _note(row: type[PendingWork], row_id: str, error: Exception) -> None:
    try:
        with transaction() as session:
            note_error(session, row, row_id, error)
    except Exception as other:  # the database may be what is away
        log.warning("an error of %s could not be written down: %s", row_id, type(other).__name__)


def end_canvas_if_waiting(task: steps.StepTask, status: Status) -> str:
    """Ends the canvas where nothing is left to do until somebody, or some date, moves the change again.

    Clearing the chain is the quiet way: Flower shows a success. Ignore and Reject leave a task that looks unfinished.
    """
    if ends_canvas(status):
        task.request.chain = None
    return status.value
