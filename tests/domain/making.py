"""Services, moments and catalogues of the tests, written briefly."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from domain.catalog import Catalog, Discount, Outcome
from domain.money import Rounding, divide_rounded
from domain.periods import Period, anchor_of
from domain.pricing.bill import billed as billed_item
from domain.pricing.bill import net_of
from domain.pricing.modes import Proration
from domain.pricing.period_terms import PeriodTerms, discounted
from domain.pricing.terms import Buyer, ServiceTerms
from domain.tax import TaxableLine, tax_on, taxation_of


def at(text: str, tz: str = "UTC") -> datetime:
    """The instant of a local date or date and time."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(tz)).astimezone(UTC)


def service(catalog: Catalog, plan: str, cycle: str, start: str, end: str, **changes: Any) -> ServiceTerms:
    """A service whose buyer was billed the catalogue's price for the period from one local date to the other, with
    tax; `billed` where that was another price, in minor units."""
    currency = changes.pop("currency", "USD")
    price = catalog.price(plan, cycle, currency)
    assert price is not None
    period = Period(at(start, catalog.timezone), at(end, catalog.timezone))
    quantity = changes.pop("quantity", 1)
    unit_price = changes.pop("unit_price", price)
    discount = changes.get("discount")
    if discount is not None and discount.plans and plan not in discount.plans:
        discount = None
    full = discounted(unit_price.amount * quantity, discount, currency)
    billed = changes.pop("billed", divide_rounded(*full, Rounding.HALF_UP))
    anchor = anchor_of(period, catalog.timezone)
    holder = catalog.plan(plan)
    assert holder is not None
    taxation = taxation_of(catalog, changes.pop("buyer", Buyer("ZZ", tax_exempt=True)), holder.product)
    _, (tax,) = tax_on(catalog.tax, [TaxableLine(billed, taxation)])
    terms = PeriodTerms(holder, cycle, 1, quantity, unit_price.amount, discount, full)
    item = billed_item(terms, taxation, (net_of(billed, tax, taxation), tax), (period, period))
    values: dict[str, Any] = {
        "items": (replace(item, id="itm_0"),),
        "anchor_day": anchor.day,
        "anchor_time": anchor.at,
    }
    values |= changes
    return ServiceTerms(plan, cycle, currency, quantity, unit_price, period, **values)


def with_rule(catalog: Catalog, proration: Proration, **policies: Any) -> Catalog:
    """The catalogue with one rule for every change, and some policies changed."""
    rule = catalog.rules[-1].model_copy(
        update={"cycle": None, "direction": None, "outcome": Outcome.NOW, "proration": proration, "reason": None}
    )
    changed = catalog.policies.model_copy(update=policies)
    return Catalog.from_json(catalog.model_copy(update={"rules": (rule,), "policies": changed}).as_json())


def percent_off(percent: str, until: str | None = None) -> Discount:
    return Discount(percent=percent, until=until)
