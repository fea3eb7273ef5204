"""Logs: one JSON line an event, with the plan-change id and the task's name bound while a task runs."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from celery.signals import task_postrun, task_prerun

from settings import settings

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def set_up_logs() -> None:
    """Sends our own and every library's log records to stderr as JSON."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings().log_level)


def connect() -> None:
    """In a worker: what is logged while a task runs bears its ids."""
    task_prerun.connect(_bind)
    task_postrun.connect(_unbind)


def _bind(task_id: str, task: Any, kwargs: dict[str, Any], **_: Any) -> None:
    ids = {name: value for name, value in kwargs.items() if name.endswith("_id")}
    structlog.contextvars.bind_contextvars(task=task.name, task_id=task_id, **ids)


def _unbind(**_: Any) -> None:
    structlog.contextvars.clear_contextvars()
