"""The life of a service, event by event, priced by the production code and told to the model."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.errors import ChangeError
from domain.money import Money
from domain.periods import Period
from domain.pricing.ending import price_ending
from domain.pricing.modes import Fraction
from domain.pricing.priced import Priced, price
from domain.pricing.quote import price_change
from domain.pricing.renewals import price_renewal
from domain.pricing.settled import settled_quote
from domain.pricing.terms import Buyer, ServiceTerms, Target
from tests.support.life_customer import OFF, Customer, cycles, midnight, plans
from tests.support.life_model import BUYERS, MONTHS, PRICES, Running, Span, local

NOTHING, TOKYO = Money(0, "JPY"), "Asia/Tokyo"
DEEP = settings.get_current_profile_name() == "deep"
LIFE = settings(max_examples=300 if DEEP else 25, stateful_step_count=50 if DEEP else 25)


class Life(Customer, RuleBasedStateMachine):
    """A service priced by the domain alone."""

    @initialize(
        inclusive=st.booleans(),
        off=st.sampled_from(OFF),
        ends=st.integers(0, 120),
        cycle=cycles,
        start=st.sampled_from([1, 15, 31]),
        day=st.sampled_from([1, 15, 29, 31]),
    )
    def begin(self, inclusive: bool, off: dict[str, Any], ends: int, cycle: str, start: int, day: int) -> None:
        """On the day of renewal, or on another: then the first period is the time up to that."""
        self.enter(midnight(1, start), inclusive, off, ends)
        before = Period(self.now - timedelta(days=28), self.now)
        unit = Money(PRICES["basic"][cycle], "JPY")
        self.service = ServiceTerms("basic", cycle, "JPY", 1, unit, before, day, discount=self.discount)
        here = local(self.now)
        self.running = Running(here, Span(here, here, 0), day)
        self._renew()

    def _renew(self) -> None:
        """The period before is over and was had; the next is paid whole."""
        self.begin_period(MONTHS[self.service.cycle])
        begin = self.running.period.start
        renewal = price_renewal(self.catalog, self.service, self.buyer, None, begin, NOTHING)
        assert renewal.period == self.running.period
        self.billed(renewal.total.amount, 1)
        item = replace(renewal.opened[0].item, id=f"renewal-{begin}")
        self.service = replace(self.service, period=renewal.period, items=(*self.service.items, item), moved_days=0)
        self.hold_period()

    @rule(hours=st.integers(1, 480))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        while self.now >= self.service.period.end:
            self._renew()

    @rule(hours=st.integers(-48, 48))
    def the_period_is_nearly_or_just_over(self, hours: int) -> None:
        there = self.service.period.end + timedelta(hours=hours)
        if there > self.now:
            self.now = there
            self.time_passes(0)

    @rule(buyer=st.sampled_from(BUYERS))
    def the_customer_moves(self, buyer: Buyer) -> None:
        self.buyer = buyer

    @rule(day=st.sampled_from([1, 5, 15, 29, 31]))
    def it_renews_on_another_day(self, day: int) -> None:
        """What runs goes on to its end; the next period is the time up to that day."""
        self.service = replace(self.service, anchor_day=day)
        self.running = replace(self.running, day=day)

    @rule(plan=plans, cycle=cycles, units=st.integers(1, 3))
    def the_plan_changes(self, plan: str, cycle: str, units: int) -> None:
        try:
            target = self.target(plan, cycle, min(units, self.most_units))
            priced = price(self.catalog, self.service, self.buyer, target, self.now, NOTHING)
        except ChangeError:
            return
        self._changed(priced, None)

    def target(self, plan: str, cycle: str, units: int | None = None) -> Target:
        return Target(plan, cycle if self.changes_cycle else self.service.cycle, units)

    @rule(plan=plans, cycle=cycles, hours=st.integers(1, 240))
    def the_plan_changes_when_it_is_paid(self, plan: str, cycle: str, hours: int) -> None:
        """Accepted now, paid later in the same period: the price of that day, never more than was accepted."""
        paid = self.now + timedelta(hours=hours)
        if paid >= self.service.period.end:
            return
        target = self.target(plan, cycle)
        try:
            accepted = price_change(self.catalog, self.service, self.buyer, target, self.now, NOTHING)
        except ChangeError:
            return
        settled = settled_quote(accepted, paid)
        assert settled.total <= accepted.total
        if settled is accepted:
            self.the_plan_changes(plan, cycle, self.service.quantity)
            self.time_passes(hours)
            return
        self.now = paid
        priced = price(self.catalog, self.service, self.buyer, target, paid, NOTHING, False, accepted.total)
        assert priced.total == settled.total.amount
        self._changed(priced, accepted.total.amount)

    def _changed(self, priced: Priced, ceiling: int | None) -> None:
        before, old = self.service, self.running
        self.billed(priced.total, len(priced.figures.lines) if priced.figures else 0)
        self.service = replace(priced.service_after, discount=self.discount)
        self.running = self.runs_after(MONTHS[before.cycle], MONTHS[self.service.cycle])
        assert self.service.period == self.running.period
        assert (self.service.anchor_day, self.service.moved_days) == (self.running.day, self.running.late)
        self.sentence(before, old, priced.total, ceiling)

    def _begin_anew(self) -> None:
        here = local(self.now)
        before = Period(self.now - timedelta(days=28), self.now)
        self.service = replace(self.service, period=before, anchor_day=here.day, anchor_time=here.time(), items=())
        self.running = Running(here, Span(here, here, 0), here.day)
        self._renew()

    @precondition(lambda self: self.proration.fraction in (Fraction.DAYS, Fraction.SECONDS) and self.proration.credit)
    @rule()
    def the_service_ends_at_once_and_is_ordered_anew(self) -> None:
        ended = price_ending(self.catalog, self.service, self.buyer, self.now)
        self.billed(-ended.credit.amount, len(ended.lines))
        self.account.give_up(self.service.quantity, local(self.now))
        assert len(ended.taken) == sum(item.is_open(self.now) for item in self.service.items)
        self._begin_anew()

    @rule(days=st.integers(0, 40))
    def the_service_ends_with_its_period_and_is_ordered_anew(self, days: int) -> None:
        self.now = self.service.period.end + timedelta(days=days)
        self._begin_anew()

    @rule(days=st.integers(1, 60))
    def the_service_is_suspended_and_resumed(self, days: int) -> None:
        """The running period goes on; where it is over, the next begins with the resumption, and none in between."""
        self.now += timedelta(days=days)
        if self.now >= self.service.period.end:
            self._begin_anew()

    @rule(days=st.integers(1, 60))
    def the_service_is_suspended_and_its_time_given_back(self, days: int) -> None:
        """What was left of the period when the service went out is left of it when it is back."""
        self.now += timedelta(days=days)
        self.running = self.running.later(days)
        items = tuple(item.later(days, TOKYO) for item in self.service.items)
        self.service = replace(
            self.service,
            period=self.running.period,
            items=items,
            moved_days=self.running.late,
            anchor_day=self.running.day,
            anchor_time=self.running.whole.end.time(),
        )
        self.account.had_later(days)

    @invariant()
    def what_is_billed_is_what_the_mode_says(self) -> None:
        if hasattr(self, "owed"):
            assert self.agrees()

    @invariant()
    def nothing_is_taken_back_twice_and_no_time_is_billed_twice(self) -> None:
        if not hasattr(self, "owed"):
            return
        assert self.owed >= 0
        for item in self.service.items:
            assert 0 <= item.net_left <= item.net
            assert 0 <= item.tax_left <= item.tax
            assert 0 <= item.units_left <= item.units
        assert self.units_are_billed_once()


def lived(mode: type[Customer]) -> Any:
    """The test case of a life in this mode."""
    case = type(mode.__name__, (mode, Life), {}).TestCase  # type: ignore[attr-defined]
    case.settings = LIFE
    return case
