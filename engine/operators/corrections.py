"""An invoice that was settled for a change that did not come about is corrected: never changed, but answered by a
credit note with its own number. What was paid becomes spendable credit."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.catalog import Catalog
from domain.money import Money
from domain.periods import Period, anchor_of
from domain.pricing.billed import Opened
from domain.pricing.renewals import RenewalPrice, price_renewal
from domain.pricing.terms import ServiceTerms
from engine.accounts.services import buyer_of, terms_of
from engine.ledger.open_claims import is_answered
from engine.payments.credit_notes import answer_invoice
from engine.payments.payable import means_of, with_payable_credit
from engine.renewal import bill_period
from models.customer import Service
from models.invoice import Invoice
from models.plan_change import PlanChange
from models.provider import catalog_of
from models.renewal import Renewal
from models.resumption import outages_of


def correct_change(session: Session, now: datetime, change: PlanChange) -> Invoice:
    """The opposite of the change's invoice: sales and tax back, and its total to the customer's credit.

    Raises CreditSpent where the invoice was a credit note whose credit is gone.
    """
    invoice = change.invoice
    assert invoice is not None, "a settled change has an invoice"
    return answer_invoice(session, now, invoice, "compensation")


def reprice_renewal(session: Session, now: datetime, service: Service, renewal: Renewal) -> None:
    """The period was renewed for a plan that the service did not get: its invoice, if it has one, is corrected, and the
    period is billed for the plan that it has, at the price that it had: not of a service that is over."""
    wrong = session.scalar(select(Invoice).where(Invoice.renewal_id == renewal.id))
    if wrong is not None and not is_answered(session, wrong):
        answer_invoice(session, now, wrong, "correction")
    if service.is_over:
        return
    catalog = catalog_of(session, service.provider)
    terms, until = _as_renewed(session, catalog, service, renewal)

    def price(credit: Money) -> RenewalPrice:
        return price_renewal(catalog, terms, buyer_of(service.customer), None, now, credit, until=until)

    priced = with_payable_credit(*means_of(session, service), price)
    renewal.plan, renewal.period_end = priced.terms.plan, priced.period.end
    days, tz = service.moved_days, catalog.timezone
    moved = tuple(Opened(one.item.later(days, tz), one.line) for one in priced.opened)
    priced = replace(priced, period=priced.period.later(days, tz), opened=moved)
    bill_period(session, now, catalog, service, priced, wrong or renewal)
    service.moved_days = days
    session.flush()


def _as_renewed(
    session: Session, catalog: Catalog, service: Service, renewal: Renewal
) -> tuple[ServiceTerms, datetime | None]:
    """The service as it was renewed, and where that period was cut since the service had gone out: by what happened to
    its period afterwards (`moved_days`) it is moved again."""
    renewed = Period(renewal.period_start, renewal.period_end)
    before = Period(renewed.start - (renewed.end - renewed.start), renewed.start)
    terms = replace(terms_of(session, service), period=before)
    if service.moved_days:
        anchor = anchor_of(renewed, catalog.timezone)
        terms = replace(terms, anchor_day=anchor.day, anchor_time=anchor.at)
    is_cut = renewed.end in [outage.start for outage in outages_of(session, service.id)]
    return terms, renewed.end if is_cut else None
