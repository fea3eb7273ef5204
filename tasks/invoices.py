"""Invoices outside of a change's canvas: renewals, and documents that were lost on the way."""

from __future__ import annotations

from celery import shared_task

from engine.invoicing import printing
from engine.payments import checkout
from models.invoice import Invoice
from tasks.run import external_step


@shared_task(name="invoices.print")
def print_document(invoice_id: str) -> None:
    external_step(printing.print_invoice, Invoice, invoice_id)


@shared_task(name="invoices.request_payment")
def request_payment(invoice_id: str) -> str:
    return external_step(checkout.request_invoice_payment, Invoice, invoice_id)
