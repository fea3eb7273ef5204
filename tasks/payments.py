"""Money from outside: what gateways told, and what they are asked."""

from __future__ import annotations

from celery import shared_task

from engine import inbox, payment
from models.payment import InboxEvent, PaymentAttempt
from tasks.run import inside, outside
from tasks.story import ring


@shared_task(name="payments.process_event")
def process_event(event_id: str) -> str | None:
    change_id = inside(inbox.process_event, InboxEvent, event_id)
    if change_id is not None:
        ring(change_id)
    return change_id


@shared_task(name="payments.fetch")
def fetch(attempt_id: str) -> str:
    return outside(payment.fetch_payment, PaymentAttempt, attempt_id)
