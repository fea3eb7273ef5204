"""Our table-driven formatter against Babel, which it is read off."""

import re
from datetime import date
from decimal import Decimal

import pytest
from babel.numbers import format_currency
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Money
from pdf import formats
from pdf.formats import UnsupportedLocale

# currencies whose decimals are the same in ISO 4217 and CLDR
CURRENCIES = ["USD", "EUR", "JPY", "INR", "GBP", "CHF", "KWD", "MXN", "BRL", "KRW"]
LOCALES = ["en", "es", "ja", "hi", "es_AR", "es_MX", "en_GB", "en_IN"]


@given(st.integers(-(10**14), 10**14), st.sampled_from(CURRENCIES), st.sampled_from(LOCALES))
def test_amounts_are_written_as_babel_writes_them(minor: int, currency: str, locale: str) -> None:
    money = Money(minor, currency)
    by_babel = format_currency(Decimal(money.major()), currency, locale=locale)
    # Babel leaves out the space that UTS #35 puts between a letter and a digit (currencySpacing).
    spaced = re.sub(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])", "\u00a0", by_babel)
    assert formats.amount(money, locale) == spaced


@pytest.mark.parametrize(
    ("minor", "currency", "locale", "text"),
    [
        (123456, "USD", "en", "$1,234.56"),
        (-5, "USD", "en", "-$0.05"),
        (171847, "EUR", "es", "1.718,47\u00a0€"),
        (1773, "JPY", "ja", "\uffe51,773"),
        (123456790, "INR", "hi", "₹12,34,567.90"),
        (1234567, "KWD", "en", "KWD\u00a01,234.567"),
        (150000, "USD", "es_AR", "US$1.500,00"),
        (150000, "EUR", "es_AR", "EUR\u00a01.500,00"),
        (10**15, "USD", "en", "$10,000,000,000,000.00"),
        (150075, "HUF", "en", "HUF\u00a01,500.75"),  # CLDR would round forints to whole ones; the ledger does not
    ],
)
def test_amounts(minor: int, currency: str, locale: str, text: str) -> None:
    assert formats.amount(Money(minor, currency), locale) == text


@pytest.mark.parametrize(
    ("locale", "day", "span", "rate"),
    [
        ("en", "March 12, 2026", "Mar 12\u2009–\u200931, 2026", "8.25%"),
        ("es", "12 de marzo de 2026", "12–31 mar 2026", "8,25\u00a0%"),
        ("ja", "2026年3月12日", "2026年3月12日～31日", "8.25%"),
        ("hi", "12 मार्च 2026", "12–31 मार्च 2026", "8.25%"),
    ],
)
def test_dates_and_rates(locale: str, day: str, span: str, rate: str) -> None:
    assert formats.long_date(date(2026, 3, 12), locale) == day
    assert formats.period(date(2026, 3, 12), date(2026, 3, 31), locale) == span
    assert formats.percent("8.25", locale) == rate


@pytest.mark.parametrize("tag", ["fr", "xx", "", "english"])
def test_other_languages_are_refused(tag: str) -> None:
    with pytest.raises(UnsupportedLocale, match="en, es, ja, hi"):
        formats.locale_of(tag)
