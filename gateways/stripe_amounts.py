"""Amounts as Stripe counts them, and which of them it takes.

Source: Stripe's page of supported currencies, with its lists of zero-decimal currencies, special cases, and minimum
and maximum amounts. The minimum counts in the currency in which the account is paid out; it is the one below where
that is the currency of the payment, too.
"""

from __future__ import annotations

from domain.currencies import CURRENCIES, exponent
from domain.money import Money
from gateways.protocol import AmountRule

# Counted in hundredths, which the currencies do not have; the hundredths must be zero.
_IN_HUNDREDTHS = frozenset({"ISK", "UGX"})
# Counted in whole units, although the currencies have hundredths.
_IN_WHOLE_UNITS = frozenset({"MGA"})
_NOT_TAKEN = "BTN CUP ERN GHS IQD IRR KPW LYD MRU SDG SSP SVC SYP TMT UYI VES ZWG"
_MINIMUM = {
    **{"AED": 200, "AUD": 50, "BGN": 100, "BRL": 50, "CAD": 50, "CHF": 50, "CZK": 1500, "DKK": 250, "EUR": 50},
    **{"GBP": 30, "HKD": 400, "HUF": 17500, "INR": 50, "JPY": 50, "MXN": 1000, "MYR": 200, "NOK": 300, "NZD": 50},
    **{"PLN": 200, "RON": 200, "SEK": 300, "SGD": 50, "THB": 1000, "USD": 50},
}
_EIGHT_DIGITS, _TWELVE_DIGITS = 99_999_999, 999_999_999_999
_OF_TWELVE_DIGITS = frozenset({"IDR"})


def money(amount: int, currency: str) -> Money:
    """Stripe's integer as ours. Raises UnknownCurrency."""
    code = currency.upper()
    if code in _IN_HUNDREDTHS:
        amount //= 100
    return Money.from_json({"amount": amount * 100 if code in _IN_WHOLE_UNITS else amount, "currency": code})


def stripe_amount(amount: Money) -> int:
    """The reverse of money(); the amount obeys amount_rule."""
    if amount.currency in _IN_WHOLE_UNITS:
        return amount.amount // 100
    return amount.amount * 100 if amount.currency in _IN_HUNDREDTHS else amount.amount


def amount_rule(currency: str) -> AmountRule | None:
    """Three-decimal currencies must end in a zero."""
    if currency not in CURRENCIES or currency in _NOT_TAKEN.split():
        return None
    step = 10 if exponent(currency) == 3 else 100 if currency in _IN_WHOLE_UNITS else 1
    most = money(_TWELVE_DIGITS if currency in _OF_TWELVE_DIGITS else _EIGHT_DIGITS, currency).amount
    return AmountRule(_MINIMUM.get(currency, step), most, step)
