"""What a customer gets back who ends a service at once: dates, yen and cents, the arithmetic above each row."""

from typing import Any

import pytest

from domain.catalog import Catalog
from domain.money import Money
from domain.pricing.ending import EndingPrice, price_ending
from domain.pricing.modes import ChangeDay, Fraction, Proration
from domain.pricing.priced import price
from domain.pricing.terms import Buyer, ServiceTerms, Target
from tests.domain.making import at, percent_off, service, with_rule

JAPANESE, AMERICAN = Buyer("JP"), Buyer("US")


def july(catalog: Catalog, plan: str = "business", buyer: Buyer = JAPANESE, **changes: Any) -> ServiceTerms:
    return service(catalog, plan, "monthly", "2027-07-01", "2027-08-01", currency="JPY", buyer=buyer, **changes)


def ended(catalog: Catalog, terms: ServiceTerms, day: str, buyer: Buyer = JAPANESE, **policies: Any) -> EndingPrice:
    changed = catalog.model_copy(update={"policies": catalog.policies.model_copy(update=policies)})
    return price_ending(changed, terms, buyer, at(day, catalog.timezone))


@pytest.mark.parametrize(
    ("day", "policies", "net", "tax"),
    [
        # 3000 x 15/31 = 1451.6
        ("2027-07-17", {}, 1452, 145),
        # the whole period on its first day
        ("2027-07-01", {}, 3000, 300),
        # one day: 3000 / 31 = 96.8
        ("2027-07-31T23:59", {}, 97, 10),
        # the day of the ending was had: 3000 x 14/31 = 1354.8
        ("2027-07-17", {"change_day": ChangeDay.OLD}, 1355, 136),
        ("2027-07-31", {"change_day": ChangeDay.OLD}, 0, 0),
        # 14.5 of 31 days: 1403.2
        ("2027-07-17T12:00", {"ending_credit": "by_second"}, 1403, 140),
        # after the period's end nothing is open
        ("2027-08-03", {}, 0, 0),
    ],
)
def test_unused_time(dns: Catalog, day: str, policies: dict[str, Any], net: int, tax: int) -> None:
    price = ended(dns, july(dns), day, **policies)
    assert (price.net.amount, price.tax.amount, price.credit.amount) == (net, tax, net + tax)
    assert sum(line.amount.amount for line in price.lines) == -(net + tax)
    assert price.lost == Money(0, "JPY")


def test_what_ended_with_the_period_is_not_open(dns: Catalog) -> None:
    assert ended(dns, july(dns), "2027-08-01").taken == ()


def test_the_credit_says_what_it_is_for(dns: Catalog) -> None:
    price = ended(dns, july(dns, quantity=2), "2027-07-17")
    assert price.lines[0].description == "Unused time on Business (monthly), July 17, 2027 – July 31, 2027"
    assert price.notes == ("The service ended on July 17, 2027; what is credited is the time after that.",)


def test_nothing_is_given_and_the_loss_is_named(dns: Catalog) -> None:
    price = ended(dns, july(dns), "2027-07-17", ending_credit="nothing")
    assert price.notes == ()
    assert (price.credit.amount, price.lost.amount, price.lines) == (0, 1597, ())
    assert [(one.units, one.net, one.tax) for one in price.taken] == [(1, 0, 0)]


def test_what_was_billed_counts_and_not_the_price(dns: Catalog) -> None:
    # three seats at 20 % off: 9000 - 1800 = 7200; x 15/31 = 3483.9, tax 348
    seats = july(dns, quantity=3, discount=percent_off("20"))
    price = ended(dns, seats, "2027-07-17")
    assert (price.net.amount, price.tax.amount) == (3484, 348)
    assert [one.units for one in price.taken] == [3]


def test_who_paid_no_tax_gets_none(dns: Catalog) -> None:
    assert ended(dns, july(dns, buyer=AMERICAN), "2027-07-17", AMERICAN).credit.amount == 1452


def test_at_the_rate_at_which_it_was_sold(dns: Catalog) -> None:
    """The customer has moved to the United States since: his tax comes back with the credit."""
    assert ended(dns, july(dns), "2027-07-17", AMERICAN).tax.amount == 145


def test_seats_that_came_later_come_back_too(dns: Catalog) -> None:
    # Five of Basic, three more from the 18th: 14 of 31 days of 1500 = 677. On the 21st 11 days are left:
    # 2500 x 11/31 = 887.1 and 677 x 11/14 = 531.9; tax of 1419 is 142
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS))
    five = july(catalog, "basic", quantity=5)
    change = price(
        catalog, five, JAPANESE, Target("basic", "monthly", 8), at("2027-07-18", "Asia/Tokyo"), Money(0, "JPY")
    )
    price_of_it = ended(catalog, change.service_after, "2027-07-21")
    assert [line.amount.amount for line in price_of_it.lines] == [-887, -532, -142]
    assert sorted(one.units for one in price_of_it.taken) == [3, 5]


def test_a_whole_price_is_divided_by_the_day(hosting: Catalog) -> None:
    # a year of Web L, $300 from 1 January; on 1 July 184 of 365 days are left: 151.23
    year = service(hosting, "web-l", "annual", "2027-01-01", "2028-01-01")
    lost = ended(hosting, year, "2027-07-01", AMERICAN)
    assert (lost.credit.amount, lost.lost.amount) == (0, 15123)
    assert ended(hosting, year, "2027-07-01", AMERICAN, ending_credit="by_day").credit.amount == 15123


def test_what_is_shown_before_anybody_confirms(dns: Catalog) -> None:
    shown = ended(dns, july(dns), "2027-07-17", ending_credit="nothing").public_json()
    assert shown == {
        "lines": [],
        "credit": {"amount": 0, "currency": "JPY"},
        "lost": {"amount": 1597, "currency": "JPY"},
    }
