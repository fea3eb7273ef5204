"""What a payment return does to the ledger and to its change, and what that becomes when the money comes in again.

What goes back before its invoice is settled was held for it; afterwards it is a claim (`returned`), paid from the
customer's credit as far as there was too much, and for the rest decided by the catalogue's policy in reversal.py.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from domain.lifecycle import PAYABLE, Status
from domain.money import Money
from engine import reversal
from engine.inbox.reports import ReturnReport
from engine.ledger import postings
from models.invoice import Invoice
from models.ledger import Entry, LedgerEntry, LedgerTransaction, credit, paid_from_credit, receivable_of, returned_of
from models.payment import Payment, Refund, record_movement_of
from models.plan_change import PlanChange

# The sale itself was undone, so its invoice needs no money any more.
_UNDONE = (Status.REVERSED, Status.COMPENSATED)


def post_return(session: Session, now: datetime, movement: Payment, report: ReturnReport, final: bool) -> list[str]:
    payment, change = report.payment, report.change
    if payment.outcome == "unmatched" or payment.invoice_id is None:
        postings.return_unmatched(session, movement, report.unmatched, report.clearing, now)
        return []
    if payment.outcome == "held" and change is not None and change.status in PAYABLE:
        postings.return_held(session, change, movement, report.clearing, now)
        return []
    invoice = session.get_one(Invoice, payment.invoice_id)
    postings.return_settled(session, invoice, movement, report.clearing, now)
    return decide(session, now, movement, invoice, change) if final else []


def decide(
    session: Session, now: datetime, movement: Payment, invoice: Invoice, change: PlanChange | None
) -> list[str]:
    """What was too much was credit, and is taken from there; what the invoice needed is the policy's matter."""
    claim = returned_of(session, invoice)
    stands = invoice.settled_at is not None and (change is None or change.status not in _UNDONE)
    by_credit = sum(amount for _, amount in paid_from_credit(session, invoice))
    needed = Money(max(0, invoice.due_minor - by_credit) if stands else 0, invoice.currency)
    kept = reversal.net_received(session, invoice)
    too_much = kept + claim - needed
    credit = postings.credit_of(session, invoice.provider_id, invoice.customer_id, invoice.currency)
    taken = max(Money.zero(invoice.currency), min(movement.amount, claim, too_much, credit))
    postings.take_returned_from_credit(session, invoice, movement, taken, now)
    if taken == claim:
        return []
    return reversal.answer_return(session, now, change, invoice)


def record_return(
    session: Session, report: ReturnReport, kind: str, amount: Money, name: str | None = None
) -> Payment | None:
    """The movement's row, under the report's name unless given another; None if it is recorded already."""
    name = name or report.name
    return record_movement_of(session, report.payment, name, kind, amount, "returned", report.at, report.event.id)


def win_back(session: Session, now: datetime, won: Payment, report: ReturnReport) -> list[str]:
    """A dispute was won: the money is again what it was before. Returns the change that it may pay now."""
    payment, change = report.payment, report.change
    if payment.outcome == "unmatched" or payment.invoice_id is None:
        postings.park_won_dispute(session, won, report.clearing, report.unmatched, now)
        return []
    if payment.outcome == "held" and change is not None and change.status in PAYABLE:
        postings.hold_won_dispute(session, change, won, report.clearing, now)
        change.schedule_now()
        return [change.id]
    invoice = session.get_one(Invoice, payment.invoice_id)
    claim = min(won.amount, max(Money.zero(won.currency), returned_of(session, invoice)))
    postings.win_dispute(session, invoice, won, claim, report.clearing, now)
    return []


def claims_of(session: Session, report: ReturnReport, amount: Money) -> list[Entry]:
    """What money of a payment that comes in again is first for, as credits: what was posted when it went back is
    undone. Held for a change that is still unpaid; else the loss that was taken, the debt that was made of it, the
    claim that is open. The rest is the customer's."""
    payment, change = report.payment, report.change
    if payment.outcome == "unmatched" or payment.invoice_id is None:
        return []
    if payment.outcome == "held" and change is not None and change.status in PAYABLE:
        return [credit("held", change.id, amount)]
    invoice, left, claims = session.get_one(Invoice, payment.invoice_id), amount, list[Entry]()
    # What is disputed is decided with its dispute.
    returned = returned_of(session, invoice)
    returned -= _disputed(session, invoice)
    for account, owner, claim in (
        ("losses", "", _lost(session, invoice)),
        ("receivable", invoice.id, receivable_of(session, invoice)),
        ("returned", invoice.id, returned),
    ):
        part = max(Money.zero(invoice.currency), min(claim, left))
        if part:
            claims.append(credit(account, owner, part))
            left -= part
    return claims


def _lost(session: Session, invoice: Invoice) -> Money:
    """What of an invoice's money was taken as a loss and has not come in again."""
    movements = select(Payment.id).where(Payment.invoice_id == invoice.id)
    refunds = select(Refund.id).where(Refund.payment_id.in_(movements))
    of_invoice = LedgerTransaction.source_id.in_(movements.union(refunds)) | (LedgerTransaction.source_id == invoice.id)
    query = select(func.coalesce(func.sum(LedgerEntry.amount_minor), 0)).join(LedgerTransaction)
    lost = session.scalar(query.where(LedgerEntry.account == "losses", of_invoice))
    return Money(int(lost or 0), invoice.currency)


def _disputed(session: Session, invoice: Invoice) -> Money:
    """What is disputed of an invoice's money and not decided yet."""
    sign = case((Payment.kind == "dispute", 1), (Payment.kind.in_(("dispute_won", "dispute_lost")), -1), else_=0)
    query = select(func.coalesce(func.sum(Payment.amount_minor * sign), 0))
    disputed = session.scalar(query.where(Payment.invoice_id == invoice.id, Payment.currency == invoice.currency))
    return Money(int(disputed or 0), invoice.currency)
