"""A price of a unit that staff agreed to: it takes the place of the catalogue's, and decides nothing else."""

from __future__ import annotations

from datetime import datetime

import pytest

from domain.catalog import Catalog
from domain.money import Money
from domain.pricing.quote import price_change
from domain.pricing.quote_values import Quote
from domain.pricing.renewals import price_renewal
from domain.pricing.terms import Buyer, ServiceTerms, Target
from domain.pricing.verify import verify_quote
from tests.domain.making import at, service

BUENOS_AIRES = "America/Argentina/Buenos_Aires"
NOW = at("2027-07-01T09:00", BUENOS_AIRES)
ZERO = Money.zero("USD")


def radio(hosting: Catalog, quantity: int = 1) -> ServiceTerms:
    """Radio 100 for the year 2027, 80 dollars each."""
    return service(hosting, "radio-100", "annual", "2027-01-01", "2028-01-01", quantity=quantity)


def agreed(hosting: Catalog, unit: int | None, quantity: int = 1, now: datetime = NOW) -> Quote:
    target = Target("vps-1", "annual", unit_price=unit)
    return price_change(hosting, radio(hosting, quantity), Buyer("AR"), target, now, ZERO, override=True)


@pytest.mark.parametrize(
    ("unit", "quantity", "due", "renewal"),
    [
        (None, 1, 17_000, 25_000),  # 250 - 80
        (25_000, 1, 17_000, 25_000),
        (20_000, 1, 12_000, 20_000),  # 200 - 80
        (20_000, 3, 36_000, 60_000),  # of three units: 600 - 240
        (8_000, 1, 0, 8_000),
        (0, 1, 0, 0),
    ],
)
def test_what_is_due_and_what_renews_follow_from_it(
    hosting: Catalog, unit: int | None, quantity: int, due: int, renewal: int
) -> None:
    quote = agreed(hosting, unit, quantity)
    assert (quote.total_due_today.amount, quote.next_renewal.amount.amount) == (due, renewal)
    assert quote.to.unit_price.amount == (25_000 if unit is None else unit)
    assert quote.timing == "now"
    # A lower price makes no downgrade of it, which the catalogue would forbid.
    assert (quote.kind, quote.rule) == (agreed(hosting, None).kind, agreed(hosting, None).rule)
    assert verify_quote(quote.as_json()) == []


def test_a_price_that_somebody_writes_into_a_stored_quote_is_found(hosting: Catalog) -> None:
    document = agreed(hosting, 20_000).as_json()
    document["inputs"]["target"]["unit_price"] = 10_000
    assert any(one.path == "total.amount" for one in verify_quote(document))


def test_a_quote_without_one_is_as_it_was(hosting: Catalog) -> None:
    target = agreed(hosting, None).inputs["target"]
    assert target == {"plan": "vps-1", "cycle": "annual", "quantity": None}


def test_the_plan_that_a_service_has_keeps_its_price(hosting: Catalog) -> None:
    """More units at the price that was bought; nobody agrees about that."""
    same = Target("radio-100", "annual", 2, unit_price=1)
    renewed = price_renewal(hosting, radio(hosting), Buyer("AR"), same, NOW, ZERO)
    assert renewed.total.amount == 16_000
