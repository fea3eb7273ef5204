"""What makes the pipeline lose nothing: whatever is overdue is enqueued again."""

from __future__ import annotations

import logging

from celery import shared_task
from redis import Redis

from domain.lifecycle import Status
from engine import expiry, review
from engine.jobs import sweep
from models.database import transaction
from models.heartbeat import beat
from models.plan_change import PlanChange
from settings import settings
from tasks.run import local_step
from tasks.story import enqueue_claimed
from worker.app import QUEUES

# More messages than this wait already: enqueueing again would only make the queue longer.
DEEP_QUEUE = 5_000

log = logging.getLogger(__name__)


@shared_task(name="sweep.enqueue_due")
def enqueue_due() -> int:
    if _queues_are_deep():
        log.warning("a queue is deep, the sweep waits")
        return 0
    with transaction() as session:
        claimed = sweep.claim(session, sweep.SWEPT)
    with transaction() as session:
        beat(session, "sweep", overdue_rows=len(claimed.overdue_rows))
    enqueue_claimed(claimed)
    return len(claimed.overdue_rows)


@shared_task(name="sweep.expire_unpaid")
def expire_unpaid(change_id: str) -> str:
    status = local_step(expiry.expire_change, PlanChange, change_id)
    if status is Status.AWAITING_REVIEW:
        status = local_step(review.refuse_unreviewed, PlanChange, change_id)
    return status.value


def _queues_are_deep() -> bool:
    with Redis.from_url(settings().require_broker_url(), socket_timeout=5) as broker:
        return any(int(broker.llen(queue)) > DEEP_QUEUE for queue in QUEUES)
