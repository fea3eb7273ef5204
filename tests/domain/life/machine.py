"""The life of a service, event by event, priced by the production code and told to the model."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction as Exact
from functools import cache
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.catalog import Catalog, Cycle, Discount, MinimumCharge
from domain.errors import ChangeError
from domain.money import Money
from domain.periods import Period
from domain.pricing.ending import price_ending
from domain.pricing.modes import Anchor, ChangeDay, Fraction, Proration
from domain.pricing.priced import Priced, price
from domain.pricing.quote import price_change
from domain.pricing.renewals import price_renewal
from domain.pricing.settled import settled_quote
from domain.pricing.terms import Buyer, ServiceTerms, Target
from tests.domain.conftest import load
from tests.domain.life.model import BUYERS, MONTHS, PRICES, Account, Held, Running, Span, local, tax_factor
from tests.domain.making import with_rule

NOTHING, TOKYO = Money(0, "JPY"), "Asia/Tokyo"
LINE, TAX = Exact(11, 20), Exact(1, 2)  # half a yen of a line with its tenth; half a yen of a tax
LIFE = settings(max_examples=25, stateful_step_count=25, deadline=None, derandomize=True)
OFF: list[dict[str, Any]] = [{}, {"percent": "20"}, {"percent": "50"}, {"amounts": {"JPY": 300}}]
plans, cycles = st.sampled_from(sorted(PRICES)), st.sampled_from(sorted(MONTHS))


@cache
def _dns() -> Catalog:
    return load("dns")


class Life(RuleBasedStateMachine):
    """A service of one mode. `sentence` is what its mode does with a change's charge and with what is given up."""

    proration: ClassVar[Proration]
    minimum: ClassVar[MinimumCharge | None] = None
    most_units: ClassVar[int] = 3
    changes_cycle: ClassVar[bool] = True
    day_of_the_change: ClassVar[ChangeDay] = ChangeDay.NEW

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
        self.inclusive, self.buyer = inclusive, BUYERS[0]
        self.now = datetime(2027, 1, start, tzinfo=UTC) - timedelta(hours=9)
        self.ends = self.now + timedelta(days=ends)
        self.discount = Discount.model_validate(off | {"until": self.ends.isoformat()}) if off else None
        self.catalog = self._catalog()
        self.account, self.owed, self.half_units = Account(self.proration.fraction, self.spent()), 0, Exact(0)
        before = Period(self.now - timedelta(days=28), self.now)
        unit = Money(PRICES["basic"][cycle], "JPY")
        self.service = ServiceTerms("basic", cycle, "JPY", 1, unit, before, day, discount=self.discount)
        here = local(self.now)
        self.running = Running(here, Span(here, here, 0), day)
        self._renew()

    def _catalog(self) -> Catalog:
        base = _dns()
        sold = tuple(
            plan.model_copy(update={"prices": {cycle: {"JPY": amount} for cycle, amount in PRICES[plan.id].items()}})
            for plan in base.plans
        )
        lengths = {cycle: Cycle(months=months, label={"en": cycle}) for cycle, months in MONTHS.items()}
        tax = base.tax.model_copy(update={"prices": "inclusive" if self.inclusive else "exclusive"})
        return with_rule(
            base.model_copy(update={"tax": tax, "plans": sold, "cycles": lengths}),
            self.proration,
            minimum_charge=self.minimum,
            change_day=self.day_of_the_change,
            ending_credit="by_second" if self.proration.fraction is Fraction.SECONDS else "by_day",
            priced_at="payment",
        )

    def full(self, service: ServiceTerms, units: int, moment: datetime) -> Exact:
        """So many units for the full period that runs, as the price list says it, less the discount."""
        price = Exact(PRICES[service.plan][service.cycle]) * units
        if self.discount and moment < self.ends:
            off = self.discount.amounts.get("JPY", 0)
            price = max(Exact(0), price - off) * (1 - Exact(self.discount.percent or "0") / 100)
        return price * self.running.whole.months / MONTHS[service.cycle]

    def spent(self) -> int:
        return 1 if self.day_of_the_change is ChangeDay.OLD else 0

    def factor(self) -> Exact:
        return tax_factor(self.inclusive, self.buyer)

    def _renew(self) -> None:
        """The period before is over and was had; the next is paid whole."""
        self.account.had, self.account.held = self.account.billed, []
        self.running = self.running.after(MONTHS[self.service.cycle])
        begin = self.running.period.start
        renewal = price_renewal(self.catalog, self.service, self.buyer, None, begin, NOTHING)
        assert renewal.period == self.running.period
        self._billed(renewal.total.amount, 1)
        item = replace(renewal.opened[0].item, id=f"renewal-{begin}")
        self.service = replace(self.service, period=renewal.period, items=(*self.service.items, item), moved_days=0)
        units = self.service.quantity
        self.hold(
            units, self.full(self.service, units, begin) * self.running.part() * self.factor(), self._share_renewed()
        )

    def _share_renewed(self) -> Exact:
        whole, start = self.running.whole, self.running.start
        return Exact(1) if start == whole.start else whole.left(self.proration.fraction, start)

    def _billed(self, total: int, lines: int) -> None:
        self.owed += total
        self.half_units += LINE * lines + 2 * TAX

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
        self._billed(priced.total, len(priced.figures.lines) if priced.figures else 0)
        self.service = replace(priced.service_after, discount=self.discount)
        self.running = self.runs_after(MONTHS[before.cycle], MONTHS[self.service.cycle])
        assert self.service.period == self.running.period
        assert (self.service.anchor_day, self.service.moved_days) == (self.running.day, self.running.late)
        self.sentence(before, old, priced.total, ceiling)

    def runs_after(self, old: int, new: int) -> Running:
        """What runs after a change from a cycle of so many months to one of others."""
        mode, here = self.proration, local(self.now)
        anchor = mode.other_cycle or mode.anchor if old != new else mode.anchor
        if anchor is Anchor.RESET:
            after = self.running.anew(here, new)
        elif anchor is Anchor.REALIGN:
            assert mode.realign_day is not None
            after = self.running.from_day(mode.realign_day, here, new, 1)
        elif old == new or anchor is Anchor.KEEP_END or mode.fraction is Fraction.ZERO:
            return self.running
        else:
            after = self.running.from_day(self.running.day, here, new, new)
        return replace(self.running, day=after.day) if after.whole == self.running.whole else after

    def moved(self, before: ServiceTerms, old: Running) -> tuple[Exact, Exact, int]:
        """What is given up is worth, what the new time costs, and the units it is for."""
        after = self.service
        units, gone = after.quantity, before.quantity
        same = (before.plan, before.cycle, old.whole) == (after.plan, after.cycle, self.running.whole)
        if same and not self._is_off_the_whole(before.period.start):
            units, gone = max(0, units - gone), max(0, gone - units)
        worth = self.account.give_up(gone, local(self.now))
        return worth, self.full(after, units, self.now) * self.share() * self.factor(), units

    def _is_off_the_whole(self, start: datetime) -> bool:
        return self.discount is not None and bool(self.discount.amounts) and min(start, self.now) < self.ends

    def share(self) -> Exact:
        """The part of the full period that the new plan is charged for."""
        if self.proration.fraction is Fraction.WHOLE:
            return self.running.part()
        return self.running.left(self.proration.fraction, local(self.now), self.spent())

    def hold(self, units: int, paid: Exact, share: Exact | None = None) -> None:
        late = self.running.late
        if units:
            billed = self.share() if share is None else share
            self.account.held.append(Held(units, paid, self.running.whole.later(-late), billed, late))

    def sentence(self, before: ServiceTerms, old: Running, total: int, ceiling: int | None) -> None:
        raise NotImplementedError

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
        self._billed(-ended.credit.amount, len(ended.lines))
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
            assert abs(self.owed - self.account.billed) <= self.half_units

    @invariant()
    def nothing_is_taken_back_twice_and_no_time_is_billed_twice(self) -> None:
        if not hasattr(self, "owed"):
            return
        assert self.owed >= 0
        for item in self.service.items:
            assert 0 <= item.net_left <= item.net
            assert 0 <= item.tax_left <= item.tax
            assert 0 <= item.units_left <= item.units
        self.units_are_billed_once()

    def units_are_billed_once(self) -> None:
        units = sum(item.units_left for item in self.service.items if item.is_open(self.now))
        assert units == self.service.quantity


def lived(machine: type[Life]) -> Any:
    """The test case of a machine."""
    case = machine.TestCase
    case.settings = LIFE
    return case
