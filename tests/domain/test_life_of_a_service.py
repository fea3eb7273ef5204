"""Months of a service's life against a model of its own, in fractions.

The model knows no item and no take-back. It keeps, for each day, which plan the customer had and what that plan's day
was sold for: **what he has been billed in the end, less what was credited, is the price of the time he had each plan,
half a unit a line**, and no loop of changes leaves him with more than he paid. For modes that prorate by the day with
credit, exclusive or inclusive of tax, with discounts that end and customers who move.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction as Exact
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.catalog import Catalog
from domain.errors import ChangeError
from domain.money import Money
from domain.periods import Period
from domain.pricing.ending import price_ending
from domain.pricing.modes import Fraction, Proration
from domain.pricing.priced import price
from domain.pricing.renewals import price_renewal
from domain.pricing.terms import Buyer, ServiceTerms, Target
from tests.domain.conftest import load
from tests.domain.making import percent_off, with_rule

PLANS = {"basic": 500, "start": 1200, "business": 3000}
BEGIN = date(2027, 1, 1)
NOTHING = Money(0, "JPY")
BUYERS = [Buyer("JP"), Buyer("US"), Buyer("JP", tax_exempt=True)]


def instant(day: date) -> datetime:
    """Midnight in Tokyo."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=9)


class LifeOfAService(RuleBasedStateMachine):
    """A service that is renewed and changed on midnights of Tokyo, by the day, with credit."""

    @initialize(inclusive=st.booleans(), percent=st.sampled_from([None, "20", "50"]), ends=st.integers(0, 120))
    def begin(self, inclusive: bool, percent: str | None, ends: int) -> None:
        tax = load("dns").tax.model_copy(update={"prices": "inclusive" if inclusive else "exclusive"})
        base = load("dns").model_copy(update={"tax": tax})
        self.catalog: Catalog = with_rule(base, Proration(fraction=Fraction.DAYS))
        self.inclusive, self.buyer, self.today = inclusive, BUYERS[0], BEGIN
        self.ends = BEGIN + timedelta(days=ends)
        self.discount = percent_off(percent, instant(self.ends).isoformat()) if percent else None
        self.owed, self.half_units = 0, Exact(0)  # gross, in yen; how far rounding may have moved it
        self.day_prices: dict[date, Exact] = {}
        december = Period(instant(date(2026, 12, 1)), instant(BEGIN))
        self.service = ServiceTerms("basic", "monthly", "JPY", 1, Money(500, "JPY"), december, 1,
                                    discount=self.discount)  # fmt: skip
        self._renew()

    def _renew(self) -> None:
        renewal = price_renewal(self.catalog, self.service, self.buyer, None, self.service.period.end, NOTHING)
        item = replace(renewal.opened[0].item, id=f"renewal-{self.today}")
        items = (*self.service.items, item)
        self.service = replace(self.service, period=renewal.period, items=items)
        self.owed += renewal.total.amount
        self.half_units += Exact(21, 20)  # half a yen of the line with its tenth, and half of the tax
        self._sell(self.service.plan, renewal.period)

    def _sell(self, plan: str, period: Period) -> None:
        """The rest of the period is of this plan, at today's discount and for today's buyer."""
        first = (period.start + timedelta(hours=9)).date()
        last = (period.end + timedelta(hours=9)).date()
        full = Exact(PLANS[plan])
        if self.discount is not None and self.today < self.ends:
            full *= 1 - Exact(self.discount.percent or "0") / 100
        if self.buyer == BUYERS[0]:
            full = full if self.inclusive else full * Exact(11, 10)
        elif self.inclusive and self.buyer.country == "JP":
            full = full * Exact(10, 11)
        for number in range((last - first).days):
            day = first + timedelta(days=number)
            if day >= self.today:
                self.day_prices[day] = full / (last - first).days

    @rule(days=st.integers(1, 20))
    def time_passes(self, days: int) -> None:
        for _ in range(days):
            self.today += timedelta(days=1)
            if instant(self.today) >= self.service.period.end:
                self._renew()

    @rule(buyer=st.sampled_from(BUYERS))
    def the_customer_moves(self, buyer: Buyer) -> None:
        self.buyer = buyer

    @precondition(lambda self: self.today < BEGIN + timedelta(days=400))
    @rule(plan=st.sampled_from(sorted(PLANS)))
    def the_plan_changes(self, plan: str) -> None:
        try:
            priced = price(
                self.catalog, self.service, self.buyer, Target(plan, "monthly"), instant(self.today), NOTHING
            )
        except ChangeError:
            return
        self.owed += priced.total
        self.half_units += Exact(8, 5)  # the same of a credit and a charge, and one tax
        self.service = replace(priced.service_after, discount=self.discount)
        self._sell(plan, self.service.period)

    @precondition(lambda self: self.today < BEGIN + timedelta(days=400))
    @rule()
    def the_service_ends_and_is_ordered_anew(self) -> None:
        """At once, with credit by the day; the new order's period begins on the same day."""
        ended = price_ending(self.catalog, self.service, self.buyer, instant(self.today))
        self.owed -= ended.credit.amount
        self.half_units += len(ended.lines)  # half a yen of each line, with its tenth
        self.day_prices = {day: price for day, price in self.day_prices.items() if day < self.today}
        assert len(ended.taken) == sum(item.is_open(instant(self.today)) for item in self.service.items)
        before = Period(instant(self.today - timedelta(days=28)), instant(self.today))
        self.service = replace(self.service, period=before, anchor_day=self.today.day, items=())
        self._renew()

    @invariant()
    def what_is_billed_is_the_price_of_the_time(self) -> None:
        if not hasattr(self, "day_prices"):
            return
        assert abs(self.owed - sum(self.day_prices.values(), Exact(0))) <= self.half_units

    @invariant()
    def nobody_has_more_than_he_paid(self) -> None:
        if hasattr(self, "owed"):
            assert self.owed >= 0
            for item in self.service.items:
                assert 0 <= item.net_left <= item.net
                assert 0 <= item.tax_left <= item.tax
                assert 0 <= item.units_left <= item.units


TestLifeOfAService: Any = LifeOfAService.TestCase
TestLifeOfAService.settings = settings(max_examples=60, stateful_step_count=30, deadline=None, derandomize=True)
