"""How a change case of another biller is written: prices, dates and quantities as they stand in a cases file."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction as Exact
from typing import Any
from zoneinfo import ZoneInfo

from domain.money import exponent
from domain.periods import AnchorPoint, Period, advance, anchor_of, local_days, parse_instant, period_holding

_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_DAYS = {"day": 1, "week": 7}


class BadCase(ValueError):
    """A case cannot be computed; the message names the key and what was expected there."""


@dataclass(frozen=True, slots=True)
class CaseTerms:
    """The old or the new terms of a case: full prices by component in minor units, before and after
    discount, and the interval."""

    gross: dict[str, Exact]
    full: dict[str, Exact]
    interval: str
    count: int

    @property
    def months(self) -> int:
        """Months of a period; 0 for intervals of days and weeks."""
        return _MONTHS.get(self.interval, 0) * self.count

    @property
    def total(self) -> Exact:
        """The price of a period after discount."""
        return sum(self.full.values(), Exact(0))

    @property
    def nominal_days(self) -> int:
        """30 for each month, 365 for each year."""
        if self.interval == "year":
            return 365 * self.count
        return 30 * self.months or _DAYS.get(self.interval, 1) * self.count


def read_terms(terms: dict[str, Any] | None, currency: str) -> CaseTerms | None:
    """The old or the new terms of a case; None where there are none."""
    if terms is None:
        return None
    gross = {
        str(part.get("name", "")): _price(part, currency) * int(part.get("quantity", 1))
        for part in terms.get("components") or [terms]
    }
    interval = str(terms.get("interval", "month"))
    if interval not in _MONTHS and interval not in _DAYS:
        raise BadCase(f"interval {interval!r} is not one of {', '.join([*_DAYS, *_MONTHS])}")
    return CaseTerms(
        gross, discounted(gross, terms.get("discount"), currency), interval, int(terms.get("interval_count", 1))
    )


def exact_minor(text: object, currency: str) -> Exact:
    """A decimal string in major units as minor units, exactly: other billers' unit prices may have more decimals."""
    try:
        return Exact(Decimal(str(text))) * Exact(10 ** exponent(currency))
    except (InvalidOperation, ValueError, OverflowError):
        raise BadCase(f"{text!r} is not an amount in {currency}; write a decimal string such as 12.00") from None


def _price(part: dict[str, Any], currency: str) -> Exact:
    text = part.get("unit_price", part.get("price"))
    if text is None:
        raise BadCase("price or unit_price was expected as a decimal string")
    return exact_minor(text, currency)


def discounted(gross: dict[str, Exact], discount: dict[str, Any] | None, currency: str) -> dict[str, Exact]:
    """A percentage off each component; an amount is shared out in proportion to their prices."""
    if discount is None:
        return gross
    if discount.get("type") in ("percent", "percentage"):
        left = max(Exact(0), 1 - Exact(str(discount["value"])) / 100)
    else:
        total = sum(gross.values(), Exact(0))
        left = max(Exact(0), 1 - exact_minor(discount["value"], currency) / total) if total else Exact(0)
    return {name: price * left for name, price in gross.items()}


@dataclass(frozen=True, slots=True)
class CaseDates:
    """When the change happens, in which period, and which period follows it."""

    tz: str
    period: Period
    change_at: datetime
    after: Period


def read_dates(case: dict[str, Any], old: CaseTerms | None, new: CaseTerms | None) -> CaseDates | None:
    """The dates of a case, a date alone being midnight in its time zone; None where the case only counts days."""
    if not case.get("period_start"):
        return None
    tz = str(case.get("timezone") or "UTC")
    extra = timedelta(days=1) if case.get("day_count") == "inclusive_both_ends" else timedelta()
    start, end = _moment(case["period_start"], tz), _moment(case["period_end"], tz, extra)
    change_at, period = _moment(case["change_at"], tz), Period(start, end)
    if case.get("new_period_start"):
        after = Period(_moment(case["new_period_start"], tz), _moment(case["new_period_end"], tz))
    else:
        after = _period_after(case, old, new, CaseDates(tz, period, change_at, period))
    return CaseDates(tz, period, change_at, after)


def _period_after(case: dict[str, Any], old: CaseTerms | None, new: CaseTerms | None, dates: CaseDates) -> Period:
    if new is None:
        return dates.period
    if case.get("anchor") == "reset" or str(case.get("mode", "")).startswith("reset"):
        return Period(dates.change_at, _one_interval(dates.change_at, new, dates.tz))
    other = old is not None and (old.interval, old.count) != (new.interval, new.count)
    if not other or not new.months:
        return dates.period
    anchor = anchor_of(dates.period, dates.tz)
    step = 1 if case.get("anchor") == "keep_day_of_month" else 0
    return period_holding(dates.period.start, new.months, anchor, dates.tz, dates.change_at, step)


def _one_interval(start: datetime, terms: CaseTerms, tz: str) -> datetime:
    if terms.months:
        return advance(start, terms.months, AnchorPoint.of(start, tz), tz)
    return start + timedelta(days=_DAYS[terms.interval] * terms.count)


def _moment(text: str, tz: str, extra: timedelta = timedelta()) -> datetime:
    if len(text) > len("2026-01-31"):
        return parse_instant(text if text[-1] == "Z" or "+" in text[10:] or "-" in text[10:] else text + "Z") + extra
    local = datetime.fromisoformat(text) + extra
    return local.replace(tzinfo=ZoneInfo(tz)).astimezone(UTC)


def first_unused_day(dates: CaseDates, trial_end: str | None, old_pays: bool) -> int:
    """Days from the change to the first day that may be credited: the old plan's own day and a trial are not."""
    days = 1 if old_pays else 0
    if trial_end is None:
        return days
    return max(days, local_days(dates.change_at, _moment(trial_end, dates.tz), dates.tz))
