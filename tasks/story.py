"""The whole story on one screen: two canvases, the status at which each step is next, and `enqueue`.

A message says only which row may have work pending. Every step is guarded by the row's status, so a canvas may be
played from anywhere, twice, or not at all: the sweep enqueues again whatever is overdue.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from celery import chain
from celery.canvas import Signature
from sqlalchemy.orm import Session

from domain.lifecycle import Status
from engine.apply import is_spent
from engine.expiry import days_are_over
from engine.jobs.sweep import Claimed
from engine.settle import covered
from models.database import transaction
from models.plan_change import PlanChange
from worker.app import create_app, queue_of

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

NEXT_STEPS: dict[Status, tuple[str, ...]] = {
    Status.REQUESTED: AFTER_REQUEST,
    Status.QUOTED: AFTER_REQUEST[1:],
    Status.INVOICED: AFTER_REQUEST[2:],
    Status.AWAITING_PAYMENT: AFTER_PAYMENT,
    Status.PAID: AFTER_PAYMENT[1:],
    Status.APPLYING: AFTER_PAYMENT[1:],
    Status.APPLIED: AFTER_PAYMENT[2:],
}

# What is enqueued for rows other than plan changes: by the prefix of the id, the tasks and their argument.
STEPS_OF: dict[str, tuple[tuple[str, ...], str]] = {
    "pay": (("payments.fetch",), "attempt_id"),
    "ref": (("payments.refund",), "refund_id"),
    "inv": (("invoices.print", "invoices.request_payment"), "invoice_id"),
    "svc": (("renewals.run",), "service_id"),
    "msg": (("outbox.deliver",), "message_id"),
    "evt": (("payments.process_event",), "event_id"),
}

log = logging.getLogger(__name__)


def enqueue(change_id: str) -> None:
    """Plays the canvas from the step that the change's status names. Call it after the commit."""
    with transaction() as session:
        change = session.get_one(PlanChange, change_id)
        summary, steps = change.summary, _steps(session, change)
    if steps:
        _publish(chain(*(_step(name, change_id, summary, steps[-1]) for name in steps)))


def _steps(session: Session, change: PlanChange) -> tuple[str, ...]:
    if covered(session, change.id):
        return AFTER_PAYMENT
    if days_are_over(session, change):
        return ("sweep.expire_unpaid",)
    if is_spent(change):
        return ("plan_change.give_up",)
    return NEXT_STEPS.get(change.lifecycle_status, ())


def enqueue_row(row_id: str) -> None:
    """Enqueues the pending work of any row."""
    prefix, _, _ = row_id.partition("_")
    if prefix not in STEPS_OF:
        enqueue(row_id)
        return
    names, argument = STEPS_OF[prefix]
    for name in names:
        enqueue_task(name, **{argument: row_id})


def enqueue_claimed(claimed: Claimed) -> None:
    """Enqueues what a sweep has claimed, and reports to operators what it gave up."""
    for row_id in claimed.overdue_rows:
        try:
            enqueue_row(row_id)
        except Exception:
            log.exception("%s could not be enqueued", row_id)  # and keeps none of the others waiting
    if claimed.given_up:
        log.error("given up, see `planshift dead-letters list`: %s", ", ".join(claimed.given_up))


def enqueue_if_covered(change_id: str) -> None:
    """After a request for payment that found nothing to pay: the story goes on as after a payment."""
    with transaction() as session:
        is_covered = covered(session, change_id)
    if is_covered:
        enqueue(change_id)


def enqueue_task(name: str, **ids: str) -> None:
    """Enqueues one task by name, with ids only."""
    [row_id] = ids.values()
    _publish(_signature(name, f"{row_id}:{_short(name)}", ids, row_id))


def enqueue_events(event_ids: list[str]) -> None:
    """Enqueues rows of the inbox: one by itself, a burst of them with one message."""
    if len(event_ids) == 1:
        enqueue_task("payments.process_event", event_id=event_ids[0])
    elif event_ids:
        name, summary = "payments.process_events", f"{len(event_ids)} events"
        _publish(_signature(name, f"{event_ids[0]}:{_short(name)}", {"event_ids": event_ids}, summary))


def _step(name: str, change_id: str, summary: str, last: str) -> Signature[Any]:
    """One task a step in Flower, and so two for the two documents."""
    label = "print_numbered" if (name, last) == ("plan_change.print_invoice", AFTER_PAYMENT[-1]) else _short(name)
    return _signature(name, f"{change_id}:{label}", {"change_id": change_id}, summary)


def _signature(name: str, task_id: str, kwargs: Mapping[str, Any], summary: str) -> Signature[Any]:
    signature = create_app().signature(name, kwargs=dict(kwargs), immutable=True)
    signature.options.update(task_id=task_id, queue=queue_of(name), argsrepr=summary)
    return signature


def _short(name: str) -> str:
    return name.split(".")[1]


def _publish(canvas: Signature[Any]) -> None:
    """A message that cannot be published is no error: the row is committed, and the sweep will find it."""
    try:
        canvas.apply_async()
    except Exception as error:  # kombu raises RuntimeError as well as OperationalError when the broker is away
        log.warning("the broker does not answer, the sweep will enqueue again: %s", error)
