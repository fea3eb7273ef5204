"""The figures of a change: whole minor units, no sentences."""

from dataclasses import dataclass

from domain.periods import Period
from domain.proration import Share
from domain.sides import Side
from domain.tax import TaxFigure


@dataclass(frozen=True, slots=True)
class Item:
    """One line before tax, in minor units; credits are negative.

    `uncapped` is a credit before it was cut to what was paid; `units` says that only units come or go.
    """

    kind: str
    amount: int
    product: str
    side: Side | None = None
    share: Share | None = None
    uncapped: int | None = None
    period: Period | None = None
    units: str | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """A priced change. total = sum of items + tax - included tax."""

    items: tuple[Item, ...]
    taxes: tuple[TaxFigure, ...]
    total: int
    period: Period
    anchor_day: int
    period_paid: int
    renewal_total: int
