"""An invoice that was settled for a change that did not come about is corrected: never changed, but answered by a
credit note with its own number. What was paid becomes spendable credit."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.lifecycle import InvoiceStatus
from domain.money import Money
from domain.periods import Period
from domain.pricing.renewals import RenewalPrice, price_renewal
from engine.accounts.services import buyer_of, terms_of
from engine.invoicing.content import opposite_content
from engine.invoicing.invoice import Amounts, new_invoice
from engine.invoicing.numbering import give_number
from engine.ledger import billed_items, postings
from engine.payments.attempts import close_attempts
from engine.payments.owed import settle_covered
from engine.payments.payable import rule_of, with_payable_credit
from engine.renewal import issue_period
from models.customer import Service
from models.invoice import Invoice, invoice_of_change
from models.plan_change import PlanChange
from models.provider import catalog_of
from models.renewal import Renewal


class CreditSpent(Exception):
    """The change gave credit, and the customer has spent it."""

    def __init__(self, missing: Money) -> None:
        super().__init__(
            f"The change gave credit that is spent: {missing.major()} {missing.currency} are missing."
            " Retry the change, or settle it with the customer first."
        )


def correct_change(session: Session, now: datetime, change: PlanChange) -> Invoice:
    """The opposite of the change's invoice: sales and tax back, and its total to the customer's credit.

    Raises CreditSpent where the invoice was a credit note whose credit is gone.
    """
    invoice = invoice_of_change(session, change.id)
    assert invoice is not None, "a settled change has an invoice"
    return _correct(session, now, invoice, "compensation")


def reprice_renewal(session: Session, now: datetime, service: Service, renewal: Renewal) -> Invoice:
    """The period was renewed for a plan that the service did not get: that invoice is corrected, and the period is
    invoiced for the plan that it has, at the price that it had."""
    wrong = session.execute(select(Invoice).where(Invoice.renewal_id == renewal.id)).scalar_one()
    _correct(session, now, wrong, "correction")
    catalog = catalog_of(session, service.provider)
    length = renewal.period_end - renewal.period_start
    terms = replace(terms_of(session, service), period=Period(renewal.period_start - length, renewal.period_start))
    held_credit = postings.credit_of(session, service.provider_id, service.customer_id, service.currency)

    def price(credit: Money) -> RenewalPrice:
        return price_renewal(catalog, terms, buyer_of(service.customer), None, now, credit)

    priced = with_payable_credit(rule_of(session, service.provider_id, service.currency), price, held_credit)
    invoice = issue_period(session, now, catalog, service, priced, wrong)
    renewal.plan, renewal.period_end = priced.terms.plan, priced.period.end
    session.flush()
    return invoice


def _correct(session: Session, now: datetime, wrong: Invoice, cause: str) -> Invoice:
    close_attempts(session, now, wrong)
    amounts = Amounts.taking_back(wrong)
    note = new_invoice(
        wrong,
        wrong.customer_id,
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
    left = postings.credit_of(session, wrong.provider_id, wrong.customer_id, wrong.currency) + wrong.total
    if wrong.total.amount < 0 and left.amount < 0:
        raise CreditSpent(-left)
    billed_items.undo(session, wrong.service, wrong, note, cause, now)
    postings.correct_invoice(session, wrong, note, now)
    settle_covered(session, now, wrong.service)
    return note
