"""Turns away a message that cannot be made a task, whatever is wrong with it, and what a frontend may not send.

Celery turns away unknown tasks, other content types and wrong arguments; what fails between reading a message and
making a task of it would come back for ever.

The broker lets a frontend write to the queue `requests` alone. A message can name what is to run after it (a chain,
callbacks): a worker would enqueue that with its own rights. So on this queue there are two tasks, with nothing after
them, and what is refused is kept (models/rejected.py).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery.worker import consumer

from models.database import transaction
from models.rejected import keep_rejected
from settings import is_rabbitmq, settings
from worker import alive, logs
from worker.sent_at import note_taken
from worker.transport import UNREADABLE

log = logging.getLogger(__name__)

ENTRY_QUEUE = "requests"
ENTRY_TASKS = ("planshift.request_change", "planshift.request_cancellation")
# What a message of Celery's protocols 1 and 2 can have run besides itself, and how it can have limits of its own.
_COMPANIONS = ("chain", "chord", "callbacks", "errbacks", "taskset", "link", "link_error")
_LIMITS = ("timelimit", "eta")


class NotForFrontends(Exception):
    """A message on the entry point's queue that is more, or other, than a request."""


_steps = consumer.Consumer.Blueprint.default_steps
# Without what would declare 28 queues at RabbitMQ for messages that wait for their time; here that is a date in a row.
_Blueprint = type(
    "Blueprint",
    (consumer.Consumer.Blueprint,),
    {"default_steps": [step for step in _steps if not step.endswith(":DelayedDelivery")]},
)


class Consumer(consumer.Consumer):
    Blueprint: Any = _Blueprint

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Before the worker forks its processes."""
        alive.connect()
        logs.connect()
        super().__init__(*args, **kwargs)

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        receive = super().create_task_handler(*args, **kwargs)
        notes = is_rabbitmq(settings().require_broker_url())

        def receive_or_reject(message: Any) -> Any:
            try:
                if notes:
                    note_taken(message)
                if message.delivery_info.get("routing_key") == ENTRY_QUEUE:
                    check_request(message)
                return receive(message)
            except NotForFrontends as error:
                log.error("a message at the entry point was refused: %s", error)
                _keep(message, error)
            except UNREADABLE as error:
                log.error("a message is no task of ours and was taken off: %s", type(error).__name__)
            return message.reject_log_error(log, self.connection_errors)  # type: ignore[attr-defined]

        return receive_or_reject


def check_request(message: Any) -> None:
    """Raises NotForFrontends."""
    try:
        body = message.decode()
        headers = message.headers if isinstance(message.headers, dict) else {}
        is_old = isinstance(body, dict)  # protocol 1 has all in the body
        task = body.get("task") if is_old else headers.get("task")
        arguments = body.get("kwargs") if is_old else body[1]
        after = body if is_old else body[2]
    except Exception as error:  # whatever a decoder makes of bytes from outside
        raise NotForFrontends(f"it cannot be read ({type(error).__name__})") from error
    if task not in ENTRY_TASKS:
        raise NotForFrontends(f"the queue {ENTRY_QUEUE} takes {' and '.join(ENTRY_TASKS)}, not {task!r:.100}")
    if not isinstance(arguments, dict) or not isinstance(after, dict):
        raise NotForFrontends("a request has keyword arguments")
    more = {name for name in _COMPANIONS if after.get(name) or headers.get(name)}
    more |= {name for name in _LIMITS if _is_set(headers.get(name)) or (is_old and _is_set(after.get(name)))}
    if more:
        raise NotForFrontends(f"a request may not carry {', '.join(sorted(more))}")


def _is_set(value: Any) -> bool:
    """Celery's own clients send `[None, None]` for no limit."""
    return any(value) if isinstance(value, list) else value is not None


def _keep(message: Any, error: NotForFrontends) -> None:
    """The log says it where the database cannot take it."""
    try:
        with transaction() as session:
            keep_rejected(session, {"headers": message.headers, "body": message.body}, error)
    except Exception as other:
        log.warning("a refused message could not be written down: %s", type(other).__name__)
