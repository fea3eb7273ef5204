"""What staff decide about the renewal's invoice of a service that has ended."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path

from engine.operators.ended_invoices import decide
from models.invoice import Invoice
from planshift_client import shapes
from tasks.story import enqueue
from web.api.auth import OpsKey, transaction_for
from web.api.bodies import DecisionBody
from web.api.invoices import InvoiceId
from web.api.views import invoice_view

router = APIRouter(prefix="/v1/invoices", tags=["operators"])

Decision = Annotated[Literal["void", "credit", "keep"], Path(description="What becomes of it.")]


@router.post("/{invoice_id}/{decision}")
def decide_invoice(invoice_id: InvoiceId, decision: Decision, body: DecisionBody, caller: OpsKey) -> shapes.Invoice:
    """Of a service that has ended: `void` takes back an invoice on which nothing was paid, `credit` gives what was paid
    as account credit, both by a credit note; `keep` leaves it owed, and says why."""
    with transaction_for(caller) as tx:
        note = decide(tx.session, tx.now, tx.provider, invoice_id, decision, body.attribution)
        view, note_id = invoice_view(tx.session, tx.session.get_one(Invoice, invoice_id)), note.id if note else None
    if note_id is not None:
        enqueue(note_id)
    return view
