"""Invoices outside of a change's canvas: renewals, and documents that were lost on the way."""

from __future__ import annotations

from celery import shared_task

from engine.invoicing import printing
from engine.payments import checkout
from models.invoice import Invoice
from tasks.outbox import deliver_about
from tasks.run import external_step
from worker.steps import StepTask


@shared_task(name="invoices.print", base=StepTask)
def print_document(invoice_id: str) -> None:
    external_step(printing.print_invoice, Invoice, invoice_id)


@shared_task(name="invoices.notify", base=StepTask)
def notify(invoice_id: str) -> int:
    return deliver_about(invoice_id)


@shared_task(name="invoices.request_payment", base=StepTask)
def request_payment(invoice_id: str) -> str:
    return external_step(checkout.request_invoice_payment, Invoice, invoice_id)
