"""Turns away a message that cannot be made a task, whatever is wrong with it.

Celery does so with unknown tasks, other content types and wrong arguments; what fails between reading a message and
making a task of it would come back for ever.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery.worker import consumer

from worker.transport import UNREADABLE

log = logging.getLogger(__name__)


class Consumer(consumer.Consumer):
    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        receive = super().create_task_handler(*args, **kwargs)

        def receive_or_reject(message: Any) -> Any:
            try:
                return receive(message)
            except UNREADABLE as error:
                log.error("a message is no task of ours and was taken off: %s", type(error).__name__)
                return message.reject_log_error(log, self.connection_errors)  # type: ignore[attr-defined]

        return receive_or_reject
