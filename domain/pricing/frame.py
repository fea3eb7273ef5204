"""What every line of one change has in common."""

from datetime import datetime
from typing import NamedTuple

from domain.catalog import Catalog
from domain.money import Rounding
from domain.periods import AnchorPoint, Period
from domain.pricing.modes import BY_TIME, ChangeDay, Fraction, Proration, RoundingPlace
from domain.pricing.period_terms import PeriodTerms
from domain.pricing.proration import Share, period_after, share_left
from domain.pricing.terms import Buyer, ServiceTerms


class Frame(NamedTuple):
    """A change with its mode, and the period after it, which is the end of the full period `whole`."""

    catalog: Catalog
    service: ServiceTerms
    buyer: Buyer
    old: PeriodTerms
    new: PeriodTerms
    proration: Proration
    now: datetime
    period: Period
    whole: Period
    anchor: AnchorPoint
    rounding: Rounding
    place: RoundingPlace
    day: ChangeDay
    kept: bool  # the full period that runs stays
    left: Share  # of it
    only_units: bool  # units of one plan come or go in the running period, and no amount is off the whole

    @property
    def bills(self) -> bool:
        """Whether time is charged now: fraction zero waits for the renewal."""
        return self.proration.fraction is not Fraction.ZERO

    @property
    def by_time(self) -> bool:
        """Whether the price depends on the moment: the full difference and nothing at all do not."""
        return self.proration.fraction in BY_TIME

    def covered(self, period: Period) -> Period:
        """The time a line is about: all of the period where the full difference is paid, else what is left of it."""
        if self.proration.fraction is Fraction.WHOLE:
            return period
        return Period(max(self.now, period.start), period.end)


def frame_of(
    catalog: Catalog,
    service: ServiceTerms,
    buyer: Buyer,
    terms_pair: tuple[PeriodTerms, PeriodTerms],
    proration: Proration,
    now: datetime,
) -> Frame:
    """The frame of a change from the first terms to the second; what the mode leaves open is the provider's policy."""
    old, new = terms_pair
    months = old.months, new.months
    proration = proration.between(*months)
    running = service.full_period(now)
    whole, anchor = period_after(proration, running, service.anchor, months, catalog.timezone, now)
    kept = whole == running
    policy = catalog.policies
    day = proration.change_day or policy.change_day
    return Frame(
        catalog,
        service,
        buyer,
        old,
        new,
        proration,
        now,
        service.period if kept else whole,
        whole,
        anchor,
        proration.rounding or policy.rounding.mode,
        proration.place or policy.rounding.place,
        day,
        kept,
        share_left(proration.fraction, running, now, catalog.timezone, day, service.moved_days),
        kept and _only_units(old, new),
    )


def _only_units(old: PeriodTerms, new: PeriodTerms) -> bool:
    if (old.plan.id, old.cycle, old.unit) != (new.plan.id, new.cycle, new.unit):
        return False
    return not any(terms.discount is not None and terms.discount.amounts for terms in (old, new))
