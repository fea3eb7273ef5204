"""An invoice that was settled for a change that did not come about is corrected: never changed, but answered by a
credit note with its own number. What was paid becomes spendable credit."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.money import Money
from domain.periods import Period
from domain.pricing.renewals import RenewalPrice, price_renewal
from engine.accounts.services import buyer_of, terms_of
from engine.ledger import postings
from engine.payments.credit_notes import answer_invoice
from engine.payments.payable import rule_of, with_payable_credit
from engine.renewal import issue_period
from models.customer import Service
from models.invoice import Invoice, invoice_of_change
from models.plan_change import PlanChange
from models.provider import catalog_of
from models.renewal import Renewal


def correct_change(session: Session, now: datetime, change: PlanChange) -> Invoice:
    """The opposite of the change's invoice: sales and tax back, and its total to the customer's credit.

    Raises CreditSpent where the invoice was a credit note whose credit is gone.
    """
    invoice = invoice_of_change(session, change.id)
    assert invoice is not None, "a settled change has an invoice"
    return answer_invoice(session, now, invoice, "compensation")


def reprice_renewal(session: Session, now: datetime, service: Service, renewal: Renewal) -> Invoice:
    """The period was renewed for a plan that the service did not get: that invoice is corrected, and the period is
    invoiced for the plan that it has, at the price that it had."""
    wrong = session.execute(select(Invoice).where(Invoice.renewal_id == renewal.id)).scalar_one()
    answer_invoice(session, now, wrong, "correction")
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
