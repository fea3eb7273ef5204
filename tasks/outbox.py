"""Notifications that the canvas did not deliver."""

from __future__ import annotations

from celery import shared_task

from engine.notifications import mail
from models.outbox import OutboxMessage
from tasks.run import external_step


@shared_task(name="outbox.deliver")
def deliver(message_id: str) -> None:
    external_step(mail.deliver, OutboxMessage, message_id)
