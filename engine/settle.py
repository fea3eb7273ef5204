"""Enough is held: the invoice gets its legal number, the money is earned, the change is paid.

A change with nothing to pay settles in the same way: its invoice reads zero, or is a credit note.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from domain.lifecycle import PAYABLE, Event, Status
from domain.pricing.quote_values import Quote
from engine.expiry import supersede_scheduled
from engine.invoicing.numbering import give_number
from engine.ledger import billed_items, postings
from engine.payments.attempts import close_attempts
from engine.payments.credit_refunds import start_credit_refunds
from engine.payments.owed import settle_covered
from models.invoice import invoice_of_change
from models.moves import move
from models.plan_change import lock_change


def settle(session: Session, now: datetime, change_id: str) -> Status:
    """invoiced, awaiting_payment → paid, once the held money covers the total.

    Only money that came in time is held (inbox/allocation.py), so what is held may be settled whenever the task runs.
    """
    change = lock_change(session, change_id)
    invoice = invoice_of_change(session, change.id)
    if change.status not in PAYABLE or invoice is None or not change.covered:
        return Status(change.status)
    quote = Quote.from_json(change.quote or {})
    give_number(session, change.provider, invoice, now)
    billed_items.write_taken(session, invoice, quote.taken, "change", now)
    billed_items.write_opened(session, change.service, invoice, quote.opened, now)
    if invoice.total_minor < 0:
        given = postings.settle_credit_note(session, invoice, now)
        settle_covered(session, now, change.service)
        start_credit_refunds(session, now, change, min(quote.refund, given))
    else:
        postings.settle_invoice(session, invoice, change, now)
    invoice.settle(now)
    close_attempts(session, now, invoice)
    supersede_scheduled(session, now, change)
    move(session, change, Event.SETTLE, Status.PAID, now)
    return Status.PAID
