"""What the figures mean, in the customer's language: every line's arithmetic, and why a total is what it is."""

from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from domain.catalog import Catalog, in_language
from domain.figures import Item
from domain.money import Money, Rounding, divide_rounded
from domain.periods import Period
from domain.quote_values import Line
from domain.sides import Side
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

    def date(self, moment: datetime) -> str:
        """The local date, in full."""
        return format_date(moment.astimezone(self._zone).date(), "long", self._cldr)

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
        sum_text = speaker.say(key, amount=speaker.money(item.amount))
        return Line(item.kind, speaker.say(item.kind, plan=plan), sum_text, amount)
    full = Money(_whole(item.side), speaker.currency)
    return Line(
        item.kind,
        _described(speaker, item, item.side),
        arithmetic_of(speaker, item, item.side),
        amount,
        item.share,
        full,
        item.period,
    )


def _whole(side: Side) -> int:
    return divide_rounded(*side.full, Rounding.HALF_UP)


def _described(speaker: Speaker, item: Item, side: Side) -> str:
    key = item.units or item.kind
    return speaker.say(
        key,
        plan=side.plan.name,
        cycle=speaker.cycle(side.cycle),
        quantity=side.quantity,
        **_dates(speaker, item.period),
    )


def _dates(speaker: Speaker, period: Period | None) -> dict[str, str]:
    if period is None:
        return {}
    return {"from_": speaker.date(period.start), "to": speaker.date(period.end)}


def arithmetic_of(speaker: Speaker, item: Item, side: Side) -> str:
    """The sum behind a line: 15 of 31 days at $150.00 = $72.58."""
    share, full = item.share, _whole(side)
    amount = speaker.money(-item.uncapped if item.uncapped is not None else item.amount)
    if share is None:
        return speaker.say("plain", amount=amount)
    key = {"day": "of_days", "second": "of_seconds"}.get(share.unit, "of_all")
    text = speaker.say(
        key,
        part=speaker.number(share.part),
        whole=speaker.number(share.whole),
        price=speaker.money(full),
        amount=amount,
    )
    if item.uncapped is not None:
        text = speaker.say("capped", sum=text, paid=speaker.money(-item.amount))
    return "; ".join([*_before(speaker, side, full), text])


def _before(speaker: Speaker, side: Side, full: int) -> list[str]:
    """How quantity and discount make the full price, where there are any."""
    said, gross = [], side.unit * side.quantity
    if side.quantity != 1:
        said.append(
            speaker.say(
                "units",
                quantity=speaker.number(side.quantity),
                unit=speaker.money(side.unit),
                price=speaker.money(gross),
            )
        )
    if side.discount is not None:
        off = f"{side.discount.percent}%" if side.discount.percent else speaker.money(gross - full)
        said.append(speaker.say("discount", full=speaker.money(gross), off=off, price=speaker.money(full)))
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
            lines.append(
                Line(
                    "tax", speaker.say("tax", label=label), text, owed, code=rate.code, percent=rate.percent, base=base
                )
            )
    return lines
