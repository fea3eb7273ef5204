"""The life of a service, event by event, priced by the production code and told to the model."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction as Exact
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.catalog import Catalog, MinimumCharge
from domain.errors import ChangeError
from domain.money import Money
from domain.periods import AnchorPoint, Period, next_period
from domain.pricing.ending import price_ending
from domain.pricing.modes import Fraction, Proration
from domain.pricing.priced import Priced, price
from domain.pricing.quote import price_change
from domain.pricing.renewals import price_renewal
from domain.pricing.settled import settled_quote
from domain.pricing.terms import Buyer, ServiceTerms, Target
from tests.domain.conftest import load
from tests.domain.life.model import BUYERS, PRICES, Account, Held, local, share, tax_factor
from tests.domain.making import percent_off, with_rule

NOTHING, TOKYO = Money(0, "JPY"), "Asia/Tokyo"
LINE, TAX = Exact(11, 20), Exact(1, 2)  # half a yen of a line with its tenth; half a yen of a tax
LIFE = settings(max_examples=25, stateful_step_count=25, deadline=None, derandomize=True)
plans = st.sampled_from(sorted(PRICES))


class Life(RuleBasedStateMachine):
    """A service of one mode. `sentence` is what its mode does with a change's charge and with what is given up."""

    proration: ClassVar[Proration]
    minimum: ClassVar[MinimumCharge | None] = None
    begins: ClassVar[tuple[int, ...]] = (1, 15, 31)
    most_units: ClassVar[int] = 3

    @initialize(
        inclusive=st.booleans(),
        percent=st.sampled_from([None, "20", "50"]),
        ends=st.integers(0, 120),
        day=st.data(),
    )
    def begin(self, inclusive: bool, percent: str | None, ends: int, day: st.DataObject) -> None:
        tax = load("dns").tax.model_copy(update={"prices": "inclusive" if inclusive else "exclusive"})
        base = load("dns").model_copy(update={"tax": tax})
        credit = "by_second" if self.proration.fraction is Fraction.SECONDS else "by_day"
        self.catalog: Catalog = with_rule(
            base, self.proration, minimum_charge=self.minimum, ending_credit=credit, priced_at="payment"
        )
        self.inclusive, self.buyer = inclusive, BUYERS[0]
        self.now = datetime(2027, 1, day.draw(st.sampled_from(self.begins)), tzinfo=UTC) - timedelta(hours=9)
        self.ends = self.now + timedelta(days=ends)
        self.discount = percent_off(percent, self.ends.isoformat()) if percent else None
        self.account, self.owed, self.half_units = Account(self.proration.fraction), 0, Exact(0)
        before = Period(self.now - timedelta(days=28), self.now)
        self.service = ServiceTerms("basic", "monthly", "JPY", 1, Money(500, "JPY"), before, local(self.now).day,
                                    discount=self.discount)  # fmt: skip
        self._renew()

    def full(self, plan: str, moment: datetime) -> Exact:
        """A unit for a period, as the price list says it, less the discount."""
        percent = self.discount.percent if self.discount and moment < self.ends else None
        return Exact(PRICES[plan]) * (1 - Exact(percent or "0") / 100)

    def factor(self) -> Exact:
        return tax_factor(self.inclusive, self.buyer)

    def _renew(self) -> None:
        """The period before is over and was had; the next is paid whole."""
        self.account.had, self.account.held = self.account.billed, []
        begin, units = self.service.period.end, self.service.quantity
        renewal = price_renewal(self.catalog, self.service, self.buyer, None, begin, NOTHING)
        self.owed += renewal.total.amount
        self.half_units += LINE + TAX
        item = replace(renewal.opened[0].item, id=f"renewal-{begin}")
        items = (*self.service.items, item)
        self.service = replace(self.service, period=renewal.period, items=items, moved_days=0)
        _, whole = next_period(begin, 1, self.service.anchor, TOKYO)
        price = self.full(self.service.plan, begin) * units * share(Fraction.DAYS, whole, begin) * self.factor()
        self.account.held = [Held(units, price, renewal.period, begin)]

    @rule(hours=st.integers(1, 480))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        while self.now >= self.service.period.end:
            self._renew()

    @rule(buyer=st.sampled_from(BUYERS))
    def the_customer_moves(self, buyer: Buyer) -> None:
        self.buyer = buyer

    @rule(plan=plans, units=st.integers(1, 3))
    def the_plan_changes(self, plan: str, units: int) -> None:
        target = Target(plan, "monthly", min(units, self.most_units))
        try:
            priced = price(self.catalog, self.service, self.buyer, target, self.now, NOTHING)
        except ChangeError:
            return
        self._changed(priced, None)

    @rule(plan=plans, hours=st.integers(1, 240))
    def the_plan_changes_when_it_is_paid(self, plan: str, hours: int) -> None:
        """Accepted now, paid later in the same period: the price of that day, never more than was accepted."""
        paid = self.now + timedelta(hours=hours)
        if paid >= self.service.period.end:
            return
        target = Target(plan, "monthly")
        try:
            accepted = price_change(self.catalog, self.service, self.buyer, target, self.now, NOTHING)
        except ChangeError:
            return
        settled = settled_quote(accepted, paid)
        assert settled.total <= accepted.total
        if settled is accepted:
            self.the_plan_changes(plan, self.service.quantity)
            self.time_passes(hours)
            return
        self.now = paid
        priced = price(self.catalog, self.service, self.buyer, target, paid, NOTHING, False, accepted.total)
        assert priced.total == settled.total.amount
        self._changed(priced, accepted.total.amount)

    def _changed(self, priced: Priced, ceiling: int | None) -> None:
        before, after = self.service, priced.service_after
        self.owed += priced.total
        self.half_units += LINE * (len(priced.figures.lines) if priced.figures else 0) + 2 * TAX
        self.service = replace(after, discount=self.discount)
        self.sentence(before, self.service, priced.total, ceiling)

    def moved(self, before: ServiceTerms, after: ServiceTerms) -> tuple[Exact, Exact, int]:
        """What is given up is worth, what the new time costs, and the units it is for."""
        units, gone = after.quantity, before.quantity
        if before.plan == after.plan and before.period == after.period:
            units, gone = max(0, units - gone), max(0, gone - units)
        worth = self.account.give_up(gone, self.now)
        left = share(self.proration.fraction, *self.as_it_lay(after))
        return worth, self.full(after.plan, self.now) * units * left * self.factor(), units

    def as_it_lay(self, service: ServiceTerms) -> tuple[Period, datetime]:
        """The period where it lay before the service was out, and this moment in it."""
        late = timedelta(days=service.moved_days)
        return Period(service.period.start - late, service.period.end - late), self.now - late

    def hold(self, units: int, paid: Exact) -> None:
        if units:
            self.account.held.append(Held(units, paid, *self.as_it_lay(self.service), self.service.moved_days))

    def sentence(self, before: ServiceTerms, after: ServiceTerms, total: int, ceiling: int | None) -> None:
        raise NotImplementedError

    def _begin_anew(self) -> None:
        before = Period(self.now - timedelta(days=28), self.now)
        day = local(self.now)
        self.service = replace(self.service, period=before, anchor_day=day.day, anchor_time=day.time(), items=())
        self._renew()

    @precondition(lambda self: self.proration.fraction in (Fraction.DAYS, Fraction.SECONDS) and self.proration.credit)
    @rule()
    def the_service_ends_at_once_and_is_ordered_anew(self) -> None:
        ended = price_ending(self.catalog, self.service, self.buyer, self.now)
        self.owed -= ended.credit.amount
        self.half_units += LINE * len(ended.lines) + TAX
        self.account.give_up(self.service.quantity, self.now)
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
        period = self.service.period.later(days, TOKYO)
        items = tuple(item.later(days, TOKYO) for item in self.service.items)
        anchor, moved = AnchorPoint.of(period.end, TOKYO), self.service.moved_days + days
        self.service = replace(
            self.service, period=period, items=items, moved_days=moved, anchor_day=anchor.day, anchor_time=anchor.at
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
