"""An invoice that was settled for a change that did not come about is corrected: never changed, but answered by a
credit note with its own number. What was paid becomes spendable credit."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.catalog import Catalog
from domain.lifecycle import InvoiceStatus
from domain.money import Money
from domain.periods import Period, anchor_of
from domain.pricing.billed import Opened
from domain.pricing.renewals import price_renewal
from domain.pricing.terms import ServiceTerms
from engine.accounts.services import buyer_of, terms_of
from engine.invoicing.content import opposite_content
from engine.invoicing.invoice import Amounts, new_invoice
from engine.invoicing.numbering import give_number
from engine.ledger import billed_items, postings
from engine.payments.attempts import close_attempts
from engine.payments.owed import settle_covered
from engine.renewal import issue_period
from models.customer import Service
from models.invoice import Invoice, invoice_of_change
from models.plan_change import PlanChange
from models.provider import catalog_of
from models.renewal import Renewal
from models.resumption import outages_of


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
    held_credit = postings.credit_of(session, service.provider_id, service.customer_id, service.currency)
    terms, until = _as_renewed(session, catalog, service, renewal)
    priced = price_renewal(catalog, terms, buyer_of(service.customer), None, now, held_credit, until=until)
    renewal.plan, renewal.period_end = priced.terms.plan, priced.period.end
    days, tz = service.moved_days, catalog.timezone
    moved = tuple(Opened(one.item.later(days, tz), one.line) for one in priced.opened)
    priced = replace(priced, period=priced.period.later(days, tz), opened=moved)
    invoice = issue_period(session, now, catalog, service, priced, wrong)
    service.moved_days = days
    session.flush()
    return invoice


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
