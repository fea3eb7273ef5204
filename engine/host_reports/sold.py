"""What a report says was sold, held against the catalogue."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from domain.catalog import Catalog, Plan
from domain.errors import PlanNotOffered, UnknownCycle, UnknownPlan
from domain.lifecycle import IN_SERVICE
from domain.periods import Period, check_running
from engine.host_reports.reports import UnknownDiscount


def required_plan(catalog: Catalog, plan_id: str) -> Plan:
    """Raises UnknownPlan."""
    plan = catalog.plan(plan_id)
    if plan is None:
        raise UnknownPlan(f"There is no plan {plan_id}; the plans are {', '.join(p.id for p in catalog.plans)}.")
    return plan


def required_cycle(catalog: Catalog, cycle: str) -> None:
    """Raises UnknownCycle."""
    if cycle not in catalog.cycles:
        raise UnknownCycle(f"There is no billing cycle {cycle}; there are {', '.join(catalog.cycles)}.")


def terms_sold(catalog: Catalog, plan_id: str, cycle: str, currency: str, unit_price: int | None) -> tuple[Plan, int]:
    """The plan, and the price of a unit in minor units: the catalogue's where the host says none.

    Raises UnknownPlan, UnknownCycle, PlanNotOffered.
    """
    plan = required_plan(catalog, plan_id)
    required_cycle(catalog, cycle)
    price = catalog.price(plan_id, cycle, currency)
    if price is None:
        raise PlanNotOffered(f"{plan_id} is not sold {cycle} in {currency}.")
    return plan, price.amount if unit_price is None else unit_price


def check_period(catalog: Catalog, period: Period, cycle: str, status: str, now: datetime) -> None:
    """A service that is in service has a period that can be the running one. Raises ImplausiblePeriod."""
    if status in IN_SERVICE:
        check_running(period, catalog.cycles[cycle].months, catalog.timezone, now)


def discount_sold(catalog: Catalog, name: str | None) -> dict[str, Any] | None:
    """The discount as the catalogue defines it now. Raises UnknownDiscount."""
    if not name:
        return None
    if name not in catalog.discounts:
        raise UnknownDiscount(name, catalog.discounts)
    return catalog.discounts[name].model_dump(mode="json")
