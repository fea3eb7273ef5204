"""How the figures of a change are computed: integers only, one rounding for each amount."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from domain.catalog import Catalog
from domain.money import Rounding, divide_rounded
from domain.pricing.adjust import adjust, taxed
from domain.pricing.bill import opened_by, taken_by
from domain.pricing.billed import Opened, TakeBack
from domain.pricing.frame import Frame, frame_of
from domain.pricing.items import PricedLine
from domain.pricing.modes import Proration, RoundingPlace
from domain.pricing.moved import Closing, charge_of, closings_of, credits_of
from domain.pricing.period_terms import PeriodTerms
from domain.pricing.proration import Ratio, Share, add, exact_part
from domain.pricing.terms import Buyer, ServiceTerms
from domain.tax import TaxableLine, Taxation, TaxFigure, percent_ratio, tax_on, taxation_of


class Figures(NamedTuple):
    """A priced change. total = sum of lines + tax - tax that inclusive prices already hold + rounding; parts are the
    tax of each line."""

    frame: Frame
    closings: list[Closing]
    lines: list[PricedLine]
    parts: list[int]
    taxes: tuple[TaxFigure, ...]
    rounding: int
    total: int

    @property
    def opened(self) -> tuple[Opened, ...]:
        """The billed items that it makes."""
        return opened_by(self.frame, self.lines, self.parts)

    @property
    def taken(self) -> tuple[TakeBack, ...]:
        """What it takes back of the items before it."""
        return taken_by(self.frame, self.closings, self.lines, self.parts)

    def total_without(self, *kinds: str) -> int:
        """What the total would be without the lines of these kinds, tax included."""
        lines = [line for line in self.lines if line.kind not in kinds]
        exact = total_rounded_once(lines, self.frame.place, self.frame.rounding)
        return total_of([line.amount for line in lines], taxed(self.frame, lines)[0]) if exact is None else exact


def price_now(
    catalog: Catalog,
    service: ServiceTerms,
    buyer: Buyer,
    terms_pair: tuple[PeriodTerms, PeriodTerms],
    proration: Proration,
    now: datetime,
    ceiling: int | None = None,
    lowered_as: str = "ceiling",
) -> Figures:
    """What a change that takes effect now costs, at most `ceiling`, and what the service looks like after it."""
    frame = frame_of(catalog, service, buyer, terms_pair, proration, now)
    closings = closings_of(frame)
    lines = credits_of(frame, closings)
    charge, fee = charge_of(frame, lines), _fee(frame)
    if charge is not None:
        lines.append(charge)
    if fee is not None:
        lines.append(fee)
    if charge is not None:
        _round_once(frame, lines)
    taxes, parts, rounding, total = adjust(
        frame, lines, total_rounded_once(lines, frame.place, frame.rounding), ceiling, lowered_as
    )
    if not lines:
        lines, parts = [_unchanged(frame)], [0]
    return Figures(frame, closings, lines, parts, taxes, rounding, total)


def total_of(amounts: Iterable[int], taxes: Iterable[TaxFigure]) -> int:
    """Lines and tax; tax that inclusive prices already hold is taken out once."""
    return sum(amounts) + sum(tax.amount - tax.included for tax in taxes)


def total_for(catalog: Catalog, buyer: Buyer, terms: PeriodTerms, share: Share, fee: int = 0) -> int:
    """So much of a period on these terms, and a one-time fee, with tax, in minor units."""
    rounding, taxation = catalog.policies.rounding, taxation_of(catalog, buyer, terms.plan.product)
    exact = exact_part(terms.full, share)
    if rounding.place is RoundingPlace.TOTAL:
        return divide_rounded(*_with_tax(taxation, add(exact, (fee, 1))), rounding.mode)
    amounts = [divide_rounded(*exact, rounding.mode), *([fee] if fee else [])]
    taxes, _ = tax_on(catalog.tax, [TaxableLine(amount, taxation) for amount in amounts])
    return total_of(amounts, taxes)


def fee_between(old: PeriodTerms, new: PeriodTerms, currency: str) -> int:
    """The one-time fee of another plan, in minor units."""
    return new.plan.setup_fees.get(currency, 0) if old.plan.id != new.plan.id else 0


def _fee(frame: Frame) -> PricedLine | None:
    """One-time fees of another plan, in full."""
    fee = fee_between(frame.old, frame.new, frame.service.currency)
    if not fee:
        return None
    taxation = taxation_of(frame.catalog, frame.buyer, frame.new.plan.product)
    return PricedLine("fee", fee, taxation, (fee, 1), frame.new)


def _unchanged(frame: Frame) -> PricedLine:
    """A change that moves no money now still says so on its invoice."""
    return PricedLine("unchanged", 0, terms=frame.new, covers=frame.covered(frame.period))


def _round_once(frame: Frame, lines: list[PricedLine]) -> None:
    """Where the difference is rounded once, a line of its own holds what the rounded lines lack."""
    if frame.place is not RoundingPlace.NET:
        return
    lacking = divide_rounded(*_sum(line.exact for line in lines), frame.rounding) - sum(line.amount for line in lines)
    if lacking:
        taxation = taxation_of(frame.catalog, frame.buyer, frame.new.plan.product)
        lines.append(PricedLine("rounding", lacking, taxation))


def total_rounded_once(lines: Iterable[PricedLine], place: RoundingPlace, mode: Rounding) -> int | None:
    """The exact total, tax included, rounded once; None where other amounts are rounded."""
    if place is not RoundingPlace.TOTAL:
        return None
    return divide_rounded(*_sum(_with_tax(line.taxation, line.exact) for line in lines), mode)


def _sum(values: Iterable[Ratio]) -> Ratio:
    total: Ratio = (0, 1)
    for value in values:
        total = add(total, value)
    return total


def _with_tax(taxation: Taxation, value: Ratio) -> Ratio:
    if taxation.rate is None or taxation.included is taxation.owed:
        return value
    numerator, denominator = percent_ratio(taxation.rate.percent)
    if taxation.included:
        return value[0] * denominator, value[1] * (denominator + numerator)
    return value[0] * (denominator + numerator), value[1] * denominator
