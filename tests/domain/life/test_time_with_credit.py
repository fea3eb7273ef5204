"""**What he was billed, less what was credited, is the price of the time he had each plan**, half a unit a line."""

from domain.pricing.modes import Anchor, ChangeDay, Fraction, Proration
from tests.domain.life.machine import Life, lived
from tests.support.life_customer import WithCredit


class ByTheDay(WithCredit, Life):
    proration = Proration(fraction=Fraction.DAYS)


class TheOldPlanHasTheDay(ByTheDay):
    proration = Proration(fraction=Fraction.DAYS)
    day_of_the_change = ChangeDay.OLD


class BySeconds(ByTheDay):
    proration = Proration(fraction=Fraction.SECONDS)


class ByThirtyDays(ByTheDay):
    proration = Proration(fraction=Fraction.FIXED_30)


class ANewPeriod(ByTheDay):
    proration = Proration(fraction=Fraction.DAYS, anchor=Anchor.RESET)


class ANewPeriodBySeconds(ByTheDay):
    proration = Proration(fraction=Fraction.SECONDS, anchor=Anchor.RESET)


class ByNominalDays(ByTheDay):
    proration = Proration(fraction=Fraction.NOMINAL)


class TheRenewalDateIsKept(ByTheDay):
    proration = Proration(fraction=Fraction.DAYS, anchor=Anchor.KEEP_END)


class TheRenewalDateIsKeptBySeconds(ByTheDay):
    proration = Proration(fraction=Fraction.SECONDS, other_cycle=Anchor.KEEP_END)


class TheRenewalDateIsKeptByThirtyDays(ByTheDay):
    proration = Proration(fraction=Fraction.FIXED_30, other_cycle=Anchor.KEEP_END)


class AnotherCycleBeginsNow(ByTheDay):
    proration = Proration(fraction=Fraction.DAYS, other_cycle=Anchor.RESET)


class ADayOfTheMonth(ByTheDay):
    proration = Proration(fraction=Fraction.DAYS, anchor=Anchor.REALIGN, realign_day=5)


TestByTheDay = lived(ByTheDay)
TestTheOldPlanHasTheDay = lived(TheOldPlanHasTheDay)
TestBySeconds = lived(BySeconds)
TestByThirtyDays = lived(ByThirtyDays)
TestByNominalDays = lived(ByNominalDays)
TestTheRenewalDateIsKept = lived(TheRenewalDateIsKept)
TestTheRenewalDateIsKeptBySeconds = lived(TheRenewalDateIsKeptBySeconds)
TestTheRenewalDateIsKeptByThirtyDays = lived(TheRenewalDateIsKeptByThirtyDays)
TestAnotherCycleBeginsNow = lived(AnotherCycleBeginsNow)
TestANewPeriod = lived(ANewPeriod)
TestANewPeriodBySeconds = lived(ANewPeriodBySeconds)
TestADayOfTheMonth = lived(ADayOfTheMonth)
