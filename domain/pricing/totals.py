"""How the figures of a change are computed: integers only, one rounding for each amount."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from domain.catalog import Catalog
from domain.money import Rounding, divide_rounded
from domain.periods import Period, months_of
from domain.pricing.items import Figures, Item
from domain.pricing.modes import Anchor, ChangeDay, CreditBecomes, Fraction, Proration, RoundingPlace
from domain.pricing.period_terms import PeriodTerms, units_between
from domain.pricing.proration import (
    Ratio,
    Share,
    add,
    by_day_rate,
    exact_part,
    period_after,
    share_left,
    share_of_new,
)
from domain.pricing.terms import Buyer, ServiceTerms
from domain.tax import TaxFigure, percent_ratio, rate_for, tax_on, treatment

Exact = list[tuple[str, Ratio]]


class Frame(NamedTuple):
    """What every line of one change has in common."""

    catalog: Catalog
    service: ServiceTerms
    buyer: Buyer
    old: PeriodTerms
    new: PeriodTerms
    proration: Proration
    now: datetime
    period: Period
    rounding: Rounding
    place: RoundingPlace
    day: ChangeDay


def price_now(
    catalog: Catalog,
    service: ServiceTerms,
    buyer: Buyer,
    terms_pair: tuple[PeriodTerms, PeriodTerms],
    proration: Proration,
    now: datetime,
) -> Figures:
    """What a change that takes effect now costs, and what the service looks like after it."""
    old, new = terms_pair
    months = old.months, new.months
    period, anchor_day = period_after(proration, service.period, service.anchor_day, months, catalog.timezone, now)
    policy = catalog.policies
    rounding, place = proration.rounding or policy.rounding.mode, proration.place or policy.rounding.place
    day = proration.change_day or policy.change_day
    frame = Frame(catalog, service, buyer, old, new, proration, now, period, rounding, place, day)
    items, exact = _moved(frame)
    paid = _paid_after(frame, items)
    _add_fee(frame, items, exact)
    _round_once(frame, items, exact)
    _adjust(frame, items)
    taxes = _taxes(frame, items)
    total = total_of(items, taxes)
    return Figures(tuple(items), taxes, total, period, anchor_day, paid)


def total_of(items: Iterable[Item], taxes: Iterable[TaxFigure]) -> int:
    """Lines and tax; tax that inclusive prices already hold is taken out once."""
    return sum(item.amount for item in items) + sum(tax.amount - tax.included for tax in taxes)


def full_total(catalog: Catalog, buyer: Buyer, terms: PeriodTerms) -> int:
    """A whole period on these terms with tax, in minor units."""
    amount = divide_rounded(*terms.full, catalog.policies.rounding.mode)
    taxes = tax_on(catalog, buyer, [(terms.plan.product, amount)])
    return amount + sum(tax.amount - tax.included for tax in taxes)


def _moved(frame: Frame) -> tuple[list[Item], Exact]:
    """Credit and charge lines with their exact values; nothing at all under fraction zero."""
    items: list[Item] = []
    exact: Exact = []
    if frame.proration.fraction is Fraction.ZERO:
        return items, exact
    left = _covered(frame, frame.service.period)
    for kind, terms, share, only_units in _wanted(frame):
        covers = left if kind == "credit" or frame.period is frame.service.period else _covered(frame, frame.period)
        item, value = _line(frame, kind, terms, share, covers, only_units)
        items.append(item)
        exact.append((terms.plan.product, value))
    return items, exact


def _wanted(frame: Frame) -> list[tuple[str, PeriodTerms, Share, bool]]:
    service, tz, proration, old, new = frame.service, frame.catalog.timezone, frame.proration, frame.old, frame.new
    left = share_left(proration.fraction, service.period, frame.now, tz, frame.day, old.months)
    between = units_between(old, new) if frame.period == service.period else None
    if between is not None:
        more = new.quantity > old.quantity
        return [("charge" if more else "credit", between, left, True)] if more or proration.credit else []
    share = share_of_new(proration, left, (service.period, frame.period), frame.now, tz, frame.day, new.months)
    charge = ("charge", new, share, False)
    return [("credit", old, left, False), charge] if proration.credit else [charge]


def _line(
    frame: Frame, kind: str, terms: PeriodTerms, share: Share, covers: Period, only_units: bool
) -> tuple[Item, Ratio]:
    full, rate, running = terms.full, None, None
    if frame.proration.anchor is Anchor.KEEP_END:
        months = months_of(frame.service.period, frame.catalog.timezone)
        if terms.months != months:
            full, running = (full[0] * months, full[1] * terms.months), months
    if frame.place is RoundingPlace.DAY_RATE and share.unit == "day" and share.part != share.whole:
        exact = by_day_rate(full, share, frame.rounding)
        rate = divide_rounded(full[0], full[1] * share.whole, frame.rounding)
    else:
        exact = exact_part(full, share, frame.proration.ratio_decimals)
    amount = divide_rounded(*exact, frame.rounding)
    uncapped = None
    if kind == "credit":
        paid = max(0, frame.service.period_paid.amount)
        if amount > paid:
            amount, uncapped, exact = paid, amount, (paid, 1)
        amount, exact = -amount, (-exact[0], exact[1])
    product = terms.plan.product
    return Item(kind, amount, product, terms, share, full, covers, uncapped, only_units, rate, running), exact


def _covered(frame: Frame, period: Period) -> Period:
    """The time a line is about: all of the period where the full difference is paid, else what is left of it."""
    if frame.proration.fraction is Fraction.WHOLE or frame.now <= period.start:
        return period
    return Period(frame.now, period.end)


def _paid_after(frame: Frame, items: list[Item]) -> int:
    """What was paid for the part of the period that still runs: the most that a later credit may give back."""
    if frame.proration.fraction is Fraction.ZERO:
        return frame.service.period_paid.amount
    if not items or items[0].only_units:
        return frame.service.period_paid.amount + sum(item.amount for item in items)
    return items[-1].amount


def _add_fee(frame: Frame, items: list[Item], exact: Exact) -> None:
    """One-time fees of another plan, in full."""
    fee = frame.new.plan.setup_fees.get(frame.service.currency, 0)
    if fee and frame.old.plan.id != frame.new.plan.id:
        items.append(Item("fee", fee, frame.new.plan.product, frame.new))
        exact.append((frame.new.plan.product, (fee, 1)))


def _round_once(frame: Frame, items: list[Item], exact: Exact) -> None:
    """Where the difference or the total is rounded once, a line of its own holds what the rounded lines lack."""
    if frame.place not in (RoundingPlace.NET, RoundingPlace.TOTAL) or not exact:
        return
    lines = sum(item.amount for item in items)
    if frame.place is RoundingPlace.NET or frame.catalog.tax.prices == "inclusive":
        lacking = divide_rounded(*_sum(value for _, value in exact), frame.rounding) - lines
    else:
        taxed = treatment(frame.catalog, frame.buyer) == "taxed"
        gross = _sum(_with_tax(frame, product, value) if taxed else value for product, value in exact)
        lacking = divide_rounded(*gross, frame.rounding) - total_of(items, _taxes(frame, items))
    if lacking:
        items.append(Item("rounding", lacking, frame.new.plan.product))


def _sum(values: Iterable[Ratio]) -> Ratio:
    total: Ratio = (0, 1)
    for value in values:
        total = add(total, value)
    return total


def _with_tax(frame: Frame, product: str, value: Ratio) -> Ratio:
    rate = rate_for(frame.catalog.tax, frame.buyer.country, product)
    if rate is None:
        return value
    numerator, denominator = percent_ratio(rate.percent)
    return value[0] * (denominator + numerator), value[1] * denominator


def _adjust(frame: Frame, items: list[Item]) -> None:
    """The provider's minimum charge, and a credit that by its rule becomes nothing."""
    net, product = sum(item.amount for item in items), frame.new.plan.product
    if net < 0 and frame.proration.credit_becomes is CreditBecomes.NOTHING:
        items.append(Item("forfeited", -net, product))
    minimum = frame.catalog.policies.minimum_charge
    least = minimum.amounts.get(frame.service.currency, 0) if minimum else 0
    if minimum and 0 < net < least:
        raised = minimum.when_below == "raise"
        items.append(Item("minimum" if raised else "waived", least - net if raised else -net, product))


def _taxes(frame: Frame, items: list[Item]) -> tuple[TaxFigure, ...]:
    if any(item.kind in ("forfeited", "waived") for item in items):
        return ()
    return tax_on(frame.catalog, frame.buyer, [(item.product, item.amount) for item in items])
