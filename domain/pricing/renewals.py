"""The price of the period after the running one: as it is, or of the change that was scheduled for it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from domain.catalog import Catalog
from domain.money import Money, Rounding, divide_rounded
from domain.periods import Period, next_period
from domain.pricing.adjust import before_tax
from domain.pricing.bill import billed, net_of
from domain.pricing.billed import Opened
from domain.pricing.credit_use import credit_used, rest_is_waived
from domain.pricing.explain import Formatter, line_of, tax_lines
from domain.pricing.items import PricedLine
from domain.pricing.period_terms import PeriodTerms, new_terms, old_terms
from domain.pricing.proration import exact_part, share_of_part
from domain.pricing.quote_values import PlanTerms, Quote, QuoteLine
from domain.pricing.terms import Buyer, ServiceTerms, Target
from domain.pricing.totals import fee_between, total_of, total_rounded_once
from domain.tax import TaxableLine, TaxFigure, tax_on, taxation_of


class Promise(NamedTuple):
    """What a scheduled change was shown: the price of a unit and the one-time fee, in minor units before tax."""

    unit: int
    fee: int

    @classmethod
    def of(cls, quote: Quote) -> "Promise":
        """The promise that its quote made."""
        fee = sum(line.amount.amount for line in quote.renewal_lines if line.kind == "fee")
        return cls(quote.to.unit_price.amount, fee)


@dataclass(frozen=True, slots=True)
class RenewalPrice:
    """What the next period costs: total = net + tax + rounding, the last where the total alone is rounded; due = total
    - credit_applied. Same line kinds as a quote.

    opened is the billed item that it makes.
    """

    terms: PlanTerms
    period: Period
    lines: tuple[QuoteLine, ...]
    net: Money
    tax: Money
    rounding: Money
    total: Money
    credit_applied: Money
    due: Money
    opened: tuple[Opened, ...]


def price_renewal(
    catalog: Catalog,
    service: ServiceTerms,
    buyer: Buyer,
    target: Target | None,
    now: datetime,
    account_credit: Money,
    promise: Promise | None = None,
    until: datetime | None = None,
) -> RenewalPrice:
    """The period after the running one, for the target of a scheduled change, or as it is where target is None.

    An unchanged plan and cycle keep the price the service bought, a scheduled change has the one it was promised.
    Where the period does not end on the service's day of renewal, the next one is the time up to it, by the day; where
    the service has gone out meanwhile, it is the time up to `until`. Raises UnknownPlan, UnknownCycle, PlanNotOffered.
    """
    currency, end = service.currency, service.period.end
    wanted = target or Target(service.plan, service.cycle)
    terms = new_terms(catalog, service, wanted, end, promise.unit if promise else None)
    period, whole = next_period(end, terms.months, service.anchor, catalog.timezone)
    if until is not None:
        period = Period(period.start, min(until, period.end))
    charge = _charge(catalog, buyer, terms, period, whole)
    priced, taxation = [charge], charge.taxation
    fee = promise.fee if promise else fee_between(old_terms(catalog, service), terms, currency)
    if fee:
        priced.append(PricedLine("fee", fee, taxation, (fee, 1), terms))
    taxes, parts, rounding, total = _taxed(catalog, priced)
    if rest_is_waived(catalog, total, account_credit):
        waived = before_tax(account_credit.amount - total, taxation, Rounding.UP)
        priced.append(PricedLine("waived", waived, taxation, (waived, 1)))
        taxes, parts, rounding, total = _taxed(catalog, priced)
    formatter = Formatter(catalog, buyer.locale, currency)
    lines = (*(line_of(formatter, line) for line in priced), *tax_lines(formatter, taxes))
    tax = sum(line.amount.amount for line in lines if line.kind == "tax")
    applied = credit_used(catalog, total, account_credit)
    item = billed(terms, taxation, _billed_amounts(priced, parts), (period, whole))
    return RenewalPrice(
        plan_terms(terms, currency),
        period,
        lines,
        Money(total - rounding - tax, currency),
        Money(tax, currency),
        Money(rounding, currency),
        Money(total, currency),
        Money(applied, currency),
        Money(total - applied, currency),
        (Opened(item, 0),),
    )


def _taxed(catalog: Catalog, lines: list[PricedLine]) -> tuple[tuple[TaxFigure, ...], list[int], int, int]:
    """The taxes, each line's part of them, the rounding after tax, and the total."""
    taxes, parts = tax_on(catalog.tax, [TaxableLine(line.amount, line.taxation) for line in lines])
    policy, total = catalog.policies.rounding, total_of((line.amount for line in lines), taxes)
    once = total_rounded_once(lines, policy.place, policy.mode)
    return (taxes, parts, 0, total) if once is None else (taxes, parts, once - total, once)


def _billed_amounts(lines: list[PricedLine], parts: list[int]) -> tuple[int, int]:
    """Net and tax of what was billed for the period: what was waived was not."""
    of_time = [pair for pair in zip(lines, parts, strict=True) if pair[0].kind != "fee"]
    net = sum(net_of(line.amount, part, line.taxation) for line, part in of_time)
    return net, sum(part for _, part in of_time)


def plan_terms(terms: PeriodTerms, currency: str) -> PlanTerms:
    """A plan in a cycle as quotes and invoices show it."""
    return PlanTerms(
        plan=terms.plan.id,
        plan_name=terms.plan.name,
        cycle=terms.cycle,
        price=Money(terms.unit * terms.quantity, currency),
        unit_price=Money(terms.unit, currency),
        quantity=terms.quantity,
        limits=dict(terms.plan.limits),
    )


def _charge(catalog: Catalog, buyer: Buyer, terms: PeriodTerms, period: Period, whole: Period) -> PricedLine:
    share = share_of_part(period, whole, catalog.timezone)
    exact = exact_part(terms.full, share)
    amount = divide_rounded(*exact, catalog.policies.rounding.mode)
    taxation = taxation_of(catalog, buyer, terms.plan.product)
    return PricedLine("charge", amount, taxation, exact, terms, share, terms.full, period)
