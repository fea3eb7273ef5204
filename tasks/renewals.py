"""Periods that end: a scan finds them, one task renews each."""

from __future__ import annotations

import logging
from collections.abc import Callable

from celery import shared_task
from sqlalchemy.orm import Session

from engine import dunning, renewal
from engine.jobs import sweep
from engine.jobs.work_kinds import SCANNED
from models.customer import Service
from models.database import transaction
from tasks.run import external_step
from tasks.story import enqueue, enqueue_task, follow_with
from tasks.sweep import enqueue_overdue
from worker.steps import StepTask

# So many batches of bills one scan looks at; the next one goes on.
BATCHES = 3

log = logging.getLogger(__name__)


@shared_task(name="renewals.scan")
def scan() -> int:
    """Whose bill is past due is not renewed, so that is looked at first; bills that cannot be looked at keep no renewal
    waiting."""
    _in_batches(dunning.mark_past_due)
    with transaction() as session:
        found = sweep.due(session, SCANNED)
    count = enqueue_overdue(found)
    _in_batches(dunning.remind_unpaid)
    return count


def _in_batches(look: Callable[[Session], int]) -> None:
    """Not before a batch was empty is nothing left: a provider has but its share of one. What fails is tried again by
    the next scan."""
    try:
        for _ in range(BATCHES):
            with transaction() as session:
                looked_at = look(session)
            if not looked_at:
                return
    except Exception:
        log.exception("%s failed", look.__name__)


@shared_task(name="renewals.run", base=StepTask, bind=True)
def run(self: StepTask, service_id: str) -> None:
    renewed = external_step(renewal.renew_service, Service, service_id)
    if renewed.change_id is not None:
        enqueue(renewed.change_id)
    if renewed.invoice_id is not None:
        follow_with(self, renewed.invoice_id)
    if renewed.parked is not None:
        log.error("%s is parked, see `planshift dead-letters list`: %s", service_id, renewed.parked)
    if renewed.more_due:
        enqueue_task("renewals.run", service_id=service_id)
