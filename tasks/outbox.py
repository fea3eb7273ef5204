"""Notifications: those of one canvas, and those that none delivered."""

from __future__ import annotations

from celery import shared_task

from engine.notifications import mail
from models.database import transaction
from models.outbox import OutboxMessage, unsent_about
from tasks.run import external_step


@shared_task(name="outbox.deliver")
def deliver(message_id: str) -> None:
    external_step(mail.deliver, OutboxMessage, message_id)


def deliver_about(subject: str) -> int:
    """Delivers what is unsent about a row, oldest first; returns how many."""
    with transaction() as session:
        messages = unsent_about(session, subject)
    for message_id in messages:
        external_step(mail.deliver, OutboxMessage, message_id)
    return len(messages)
