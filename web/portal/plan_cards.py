"""What the steps of choosing show of each plan: its price with tax, what it holds beside what is used and had now, and
whether it can be had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from domain.catalog import Plan
from domain.money import Money
from domain.pricing.quote_values import Quote
from domain.tax import with_tax
from engine.accounts.services import buyer_of
from engine.offers import Option, options_for
from models.customer import Service
from web.portal.visit import PortalTransaction


@dataclass(frozen=True, slots=True)
class Price:
    """Of a plan in one cycle, for all units of the service: `whole` with the tax that this customer pays, `net` as the
    catalogue writes it, `each` the same of one unit."""

    whole: Money
    net: Money
    each: Money


@dataclass(frozen=True, slots=True)
class Limit:
    """What a plan includes of something, for all units; `used` of it, where that was measured. `more` is what it has
    over the plan that the service has now, None where one of the two says nothing. Not included: 0."""

    name: str
    included: int
    used: int | None
    more: int | None

    @property
    def filled(self) -> int:
        """How much of a bar of `included` is full."""
        return min(self.used or 0, self.included)


@dataclass(frozen=True, slots=True)
class Saving:
    """What a cycle costs less than as many months by the shortest one."""

    amount: Money
    percent: int
    shortest: str


@dataclass(frozen=True, slots=True)
class PlanChoice:
    """One plan in all its billing cycles; the service's own cycle comes first. `shown` is the cycle that is looked at,
    or the first where the plan does not have it."""

    plan: Plan
    options: list[Option]
    shown: Option
    current: bool
    prices: dict[str, Price]
    savings: dict[str, Saving]
    limits: list[Limit]

    @property
    def offered(self) -> list[Option]:
        return [option for option in self.options if option.quote is not None]

    @property
    def best(self) -> Quote | None:
        """What the card offers: the cycle that is looked at, else what the customer most likely means."""
        if self.shown.quote is not None:
            return self.shown.quote
        ready = [option for option in self.options if option.available] or self.offered
        return ready[0].quote if ready else None

    @property
    def reasons(self) -> list[Option]:
        """The options that are not offered, one for each different reason."""
        first = {option.reason[:2]: option for option in reversed(self.options) if option.reason}
        return [
            option for option in reversed(first.values()) if option.reason and option.reason[0] != "nothing_to_change"
        ]


def choices_of(tx: PortalTransaction, service: Service, cycle: str) -> dict[str, list[PlanChoice]]:
    """By category, in the catalogue's order; seen with this cycle."""
    choices: dict[str, list[PlanChoice]] = {}
    for category, options in options_for(tx.session, tx.now, service).items():
        of_plan: dict[str, list[Option]] = {}
        for option in sorted(options, key=lambda option: option.cycle != service.cycle):
            of_plan.setdefault(option.plan.id, []).append(option)
        plans = sorted(of_plan.values(), key=lambda group: group[0].plan.rank)
        choices[category] = [_choice(tx, service, group, cycle) for group in plans]
    return choices


def best_saving(choices: list[PlanChoice], cycle: str) -> int:
    """By how many percent a cycle is cheaper at the most."""
    return max((choice.savings[cycle].percent for choice in choices if cycle in choice.savings), default=0)


def _choice(tx: PortalTransaction, service: Service, options: list[Option], cycle: str) -> PlanChoice:
    plan = options[0].plan
    prices = {option.cycle: _price_of_option(tx, service, option) for option in options}
    return PlanChoice(
        plan=plan,
        options=options,
        shown=next((option for option in options if option.cycle == cycle), options[0]),
        current=plan.id == service.plan,
        prices=prices,
        savings=_savings(prices, tx.formatter.months),
        limits=limits_of(service, plan.limits),
    )


def price_now(tx: PortalTransaction, service: Service) -> Price:
    """What the service has costs what it was bought for."""
    return price_of(tx, service, service.plan, service.money(service.unit_price_minor), service.quantity)


def price_of(tx: PortalTransaction, service: Service, plan_id: str, each: Money, quantity: int) -> Price:
    """Of so many units of a plan, for the service's customer."""
    plan = tx.catalog.plan(plan_id)
    net = service.money(each.amount * quantity)
    return Price(with_tax(tx.catalog, buyer_of(service.customer), plan.product, net) if plan else net, net, each)


def _price_of_option(tx: PortalTransaction, service: Service, option: Option) -> Price:
    owned = option.plan.id == service.plan and option.cycle == service.cycle
    return price_now(tx, service) if owned else price_of(tx, service, option.plan.id, option.price, service.quantity)


def _savings(prices: dict[str, Price], months: Callable[[str], int]) -> dict[str, Saving]:
    shortest = min(prices, key=months)
    savings = {}
    for cycle, price in prices.items():
        times, rest = divmod(months(cycle), months(shortest))
        otherwise = prices[shortest].whole.amount * times
        less = otherwise - price.whole.amount
        if not rest and less > 0:
            savings[cycle] = Saving(Money(less, price.whole.currency), less * 100 // otherwise, shortest)
    return savings


def limits_of(service: Service, limits: dict[str, int]) -> list[Limit]:
    """Of a plan with these limits a unit, and what the service has now and would not have any more."""
    now = {name: limit * service.quantity for name, limit in service.limits.items()}
    then = {name: limit * service.quantity for name, limit in limits.items()}
    return [
        Limit(
            name,
            then.get(name, 0),
            service.usage.get(name),
            then.get(name, 0) - now[name] if name in now else None,
        )
        for name in [*then, *(name for name in now if name not in then)]
    ]
