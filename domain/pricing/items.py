"""A line of a priced change: whole minor units, no sentences."""

from typing import NamedTuple

from domain.periods import Period
from domain.pricing.billed import BilledItem
from domain.pricing.modes import ChangeDay, Fraction
from domain.pricing.period_terms import PeriodTerms
from domain.pricing.proration import Ratio, Share
from domain.tax import UNTAXED, Taxation


class PricedLine(NamedTuple):
    """One line before tax, in minor units; credits are negative. exact is its value before rounding.

    full is the exact price that the share is taken of, covers the time it pays for. only_units says that units of one
    plan come or go; day_rate is the price of a day where that is rounded; running_months says that the price was
    scaled to a running period of another length. A credit has the item that it takes units of. mode is how the days of
    the share were counted, and whether the day of the change is among them.
    """

    kind: str
    amount: int
    taxation: Taxation = UNTAXED
    exact: Ratio = (0, 1)
    terms: PeriodTerms | None = None
    share: Share | None = None
    full: Ratio = (0, 1)
    covers: Period | None = None
    only_units: bool = False
    day_rate: int | None = None
    running_months: int | None = None
    item: BilledItem | None = None
    units: int = 0
    mode: tuple[Fraction, ChangeDay] | None = None
