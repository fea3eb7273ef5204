"""What is kept for so many days only."""

from __future__ import annotations

from celery import shared_task

from engine.jobs import retention
from models.database import transaction


@shared_task(name="retention.delete_old")
def delete_old() -> dict[str, int]:
    """By kind, of how many rows the contents were deleted; each kind in a transaction of its own."""
    deleted = {}
    for kept in retention.KEPT:
        with transaction() as session:
            deleted[kept.name] = retention.delete_old(session, kept)
    return deleted
