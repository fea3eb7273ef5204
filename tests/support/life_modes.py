"""Modes of proration, each with the sentence that a life in it keeps: what a change's charge and what is given up do.

Those with credit keep the same one: what he was billed, less what was credited, is the price of the time that he had
each plan, half a unit a line.
"""

from fractions import Fraction as Exact

from domain.catalog import MinimumCharge
from domain.pricing.modes import Anchor, ChangeDay, CreditBecomes, Fraction, PriceDifference, Proration
from domain.pricing.terms import ServiceTerms
from tests.support.life_customer import Customer
from tests.support.life_model import Running

NO_CREDIT = {"credit": False, "credit_becomes": CreditBecomes.NOTHING}
LEAST = 300


class WithCredit(Customer):
    """What is given up comes back and what is new is charged; all else is an addition to neither."""

    def sentence(self, before: ServiceTerms, old: Running, total: int, ceiling: int | None) -> None:
        worth, charge, units = self.moved(before, old)
        if ceiling is not None:
            charge = min(charge, worth + ceiling)
        self.hold(units, charge)


class ByTheDay(WithCredit):
    proration = Proration(fraction=Fraction.DAYS)


class TheOldPlanHasTheDay(ByTheDay):
    day_of_the_change = ChangeDay.OLD


class BySeconds(WithCredit):
    proration = Proration(fraction=Fraction.SECONDS)


class ByThirtyDays(WithCredit):
    proration = Proration(fraction=Fraction.FIXED_30)


class ByNominalDays(WithCredit):
    proration = Proration(fraction=Fraction.NOMINAL)


class ANewPeriod(WithCredit):
    proration = Proration(fraction=Fraction.DAYS, anchor=Anchor.RESET)


class ANewPeriodBySeconds(WithCredit):
    proration = Proration(fraction=Fraction.SECONDS, anchor=Anchor.RESET)


class AnotherCycleBeginsNow(WithCredit):
    proration = Proration(fraction=Fraction.DAYS, other_cycle=Anchor.RESET)


class TheRenewalDateIsKept(WithCredit):
    proration = Proration(fraction=Fraction.DAYS, anchor=Anchor.KEEP_END)


class TheRenewalDateIsKeptBySeconds(WithCredit):
    proration = Proration(fraction=Fraction.SECONDS, other_cycle=Anchor.KEEP_END)


class TheRenewalDateIsKeptByThirtyDays(WithCredit):
    proration = Proration(fraction=Fraction.FIXED_30, other_cycle=Anchor.KEEP_END)


class ADayOfTheMonth(WithCredit):
    proration = Proration(fraction=Fraction.DAYS, anchor=Anchor.REALIGN, realign_day=5)


class NothingComesBack(Customer):
    """Each plan is paid from the day on which he got it to the end of its period."""

    proration = Proration(fraction=Fraction.DAYS, **NO_CREDIT)

    def sentence(self, before: ServiceTerms, old: Running, total: int, ceiling: int | None) -> None:
        worth, charge, units = self.moved(before, old)
        self.account.had += worth
        self.hold(units, charge if ceiling is None else min(charge, Exact(ceiling)))


class ANewPeriodAndNothingBack(NothingComesBack):
    """Each change pays a whole period."""

    proration = Proration(fraction=Fraction.DAYS, anchor=Anchor.RESET, **NO_CREDIT)


class CreditPaysTheNewPlanOnly(Customer):
    """What is given up pays what is new; what of it is over is lost."""

    proration = Proration(fraction=Fraction.DAYS, credit_becomes=CreditBecomes.NOTHING)

    def sentence(self, before: ServiceTerms, old: Running, total: int, ceiling: int | None) -> None:
        worth, charge, units = self.moved(before, old)
        if ceiling is not None:
            charge = min(charge, worth + ceiling)
        self.account.had += max(Exact(0), worth - charge)
        self.hold(units, charge)


class SmallChargesAreRaised(Customer):
    """A change that costs something costs at least 300; what was added was paid for the new plan's time."""

    proration = Proration(fraction=Fraction.DAYS)
    minimum = MinimumCharge(amounts={"JPY": LEAST, "USD": LEAST}, when_below="raise")

    def sentence(self, before: ServiceTerms, old: Running, total: int, ceiling: int | None) -> None:
        worth, charge, units = self.moved(before, old)
        asked = charge - worth
        if ceiling is not None and total == ceiling:
            charge = min(charge, worth + ceiling)
        if total > 0 and asked < LEAST:
            assert asked > -self.half_units
            charge = worth + LEAST
        self.hold(units, charge)


class SmallChargesAreWaived(Customer):
    """A change that costs less than 300 costs nothing, and what was not paid for never comes back."""

    proration = Proration(fraction=Fraction.DAYS)
    minimum = MinimumCharge(amounts={"JPY": LEAST, "USD": LEAST}, when_below="waive")

    def sentence(self, before: ServiceTerms, old: Running, total: int, ceiling: int | None) -> None:
        worth, charge, units = self.moved(before, old)
        if ceiling is not None:
            charge = min(charge, worth + ceiling)
        if total == 0:
            assert -self.half_units < charge - worth < LEAST + self.half_units
            charge = min(charge, worth)
        self.hold(units, charge)


class NothingNow(Customer):
    """A change costs nothing before the renewal, and the renewal is the new plan's."""

    proration = Proration(fraction=Fraction.ZERO, **NO_CREDIT)
    bills_each_unit = False

    def sentence(self, before: ServiceTerms, old: Running, total: int, ceiling: int | None) -> None:
        assert total == 0
        assert before.items == self.service.items


class TheLastPlansPrice(Customer):
    """A period costs in the end the price of the last plan that he had in it."""

    proration = Proration(fraction=Fraction.WHOLE, difference=PriceDifference.BILLED)
    most_units = 1
    changes_cycle = False

    def sentence(self, before: ServiceTerms, old: Running, total: int, ceiling: int | None) -> None:
        self.account.held = []
        self.hold(1, self.full(self.service, 1, self.now) * self.share() * self.factor())


class TheDifferences(Customer):
    """A period costs the first plan's price and then each difference, up and down, never less than nothing; all of it
    bears the tax of the last change. One who was exempt and moved where no rate is known keeps what he was billed."""

    proration = Proration(fraction=Fraction.WHOLE)
    most_units = 1
    changes_cycle = False

    def sentence(self, before: ServiceTerms, old: Running, total: int, ceiling: int | None) -> None:
        (held,) = self.account.held
        exempt_then_abroad = held.tax == Exact(10, 11) and self.buyer.country != "JP"
        written = held.paid if exempt_then_abroad else held.paid / held.tax
        difference = self.full(self.service, 1, self.now) - self.full(before, 1, before.period.start)
        self.account.held = []
        self.hold(1, max(Exact(0), written + difference * self.share()) * self.factor())


WITH_CREDIT: tuple[type[Customer], ...] = (
    ByTheDay,
    TheOldPlanHasTheDay,
    BySeconds,
    ByThirtyDays,
    ByNominalDays,
    ANewPeriod,
    ANewPeriodBySeconds,
    AnotherCycleBeginsNow,
    TheRenewalDateIsKept,
    TheRenewalDateIsKeptBySeconds,
    TheRenewalDateIsKeptByThirtyDays,
    ADayOfTheMonth,
)
OTHERS: tuple[type[Customer], ...] = (
    NothingComesBack,
    ANewPeriodAndNothingBack,
    CreditPaysTheNewPlanOnly,
    SmallChargesAreRaised,
    SmallChargesAreWaived,
    NothingNow,
    TheLastPlansPrice,
    TheDifferences,
)
