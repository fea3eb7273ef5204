"""An invoice with a number is never changed: what it should not have said is answered by a credit note of its own.

What is still owed on it is owed no more, what was paid becomes spendable credit, and what it billed is taken back.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from domain.lifecycle import InvoiceStatus
from domain.money import Money
from engine.invoicing.content import opposite_content
from engine.invoicing.invoice import Amounts, new_invoice
from engine.invoicing.numbering import give_number
from engine.ledger import billed_items, postings
from engine.payments.attempts import close_attempts
from engine.payments.owed import settle_covered
from models.invoice import Invoice


class CreditSpent(Exception):
    """The change gave credit, and the customer has spent it."""

    def __init__(self, missing: Money) -> None:
        super().__init__(
            f"The change gave credit that is spent: {missing.major()} {missing.currency} are missing."
            " Retry the change, or settle it with the customer first."
        )


def check_credit(session: Session, wrong: Invoice) -> None:
    """Raises CreditSpent where the invoice was a credit note whose credit is gone."""
    left = postings.credit_of(session, wrong.provider_id, wrong.customer_id, wrong.currency) + wrong.total
    if wrong.total.amount < 0 and left.amount < 0:
        raise CreditSpent(-left)


def answer_invoice(session: Session, now: datetime, wrong: Invoice, cause: str) -> Invoice:
    """The opposite of an invoice: sales and tax back, its total to what is owed and then to the customer's credit.

    Its checkout is closed; money that comes all the same is credit. Raises LaterBill, and CreditSpent where the invoice
    was a credit note whose credit is gone.
    """
    check_credit(session, wrong)
    close_attempts(session, now, wrong)
    amounts = Amounts.taking_back(wrong)
    note = new_invoice(
        wrong,
        wrong.service,
        kind="invoice" if wrong.total_minor < 0 else "credit_note",
        # A debt that was given as credit before is taken from the credit again.
        amounts=replace(amounts, credit_applied=max(amounts.credit_applied, amounts.total)),
        content=opposite_content(wrong),
        now=now,
        due_at=now,
        settled_at=now,
    )
    if wrong.status is InvoiceStatus.OPEN:
        wrong.settle(now)
    give_number(session, wrong.provider, note, now)
    session.add(note)
    session.flush()
    billed_items.undo(session, wrong.service, wrong, note, cause, now)
    postings.correct_invoice(session, wrong, note, now)
    settle_covered(session, now, wrong.service)
    return note
