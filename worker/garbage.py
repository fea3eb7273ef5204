"""What is on a queue and is no message: it is taken off, told once, and the worker goes on.

Celery turns away what it can read: unknown tasks, other content types, wrong arguments. What it cannot even parse
would end the worker, and what fails between the two would come back for ever.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery.worker.consumer.consumer import Consumer
from kombu.transport import redis

# What parsing raises; a broker that is away raises other errors, which the worker knows how to wait out.
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError)

log = logging.getLogger(__name__)


class TolerantChannel(redis.Channel):
    """Reads on after something that is no message."""

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]
        except _UNREADABLE as error:
            log.error("something on a queue is no message and was taken off: %s", type(error).__name__)
            return True


class Transport(redis.Transport):
    """Celery's Redis transport, with that channel."""

    Channel = TolerantChannel


class TolerantConsumer(Consumer):
    """Turns away a message that cannot be made a task, whatever is wrong with it."""

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        receive = super().create_task_handler(*args, **kwargs)

        def receive_or_reject(message: Any) -> Any:
            try:
                return receive(message)
            except _UNREADABLE as error:
                log.error("a message is no task of ours and was taken off: %s", type(error).__name__)
                return message.reject_log_error(log, self.connection_errors)  # type: ignore[attr-defined]

        return receive_or_reject
