"""What a payment return does to the ledger and to its change, and what that becomes when the money comes in again.

What goes back before its invoice is settled comes from where it lay; afterwards it is a claim (`returned`), paid from
the customer's credit as far as there was too much, and for the rest decided by the catalogue's policy in reversal.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from domain.lifecycle import PAYABLE
from domain.money import Money
from engine import reversal
from engine.inbox.reports import ReturnReport
from engine.ledger import postings
from engine.ledger.open_claims import is_answered, lost_of, lost_of_payment, open_claim_on, paid_by_notes
from models.invoice import Invoice
from models.ledger import Entry, credit, paid_from_credit, receivable_of, returned_of
from models.payment import Payment, record_movement_of
from models.plan_change import PlanChange

# Account, owner, amount.
Claim = tuple[str, str, Money]


def post_return(session: Session, now: datetime, movement: Payment, report: ReturnReport, final: bool) -> list[str]:
    payment = report.payment
    if (account := _lies_in(report)) is not None:
        left = max(Money.zero(payment.currency), Money(payment.left_minor, payment.currency) + movement.amount)
        postings.return_unsettled(session, account, movement, left, report.clearing, now)
        return []
    invoice = session.get_one(Invoice, payment.invoice_id)
    postings.return_settled(session, invoice, movement, report.clearing, now)
    return decide(session, now, movement, invoice, report.change) if final else []


def _lies_in(report: ReturnReport) -> tuple[str, str] | None:
    """The account, with its owner, of money that is not settled yet; None where it is."""
    payment, change = report.payment, report.change
    if payment.outcome == "unmatched" or payment.invoice_id is None:
        return report.unmatched, ""
    if payment.outcome == "held" and change is not None and change.status in PAYABLE:
        return "held", change.id
    return None


def decide(
    session: Session, now: datetime, movement: Payment, invoice: Invoice, change: PlanChange | None
) -> list[str]:
    """What was too much was credit, and is taken from there; what the invoice needed is the policy's matter."""
    claim = returned_of(session, invoice)
    stands = invoice.settled_at is not None and not is_answered(session, invoice)
    needed = _needed(session, invoice) if stands else Money.zero(invoice.currency)
    kept = reversal.net_received(session, invoice)
    too_much = kept + claim - needed
    spendable = postings.credit_of(session, invoice.provider_id, invoice.customer_id, invoice.currency)
    taken = max(Money.zero(invoice.currency), min(movement.amount, claim, too_much, spendable))
    postings.take_returned_from_credit(session, invoice, movement, taken, now)
    if taken == claim:
        return []
    return reversal.answer_return(session, now, change, invoice)


def _needed(session: Session, invoice: Invoice) -> Money:
    """What payments have to bring of an invoice: the rest came from credit, from notes, or is lost."""
    by_credit = sum(amount for _, amount in paid_from_credit(session, invoice))
    brought = paid_by_notes(session, invoice) + lost_of(session, invoice)
    return max(Money.zero(invoice.currency), Money(invoice.due_minor - by_credit, invoice.currency) - brought)


def record_return(
    session: Session, report: ReturnReport, kind: str, amount: Money, name: str | None = None
) -> Payment | None:
    """The movement's row, under the report's name unless given another; None if it is recorded already."""
    name = name or report.name
    return record_movement_of(session, report.payment, name, kind, amount, "returned", report.at, report.event.id)


def win_back(session: Session, now: datetime, won: Payment, report: ReturnReport) -> list[str]:
    """A dispute was won: the money is again what it was before. Returns the change that it may pay now."""
    payment, change = report.payment, report.change
    if (account := _lies_in(report)) is not None:
        lost = min(won.amount, lost_of_payment(session, payment))
        postings.win_unsettled(session, account, won, lost, report.clearing, now)
        if account[0] != "held" or change is None:
            return []
        change.schedule_now()
        return [change.id]
    invoice = session.get_one(Invoice, payment.invoice_id)
    returned = ("returned", invoice.id, returned_of(session, invoice))
    claims, _ = _shared(won.amount, [returned, *_decided(session, invoice)])
    postings.win_dispute(session, invoice, won, claims, report.clearing, now)
    if returned_of(session, invoice).amount > 0:  # what had waited for the dispute
        return reversal.answer_return(session, now, change, invoice)
    return []


def claims_of(session: Session, report: ReturnReport, amount: Money) -> list[Entry]:
    """What money of a payment that comes in again is first for, as credits: what was posted when it went back is
    undone. The loss that was taken; held for a change that is still unpaid; else the debt that was made of it, the
    claim that is open. The rest is the customer's, or belongs to nothing."""
    payment, account = report.payment, _lies_in(report)
    if account is not None:
        shares, rest = _shared(amount, [("losses", "", lost_of_payment(session, payment))])
        return [*shares, credit(*account, rest)] if account[0] == "held" else shares
    invoice = session.get_one(Invoice, payment.invoice_id)
    claim = ("returned", invoice.id, open_claim_on(session, invoice))
    return _shared(amount, [*_decided(session, invoice), claim])[0]


def _decided(session: Session, invoice: Invoice) -> list[Claim]:
    """What was made of money that went back: a loss, or a debt."""
    lost, owed = lost_of(session, invoice), receivable_of(session, invoice)
    return [("losses", "", lost), ("receivable", invoice.id, owed)]


def _shared(amount: Money, claims: Iterable[Claim]) -> tuple[list[Entry], Money]:
    """The amount as credits to the claims, one after the other, and what is left of it."""
    shares = list[Entry]()
    for account, owner, claim in claims:
        part = max(Money.zero(amount.currency), min(claim, amount))
        shares.append(credit(account, owner, part))
        amount -= part
    return shares, amount
