"""How long an offer stands, how its net is made, and when a discount ends and what it leaves."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from domain.catalog import Catalog, Discount
from domain.money import Money
from domain.pricing.modes import Fraction, Proration, RoundingPlace
from domain.pricing.period_terms import discounted
from domain.pricing.quote import price_change
from domain.pricing.quote_values import Quote
from domain.pricing.terms import Buyer, Target
from tests.domain.making import at, service, with_rule

TOKYO, ZERO = "Asia/Tokyo", Money(0, "USD")


def quoted(catalog: Catalog, moment: datetime, to: str = "business", **changes: Any) -> Quote:
    buyer = Buyer("JP")
    old = service(catalog, "start", "monthly", "2026-11-01", "2026-12-01", buyer=buyer, **changes)
    return price_change(catalog, old, buyer, Target(to, "monthly"), moment, ZERO)


@pytest.mark.parametrize(
    ("priced_at", "fraction", "moment", "until"),
    [
        ("payment", "days", "2026-11-16T23:50", "2026-11-17T00:20"),
        # a price of its day ends with the day, another does not
        ("request", "days", "2026-11-16T23:50", "2026-11-17T00:00"),
        ("request", "days", "2026-11-16T12:00", "2026-11-16T12:30"),
        ("request", "whole", "2026-11-16T23:50", "2026-11-17T00:20"),
        ("payment", "days", "2026-11-30T23:50", "2026-12-01T00:00"),
    ],
)
def test_how_long_an_offer_stands(dns: Catalog, priced_at: str, fraction: str, moment: str, until: str) -> None:
    catalog = with_rule(dns, Proration(fraction=Fraction(fraction)), priced_at=priced_at)
    assert quoted(catalog, at(moment, TOKYO)).expires_at == at(until, TOKYO)


def test_an_offer_for_the_renewal_has_no_day_of_its_own(dns: Catalog) -> None:
    policies = dns.policies.model_copy(update={"priced_at": "request"})
    quote = quoted(dns.model_copy(update={"policies": policies}), at("2026-11-16T23:50", TOKYO), "basic")
    assert quote.expires_at == at("2026-11-17T00:20", TOKYO)
    assert (quote.rounding, quote.net, quote.total) == (ZERO, ZERO, ZERO)


def test_what_a_total_is_rounded_by_is_not_its_net(dns: Catalog) -> None:
    """19 of 30 days of Basic for Start: 7.60 less 3.17 and 0.44 of tax, and 4.8767 is a cent more than 4.87."""
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS, place=RoundingPlace.TOTAL))
    buyer = Buyer("JP")
    old = service(catalog, "basic", "monthly", "2026-11-01", "2026-12-01", buyer=buyer)
    quote = price_change(catalog, old, buyer, Target("start", "monthly"), at("2026-11-12", TOKYO), ZERO)
    assert [money.amount for money in (quote.net, quote.tax, quote.rounding, quote.total)] == [443, 44, 1, 488]
    assert type(quote.proration["fraction"]) is str


@pytest.mark.parametrize(
    ("discount", "left"),
    [
        (None, 500),
        (Discount(percent="25"), 375),
        (Discount(percent="100"), 0),
        (Discount(percent="150"), 0),  # stored before more than all was refused
        (Discount(amounts={"USD": 200}), 300),
        (Discount(amounts={"USD": 600}), 0),
        (Discount(amounts={"JPY": 200}), 500),
    ],
)
def test_what_a_discount_leaves(discount: Discount | None, left: int) -> None:
    numerator, denominator = discounted(500, discount, "USD")
    assert (numerator // denominator, numerator % denominator) == (left, 0)


@pytest.mark.parametrize("until", ["2026-11-16T00:00:00", "2026-11-16T00:00:00+09:00", "2026-11-15T15:00:00Z"])
def test_a_discount_ends_at_the_providers_time(dns: Catalog, until: str) -> None:
    """Half off until the 16th begins in Tokyo; 30.00 by the day, of 16 and of 15 days."""
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS))
    discount = Discount(percent="50", until=until)
    charges = [
        quoted(catalog, at(moment, TOKYO), discount=discount).lines[1].amount.amount
        for moment in ("2026-11-15T23:59", "2026-11-16T00:00")
    ]
    assert charges == [800, 1500]
