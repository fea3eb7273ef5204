"""What stands open between an invoice's money and its sale: what was lost, what is disputed, what notes have paid.

Whatever undoes a loss makes it good before anybody else has something of it: the money that comes in again, and the
sale that is taken back.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, aliased

from domain.money import Money
from models.invoice import Invoice
from models.ledger import LedgerEntry, LedgerTransaction, returned_of
from models.payment import Payment, Refund
from models.plan_change import PlanChange


def lost_of(session: Session, invoice: Invoice) -> Money:
    """What of an invoice's money was taken as a loss and has not been made good."""
    movements = select(Payment.id).where(Payment.invoice_id == invoice.id)
    refunds = select(Refund.id).where(Refund.payment_id.in_(movements))
    sources = movements.union(refunds, _answers_of(invoice))
    of_invoice = LedgerTransaction.source_id.in_(sources) | (LedgerTransaction.source_id == invoice.id)
    return _lost(session, invoice, of_invoice)


def lost_of_payment(session: Session, payment: Payment) -> Money:
    """The same of money that belongs to no settled invoice: what went back of it twice."""
    movements = select(Payment.id).where(Payment.of_payment_id == payment.id)
    refunds = select(Refund.id).where(Refund.payment_id == payment.id)
    return _lost(session, payment, LedgerTransaction.source_id.in_(movements.union(refunds)))


def disputed_of(session: Session, invoice: Invoice) -> Money:
    """What is disputed of an invoice's money and not decided yet: what was lost may still be won."""
    end = aliased(Payment)
    ended = select(end.id).where(
        end.connection_id == Payment.connection_id,
        end.gateway_object == Payment.gateway_object,
        end.kind.in_(("dispute_won", "dispute_lost")),
    )
    query = select(func.coalesce(func.sum(Payment.amount_minor), 0)).where(Payment.kind == "dispute", ~ended.exists())
    disputed = session.scalar(query.where(Payment.invoice_id == invoice.id, Payment.currency == invoice.currency))
    return Money(int(disputed or 0), invoice.currency)


def open_claim_on(session: Session, invoice: Invoice) -> Money:
    """What went back of an invoice's money and nobody has paid again, or decided about; a dispute that runs is decided
    by its end."""
    return max(Money.zero(invoice.currency), returned_of(session, invoice) - disputed_of(session, invoice))


def paid_by_notes(session: Session, invoice: Invoice) -> Money:
    """What credit notes of the service have paid of an invoice."""
    query = (
        select(func.coalesce(func.sum(-LedgerEntry.amount_minor), 0))
        .join(LedgerTransaction)
        .where(LedgerTransaction.source_kind.in_(("settle", "correction")), LedgerTransaction.source_id != invoice.id)
        .where(LedgerEntry.provider_id == invoice.provider_id, LedgerEntry.currency == invoice.currency)
        .where(LedgerEntry.account.in_(("receivable", "returned")), LedgerEntry.owner == invoice.id)
    )
    return Money(int(session.scalar(query) or 0), invoice.currency)


def is_answered(session: Session, invoice: Invoice) -> bool:
    """Whether it was taken back as a whole: no invoice is so twice, and it needs no money any more."""
    return session.scalar(_answers_of(invoice).limit(1)) is not None


def _answers_of(invoice: Invoice) -> Select[str]:
    """What takes an invoice back: its opposite, or that of the change that reverses its change."""
    answers = Invoice.corrects_id == invoice.id
    if invoice.change_id is not None:
        reversals = select(PlanChange.id).where(PlanChange.reverses_id == invoice.change_id)
        answers |= Invoice.change_id.in_(reversals)
    return select(Invoice.id).where(answers)


def _lost(session: Session, of: Invoice | Payment, sources: ColumnElement[bool]) -> Money:
    query = select(func.coalesce(func.sum(LedgerEntry.amount_minor), 0)).join(LedgerTransaction).where(sources)
    account = (LedgerEntry.provider_id == of.provider_id, LedgerEntry.account == "losses", LedgerEntry.owner == "")
    lost = session.scalar(query.where(*account, LedgerEntry.currency == of.currency))
    return Money(int(lost or 0), of.currency)
