"""The old and the new terms of a change: the full price of a period on each plan, discounts taken off."""

from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from domain.catalog import Catalog, Cycle, Discount, Plan
from domain.errors import BadQuantity, PlanNotOffered, UnknownCycle, UnknownPlan
from domain.money import LARGEST_AMOUNT
from domain.pricing.proration import Ratio
from domain.pricing.terms import ServiceTerms, Target
from domain.tax import percent_ratio

LARGEST_QUANTITY = 1_000_000  # far above any real order; keeps price x quantity inside what a ledger row holds


class PeriodTerms(NamedTuple):
    """A plan in a cycle; `unit` in minor units per cycle and unit, `full` the exact price of a period, discounted."""

    plan: Plan
    cycle: str
    months: int
    quantity: int
    unit: int
    discount: Discount | None
    full: Ratio


def old_terms(catalog: Catalog, service: ServiceTerms) -> PeriodTerms:
    """What the service has. Raises UnknownPlan, UnknownCycle where the catalogue has lost them."""
    plan, cycle = _plan(catalog, service.plan), _cycle(catalog, service.cycle)
    discount = _valid(service.discount, plan.id, service.period.start, catalog.timezone)
    return _terms(plan, service.cycle, cycle, service.quantity, service.unit_price.amount, discount, service.currency)


def new_terms(
    catalog: Catalog, service: ServiceTerms, target: Target, now: datetime, promised: int | None = None
) -> PeriodTerms:
    """What is wanted. One plan in one cycle keeps the price it bought; else the catalogue's price counts, or the one
    that was promised or agreed for a unit.

    Raises UnknownPlan, UnknownCycle, PlanNotOffered, BadQuantity.
    """
    plan, cycle = _plan(catalog, target.plan), _cycle(catalog, target.cycle)
    agreed = target.unit_price if promised is None else promised
    quantity = service.quantity if target.quantity is None else target.quantity
    if not 1 <= quantity <= LARGEST_QUANTITY:
        raise BadQuantity(f"a quantity is a whole number from 1 to {LARGEST_QUANTITY}; {quantity} is not")
    discount = _valid(service.discount, plan.id, now, catalog.timezone)
    if (target.plan, target.cycle) == (service.plan, service.cycle):
        unit = service.unit_price.amount
    elif agreed is not None:
        unit = agreed
    else:
        price = plan.prices.get(target.cycle, {}).get(service.currency)
        if price is None or not plan.sold:
            raise PlanNotOffered(
                f"{plan.name} is not offered {target.cycle} in {service.currency}; choose one of the plan options",
                plan=plan.id,
                cycle=target.cycle,
                currency=service.currency,
            )
        unit = price
    if unit * quantity > LARGEST_AMOUNT:
        raise BadQuantity(f"{quantity} units of {plan.name} cost more than Planshift holds; order fewer")
    return _terms(plan, target.cycle, cycle, quantity, unit, discount, service.currency)


def renewed(terms: PeriodTerms, moment: datetime, tz: str) -> PeriodTerms:
    """The terms as they renew at this moment: the discount may have ended by then."""
    if _valid(terms.discount, terms.plan.id, moment, tz) is terms.discount:
        return terms
    return terms._replace(discount=None, full=(terms.unit * terms.quantity, 1))


def of_units(terms: PeriodTerms, quantity: int) -> PeriodTerms:
    """The same terms for so many of their units; an amount off the whole cannot be shared so."""
    return terms._replace(quantity=quantity, full=(terms.full[0] * quantity, terms.full[1] * terms.quantity))


def discounted(full: int, discount: Discount | None, currency: str) -> Ratio:
    """The full price less a percentage or an amount, never below zero."""
    if discount is None:
        return full, 1
    if discount.percent is not None:
        numerator, denominator = percent_ratio(discount.percent)
        return full * max(0, denominator - numerator), denominator
    return max(0, full - discount.amounts.get(currency, 0)), 1


def _terms(
    plan: Plan, cycle_id: str, cycle: Cycle, quantity: int, unit: int, discount: Discount | None, currency: str
) -> PeriodTerms:
    return PeriodTerms(
        plan, cycle_id, cycle.months, quantity, unit, discount, discounted(unit * quantity, discount, currency)
    )


def _valid(discount: Discount | None, plan: str, moment: datetime, tz: str) -> Discount | None:
    if discount is None or (discount.plans and plan not in discount.plans):
        return None
    if discount.until is not None and moment >= _ends_at(discount.until, tz):
        return None
    return discount


def _ends_at(until: str, tz: str) -> datetime:
    """A discount that was sold with an end without a zone ends at that local time."""
    moment = datetime.fromisoformat(until)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(tz))


def _plan(catalog: Catalog, plan_id: str) -> Plan:
    plan = catalog.plan(plan_id)
    if plan is None:
        names = ", ".join(known.id for known in catalog.plans if known.sold)
        raise UnknownPlan(f"there is no plan {plan_id!r}; choose one of {names}", plan=plan_id)
    return plan


def _cycle(catalog: Catalog, cycle_id: str) -> Cycle:
    cycle = catalog.cycles.get(cycle_id)
    if cycle is None:
        names = ", ".join(catalog.cycles)
        raise UnknownCycle(f"there is no billing cycle {cycle_id!r}; choose one of {names}", cycle=cycle_id)
    return cycle
