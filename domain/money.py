"""Money in whole minor units, and the one place where anything is rounded."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from domain.currencies import UnknownCurrency, exponent

__all__ = ["CurrencyMismatch", "Money", "NotAnAmount", "Rounding", "UnknownCurrency", "divide_rounded", "exponent"]

_MAJOR = re.compile(r"(-?)(\d+)(?:\.(\d+))?", re.ASCII)
# An amount must fit a PostgreSQL bigint with room to add; 10^15 minor units is ten thousand thousand million dollars.
LARGEST_AMOUNT = 10**15


class Rounding(StrEnum):
    """How a rational amount becomes whole minor units. All four treat a credit as the mirror image of a charge."""

    HALF_UP = "half_up"  # ties away from zero
    HALF_EVEN = "half_even"  # ties to the even neighbour
    DOWN = "down"  # towards zero
    UP = "up"  # away from zero


class CurrencyMismatch(ValueError):
    """Two amounts in different currencies cannot be added or compared; convert nothing, fix the caller."""


class NotAnAmount(ValueError):
    """The text is not an amount of this currency; write digits with at most the currency's decimals, as in 12.00."""


def divide_rounded(numerator: int, denominator: int, rounding: Rounding) -> int:
    """numerator / denominator as a whole number. The denominator is positive; ZeroDivisionError and ValueError else."""
    if denominator <= 0:
        if denominator == 0:
            raise ZeroDivisionError("divide_rounded by zero")
        raise ValueError("divide_rounded needs a positive denominator")
    quotient, remainder = divmod(abs(numerator), denominator)
    if remainder != 0 and _rounds_away(quotient, 2 * remainder - denominator, rounding):
        quotient += 1
    return quotient if numerator > 0 else -quotient


def _rounds_away(quotient: int, beyond_half: int, rounding: Rounding) -> bool:
    if rounding is Rounding.HALF_UP:
        return beyond_half >= 0
    if rounding is Rounding.HALF_EVEN:
        return beyond_half > 0 or (beyond_half == 0 and quotient % 2 == 1)
    return rounding is Rounding.UP


@dataclass(frozen=True, slots=True)
class Money:
    """A whole number of minor units of one ISO 4217 currency: Money(1234, "USD") is $12.34, Money(500, "JPY") ¥500."""

    amount: int
    currency: str

    @classmethod
    def zero(cls, currency: str) -> Self:
        """Nothing, in this currency."""
        return cls(0, currency)

    @classmethod
    def parse_major(cls, text: str, currency: str) -> Self:
        """From major units as people write them: ("12.34", "USD"). Raises NotAnAmount, UnknownCurrency."""
        decimals = exponent(currency)
        match = _MAJOR.fullmatch(text)
        if match is None or len(match[3] or "") > decimals:
            raise NotAnAmount(f"{text!r} is not an amount in {currency}; write digits with at most {decimals} decimals")
        amount = int(match[2] + (match[3] or "").ljust(decimals, "0"))
        if amount > LARGEST_AMOUNT:
            raise NotAnAmount(
                f"{text!r} is more than Planshift holds; the largest amount is {LARGEST_AMOUNT} minor units"
            )
        return cls(-amount if match[1] else amount, currency)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """From {"amount": 1234, "currency": "USD"}. Raises NotAnAmount, UnknownCurrency."""
        amount, currency = document.get("amount"), document.get("currency")
        if type(amount) is not int or not isinstance(currency, str):
            raise NotAnAmount('money is {"amount": whole minor units, "currency": ISO 4217 code}')
        exponent(currency)
        return cls(amount, currency)

    def as_json(self) -> dict[str, Any]:
        """{"amount": minor units, "currency": code}."""
        return {"amount": self.amount, "currency": self.currency}

    def major(self) -> str:
        """Major units with all the currency's decimals: "12.34", "500", "-0.005"."""
        decimals = exponent(self.currency)
        digits = str(abs(self.amount)).rjust(decimals + 1, "0")
        sign = "-" if self.amount < 0 else ""
        return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else f"{sign}{digits}"

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} cannot be added or compared")
        return other.amount

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.amount <= self._same(other)

    def __gt__(self, other: "Money") -> bool:
        return self.amount > self._same(other)

    def __ge__(self, other: "Money") -> bool:
        return self.amount >= self._same(other)

    def __bool__(self) -> bool:
        return self.amount != 0

    def __str__(self) -> str:
        return f"{self.major()} {self.currency}"
