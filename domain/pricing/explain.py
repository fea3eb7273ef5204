"""What the figures mean, in the customer's language: every line's arithmetic, and why a total is what it is."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_decimal, format_percent

from domain.catalog import Catalog, in_language
from domain.locales import known_parents
from domain.money import Money, Rounding, divide_rounded
from domain.periods import Period
from domain.pricing.billed import BilledItem
from domain.pricing.items import PricedLine
from domain.pricing.modes import ChangeDay, Fraction
from domain.pricing.period_terms import PeriodTerms, discounted
from domain.pricing.proration import ALL_OF_IT, Ratio, Share
from domain.pricing.quote_values import QuoteLine
from domain.tax import TaxFigure
from domain.words import plural_key, sentence

# Ways of counting in which a month or a year has not the days that the calendar has.
_NOMINAL = (Fraction.FIXED_30, Fraction.NOMINAL)


@lru_cache(maxsize=64)
def known_locale(locale: str) -> Locale:
    """The CLDR locale nearest to a language tag; English where there is none."""
    return next(known_parents(locale), Locale("en"))


class Formatter:
    """Formats for one customer's language and one provider's zone."""

    def __init__(self, catalog: Catalog, locale: str, currency: str) -> None:
        self.catalog, self.locale, self.currency = catalog, locale, currency
        self._cldr = known_locale(locale)
        self._zone = ZoneInfo(catalog.timezone)

    def translate(self, key: str, **values: object) -> str:
        """The sentence of this name."""
        return sentence(self.locale, key, **values)

    def plural(self, key: str, number: int) -> str:
        """The name of the sentence for so many, where the language has one of its own for it."""
        return plural_key(self.locale, key, number)

    def money(self, amount: int) -> str:
        """Minor units as the customer's language writes them."""
        return money_text(Money(amount, self.currency), self.locale)

    def ratio(self, price: Ratio) -> str:
        """An exact price, shown in whole minor units."""
        return self.money(divide_rounded(*price, Rounding.HALF_UP))

    def local_date(self, moment: datetime) -> date:
        """The date in the provider's zone."""
        return moment.astimezone(self._zone).date()

    def day(self, day: date) -> str:
        """A date in full, as the customer's language writes it."""
        return format_date(day, "long", self._cldr)

    def date(self, moment: datetime) -> str:
        """The local date of an instant, in full."""
        return self.day(self.local_date(moment))

    def moment(self, moment: datetime) -> str:
        """The local date and time of an instant, with the zone's name."""
        local = moment.astimezone(self._zone)
        return f"{self.day(local.date())} {format_time(local.time(), 'short', locale=self._cldr)} {local.tzname()}"

    def number(self, number: int) -> str:
        """A whole number with the language's grouping."""
        return str(format_decimal(number, locale=self._cldr))

    def percent(self, percent: str) -> str:
        """A percentage as the customer's language writes it, with the decimals that it has."""
        ratio = Decimal(percent).normalize() / 100
        return str(format_percent(ratio, locale=self._cldr, decimal_quantization=False))

    def cycle(self, cycle: str) -> str:
        """The cycle's name in the customer's language."""
        known = self.catalog.cycles.get(cycle)
        return in_language(known.label, self.locale) if known else cycle


def money_text(money: Money, locale: str) -> str:
    """Money as the language writes it, always with the currency's own number of decimals."""
    return str(
        format_currency(Decimal(money.major()), money.currency, locale=known_locale(locale), decimal_quantization=False)
    )


def line_of(formatter: Formatter, item: PricedLine) -> QuoteLine:
    """An item as the customer reads it."""
    amount = Money(item.amount, formatter.currency)
    if item.terms is None or item.share is None:
        plan = item.terms.plan.name if item.terms else ""
        key = "rounded_once" if item.kind == "rounding" else "plain"
        return QuoteLine(
            item.kind,
            formatter.translate(item.kind, plan=plan, cycle=formatter.cycle(item.terms.cycle) if item.terms else ""),
            formatter.translate(key, amount=formatter.money(item.amount)),
            amount,
            **_rate(item),
        )
    full = Money(divide_rounded(*item.full, Rounding.HALF_UP), formatter.currency)
    described, arithmetic = (
        _described(formatter, item, item.terms),
        _arithmetic(formatter, item, item.terms, item.share),
    )
    return QuoteLine(item.kind, described, arithmetic, amount, item.share, full, item.covers, **_rate(item))


def _rate(item: PricedLine) -> dict[str, Any]:
    """The rate that the line is taxed at, if it is."""
    rate = item.taxation.rate if item.taxation.owed else None
    return {"code": rate.code, "percent": rate.percent} if rate else {}


def _described(formatter: Formatter, item: PricedLine, terms: PeriodTerms) -> str:
    key = item.kind
    if item.only_units:
        key = "more_units" if item.kind == "charge" else "fewer_units"
    elif item.kind == "credit" and item.share == ALL_OF_IT:
        key = "credit_whole"
    dates = _dates(formatter, item, item.covers) if item.covers else {}
    if dates is None:
        key = "no_days"
    return formatter.translate(
        key,
        plan=terms.plan.name,
        cycle=formatter.cycle(terms.cycle),
        quantity=formatter.number(terms.quantity),
        **(dates or {}),
    )


def _dates(formatter: Formatter, item: PricedLine, covers: Period) -> dict[str, str] | None:
    """The first and the last day that the line is for; None where it is for none.

    The day on which a half-open period ends belongs to what follows, that of the change to the plan before where the
    mode says so.
    """
    first, last = formatter.local_date(covers.start), formatter.local_date(covers.end) - timedelta(days=1)
    if item.share is not None and item.share.unit == "day":
        if not item.share.part:
            return None
        first += timedelta(days=item.mode is not None and item.mode[1] is ChangeDay.OLD)
    return {"first": formatter.day(first), "last": formatter.day(max(first, last))}


def _arithmetic(formatter: Formatter, item: PricedLine, terms: PeriodTerms, share: Share) -> str:
    """The sum behind a line: 15 of 31 days at $150.00 = $72.58. A credit's sum is shown without its sign."""
    key, counted = {"day": "of_days", "second": "of_seconds"}.get(share.unit, "of_all"), share.whole
    if item.day_rate is not None:
        key, counted = "day_rate", share.part
    elif key == "of_days" and item.mode is not None and item.mode[0] in _NOMINAL:
        key = "of_nominal_days"
    text = formatter.translate(
        formatter.plural(key, counted),
        part=formatter.number(share.part),
        whole=formatter.number(share.whole),
        price=formatter.ratio(item.full),
        rate=formatter.money(item.day_rate or 0),
        amount=formatter.money(abs(item.amount)),
    )
    return "; ".join([*_full_price(formatter, item, terms), text])


def _full_price(formatter: Formatter, item: PricedLine, terms: PeriodTerms) -> list[str]:
    """How quantity, discount and length of the period make the full price, where there is something to explain."""
    parts, gross = [], terms.unit * terms.quantity
    if item.item is not None and not _explains(item.item, terms, formatter.currency):
        return []
    price = formatter.ratio(terms.full)
    if terms.quantity != 1:
        unit, quantity = formatter.money(terms.unit), formatter.number(terms.quantity)
        parts.append(formatter.translate("units", quantity=quantity, unit=unit, price=formatter.money(gross)))
    if terms.discount is not None:
        percent = terms.discount.percent
        off = (
            formatter.percent(percent)
            if percent
            else formatter.money(gross - divide_rounded(*terms.full, Rounding.HALF_UP))
        )
        parts.append(formatter.translate("discount", full=formatter.money(gross), off=off, price=price))
    if item.running_months is not None:
        scaled = formatter.ratio(item.full)
        parts.append(
            formatter.translate("scaled", price=price, months=terms.months, scaled=scaled, running=item.running_months)
        )
    return parts


def _explains(item: BilledItem, terms: PeriodTerms, currency: str) -> bool:
    """Whether unit price and discount make what was billed: not for a part, nor where it was raised or waived."""
    wanted = discounted(terms.unit * terms.quantity, terms.discount, currency)
    alike = divide_rounded(*wanted, Rounding.HALF_UP) == divide_rounded(*terms.full, Rounding.HALF_UP)
    return alike and item.covers == item.of_period


def tax_lines(formatter: Formatter, taxes: tuple[TaxFigure, ...]) -> list[QuoteLine]:
    """A line for each rate, preceded by what inclusive prices already hold of it."""
    lines = []
    for tax in taxes:
        label, rate = in_language(tax.rate.label, formatter.locale), tax.rate
        base = Money(tax.base, formatter.currency)
        if tax.included:
            text = formatter.translate(
                "percent_in",
                percent=formatter.percent(rate.percent),
                base=formatter.money(tax.base + tax.included),
                amount=formatter.money(tax.included),
            )
            held = Money(-tax.included, formatter.currency)
            named = (rate.code, rate.percent) if tax.amount else (None, None)
            described = formatter.translate("included_tax", label=label)
            lines.append(QuoteLine("included_tax", described, text, held, code=named[0], percent=named[1]))
        if tax.amount or not tax.included:
            text = formatter.translate(
                "percent_of",
                percent=formatter.percent(rate.percent),
                base=formatter.money(tax.base),
                amount=formatter.money(tax.amount),
            )
            owed = Money(tax.amount, formatter.currency)
            lines.append(QuoteLine("tax", label, text, owed, code=rate.code, percent=rate.percent, base=base))
    return lines
