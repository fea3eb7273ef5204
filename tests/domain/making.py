"""Services, moments and catalogues of the tests, written briefly."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from domain.catalog import Catalog, Discount, Outcome
from domain.money import Money
from domain.periods import Period, anchor_day_of
from domain.pricing.modes import Proration
from domain.pricing.terms import ServiceTerms


def at(text: str, tz: str = "UTC") -> datetime:
    """The instant of a local date or date and time."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(tz)).astimezone(UTC)


def service(catalog: Catalog, plan: str, cycle: str, start: str, end: str, **changes: Any) -> ServiceTerms:
    """A service that paid the catalogue's price for the period from one local date to the other."""
    currency = changes.pop("currency", "USD")
    price = catalog.price(plan, cycle, currency)
    assert price is not None
    period = Period(at(start, catalog.timezone), at(end, catalog.timezone))
    quantity = changes.pop("quantity", 1)
    unit_price = changes.pop("unit_price", price)
    values: dict[str, Any] = {
        "period_paid": Money(unit_price.amount * quantity, currency),
        "anchor_day": anchor_day_of(period, catalog.timezone),
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
