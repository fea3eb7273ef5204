"""What makes the pipeline lose nothing: whatever is overdue is enqueued again."""

from __future__ import annotations

from celery import shared_task

from domain.lifecycle import Status
from domain.next_steps import Step
from engine import expiry, review
from engine.jobs import sweep
from engine.jobs.sweep import Claimed, Due, Queue
from engine.jobs.work_kinds import SWEPT
from models.database import transaction
from models.heartbeat import beat
from models.plan_change import PlanChange
from settings import settings
from tasks.run import local_step
from tasks.story import enqueue_claimed
from worker.app import BY_DATE, QUEUES, queue_of
from worker.depth import Depth, depths

# So many rows whose message was lost are enqueued however deep the queue is: what fills it keeps them waiting no longer
# than it must, and each waits in it once. What a date brings, by the hundred thousand, is only as much as has room.
ALWAYS = 20


@shared_task(name="sweep.enqueue_due")
def enqueue_due() -> int:
    with transaction() as session:
        found = sweep.due(session, SWEPT)
        beat(session, "sweep")
    return enqueue_overdue(found)


def enqueue_overdue(found: list[Due]) -> int:
    """Claims what is overdue, each path in a transaction of its own, and enqueues it. Returns how much it was."""
    count = 0
    for one in found:
        waiting, claimed = depths(list(QUEUES)), Claimed()
        with transaction() as session:
            for step in one.work.steps(one.path):
                name, before = queue_of(step.task), len(claimed.overdue_rows)
                sweep.claim_step(session, one, step, _queue(step, name, waiting), claimed)
                waiting[name] = waiting[name].deeper(len(claimed.overdue_rows) - before)
        enqueue_claimed(claimed)
        count += len(claimed.overdue_rows)
    return count


def _queue(step: Step, name: str, waiting: dict[str, Depth]) -> Queue:
    room = settings().queue_depth - waiting[name].count
    return Queue(max(0 if step.by_date else ALWAYS, room), waiting[name].oldest, waiting[BY_DATE].oldest)


@shared_task(name="sweep.expire_unpaid")
def expire_unpaid(change_id: str) -> str:
    status = local_step(expiry.expire_change, PlanChange, change_id)
    if status is Status.AWAITING_REVIEW:
        status = local_step(review.refuse_unreviewed, PlanChange, change_id)
    return status.value
