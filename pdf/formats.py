"""Dates, amounts and percentages as the customer's language writes them (Unicode CLDR, UTS #35, by Babel).

Babel's own formatting costs more than drawing the page, so the signs and separators are read off one formatted sample
per language and currency and then applied to digits. Decimals follow ISO 4217, not CLDR's cash rounding: an amount is
never rounded for show.
"""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.dates import format_date, format_interval
from babel.numbers import format_currency, format_decimal, format_percent

from domain.locales import known_parents
from domain.money import Money
from pdf.words import WORDS

_SAMPLE = Decimal("12345678901.5")
_DIGITS = re.compile(r"\d.*\d", re.DOTALL)


class UnsupportedLocale(ValueError):
    """Documents are written in English, Spanish, Japanese or Hindi; give en, es, ja or hi (es-AR works too)."""


@lru_cache(maxsize=64)
def locale_of(tag: str) -> Locale:
    """The Babel locale of a tag such as "es" or "es-AR". Raises UnsupportedLocale."""
    locale = next(known_parents(tag), None)
    if locale is None or locale.language not in WORDS:
        raise UnsupportedLocale(f"{tag!r}: documents are written in {', '.join(WORDS)}")
    return locale


@dataclass(frozen=True, slots=True)
class AmountPattern:
    """What stands around and between the digits. `groups` are the sizes from the right: the first, then all others."""

    prefix: str
    suffix: str
    minus_prefix: str
    minus_suffix: str
    group: str
    decimal: str
    groups: tuple[int, int]


def _spaced(sign: str) -> str:
    """A currency sign that ends in a letter is kept apart from the digits (UTS #35, part 3, currencySpacing), which
    Babel does not do: EUR 12, but US$12."""
    return sign + "\u00a0" if sign[-1:].isalpha() else sign


@lru_cache(maxsize=512)
def amount_pattern(tag: str, currency: str) -> AmountPattern:
    locale = locale_of(tag)
    shown = [
        format_currency(sign * _SAMPLE, currency, locale=locale, currency_digits=False, decimal_quantization=False)
        for sign in (1, -1)
    ]
    (prefix, suffix), (minus_prefix, minus_suffix) = (_DIGITS.split(text, maxsplit=1) for text in shown)
    found = _DIGITS.search(shown[0])
    assert found is not None
    prefix, minus_prefix = _spaced(prefix), _spaced(minus_prefix)
    suffix, minus_suffix = _spaced(suffix[::-1])[::-1], _spaced(minus_suffix[::-1])[::-1]
    *signs, decimal = re.findall(r"\D+", found[0])
    sizes = [len(digits) for digits in re.split(r"\D+", found[0])][::-1][1:]
    return AmountPattern(
        prefix, suffix, minus_prefix, minus_suffix, signs[0] if signs else "", decimal, (sizes[0], sizes[1])
    )


def amount(money: Money, tag: str) -> str:
    """An amount with its currency sign: $1,234.50, 1.234,50 €, ￥1,235, ₹12,34,567.90."""
    pattern = amount_pattern(tag, money.currency)
    whole, _, fraction = money.major().lstrip("-").partition(".")
    first, other = pattern.groups
    head, digits = whole[:-first], whole[-first:]
    while head:
        head, digits = head[:-other], head[-other:] + pattern.group + digits
    number = digits + pattern.decimal + fraction if fraction else digits
    if money.amount < 0:
        return pattern.minus_prefix + number + pattern.minus_suffix
    return pattern.prefix + number + pattern.suffix


@lru_cache(maxsize=4096)
def long_date(day: date, tag: str) -> str:
    """March 12, 2026; 12 de marzo de 2026; 2026年3月12日; 12 मार्च 2026."""
    return format_date(day, "long", locale=locale_of(tag))


@lru_cache(maxsize=4096)
def period(first: date, last: date, tag: str) -> str:
    """Mar 12 – 31, 2026, with the parts that both dates share written once."""
    return format_interval(first, last, "yMMMd", locale=locale_of(tag))


@lru_cache(maxsize=512)
def percent(rate: str, tag: str) -> str:
    """A rate such as "8.25" with its sign: 8.25%, 8,25 %."""
    return format_percent(Decimal(rate) / 100, locale=locale_of(tag), decimal_quantization=False)


@lru_cache(maxsize=2048)
def whole_number(number: int, tag: str) -> str:
    return format_decimal(number, locale=locale_of(tag))
