"""Whole minor units and the one rounding."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.currencies import UnknownCurrency, exponent
from domain.money import LARGEST_AMOUNT, CurrencyMismatch, Money, NotAnAmount, Rounding, divide_rounded

DECIMAL_MODES = {
    Rounding.HALF_UP: ROUND_HALF_UP,
    Rounding.HALF_EVEN: ROUND_HALF_EVEN,
    Rounding.DOWN: ROUND_DOWN,
    Rounding.UP: ROUND_UP,
}


@pytest.mark.parametrize(
    ("numerator", "denominator", "half_up", "half_even", "down", "up"),
    [
        (5, 2, 3, 2, 2, 3),  # 2.5
        (7, 2, 4, 4, 3, 4),  # 3.5
        (-5, 2, -3, -2, -2, -3),  # a credit is the mirror of a charge
        (-7, 2, -4, -4, -3, -4),
        (9, 4, 2, 2, 2, 3),  # 2.25
        (11, 4, 3, 3, 2, 3),  # 2.75
        (2, 3, 1, 1, 0, 1),  # a hair beyond the half: 0.667
        (5, 9, 1, 1, 0, 1),  # 0.556
        (8, 4, 2, 2, 2, 2),  # exact
        (0, 4, 0, 0, 0, 0),
        (1, 1_000_000, 0, 0, 0, 1),
    ],
)
def test_each_rounding_mode(numerator: int, denominator: int, half_up: int, half_even: int, down: int, up: int) -> None:
    rounded = [divide_rounded(numerator, denominator, mode) for mode in Rounding]
    assert rounded == [half_up, half_even, down, up]


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6), st.sampled_from(list(Rounding)))
def test_rounding_agrees_with_decimal(numerator: int, denominator: int, mode: Rounding) -> None:
    exact = Decimal(numerator) / Decimal(denominator)
    if (exact * denominator) == numerator and abs(exact) < 10**15:
        assert divide_rounded(numerator, denominator, mode) == int(exact.quantize(Decimal(1), DECIMAL_MODES[mode]))


def test_only_a_positive_denominator_divides() -> None:
    with pytest.raises(ZeroDivisionError, match=r"^divide_rounded by zero$"):
        divide_rounded(1, 0, Rounding.HALF_UP)
    with pytest.raises(ValueError, match=r"^divide_rounded needs a positive denominator$"):
        divide_rounded(1, -2, Rounding.HALF_UP)


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("12.34", "USD", 1234),
        ("12", "USD", 1200),
        ("12.3", "USD", 1230),
        ("-0.01", "USD", -1),
        ("500", "JPY", 500),
        ("1.234", "KWD", 1234),
        ("0.05", "KWD", 50),
        ("0", "USD", 0),
        ("10000000000000.00", "USD", LARGEST_AMOUNT),
    ],
)
def test_major_units_are_read_and_written(text: str, currency: str, amount: int) -> None:
    money = Money.parse_major(text, currency)
    assert money == Money(amount, currency)
    assert Money.parse_major(money.major(), currency) == money


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [(1234, "USD", "12.34"), (5, "USD", "0.05"), (-5, "USD", "-0.05"), (500, "JPY", "500"), (-7, "KWD", "-0.007")],
)
def test_major_units_have_all_decimals(amount: int, currency: str, text: str) -> None:
    assert Money(amount, currency).major() == text
    assert str(Money(amount, currency)) == f"{text} {currency}"


@pytest.mark.parametrize(
    ("text", "currency", "message"),
    [
        ("12.345", "USD", "at most 2 decimals"),
        ("1.5", "JPY", "at most 0 decimals"),
        ("", "USD", "is not an amount"),
        ("1,000", "USD", "is not an amount"),
        ("1e3", "USD", "is not an amount"),
        ("+1", "USD", "is not an amount"),
        ("１２", "USD", "is not an amount"),
        ("NaN", "USD", "is not an amount"),
        ("10000000000000.01", "USD", "more than Planshift holds"),
    ],
)
def test_what_is_not_an_amount(text: str, currency: str, message: str) -> None:
    with pytest.raises(NotAnAmount, match=message):
        Money.parse_major(text, currency)


@pytest.mark.parametrize(("currency", "decimals"), [("JPY", 0), ("USD", 2), ("KWD", 3), ("VND", 0), ("BHD", 3)])
def test_exponents(currency: str, decimals: int) -> None:
    assert exponent(currency) == decimals


@pytest.mark.parametrize("currency", ["XAU", "usd", "", "BTC", "US"])
def test_a_currency_without_exponent_is_refused(currency: str) -> None:
    with pytest.raises(UnknownCurrency, match="ISO 4217") as refused:
        exponent(currency)
    assert refused.value.currency == currency


def test_arithmetic_keeps_the_currency() -> None:
    five, two = Money(500, "USD"), Money(200, "USD")
    assert (five + two, five - two, -five) == (Money(700, "USD"), Money(300, "USD"), Money(-500, "USD"))
    same = Money(500, "USD")
    assert (five > two, five >= same, two < five, five <= same) == (True, True, True, True)
    assert (five > same, same < five) == (False, False)
    assert (five < two, two > five, two >= five, five <= two) == (False, False, False, False)
    assert bool(five)
    assert not Money.zero("USD")
    assert Money.zero("USD") == Money(0, "USD")


@pytest.mark.parametrize("operation", ["__add__", "__sub__", "__lt__", "__le__", "__gt__", "__ge__"])
def test_two_currencies_do_not_mix(operation: str) -> None:
    with pytest.raises(CurrencyMismatch, match="USD and JPY cannot be added or compared"):
        getattr(Money(1, "USD"), operation)(Money(1, "JPY"))


def test_json_round_trip() -> None:
    assert Money(1234, "USD").as_json() == {"amount": 1234, "currency": "USD"}
    assert Money.from_json({"amount": 1234, "currency": "USD"}) == Money(1234, "USD")


@pytest.mark.parametrize(
    "document", [{}, {"amount": "1", "currency": "USD"}, {"amount": True, "currency": "USD"}, {"amount": 1}]
)
def test_json_that_is_not_money(document: dict[str, object]) -> None:
    with pytest.raises(NotAnAmount, match=r"^money is \{\"amount\": whole minor units, \"currency\": ISO 4217 code\}$"):
        Money.from_json(document)


def test_json_in_an_unknown_currency() -> None:
    with pytest.raises(UnknownCurrency):
        Money.from_json({"amount": 1, "currency": "XXX"})


def test_a_currency_that_is_none_is_named() -> None:
    with pytest.raises(UnknownCurrency, match=r"^'GBX' is not a currency with 0, 2 or 3 decimals; use an active ISO"):
        exponent("GBX")
    assert [exponent(currency) for currency in ("JPY", "USD", "KWD")] == [0, 2, 3]
