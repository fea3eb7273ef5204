"""The Celery application. PostgreSQL holds the truth; the broker's messages only wake workers and may be
lost, repeated or reordered, so no setting here is needed for correctness: each one saves time, load or an operator's
nerves."""

from __future__ import annotations

from functools import cache
from typing import Any

from celery import Celery, Task
from celery.signals import setup_logging

from settings import settings
from worker import broker, sent_at, transport
from worker.beat import SCHEDULE, UNSEEN
from worker.steps import ROOM_SECONDS, StepTask

# How long a task of a queue may run, in seconds; then its process is killed. A step makes at most two calls to somebody
# else's network, and each gives up after 25 s (provisioners/http.py); a statement gives up after 4 s
# (models/database.py), so what only writes rows needs less.
QUEUES = {"requests": 20, "pipeline": 60, "events": 60, "pdf": 60, "outside": 60, "renewals": 60, "maintenance": 30}
# What dates bring, by the hundred thousand: renewals and endings with all that follows from them, polls of payments,
# reminders. Nobody waits for it at a screen, and it stands before nobody who does. Every step of a row that a date
# brought waits here, whatever its route is.
BY_DATE = "renewals"
LONGEST_TASK_SECONDS = max(QUEUES.values()) + ROOM_SECONDS
# Checking all books may take longer; a second copy, when its message comes back meanwhile, returns at once.
LONG_TASKS = {"audit.books": 900}

# Which queue a task waits in, by the first part of its name or by its whole name; the longest match wins.
ROUTES = {
    "planshift.request_change": "requests",
    "planshift.request_cancellation": "requests",
    "plan_change.*": "pipeline",
    "plan_change.print_invoice": "pdf",
    "plan_change.request_payment": "outside",
    "plan_change.apply_plan": "outside",
    "plan_change.notify": "outside",
    "payments.process_event": "events",
    "payments.process_events": "events",
    "payments.fetch": "outside",
    "payments.refund": "outside",
    "payments.list_events": "outside",
    "payments.allocate_credit": "pipeline",
    "payments.reconcile": "maintenance",
    "renewals.scan": "maintenance",
    "renewals.run": BY_DATE,
    "endings.run": "pipeline",
    "endings.order_host": "outside",
    "invoices.request_payment": "outside",
    "invoices.print": BY_DATE,
    "invoices.notify": BY_DATE,
    "outbox.deliver": BY_DATE,
    "sweep.*": "maintenance",
    "retention.delete_old": "maintenance",
    "audit.books": "maintenance",
    "audit.documents": "outside",
    "audit.hosts": "outside",
}


def queue_of(task_name: str) -> str:
    """The queue that a task's messages wait in."""
    return ROUTES.get(task_name) or ROUTES[task_name.split(".", maxsplit=1)[0] + ".*"]


class Attributes:
    """Celery's way to set a task's attributes from outside."""

    def annotate(self, task: type[Task[Any, Any]]) -> dict[str, Any]:
        if task.name not in ROUTES and task.name.split(".", maxsplit=1)[0] + ".*" not in ROUTES:
            return {}  # not ours
        limit = LONG_TASKS.get(task.name) or QUEUES[queue_of(task.name)]
        if issubclass(task, StepTask):
            return {"time_limit": limit + ROOM_SECONDS}
        return {"time_limit": limit, "send_events": task.name not in UNSEEN}

    def annotate_any(self) -> dict[str, Any]:
        """For what task_retry_on_worker_lost tries again."""
        return {"max_retries": 3, "default_retry_delay": 5}


ENTRY_POINT = "tasks.requests"
STEPS = tuple(
    f"tasks.{module}"
    for module in (
        "plan_change",
        "payments",
        "renewals",
        "endings",
        "invoices",
        "outbox",
        "sweep",
        "audit",
        "retention",
    )
)


@cache
def create_app() -> Celery:
    """The app of workers, beat, Flower and the entry points. Raises MissingSetting without PLANSHIFT_BROKER_URL."""
    setup_logging.connect(_set_up_logs)
    transport.register()
    sent_at.connect()
    url = settings().require_broker_url()
    app = Celery("planshift", broker=url, include=[ENTRY_POINT, *STEPS])
    app.conf.update(
        # Queues.
        task_queues=broker.queues(list(QUEUES), url),
        task_default_queue="pipeline",
        task_create_missing_queues=False,  # a misspelt queue is an error, not a place where messages wait for ever
        task_routes=({name: {"queue": queue} for name, queue in sorted(ROUTES.items(), reverse=True)},),
        # Delivery.
        task_acks_late=True,  # a worker that dies leaves its message to be delivered again
        task_acks_on_failure=True,  # the sweep enqueues a failing step again, with pauses, not in a hot loop
        task_acks_on_timeout=True,  # the same for a step that hit its time limit
        task_reject_on_worker_lost=False,  # a task that kills its process would be redelivered without end
        task_retry_on_worker_lost=True,  # a killed child's task is tried again, a bounded number of times
        task_annotations=[Attributes()],
        worker_prefetch_multiplier=1,  # no message waits behind a slow one while another process is free
        # Results. Nobody reads them: the status is in the row.
        result_backend=None,
        task_ignore_result=True,
        # Messages.
        accept_content=["json"],  # a message is data, never code
        worker_consumer="worker.consumer:Consumer",  # garbage on a queue ends no worker
        task_serializer="json",
        enable_utc=True,
        timezone="UTC",
        # The broker connection. A message is delivered again after longer than any task, or it would run twice at once.
        broker_transport_options=broker.transport_options(url, LONGEST_TASK_SECONDS),
        broker_heartbeat=10,  # RabbitMQ: a silent connection is noticed within 20 s
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # a broker may be away for an hour; workers wait for it
        broker_channel_error_retry=True,
        broker_pool_acquire_timeout=5,  # an entry point does not hang when the broker does
        task_publish_retry=True,
        task_publish_retry_policy={"max_retries": 2, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.3},
        # Workers.
        worker_cancel_long_running_tasks_on_connection_loss=False,  # a broker's hiccup must not cut a call in half
        task_time_limit=LONGEST_TASK_SECONDS,  # for a task that has no queue of ours
        task_soft_time_limit=None,  # it raises wherever the code is, also inside a COMMIT
        worker_soft_shutdown_timeout=LONGEST_TASK_SECONDS + 5,  # a deploy lets running steps end
        worker_enable_soft_shutdown_on_idle=False,  # an idle worker has nothing to wait for
        worker_max_tasks_per_child=500,
        worker_max_memory_per_child=400_000,  # kB; Japanese fonts are large
        worker_hijack_root_logger=False,
        # Operators.
        worker_send_task_events=True,
        task_send_sent_event=True,
        # Beat.
        beat_schedule=SCHEDULE,
        beat_max_loop_interval=1,
        beat_sync_every=1,
        beat_scheduler="worker.beat:Scheduler",
    )
    return app


def _set_up_logs(**_: Any) -> None:
    """Instead of Celery's own, in a process that it runs; one that only publishes needs none of this."""
    from worker.logs import set_up_logs

    set_up_logs()
