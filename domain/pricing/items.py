"""The figures of a change: whole minor units, no sentences."""

from typing import NamedTuple

from domain.periods import Period
from domain.pricing.period_terms import PeriodTerms
from domain.pricing.proration import Ratio, Share
from domain.tax import TaxFigure


class Item(NamedTuple):
    """One line before tax, in minor units; credits are negative.

    full is the exact price that the share is taken of, covers the time it pays for. uncapped is what a credit would be
    had more been paid; only_units says that units of one plan come or go; day_rate is the price of a day where that
    is rounded; running_months says that the price was scaled to a running period of another length.
    """

    kind: str
    amount: int
    product: str
    terms: PeriodTerms | None = None
    share: Share | None = None
    full: Ratio = (0, 1)
    covers: Period | None = None
    uncapped: int | None = None
    only_units: bool = False
    day_rate: int | None = None
    running_months: int | None = None


class Figures(NamedTuple):
    """A priced change. total = sum of items + tax - tax that inclusive prices already hold."""

    items: tuple[Item, ...]
    taxes: tuple[TaxFigure, ...]
    total: int
    period: Period
    anchor_day: int
    period_paid: int
