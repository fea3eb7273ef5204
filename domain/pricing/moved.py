"""The lines of a change for time: what is given back of the items billed before, and what the new plan is charged."""

from domain.catalog import Plan
from domain.money import divide_rounded
from domain.periods import months_of
from domain.pricing.billed import BilledItem, rate_of, unused
from domain.pricing.frame import Frame
from domain.pricing.items import PricedLine
from domain.pricing.modes import Anchor, Fraction, PriceDifference, RoundingPlace
from domain.pricing.period_terms import PeriodTerms, of_units
from domain.pricing.proration import ALL_OF_IT, Ratio, Share, add, by_day_rate, exact_part, share_left, share_of_part
from domain.tax import UNTAXED, Taxation, percent_ratio, taxation_of

Closing = tuple[BilledItem, int]


def closings_of(frame: Frame) -> list[Closing]:
    """The items that the change replaces, with the units that it takes of each; the newest units go first."""
    if not frame.bills:
        return []
    items = [item for item in frame.service.items if item.is_open(frame.now)]
    if not frame.only_units:
        return [(item, item.units_left) for item in items]
    wanted, closings = max(0, frame.old.quantity - frame.new.quantity), list[Closing]()
    for item in reversed(items):
        units = min(wanted, item.units_left)
        if units:
            closings.append((item, units))
            wanted -= units
    return closings


def credits_of(frame: Frame, closings: list[Closing]) -> list[PricedLine]:
    """A credit for each item, of what is unused; none where the mode gives no credit."""
    return [_credit(frame, item, units) for item, units in closings] if frame.proration.credit else []


def charge_of(frame: Frame, credits: list[PricedLine]) -> PricedLine | None:
    """The new plan's time, or that of the units that come; None where nothing is charged."""
    terms, only_units = frame.new, frame.only_units
    if not frame.bills or (only_units and frame.new.quantity <= frame.old.quantity):
        return None
    if only_units:
        terms = of_units(frame.new, frame.new.quantity - frame.old.quantity)
    share = _share_charged(frame)
    full, running = _full_price(frame, terms)
    exact, day_rate = _prorated(frame, full, share)
    if (
        frame.proration.fraction is Fraction.WHOLE
        and frame.proration.difference is PriceDifference.PRICES
        and not only_units
    ):
        exact = _whole_difference(frame, credits)
    return PricedLine(
        "charge",
        divide_rounded(*exact, frame.rounding),
        taxation_of(frame.catalog, frame.buyer, terms.plan.product),
        exact,
        terms,
        share,
        full,
        frame.covered(frame.period),
        only_units,
        day_rate,
        running,
        mode=(frame.proration.fraction, frame.day) if frame.by_time else None,
    )


def _credit(frame: Frame, item: BilledItem, units: int) -> PricedLine:
    """What the units were billed, times what is unused of that, and no more than is left."""
    share = unused(item, frame.now, frame.catalog.timezone, frame.proration.fraction, frame.day)
    full = item.price * units, item.units
    exact, day_rate = _prorated(frame, full, share)
    amount = divide_rounded(*exact, frame.rounding)
    everything = frame.proration.fraction is Fraction.WHOLE and units == item.units_left
    if everything or amount > item.price_left:
        amount, exact = item.price_left, (item.price_left, 1)
    rate = rate_of(item, frame.catalog.tax.rates)
    terms = _terms_of(frame, item, units)
    return PricedLine(
        "credit",
        -amount,
        Taxation(rate, item.tax_included) if rate else UNTAXED,
        (-exact[0], exact[1]),
        terms,
        share,
        full,
        frame.covered(item.covers),
        frame.only_units,
        day_rate,
        item=item,
        units=units,
        mode=(item.fraction or frame.proration.fraction, item.change_day or frame.day),
    )


def _whole_difference(frame: Frame, credits: list[PricedLine]) -> Ratio:
    """What was taken back and the difference of the two plans' whole prices; never below zero."""
    share = _share_charged(frame)
    exact, before = (exact_part(_full_price(frame, terms)[0], share) for terms in (frame.new, frame.old))
    exact = add(exact, (-before[0], before[1]))
    for line in credits:
        exact = add(exact, _as_written(frame, line))
    return exact if exact[0] > 0 else (0, 1)


def _as_written(frame: Frame, line: PricedLine) -> Ratio:
    """What a credit takes back as the price list writes it: with the tax that an exempt customer did not owe, which is
    taken out of the charge again. Where today's country has no rate, it is what was billed."""
    item, taken = line.item, (-line.amount, 1)
    assert item is not None, "a credit is of an item"
    if not item.tax_included or item.tax_code is not None:
        return taken
    rate = taxation_of(frame.catalog, frame.buyer, frame.new.plan.product).rate
    if rate is None:
        return taken
    numerator, denominator = percent_ratio(rate.percent)
    return -line.amount * (denominator + numerator), denominator


def _share_charged(frame: Frame) -> Share:
    """All of a period that starts now, or is paid at any time as if from its start; else what is left of it."""
    tz, fraction = frame.catalog.timezone, frame.proration.fraction
    if frame.proration.anchor is Anchor.RESET:
        return ALL_OF_IT
    if fraction is Fraction.WHOLE:
        return share_of_part(frame.period, frame.whole, tz)
    if frame.kept:
        return frame.left
    return share_left(fraction, frame.whole, frame.now, tz, frame.day)


def _full_price(frame: Frame, terms: PeriodTerms) -> tuple[Ratio, int | None]:
    """The price of the full period, scaled where its renewal date was kept and the cycle is of another length."""
    if not frame.kept:
        return terms.full, None
    tz = frame.catalog.timezone
    months = months_of(frame.whole.later(-frame.service.moved_days, tz), tz)
    if terms.months == months:
        return terms.full, None
    return (terms.full[0] * months, terms.full[1] * terms.months), months


def _prorated(frame: Frame, full: Ratio, share: Share) -> tuple[Ratio, int | None]:
    """The exact part of a price, and the price of a day where that is what is rounded."""
    if frame.place is RoundingPlace.DAY_RATE and share.unit == "day" and share.part != share.whole:
        return by_day_rate(full, share, frame.rounding), divide_rounded(full[0], full[1] * share.whole, frame.rounding)
    return exact_part(full, share, frame.proration.ratio_decimals), None


def _terms_of(frame: Frame, item: BilledItem, units: int) -> PeriodTerms:
    """The item's plan and price as a line explains them; a plan that the catalogue has lost keeps its id."""
    old = frame.old
    plan = old.plan if item.plan == old.plan.id else frame.catalog.plan(item.plan) or _lost(old.plan, item.plan)
    cycle = frame.catalog.cycles.get(item.cycle)
    return PeriodTerms(
        plan,
        item.cycle,
        cycle.months if cycle else 1,
        units,
        item.unit_price,
        item.discount,
        (item.price * units, item.units),
    )


def _lost(like: Plan, plan_id: str) -> Plan:
    return like.model_copy(update={"id": plan_id, "name": plan_id})
