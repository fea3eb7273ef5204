"""The whole story on one screen: its canvases, and `publish_next`, which plays them from the step that is next.

What is next the tables of domain/next_steps.py say. A message says only which row may have work pending. Every step is
guarded by the row's status, so a canvas may be played from anywhere, twice, or not at all: the sweep enqueues again
whatever is overdue.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from celery import chain
from celery.canvas import Signature

from engine.jobs.summary import NextWork, next_work, next_works
from engine.jobs.sweep import Claimed
from models.database import transaction
from worker.app import BY_DATE, create_app, queue_of
from worker.steps import StepTask, publish

AFTER_REQUEST = (
    "plan_change.quote",
    "plan_change.issue_invoice",
    "plan_change.print_invoice",  # the proforma
    "plan_change.request_payment",
)
# A payment arrived, or nothing was due.
AFTER_PAYMENT = (
    "plan_change.settle",
    "plan_change.apply_plan",
    "plan_change.print_invoice",  # the invoice, with its number
    "plan_change.notify",
)
# A bill of no plan change is printed, and its mail has the page.
AFTER_PRINT = ("invoices.print", "invoices.notify")

# What the tasks call the id of their row, by its prefix.
ARGUMENTS = {
    "chg": "change_id",
    "pay": "attempt_id",
    "ref": "refund_id",
    "inv": "invoice_id",
    "crd": "credit_id",
    "svc": "service_id",
    "end": "ending_id",
    "msg": "message_id",
    "evt": "event_id",
}

log = logging.getLogger(__name__)


def enqueue(row_id: str) -> None:
    """Publishes what is next for a row, after the commit; `publish_next` for whom has asked in that transaction."""
    publish_next(_next_work(row_id))


def publish_next(following: NextWork) -> None:
    """Publishes what is next for a row: for a plan change its canvas from there on. Call it after the commit of the
    transaction that was asked."""
    for canvas in _canvases_of(following):
        publish(chain(*canvas))


def follow_with(step: StepTask, row_id: str) -> None:
    """What is next for a row comes after this step; `go_on` for whom has asked in that transaction."""
    go_on(step, _next_work(row_id))


def go_on(step: StepTask, following: NextWork) -> None:
    """What is next for the row comes after this step, whatever its canvas had there."""
    request: Any = step.request  # whose chain is a list, whatever its types say
    request.chain = [one for canvas in _canvases_of(following) for one in canvas][::-1]


def _next_work(row_id: str) -> NextWork:
    with transaction() as session:
        return next_work(session, row_id)


def name_rest(step: StepTask, invoice_id: str, number: str) -> None:
    """In Flower, the steps after this one name the invoice by the number that it has got."""
    request: Any = step.request
    for following in request.chain or []:
        following["options"]["argsrepr"] = following["options"]["argsrepr"].replace(invoice_id, number)


def _canvases_of(following: NextWork) -> list[list[Signature[Any]]]:
    canvases = [canvas_from(task) for task in following.tasks]
    return [[_step(name, following, canvas[-1]) for name in canvas] for canvas in canvases]


def canvas_from(task: str) -> tuple[str, ...]:
    """The tail of the canvas that begins with this step; a step of its own where it is in none."""
    for canvas in (AFTER_REQUEST, AFTER_PAYMENT, AFTER_PRINT):
        if task in canvas:
            return canvas[canvas.index(task) :]
    return (task,)


def enqueue_claimed(claimed: Claimed) -> None:
    """Enqueues rows of one kind that a sweep has claimed, and reports to operators what it gave up."""
    if claimed.given_up:
        log.error("given up, see `planshift dead-letters list`: %s", ", ".join(claimed.given_up))
    with transaction() as session:
        found = next_works(session, claimed.overdue_rows)
    for following in found:
        publish_next(following)


def enqueue_task(name: str, queue: str | None = None, **ids: str) -> None:
    """Enqueues one task by name, with ids only: in this queue, or where it waits."""
    [row_id] = ids.values()
    publish(_signature(name, f"{row_id}:{_short(name)}", ids, row_id, queue))


def enqueue_events(event_ids: list[str]) -> None:
    """Enqueues rows of the inbox: one by itself, a burst of them with one message."""
    if len(event_ids) == 1:
        enqueue_task("payments.process_event", event_id=event_ids[0])
    elif event_ids:
        name, summary = "payments.process_events", f"{len(event_ids)} events"
        publish(_signature(name, f"{event_ids[0]}:{_short(name)}", {"event_ids": event_ids}, summary))


def _step(name: str, work: NextWork, last: str) -> Signature[Any]:
    """One task a step in Flower, and so two for the two documents of a change. What a date brought stays in one queue,
    whatever its steps are."""
    label = "print_numbered" if (name, last) == ("plan_change.print_invoice", AFTER_PAYMENT[-1]) else _short(name)
    prefix, _, _ = work.row_id.partition("_")
    queue = BY_DATE if work.by_date else None
    return _signature(name, f"{work.row_id}:{label}", {ARGUMENTS[prefix]: work.row_id}, work.summary, queue)


def _signature(
    name: str, task_id: str, kwargs: Mapping[str, Any], summary: str, queue: str | None = None
) -> Signature[Any]:
    signature = create_app().signature(name, kwargs=dict(kwargs), immutable=True)
    signature.options.update(task_id=task_id, queue=queue or queue_of(name), argsrepr=summary)
    return signature


def _short(name: str) -> str:
    return name.split(".")[1]
