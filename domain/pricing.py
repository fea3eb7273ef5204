"""How the figures of a change are computed: integers only, one rounding for each amount."""

from dataclasses import replace
from datetime import datetime

from domain.catalog import Catalog
from domain.figures import Figures, Item
from domain.modes import Anchor, CreditBecomes, Fraction, Place, Proration
from domain.money import divide_rounded
from domain.periods import Period
from domain.proration import (
    Ratio,
    Share,
    add,
    by_day_rate,
    exact_part,
    period_after,
    share_left,
    share_of_new,
)
from domain.sides import Side, units_between
from domain.tax import TaxFigure, percent_ratio, rate_for, tax_on, treatment
from domain.terms import Buyer, ServiceTerms


def price_now(
    catalog: Catalog, service: ServiceTerms, buyer: Buyer, sides: tuple[Side, Side], proration: Proration, now: datetime
) -> Figures:
    """What a change that takes effect now costs, and what the service looks like after it."""
    old, new = sides
    running, tz, months = service.period, catalog.timezone, (old.months, new.months)
    day = proration.change_day or catalog.policies.change_day
    period, anchor_day = period_after(proration, running, service.anchor_day, months, tz, now)
    left = share_left(proration.fraction, running, now, tz, day, old.months)
    shares = left, share_of_new(proration, left, (running, period), now, tz, day, new.months)
    between = units_between(old, new) if period == running else None
    items, exact = _sides(catalog, service, sides, shares, proration, period, between)
    fee = new.plan.setup_fees.get(service.currency, 0) if old.plan.id != new.plan.id else 0
    if fee:
        items.append(Item("fee", fee, new.plan.product, new))
        exact.append((new.plan.product, (fee, 1)))
    paid = _paid_after(service, items, proration, between is not None)
    _round_once(catalog, buyer, items, exact, proration, new)
    _adjust(catalog, items, proration, service.currency, new)
    taxes = _taxes(catalog, buyer, items)
    total = total_of(items, taxes)
    return Figures(tuple(items), taxes, total, period, anchor_day, paid, full_total(catalog, buyer, new))


def _taxes(catalog: Catalog, buyer: Buyer, items: list[Item]) -> tuple[TaxFigure, ...]:
    if any(item.kind in ("forfeited", "waived") for item in items):
        return ()
    return tax_on(catalog, buyer, [(item.product, item.amount) for item in items])


def total_of(items: list[Item], taxes: tuple[TaxFigure, ...]) -> int:
    """Lines and tax; tax that inclusive prices already hold is taken out once."""
    return sum(item.amount for item in items) + sum(tax.amount - tax.included for tax in taxes)


def full_total(catalog: Catalog, buyer: Buyer, side: Side) -> int:
    """A whole period on this side with tax, in minor units."""
    amount = divide_rounded(*side.full, catalog.policies.rounding.mode)
    taxes = tax_on(catalog, buyer, [(side.plan.product, amount)])
    return amount + sum(tax.amount - tax.included for tax in taxes)


def _sides(
    catalog: Catalog,
    service: ServiceTerms,
    sides: tuple[Side, Side],
    shares: tuple[Share, Share],
    proration: Proration,
    period: Period,
    between: Side | None,
) -> tuple[list[Item], list[tuple[str, Ratio]]]:
    """Credit and charge lines with their exact values; nothing at all under fraction zero."""
    if proration.fraction is Fraction.ZERO:
        return [], []
    old, new = sides
    if between is not None:
        wanted = [("charge" if new.quantity > old.quantity else "credit", between, shares[1])]
    else:
        wanted = [("credit", old, shares[0]), ("charge", new, shares[1])]
    items, exact = [], []
    for kind, side, share in wanted:
        if kind == "credit" and not proration.credit:
            continue
        item, value = _line(catalog, kind, side, share, proration, (service, period, old.months))
        if between is not None:
            item = replace(item, units="more_units" if kind == "charge" else "fewer_units")
        items.append(item)
        exact.append((side.plan.product, value))
    return items, exact


def _line(
    catalog: Catalog,
    kind: str,
    side: Side,
    share: Share,
    proration: Proration,
    context: tuple[ServiceTerms, Period, int],
) -> tuple[Item, Ratio]:
    service, period, old_months = context
    rounding = proration.rounding or catalog.policies.rounding.mode
    place = proration.place or catalog.policies.rounding.place
    full = side.full
    if proration.anchor is Anchor.KEEP_END and side.months != old_months:
        full = full[0] * old_months, full[1] * side.months
    if place is Place.DAY_RATE and share.unit == "day":
        exact = by_day_rate(full, share, rounding)
    else:
        exact = exact_part(full, share, proration.ratio_decimals)
    amount = divide_rounded(*exact, rounding)
    if kind == "charge":
        return Item("charge", amount, side.plan.product, side, share, period=period), exact
    paid = max(0, service.period_paid.amount)
    if amount > paid:
        return Item("credit", -paid, side.plan.product, side, share, amount, service.period), (-paid, 1)
    return Item("credit", -amount, side.plan.product, side, share, None, service.period), (-exact[0], exact[1])


def _paid_after(service: ServiceTerms, items: list[Item], proration: Proration, only_units: bool) -> int:
    """What was paid for the part of the period that still runs: the most that a later credit may give back."""
    if proration.fraction is Fraction.ZERO:
        return service.period_paid.amount
    if only_units:
        return service.period_paid.amount + sum(item.amount for item in items if item.kind in ("charge", "credit"))
    return sum(item.amount for item in items if item.kind == "charge")


def _round_once(
    catalog: Catalog,
    buyer: Buyer,
    items: list[Item],
    exact: list[tuple[str, Ratio]],
    proration: Proration,
    new: Side,
) -> None:
    """Where the difference or the total is rounded once, a line of its own holds what the rounded lines lack."""
    place = proration.place or catalog.policies.rounding.place
    if place not in (Place.NET, Place.TOTAL) or not exact:
        return
    rounding = proration.rounding or catalog.policies.rounding.mode
    lines = sum(item.amount for item in items)
    if place is Place.NET or catalog.tax.prices == "inclusive":
        lacking = divide_rounded(*_sum([value for _, value in exact]), rounding) - lines
    else:
        taxed = treatment(catalog, buyer) == "taxed"
        grossed = [(_with_tax(catalog, buyer, product, value) if taxed else value) for product, value in exact]
        tax = sum(figure.amount for figure in _taxes(catalog, buyer, items))
        lacking = divide_rounded(*_sum(grossed), rounding) - tax - lines
    if lacking:
        items.append(Item("rounding", lacking, new.plan.product))


def _sum(values: list[Ratio]) -> Ratio:
    total: Ratio = (0, 1)
    for value in values:
        total = add(total, value)
    return total


def _with_tax(catalog: Catalog, buyer: Buyer, product: str, value: Ratio) -> Ratio:
    rate = rate_for(catalog.tax, buyer.country, product)
    if rate is None:
        return value
    numerator, denominator = percent_ratio(rate.percent)
    return value[0] * (denominator + numerator), value[1] * denominator


def _adjust(catalog: Catalog, items: list[Item], proration: Proration, currency: str, new: Side) -> None:
    """The provider's minimum charge, and a credit that by its rule becomes nothing."""
    net = sum(item.amount for item in items)
    if net < 0 and proration.credit_becomes is CreditBecomes.NOTHING:
        items.append(Item("forfeited", -net, new.plan.product))
    minimum = catalog.policies.minimum_charge
    least = minimum.amounts.get(currency, 0) if minimum else 0
    if minimum and 0 < net < least:
        if minimum.when_below == "raise":
            items.append(Item("minimum", least - net, new.plan.product))
        else:
            items.append(Item("waived", -net, new.plan.product))
