"""Enough is held: the invoice gets its legal number, the money is earned, the change is paid.

A change with nothing to pay settles in the same way: its invoice reads zero, or is a credit note. One that was paid on
a later day than it was priced for is settled for the days from then on, and what is over becomes credit.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from domain.lifecycle import PAYABLE, Event, Status
from domain.pricing.quote_values import Quote
from domain.pricing.settled import settled_quote
from engine.expiry import supersede_scheduled
from engine.invoicing.invoice import restate
from engine.invoicing.numbering import give_number
from engine.ledger import billed_items, postings
from engine.payments.attempts import close_attempts
from engine.payments.credit_refunds import start_credit_refunds
from engine.payments.owed import settle_covered
from engine.payments.paid_at import paid_at
from models.invoice import Invoice
from models.moves import move
from models.plan_change import PlanChange, lock_change


def settle(session: Session, now: datetime, change_id: str) -> Status:
    """invoiced, awaiting_payment → paid, once the held money covers the total.

    Only money that came in time is held (inbox/allocation.py), so what is held may be settled whenever the task runs.
    """
    return settle_locked(session, now, lock_change(session, change_id))


def settle_locked(session: Session, now: datetime, change: PlanChange) -> Status:
    """The same for a change that `lock_change` has just read."""
    invoice = change.invoice
    if change.status not in PAYABLE or invoice is None:
        return Status(change.status)
    held = postings.held_for(session, change, invoice.currency)
    if held < invoice.total:
        return Status(change.status)
    quote = _settled_quote(session, now, change, invoice)
    close_attempts(session, now, invoice)
    supersede_scheduled(session, now, change)
    give_number(session, change.provider, invoice, now)
    billed_items.write_taken(session, invoice, quote.taken, "change", now)
    billed_items.write_opened(session, change.service, invoice, quote.opened, now)
    invoice.settle(now)
    move(session, change, Event.SETTLE, Status.PAID, now)
    if invoice.total_minor < 0:
        postings.release_held(session, change, held, now)
        given = postings.settle_credit_note(session, invoice, now)
        settle_covered(session, now, change.service)
        start_credit_refunds(session, now, change, min(quote.refund, given))
    else:
        postings.settle_invoice(session, invoice, change, held, now)
    return Status.PAID


def _settled_quote(session: Session, now: datetime, change: PlanChange, invoice: Invoice) -> Quote:
    """What was accepted, or what the change costs as of its payment: then the invoice says that."""
    accepted = Quote.from_json(change.quote or {})
    paid = paid_at(session, now, change, invoice)
    settled = accepted if paid is None else settled_quote(accepted, paid)
    if settled is not accepted:
        change.settled_quote, change.effective_at = settled.as_json(), settled.effective_at
        restate(session, change, invoice, settled)
    return settled
