"""What becomes of the renewal invoices of a service that has ended: void by policy, or as staff decide.

A period that was over when the service ended was supplied, and stays owed. One that the service ended in is void where
nothing of what was due has come: by a credit note, since it has its number.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy.orm import Session

from domain.lifecycle import InvoiceStatus
from engine.ledger.billed_items import is_last_bill
from engine.ledger.open_claims import is_answered
from engine.payments.credit_notes import answer_invoice
from engine.payments.owed import open_invoices
from models.audit import Attribution, record_action
from models.billed_item import items_of_invoice
from models.customer import Service
from models.invoice import Invoice
from models.ledger import receivable_of
from models.provider import catalog_of

Decision = Literal["void", "credit", "keep"]


class NotDecidable(Exception):
    """The decision does not fit the invoice."""


def void_unsupplied(session: Session, now: datetime, service: Service, ended_at: datetime) -> list[Invoice]:
    """Policy `ended_invoice`, for a locked service that is over; returns the credit notes."""
    return [answer_invoice(session, now, invoice, "ending") for invoice in unsupplied(session, service, ended_at)]


def unsupplied(session: Session, service: Service, ended_at: datetime) -> list[Invoice]:
    """What the policy voids if the service ends then: none where it keeps them."""
    if catalog_of(session, service.provider).policies.ended_invoice == "keep":
        return []
    return [
        invoice
        for invoice in open_invoices(session, service)
        if _runs_after(session, invoice, ended_at) and _is_unpaid(session, invoice) and is_last_bill(session, invoice)
    ]


def decide_invoice(
    session: Session, now: datetime, invoice: Invoice, decision: Decision, attribution: Attribution
) -> Invoice | None:
    """What staff choose for an invoice of a locked service that is over; returns the credit note, if one was written.

    `void` wants that nothing was paid, `credit` gives what was paid as credit, `keep` leaves it owed and says why.
    Raises NotDecidable, LaterBill.
    """
    _check(session, invoice, decision)
    note = None if decision == "keep" else answer_invoice(session, now, invoice, "ending")
    details = {"credit_note": note.id if note else None}
    record_action(session, invoice.provider_id, now, f"invoice.{decision}", invoice.id, attribution, **details)
    return note


def _check(session: Session, invoice: Invoice, decision: Decision) -> None:
    name = invoice.number or invoice.id
    if invoice.kind != "invoice" or invoice.change_id is not None:
        raise NotDecidable(f"{name} is no renewal's invoice; only those are decided here.")
    if not invoice.service.is_over:
        raise NotDecidable(f"Service {invoice.service.ref} has not ended; its invoice {name} is owed as ever.")
    if is_answered(session, invoice):
        raise NotDecidable(f"{name} was answered by a credit note already.")
    if decision == "void" and not (invoice.status is InvoiceStatus.OPEN and _is_unpaid(session, invoice)):
        raise NotDecidable(f"Something was paid on {name}. Choose `credit`, which gives it back as account credit.")
    if decision == "keep" and invoice.status is not InvoiceStatus.OPEN:
        raise NotDecidable(f"{name} is not open; there is nothing to keep.")


def _runs_after(session: Session, invoice: Invoice, moment: datetime) -> bool:
    return any(item.covers_end > moment for item in items_of_invoice(session, invoice.id))


def _is_unpaid(session: Session, invoice: Invoice) -> bool:
    """Whether all that was due is still owed; account credit that paid the rest at its issue comes back."""
    return receivable_of(session, invoice) == invoice.due
