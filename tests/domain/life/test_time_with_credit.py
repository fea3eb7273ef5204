"""**What he was billed, less what was credited, is the price of the time he had each plan**, half a unit a line."""

from domain.pricing.modes import Anchor, Fraction, Proration
from domain.pricing.terms import ServiceTerms
from tests.domain.life.machine import Life, lived


class ByTheDay(Life):
    """What is given up comes back and what is new is charged; all else is an addition to neither."""

    proration = Proration(fraction=Fraction.DAYS)

    def sentence(self, before: ServiceTerms, after: ServiceTerms, total: int, ceiling: int | None) -> None:
        worth, charge, units = self.moved(before, after)
        if ceiling is not None:
            charge = min(charge, worth + ceiling)
        self.hold(units, charge)


class BySeconds(ByTheDay):
    proration = Proration(fraction=Fraction.SECONDS)


class ByThirtyDays(ByTheDay):
    proration = Proration(fraction=Fraction.FIXED_30)


class ANewPeriod(ByTheDay):
    proration = Proration(fraction=Fraction.DAYS, anchor=Anchor.RESET)


class ANewPeriodBySeconds(ByTheDay):
    proration = Proration(fraction=Fraction.SECONDS, anchor=Anchor.RESET)


class ADayOfTheMonth(ByTheDay):
    proration = Proration(fraction=Fraction.DAYS, anchor=Anchor.REALIGN, realign_day=5)


TestByTheDay = lived(ByTheDay)
TestBySeconds = lived(BySeconds)
TestByThirtyDays = lived(ByThirtyDays)
TestANewPeriod = lived(ANewPeriod)
TestANewPeriodBySeconds = lived(ANewPeriodBySeconds)
TestADayOfTheMonth = lived(ADayOfTheMonth)
