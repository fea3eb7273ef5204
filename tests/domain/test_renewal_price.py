"""What the next period costs: promised prices, a fee, what is waived, and a period that ends early. Yen, with 10 %."""

from __future__ import annotations

from typing import Any

import pytest

from domain.catalog import Catalog, MinimumCharge
from domain.money import Money
from domain.pricing.proration import Share
from domain.pricing.quote import price_change
from domain.pricing.renewals import Promise, RenewalPrice, price_renewal
from domain.pricing.terms import Buyer, ServiceTerms, Target
from tests.domain.making import at, service

TOKYO, BUYER, BASIC = "Asia/Tokyo", Buyer("JP"), Target("basic", "monthly")


def july(catalog: Catalog, plan: str = "start", **changes: Any) -> ServiceTerms:
    return service(catalog, plan, "monthly", "2027-07-01", "2027-08-01", currency="JPY", buyer=BUYER, **changes)


def with_fees(catalog: Catalog) -> Catalog:
    plans = tuple(plan.model_copy(update={"setup_fees": {"JPY": 300}}) for plan in catalog.plans)
    return catalog.model_copy(update={"plans": plans})


def renewed(catalog: Catalog, target: Target | None, credit: int = 0, **more: Any) -> RenewalPrice:
    old = july(catalog)
    return price_renewal(catalog, old, BUYER, target, old.period.end, Money(credit, "JPY"), **more)


def lines(price: RenewalPrice) -> list[tuple[str, int]]:
    return [(line.kind, line.amount.amount) for line in price.lines]


def test_a_scheduled_change_promises_its_price_and_its_fee(dns: Catalog) -> None:
    catalog = with_fees(dns)
    moment = at("2027-07-17", TOKYO)
    quote = price_change(catalog, july(catalog), BUYER, BASIC, moment, Money(0, "JPY"))
    assert quote.timing == "at_renewal"
    assert Promise.of(quote) == Promise(500, 300)
    assert quote.to.price == Money(500, "JPY")
    three = price_change(catalog, july(catalog, quantity=3), BUYER, BASIC, moment, Money(0, "JPY"))
    assert (three.to.price, three.to.unit_price) == (Money(1500, "JPY"), Money(500, "JPY"))


@pytest.mark.parametrize(
    ("target", "promise", "expected", "billed"),
    [
        (BASIC, None, [("charge", 500), ("fee", 300), ("tax", 80)], (500, 50)),
        (BASIC, Promise(450, 0), [("charge", 450), ("tax", 45)], (450, 45)),
        (BASIC, Promise(450, 200), [("charge", 450), ("fee", 200), ("tax", 65)], (450, 45)),
        # the plan that it has costs no fee
        (None, None, [("charge", 1200), ("tax", 120)], (1200, 120)),
    ],
)
def test_a_fee_is_charged_once_and_is_not_billed_time(
    dns: Catalog,
    target: Target | None,
    promise: Promise | None,
    expected: list[tuple[str, int]],
    billed: tuple[int, int],
) -> None:
    price = renewed(with_fees(dns), target, promise=promise)
    assert lines(price) == expected
    (opened,) = price.opened
    assert (opened.item.net, opened.item.tax, opened.line) == (*billed, 0)


def test_what_credit_leaves_too_small_is_waived(dns: Catalog) -> None:
    """¥1,320 less ¥1,300 of credit is less than ¥100: ¥19 less before tax are ¥1,181 and ¥118."""
    policies = dns.policies.model_copy(
        update={"minimum_charge": MinimumCharge(amounts={"JPY": 100}, after_credit="waive")}
    )
    price = renewed(dns.model_copy(update={"policies": policies}), None, credit=1300)
    assert lines(price) == [("charge", 1200), ("waived", -19), ("tax", 118)]
    assert (price.total.amount, price.credit_applied.amount, price.due.amount) == (1299, 1299, 0)
    assert [(one.item.net, one.item.tax) for one in price.opened] == [(1181, 118)]


@pytest.mark.parametrize(
    ("until", "end", "charge", "share"),
    [
        # 10 of 31 days of August: 387.1
        ("2027-08-11", "2027-08-11", 387, Share(10, 31, "day")),
        ("2027-09-01", "2027-09-01", 1200, Share(1, 1, "period")),
        ("2027-09-11", "2027-09-01", 1200, Share(1, 1, "period")),
    ],
)
def test_a_period_ends_where_the_service_goes_out(
    dns: Catalog, until: str, end: str, charge: int, share: Share
) -> None:
    price = renewed(dns, None, until=at(until, TOKYO))
    assert (price.period.end, lines(price)[0], price.lines[0].share) == (at(end, TOKYO), ("charge", charge), share)
    (opened,) = price.opened
    assert (opened.item.covers, opened.item.of_period.end) == (price.period, at("2027-09-01", TOKYO))
