"""The README's program of a frontend, carried out."""

from __future__ import annotations

from celery import Celery

from tests.support.pages import blocks


def run_celery_example() -> None:
    """As a process of its own would: its Celery app does not stay the current one."""
    [example] = blocks("README.md", "python")
    before = Celery("before", set_as_current=True)
    try:
        exec(compile(example, "README.md", "exec"), {})
    finally:
        before.set_current()
