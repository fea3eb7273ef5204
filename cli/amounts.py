"""Amounts as people write them on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.money import Money


class BadAmount(Exception):
    """An amount is written as on an invoice: 12.34 USD, 1200 JPY."""


def money_of(text: str) -> Money:
    """Raises BadAmount."""
    from domain.money import Money

    amount, _, currency = text.partition(" ")
    try:
        return Money.parse_major(amount, currency)
    except (ValueError, ArithmeticError) as error:
        raise BadAmount(f"{text!r} is not an amount. Write it as '12.34 USD' or '1200 JPY'.") from error
