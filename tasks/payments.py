"""Payments: gateway events, reconciliation with what gateways list, and refunds."""

from __future__ import annotations

import logging

from celery import shared_task

from engine.inbox import failures, process
from engine.payments import arrived_credit, checkout, reconciliation, refunds
from models.arrived_credit import ArrivedCredit
from models.database import transaction
from models.inbox import InboxEvent
from models.payment import PaymentAttempt, Refund
from models.provider import Connection
from settings import settings
from tasks.run import external_step, local_step
from tasks.story import enqueue, enqueue_events, enqueue_task
from worker.app import BY_DATE
from worker.depth import depths

# Of a gateway's list so many pages are read by one task, which may take a minute.
PAGES_AT_ONCE = 3

log = logging.getLogger(__name__)


@shared_task(name="payments.process_event")
def process_event(event_id: str) -> list[str]:
    return _process(event_id)


@shared_task(name="payments.process_events")
def process_events(event_ids: list[str]) -> int:
    """A burst of webhooks, one by one; one that fails is put off and keeps none of the others waiting."""
    for event_id in event_ids:
        try:
            _process(event_id)
        except Exception:
            log.exception("the event %s could not be processed", event_id)
    return len(event_ids)


def _process(event_id: str) -> list[str]:
    try:
        booked = external_step(process.process_event, InboxEvent, event_id)
    except Exception as error:
        local_step(failures.put_off(error), InboxEvent, event_id)
        raise
    for change_id in booked.changes:
        enqueue(change_id)
    enqueue_events(list(booked.events))
    return list(booked.changes)


@shared_task(name="payments.fetch")
def fetch(attempt_id: str) -> str:
    return external_step(checkout.fetch_payment, PaymentAttempt, attempt_id)


@shared_task(name="payments.allocate_credit")
def allocate_credit(credit_id: str) -> int:
    """Each bill in a step of its own, since each begins with the lock of its service."""
    bills = local_step(arrived_credit.open_bills, ArrivedCredit, credit_id)
    for invoice_id in bills.invoices:
        change_id = local_step(arrived_credit.pay_from_credit(invoice_id), ArrivedCredit, credit_id)
        if change_id is not None:
            enqueue(change_id)
    local_step(arrived_credit.end_allocation(bills), ArrivedCredit, credit_id)
    return len(bills.invoices)


@shared_task(name="payments.refund")
def refund_payment(refund_id: str) -> str:
    return external_step(refunds.refund_payment, Refund, refund_id)


@shared_task(name="payments.reconcile")
def reconcile() -> int:
    waiting = depths([BY_DATE])[BY_DATE]
    with transaction() as session:
        due = reconciliation.claim_due(session, settings().queue_depth - waiting.count, waiting.oldest)
    for attempt_id in due.attempts:
        enqueue_task("payments.fetch", BY_DATE, attempt_id=attempt_id)
    for connection_id in due.connections:
        enqueue_task("payments.list_events", connection_id=connection_id)
    return len(due.attempts) + len(due.connections)


@shared_task(name="payments.list_events")
def list_events(connection_id: str) -> int:
    """Page by page, each of them committed; a long list goes on in a task of its own, so that others have a turn."""
    filed = 0
    for _ in range(PAGES_AT_ONCE):
        listed = external_step(reconciliation.list_page, Connection, connection_id)
        enqueue_events(list(listed.events))
        filed += len(listed.events)
        if not listed.more:
            return filed
    enqueue_task("payments.list_events", connection_id=connection_id)
    return filed
