"""Modes that do not prorate with credit, each with the sentence that it keeps in the end, half a unit a line."""

from fractions import Fraction as Exact

from domain.catalog import MinimumCharge
from domain.pricing.modes import Anchor, CreditBecomes, Fraction, PriceDifference, Proration
from domain.pricing.terms import ServiceTerms
from tests.domain.life.machine import Life, lived
from tests.support.life_model import Running

NO_CREDIT = {"credit": False, "credit_becomes": CreditBecomes.NOTHING}
LEAST = 300


class NothingComesBack(Life):
    """Each plan is paid from the day on which he got it to the end of its period."""

    proration = Proration(fraction=Fraction.DAYS, **NO_CREDIT)

    def sentence(self, before: ServiceTerms, old: Running, total: int, ceiling: int | None) -> None:
        worth, charge, units = self.moved(before, old)
        self.account.had += worth
        self.hold(units, charge if ceiling is None else min(charge, Exact(ceiling)))


class ANewPeriodAndNothingBack(NothingComesBack):
    """Each change pays a whole period."""

    proration = Proration(fraction=Fraction.DAYS, anchor=Anchor.RESET, **NO_CREDIT)


class CreditPaysTheNewPlanOnly(Life):
    """What is given up pays what is new; what of it is over is lost."""

    proration = Proration(fraction=Fraction.DAYS, credit_becomes=CreditBecomes.NOTHING)

    def sentence(self, before: ServiceTerms, old: Running, total: int, ceiling: int | None) -> None:
        worth, charge, units = self.moved(before, old)
        if ceiling is not None:
            charge = min(charge, worth + ceiling)
        self.account.had += max(Exact(0), worth - charge)
        self.hold(units, charge)


class SmallChargesAreRaised(Life):
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


class SmallChargesAreWaived(Life):
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


class NothingNow(Life):
    """A change costs nothing before the renewal, and the renewal is the new plan's."""

    proration = Proration(fraction=Fraction.ZERO, **NO_CREDIT)

    def sentence(self, before: ServiceTerms, old: Running, total: int, ceiling: int | None) -> None:
        assert total == 0
        assert before.items == self.service.items

    def units_are_billed_once(self) -> None:
        assert sum(item.is_open(self.now) for item in self.service.items) == 1


class TheLastPlansPrice(Life):
    """A period costs in the end the price of the last plan that he had in it."""

    proration = Proration(fraction=Fraction.WHOLE, difference=PriceDifference.BILLED)
    most_units = 1
    changes_cycle = False

    def sentence(self, before: ServiceTerms, old: Running, total: int, ceiling: int | None) -> None:
        self.account.held = []
        self.hold(1, self.full(self.service, 1, self.now) * self.share() * self.factor())


class TheDifferences(Life):
    """A period costs the first plan's price and then each difference, up and down, never less than nothing; all of it
    bears the tax of the last change. One who was exempt and moved where no rate is known keeps what he was billed."""

    proration = Proration(fraction=Fraction.WHOLE)
    sold_at: Exact
    most_units = 1
    changes_cycle = False

    def sentence(self, before: ServiceTerms, old: Running, total: int, ceiling: int | None) -> None:
        (held,) = self.account.held
        exempt_then_abroad = self.sold_at == Exact(10, 11) and self.buyer.country != "JP"
        written = held.paid if exempt_then_abroad else held.paid / self.sold_at
        difference = self.full(self.service, 1, self.now) - self.full(before, 1, before.period.start)
        self.account.held, self.sold_at = [], self.factor()
        paid = max(Exact(0), written + difference * self.share()) * self.sold_at
        self.hold(1, paid)

    def _renew(self) -> None:
        super()._renew()
        self.sold_at = self.factor()


TestNothingComesBack = lived(NothingComesBack)
TestANewPeriodAndNothingBack = lived(ANewPeriodAndNothingBack)
TestCreditPaysTheNewPlanOnly = lived(CreditPaysTheNewPlanOnly)
TestSmallChargesAreRaised = lived(SmallChargesAreRaised)
TestSmallChargesAreWaived = lived(SmallChargesAreWaived)
TestNothingNow = lived(NothingNow)
TestTheLastPlansPrice = lived(TheLastPlansPrice)
TestTheDifferences = lived(TheDifferences)
