"""What staff decide about an invoice: a renewal's of a service that has ended, and one whose money went back."""

from __future__ import annotations

from fastapi import APIRouter

from engine.operators.ended_invoices import decide
from engine.operators.returned_money import decide_returned
from engine.payments.ended_invoices import Decision
from models.invoice import invoice_with_documents
from planshift_client import shapes
from tasks.story import enqueue
from web.api.auth import ApiTransaction
from web.api.bodies import DecisionBody, ReturnsBody
from web.api.invoices import InvoiceId, invoice_of
from web.api.once import OneOperation, Operation
from web.api.views import invoice_view

router = APIRouter(prefix="/v1/invoices", tags=["operators"])


@router.post("/{invoice_id}/void")
def void_invoice(invoice_id: InvoiceId, body: DecisionBody, operation: OneOperation) -> shapes.Invoice:
    """Takes back, by a credit note, a renewal's invoice of a service that has ended, on which nothing was paid."""
    return _decided(invoice_id, "void", body, operation)


@router.post("/{invoice_id}/credit")
def credit_invoice(invoice_id: InvoiceId, body: DecisionBody, operation: OneOperation) -> shapes.Invoice:
    """The same where something was paid: that becomes account credit."""
    return _decided(invoice_id, "credit", body, operation)


@router.post("/{invoice_id}/keep")
def keep_invoice(invoice_id: InvoiceId, body: DecisionBody, operation: OneOperation) -> shapes.Invoice:
    """Leaves the invoice of a service that has ended owed; the reason is kept."""
    return _decided(invoice_id, "keep", body, operation)


@router.post("/{invoice_id}/returns")
def decide_invoice_returns(invoice_id: InvoiceId, body: ReturnsBody, operation: OneOperation) -> shapes.Invoice:
    """Answers money of the invoice that a gateway took back: `keep` bears the loss, `owe` makes the customer owe it
    again. 409 while nothing is to be decided."""

    def act(tx: ApiTransaction) -> shapes.Invoice:
        invoice = invoice_of(tx, invoice_id)
        decide_returned(tx.session, tx.now, invoice.id, body.decision, body.attribution)
        return invoice_view(tx.session, invoice)

    return operation.once(shapes.Invoice, act)


def _decided(invoice_id: str, decision: Decision, body: DecisionBody, operation: Operation) -> shapes.Invoice:
    notes: list[str] = []

    def act(tx: ApiTransaction) -> shapes.Invoice:
        note = decide(tx.session, tx.now, tx.provider, invoice_id, decision, body.attribution)
        notes.extend([note.id] if note else [])
        invoice = invoice_with_documents(tx.session, invoice_id)
        assert invoice is not None, "it was decided about"
        return invoice_view(tx.session, invoice)

    view = operation.once(shapes.Invoice, act)
    for note_id in notes:
        enqueue(note_id)
    return view
