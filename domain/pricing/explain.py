"""What the figures mean, in the customer's language: every line's arithmetic, and why a total is what it is."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from domain.catalog import Catalog, in_language
from domain.money import Money, Rounding, divide_rounded
from domain.periods import Period
from domain.pricing.items import Item
from domain.pricing.period_terms import Side
from domain.pricing.proration import ALL_OF_IT, Ratio, Share
from domain.pricing.quote_values import Line
from domain.tax import TaxFigure
from domain.words import sentence


@lru_cache(maxsize=64)
def known_locale(locale: str) -> Locale:
    """The CLDR locale; English where it is unknown."""
    try:
        return Locale.parse(locale.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale("en")


class Speaker:
    """Formats for one customer's language and one provider's zone."""

    def __init__(self, catalog: Catalog, locale: str, currency: str) -> None:
        self.catalog, self.locale, self.currency = catalog, locale, currency
        self._cldr = known_locale(locale)
        self._zone = ZoneInfo(catalog.timezone)

    def say(self, key: str, **values: object) -> str:
        """The sentence of this name."""
        return sentence(self.locale, key, **values)

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

    def number(self, number: int) -> str:
        """A whole number with the language's grouping."""
        return str(format_decimal(number, locale=self._cldr))

    def cycle(self, cycle: str) -> str:
        """The cycle's name in the customer's language."""
        return in_language(self.catalog.cycles[cycle].label, self.locale)


def money_text(money: Money, locale: str) -> str:
    """Money as the language writes it, always with the currency's own number of decimals."""
    return str(
        format_currency(Decimal(money.major()), money.currency, locale=known_locale(locale), decimal_quantization=False)
    )


def line_of(speaker: Speaker, item: Item) -> Line:
    """An item as the customer reads it."""
    amount = Money(item.amount, speaker.currency)
    if item.side is None or item.share is None:
        plan = item.side.plan.name if item.side else ""
        key = "rounded_once" if item.kind == "rounding" else "plain"
        return Line(
            item.kind, speaker.say(item.kind, plan=plan), speaker.say(key, amount=speaker.money(item.amount)), amount
        )
    full = Money(divide_rounded(*item.full, Rounding.HALF_UP), speaker.currency)
    described, arithmetic = _described(speaker, item, item.side), _arithmetic(speaker, item, item.side, item.share)
    return Line(item.kind, described, arithmetic, amount, item.share, full, item.covers)


def _described(speaker: Speaker, item: Item, side: Side) -> str:
    key = item.kind
    if item.only_units:
        key = "more_units" if item.kind == "charge" else "fewer_units"
    elif item.kind == "credit" and item.share == ALL_OF_IT:
        key = "credit_whole"
    dates = _dates(speaker, item.covers) if item.covers else {}
    return speaker.say(
        key, plan=side.plan.name, cycle=speaker.cycle(side.cycle), quantity=speaker.number(side.quantity), **dates
    )


def _dates(speaker: Speaker, covers: Period) -> dict[str, str]:
    """The first and the last day of a half-open period; the day on which it ends belongs to what follows."""
    first, last = speaker.local_date(covers.start), speaker.local_date(covers.end) - timedelta(days=1)
    return {"first": speaker.day(first), "last": speaker.day(max(first, last))}


def _arithmetic(speaker: Speaker, item: Item, side: Side, share: Share) -> str:
    """The sum behind a line: 15 of 31 days at $150.00 = $72.58. A credit's sum is told without its sign."""
    moved = item.uncapped if item.uncapped is not None else abs(item.amount)
    key = {"day": "of_days", "second": "of_seconds"}.get(share.unit, "of_all")
    text = speaker.say(
        key if item.day_rate is None else "day_rate",
        part=speaker.number(share.part),
        whole=speaker.number(share.whole),
        price=speaker.ratio(item.full),
        rate=speaker.money(item.day_rate or 0),
        amount=speaker.money(moved),
    )
    if item.uncapped is not None:
        text = speaker.say("capped", sum=text, paid=speaker.money(abs(item.amount)))
    return "; ".join([*_full_price(speaker, item, side), text])


def _full_price(speaker: Speaker, item: Item, side: Side) -> list[str]:
    """How quantity, discount and length of the period make the full price, where there is something to tell."""
    said, gross = [], side.unit * side.quantity
    price = speaker.ratio(side.full)
    if side.quantity != 1:
        unit, quantity = speaker.money(side.unit), speaker.number(side.quantity)
        said.append(speaker.say("units", quantity=quantity, unit=unit, price=speaker.money(gross)))
    if side.discount is not None:
        percent = side.discount.percent
        off = f"{percent}%" if percent else speaker.money(gross - divide_rounded(*side.full, Rounding.HALF_UP))
        said.append(speaker.say("discount", full=speaker.money(gross), off=off, price=price))
    if item.running_months is not None:
        scaled = speaker.ratio(item.full)
        said.append(speaker.say("scaled", price=price, months=side.months, scaled=scaled, running=item.running_months))
    return said


def tax_lines(speaker: Speaker, taxes: tuple[TaxFigure, ...]) -> list[Line]:
    """A line for each rate, preceded by what inclusive prices already hold of it."""
    lines = []
    for tax in taxes:
        label, rate = in_language(tax.rate.label, speaker.locale), tax.rate
        base = Money(tax.base, speaker.currency)
        if tax.included:
            text = speaker.say(
                "percent_in",
                percent=rate.percent,
                base=speaker.money(tax.base + tax.included),
                amount=speaker.money(tax.included),
            )
            held = Money(-tax.included, speaker.currency)
            lines.append(Line("included_tax", speaker.say("included_tax", label=label), text, held))
        if tax.amount or not tax.included:
            text = speaker.say(
                "percent_of", percent=rate.percent, base=speaker.money(tax.base), amount=speaker.money(tax.amount)
            )
            owed = Money(tax.amount, speaker.currency)
            lines.append(Line("tax", label, text, owed, code=rate.code, percent=rate.percent, base=base))
    return lines
