"""Periods that end: a scan finds them, one task renews each."""

from __future__ import annotations

from celery import shared_task

from engine import renewal
from engine.jobs import sweep
from models.customer import Service
from models.database import transaction
from tasks.run import outside
from tasks.story import ring, ring_for_claimed, ring_step


@shared_task(name="renewals.scan")
def scan() -> int:
    with transaction() as session:
        renewal.mark_past_due(session)
        claimed = sweep.claim(session, [sweep.RENEWALS])
    ring_for_claimed(claimed)
    return len(claimed.resting)


@shared_task(name="renewals.run")
def run(service_id: str) -> None:
    renewed = outside(renewal.renew_service, Service, service_id)
    if renewed.change_id is not None:
        ring(renewed.change_id)
    if renewed.invoice_id is not None:
        ring_step("invoices.print", invoice_id=renewed.invoice_id)
        ring_step("invoices.request_payment", invoice_id=renewed.invoice_id)
    if renewed.more_due:
        ring_step("renewals.run", service_id=service_id)
