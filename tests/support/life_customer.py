"""A customer as the model has him: what he holds of one service, and what each event of its life has to cost him."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction as Exact
from functools import cache
from typing import Any, ClassVar

from hypothesis import strategies as st

from domain.catalog import Catalog, Cycle, Discount, MinimumCharge, Outcome, Rule
from domain.pricing.modes import Anchor, ChangeDay, Fraction, Proration
from domain.pricing.terms import ServiceTerms
from tests.conftest import catalog_named
from tests.support.life_model import BUYERS, MONTHS, PRICES, Account, Held, Running, instant, local, tax_factor

LINE, TAX = Exact(11, 20), Exact(1, 2)  # half a yen of a line with its tenth; half a yen of a tax
OFF: list[dict[str, Any]] = [{}, {"percent": "20"}, {"percent": "50"}, {"amounts": {"JPY": 300}}]
plans, cycles = st.sampled_from(sorted(PRICES)), st.sampled_from(sorted(MONTHS))


@cache
def _dns() -> Catalog:
    return catalog_named("dns", "dns")


def midnight(month: int, day: int, year: int = 2027) -> datetime:
    """Of this date, in Tokyo."""
    return datetime(year, month, day, tzinfo=UTC) - timedelta(hours=9)


class Customer:
    """A service of one mode. `sentence` is what its mode does with a change's charge and with what is given up."""

    proration: ClassVar[Proration]
    minimum: ClassVar[MinimumCharge | None] = None
    day_of_the_change: ClassVar[ChangeDay] = ChangeDay.NEW
    most_units: ClassVar[int] = 3
    changes_cycle: ClassVar[bool] = True
    bills_each_unit: ClassVar[bool] = True
    service: ServiceTerms
    running: Running

    def enter(self, now: datetime, inclusive: bool, off: dict[str, Any], ends: int) -> None:
        """He has nothing yet; a discount that he has ends after so many days."""
        self.now, self.inclusive, self.buyer = now, inclusive, BUYERS[0]
        self.ends = now + timedelta(days=ends)
        self.discount = Discount.model_validate(off | {"until": self.ends.isoformat()}) if off else None
        self.catalog = self._catalog()
        self.account, self.owed, self.half_units = Account(self.proration.fraction, self.spent()), 0, Exact(0)

    def _catalog(self) -> Catalog:
        base = _dns()
        sold = tuple(
            plan.model_copy(update={"prices": {cycle: {"JPY": amount} for cycle, amount in PRICES[plan.id].items()}})
            for plan in base.plans
        )
        lengths = {cycle: Cycle(months=months, label={"en": cycle}) for cycle, months in MONTHS.items()}
        tax = base.tax.model_copy(update={"prices": "inclusive" if self.inclusive else "exclusive"})
        policies = base.policies.model_copy(
            update={
                "minimum_charge": self.minimum,
                "change_day": self.day_of_the_change,
                "ending_credit": "by_second" if self.proration.fraction is Fraction.SECONDS else "by_day",
                "priced_at": "payment",
            }
        )
        rules = (Rule(outcome=Outcome.NOW, proration=self.proration),)
        changed = {"tax": tax, "plans": sold, "cycles": lengths, "rules": rules, "policies": policies}
        return Catalog.from_json(base.model_copy(update=changed).as_json())

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

    def begin_period(self, months: int) -> None:
        """The period before is over and was had; the next one is its successor."""
        self.account.had, self.account.held = self.account.billed, []
        self.running = self.running.after(months)

    def hold_period(self) -> None:
        """What begins is billed whole, on the terms that the service has now."""
        units, start = self.service.quantity, instant(self.running.start)
        paid = self.full(self.service, units, start) * self.running.part() * self.factor()
        self.hold(units, paid, self._share_renewed())

    def _share_renewed(self) -> Exact:
        whole, start = self.running.whole, self.running.start
        return Exact(1) if start == whole.start else whole.left(self.proration.fraction, start)

    def billed(self, total: int, lines: int) -> None:
        self.owed += total
        self.half_units += LINE * lines + 2 * TAX

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
            self.account.held.append(Held(units, paid, self.running.whole.later(-late), billed, self.factor(), late))

    def credit_used(self, credit: int, total: int) -> int:
        """All of it that the total takes, or so much that what is left to pay is no small amount."""
        used, least = min(credit, max(0, total)), self.minimum.amounts["JPY"] if self.minimum else 0
        return max(0, total - least) if 0 < total - used < least else used

    def units_are_billed_once(self) -> bool:
        """No unit of the running time was billed twice, and none was not."""
        open_items = [item for item in self.service.items if item.is_open(self.now)]
        if not self.bills_each_unit:
            return len(open_items) == 1
        return sum(item.units_left for item in open_items) == self.service.quantity

    def agrees(self) -> bool:
        """Whether what was billed less what was credited is the price of what he had, half a unit a line."""
        return abs(self.owed - self.account.billed) <= self.half_units

    def sentence(self, before: ServiceTerms, old: Running, total: int, ceiling: int | None) -> None:
        raise NotImplementedError
