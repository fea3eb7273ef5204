"""What the host system billed for the running period before we did: an item of its own, once it is paid."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from domain.catalog import Catalog, TaxRate
from domain.money import divide_rounded
from domain.periods import Period, full_period
from domain.pricing.bill import billed, net_of
from domain.pricing.billed import BilledItem, Opened
from domain.pricing.period_terms import old_terms
from domain.pricing.proration import exact_part, share_of_part
from domain.tax import UNTAXED, TaxableLine, Taxation, percent_ratio, tax_on, taxation_of
from engine.accounts.services import buyer_of, terms_of
from engine.host_reports.reports import BillingReport
from engine.ledger import billed_items
from models.customer import Service


def write_import(
    session: Session, now: datetime, catalog: Catalog, service: Service, billing: BillingReport, paid: bool
) -> None:
    """The running period as the host system billed it; where it is not paid, the service waits for that."""
    item = _imported(session, catalog, service, billing)
    if paid:
        service.unpaid_import = None
        billed_items.write_opened(session, service, None, [Opened(item, 0)], now)
    else:
        service.unpaid_import = item.as_json() | {"pay_url": billing.pay_url}
    session.flush()


def import_paid(session: Session, now: datetime, service: Service) -> None:
    """The host system's own bill was paid after all: from now on it can be taken back, and changes are open."""
    billed_items.write_opened(session, service, None, [Opened(unpaid_item(service), 0)], now)
    service.unpaid_import = None
    session.flush()


def unpaid_item(service: Service) -> BilledItem:
    """What the host system billed and is not paid."""
    bill = {name: value for name, value in (service.unpaid_import or {}).items() if name != "pay_url"}
    return BilledItem.from_json(bill)


def _imported(session: Session, catalog: Catalog, service: Service, billing: BillingReport) -> BilledItem:
    terms = old_terms(catalog, terms_of(session, service))
    taxation = taxation_of(catalog, buyer_of(service.customer), terms.plan.product)
    if billing.tax_rate is not None:
        taxation = _as_sold(taxation, billing.tax_rate)
    whole = _full_period(catalog, service, terms.months)
    listed = exact_part(terms.full, share_of_part(service.period, whole, catalog.timezone))
    amount = divide_rounded(*listed, catalog.policies.rounding.mode)
    if billing.net is not None:
        taxation = taxation._replace(included=False)
        amount = billing.net
    _, (tax,) = tax_on(catalog.tax, [TaxableLine(amount, taxation)])
    amounts = net_of(amount, tax, taxation), tax
    item = billed(terms, taxation, amounts, (service.period, whole))
    return replace(item, moved_days=service.moved_days)


def _full_period(catalog: Catalog, service: Service, months: int) -> Period:
    """The full period that the running one is the end of, both where they lie today."""
    days, tz = service.moved_days, catalog.timezone
    return full_period(service.period.later(-days, tz), months, service.anchor, tz).later(days, tz)


def _as_sold(taxation: Taxation, percent: str) -> Taxation:
    """The rate that the host system charged, under the name of ours for it."""
    if percent_ratio(percent)[0] == 0:
        return UNTAXED
    code = taxation.rate.code if taxation.rate else "import"
    label = taxation.rate.label if taxation.rate else {"en": code}
    return Taxation(TaxRate(code=code, percent=percent, label=label), taxation.included)
