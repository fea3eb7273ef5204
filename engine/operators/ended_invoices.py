"""Staff decide what becomes of the renewal's invoice of a service that has ended."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from engine.operators.manual_payments import UnknownInvoice
from engine.payments.ended_invoices import Decision, decide_invoice
from models.audit import Attribution
from models.customer import lock_service
from models.invoice import Invoice
from models.provider import Provider


def decide(
    session: Session,
    now: datetime,
    provider: Provider,
    invoice_id: str,
    decision: Decision,
    attribution: Attribution,
) -> Invoice | None:
    """Voids, credits or keeps it; returns the credit note, if one was written.

    Raises UnknownInvoice, NotDecidable, LaterBill.
    """
    invoice = session.get(Invoice, invoice_id)
    if invoice is None or invoice.provider_id != provider.id:
        raise UnknownInvoice(invoice_id)
    lock_service(session, invoice.service_id)
    session.refresh(invoice)
    return decide_invoice(session, now, invoice, decision, attribution)
