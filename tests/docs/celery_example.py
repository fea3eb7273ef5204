"""The README's program of a frontend that speaks Celery, carried out."""

from __future__ import annotations

from celery import Celery

from tests.support.pages import ROOT


def run_celery_example() -> None:
    """As a process of its own would: its Celery app does not stay the current one."""
    file = ROOT / "docs" / "examples" / "celery_frontend.py"
    before = Celery("before", set_as_current=True)
    try:
        exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), {})
    finally:
        before.set_current()
