"""How a change case of another biller is written: prices, dates and quantities as they stand in a cases file."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from domain.catalog import Discount
from domain.money import exponent
from domain.periods import AnchorPoint, Period, advance, parse_instant

_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_DAYS = ("day", "week")
# Where a case counts days only, they are counted back from the end of a period that ends here.
_ANY_END = datetime(2025, 4, 1, tzinfo=UTC)


class BadCase(ValueError):
    """A case cannot be read; the message names the key and what was expected there."""


class Unsupported(ValueError):
    """A case wants what Planshift does not have; the message says what."""


@dataclass(frozen=True, slots=True)
class CaseTerms:
    """The old or the new terms of a case, amounts in minor units."""

    unit: int
    quantity: int
    months: int
    discount: Discount | None
    setup_fee: int


def read_terms(terms: dict[str, Any] | None, currency: str, missing: str) -> CaseTerms:
    """The old or the new terms of a case. Raises BadCase, Unsupported; `missing` says what their absence would be."""
    if terms is None:
        raise Unsupported(missing)
    components = terms.get("components") or [terms]
    if len(components) > 1:
        raise Unsupported("a service has one component; this one has several")
    [part] = components
    interval = str(terms.get("interval", "month"))
    if interval in _DAYS:
        raise Unsupported(f"a billing cycle is of whole months; this one is of {interval}s")
    if interval not in _MONTHS:
        raise BadCase(f"interval {interval!r} is not one of {', '.join([*_DAYS, *_MONTHS])}")
    text = part.get("unit_price", part.get("price"))
    if text is None:
        raise BadCase("price or unit_price was expected as a decimal string")
    return CaseTerms(
        minor(text, currency),
        int(part.get("quantity", 1)),
        _MONTHS[interval] * int(terms.get("interval_count", 1)),
        _discount(terms.get("discount"), currency),
        minor(terms.get("setup_fee", "0"), currency),
    )


def minor(text: object, currency: str) -> int:
    """A decimal string in major units as whole minor units. Raises BadCase; Unsupported for one that is finer."""
    try:
        exact = Decimal(str(text)).scaleb(exponent(currency))
        whole = int(exact)
    except (InvalidOperation, ValueError, OverflowError):
        raise BadCase(f"{text!r} is not an amount in {currency}; write a decimal string such as 12.00") from None
    if exact != whole:
        raise Unsupported(f"a price is in whole minor units; {text} {currency} is not")
    return whole


def _discount(discount: dict[str, Any] | None, currency: str) -> Discount | None:
    if discount is None:
        return None
    if discount.get("type") in ("percent", "percentage"):
        return Discount(percent=str(discount["value"]))
    return Discount(amounts={currency: minor(discount["value"], currency)})


@dataclass(frozen=True, slots=True)
class CaseDates:
    """When the change happens, in which period, and on which local day a period starts that the case names."""

    tz: str
    period: Period
    change_at: datetime
    new_period_day: int | None


def read_dates(case: dict[str, Any], old: CaseTerms) -> CaseDates:
    """The dates of a case, a date alone being midnight in its time zone."""
    tz = str(case.get("timezone") or "UTC")
    if case.get("period_start"):
        extra = timedelta(days=1) if case.get("day_count") == "inclusive_both_ends" else timedelta()
        period = Period(_moment(case["period_start"], tz), _moment(case["period_end"], tz) + extra)
        change_at = _moment(case["change_at"], tz)
    else:
        period = Period(advance(_ANY_END, -old.months, AnchorPoint(1), tz), _ANY_END)
        left = case.get("days_remaining")  # without dates and days, all of the period is left
        change_at = period.start if left is None else max(period.start, _ANY_END - timedelta(days=int(left)))
    start = case.get("new_period_start")
    day = _moment(start, tz).astimezone(ZoneInfo(tz)).day if start else None
    return CaseDates(tz, period, change_at, day)


def _moment(text: str, tz: str) -> datetime:
    if len(text) > len("2026-01-31"):
        return parse_instant(text if text[-1] == "Z" or "+" in text[10:] or "-" in text[10:] else text + "Z")
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(tz)).astimezone(UTC)
