"""What a change costs: dates and cents, the arithmetic above each row."""

from dataclasses import replace
from datetime import UTC, timedelta, timezone
from typing import Any

import pytest

from domain.catalog import Catalog, MinimumCharge
from domain.catalog_file import NAMED_PRORATIONS
from domain.money import CurrencyMismatch, Money, Rounding
from domain.pricing.modes import Anchor, ChangeDay, CreditBecomes, Fraction, Proration, RoundingPlace
from domain.pricing.priced import Priced, price
from domain.pricing.renewals import price_renewal
from domain.pricing.terms import Buyer, Target
from tests.domain.making import at, percent_off, service, with_rule

TOKYO, AMERICAN, ZERO = "Asia/Tokyo", Buyer("US"), Money(0, "USD")


def lines(priced: Priced) -> list[tuple[str, int]]:
    assert priced.figures is not None
    taxes = [("tax", tax.amount) for tax in priced.figures.taxes]
    return [(line.kind, line.amount) for line in priced.figures.lines] + taxes


def billed_after(priced: Priced) -> int:
    """What is left, before tax, of all that was billed for the time after the change."""
    return sum(item.net_left for item in priced.service_after.items if item.units_left)


@pytest.mark.parametrize(
    ("buyer", "day", "to", "credit", "charge", "tax", "total"),
    [
        # November has 30 days; from the 16th 15 are left: 5/2, 12/2
        (("USD", "US"), "2026-11-16", "start", 250, 600, 0, 350),
        (("USD", "JP"), "2026-11-16", "start", 250, 600, 35, 385),
        # 500/2, 1200/2; 10% of 350
        (("JPY", "JP"), "2026-11-16", "start", 250, 600, 35, 385),
        # the whole period; one day; 29 of 30 days: 4.8333, 29.00
        (("USD", "US"), "2026-11-01", "start", 500, 1200, 0, 700),
        (("USD", "US"), "2026-11-30", "start", 17, 40, 0, 23),
        (("USD", "US"), "2026-11-02", "business", 483, 2900, 0, 2417),
        # 500*7/30 = 116.67, 3000*7/30 = 700; 10% of 583 = 58.3
        (("JPY", "JP"), "2026-11-24", "business", 117, 700, 58, 641),
        # 500*20/30 = 333.33, 1200*20/30 = 800; 10% of 467 = 46.7 -> 47
        (("JPY", "JP"), "2026-11-11", "start", 333, 800, 47, 514),
    ],
)
def test_dns_upgrade_by_day(
    dns: Catalog, buyer: tuple[str, str], day: str, to: str, credit: int, charge: int, tax: int, total: int
) -> None:
    currency, country = buyer
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01", currency=currency, buyer=Buyer(country))
    priced = price(dns, old, Buyer(country), Target(to, "monthly"), at(day, TOKYO), Money(0, currency))
    expected = [("credit", -credit), ("charge", charge)] + ([("tax", tax)] if country == "JP" else [])
    assert lines(priced) == expected
    assert priced.total == total
    assert (priced.period, priced.anchor.day, billed_after(priced)) == (old.period, 1, charge)


def test_the_day_of_the_change_is_the_providers_day(dns: Catalog) -> None:
    # 15 November 15:00 UTC is 00:00 on the 16th in Tokyo; a second earlier the day belongs to the 15th
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01")
    later = price(dns, old, AMERICAN, Target("start", "monthly"), at("2026-11-15T15:00"), ZERO)
    earlier = price(dns, old, AMERICAN, Target("start", "monthly"), at("2026-11-15T14:59:59"), ZERO)
    assert (later.total, earlier.total) == (350, 640 - 267)


def test_another_cycle_starts_a_new_period_with_credit(dns: Catalog) -> None:
    # half of 5 back, 120 for the year from 16 November 2026 to 16 November 2027
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01")
    priced = price(dns, old, AMERICAN, Target("start", "annual"), at("2026-11-16T10:00", TOKYO), ZERO)
    assert lines(priced) == [("credit", -250), ("charge", 12000)]
    assert (priced.period.start, priced.period.end) == (at("2026-11-16T10:00", TOKYO), at("2027-11-16T10:00", TOKYO))
    assert (priced.anchor.day, billed_after(priced), priced.renewal_total) == (16, 12000, 12000)


def test_a_yearly_credit_beyond_a_monthly_price_becomes_account_credit(dns: Catalog) -> None:
    # 6 of 12 months of 50: 184 of 365 days = 25.21 back, 12 to pay, 13.21 left
    old = service(dns, "basic", "annual", "2026-01-01", "2027-01-01")
    priced = price(dns, old, AMERICAN, Target("start", "monthly"), at("2026-07-01", TOKYO), Money(300, "USD"))
    assert lines(priced) == [("credit", -2521), ("charge", 1200)]
    assert (priced.total, priced.credit_created, priced.credit_applied, priced.refund) == (-1321, 1321, 0, 0)


@pytest.mark.parametrize("day", ["2026-01-01", "2026-07-01", "2026-12-31"])
def test_hosting_pays_the_full_difference_at_any_time(hosting: Catalog, day: str) -> None:
    old = service(hosting, "web-s", "annual", "2026-01-01", "2027-01-01")
    priced = price(hosting, old, Buyer("AR"), Target("web-m", "annual"), at(day, hosting.timezone), ZERO)
    assert lines(priced) == [("credit", -10000), ("charge", 15000)]
    assert (priced.total, priced.period, billed_after(priced), priced.renewal_total) == (5000, old.period, 15000, 15000)


def test_account_credit_pays_first(dns: Catalog) -> None:
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01")
    for held, applied in ((100, 100), (350, 350), (900, 350), (-5, 0)):
        priced = price(dns, old, AMERICAN, Target("start", "monthly"), at("2026-11-16", TOKYO), Money(held, "USD"))
        assert (priced.total, priced.credit_applied, priced.credit_created) == (350, applied, 0)


@pytest.mark.parametrize(("billed", "credit"), [(500, 250), (250, 125), (249, 125), (100, 50), (0, 0)])
def test_a_credit_is_worth_what_was_billed(dns: Catalog, billed: int, credit: int) -> None:
    """Half of what was billed, whatever the plan costs: 249/2 = 124.5."""
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01", billed=billed)
    priced = price(dns, old, AMERICAN, Target("start", "monthly"), at("2026-11-16", TOKYO), ZERO)
    assert lines(priced) == [("credit", -credit), ("charge", 600)]


def test_two_changes_on_one_day_cost_as_much_as_one(dns: Catalog) -> None:
    old, now = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01"), at("2026-11-16T09:00", TOKYO)
    first = price(dns, old, AMERICAN, Target("start", "monthly"), now, ZERO)
    second = price(dns, first.service_after, AMERICAN, Target("business", "monthly"), now, ZERO)
    direct = price(dns, old, AMERICAN, Target("business", "monthly"), now, ZERO)
    assert first.total + second.total == direct.total == 1250


ANY = Target("start", "monthly")
LOST: dict[str, Any] = {"credit": False, "credit_becomes": CreditBecomes.NOTHING}


@pytest.mark.parametrize(
    ("axes", "moment", "expected"),
    [
        # days left at noon on 21 January: 11 of 31; the old plan pays for the 21st: 10 of 31
        ({"fraction": "days"}, "2026-01-21T12:00", [-177, 426]),
        ({"fraction": "days", "change_day": "old"}, "2026-01-21T12:00", [-161, 387]),
        # 10.5 of 31 days by the second
        ({"fraction": "seconds"}, "2026-01-21T12:00", [-169, 406]),
        # 21 January to 1 February is 10 days of a 30-day month; nominal counts the real 11 of 30
        ({"fraction": "fixed_30"}, "2026-01-21T12:00", [-167, 400]),
        ({"fraction": "nominal"}, "2026-01-21T12:00", [-183, 440]),
        ({"fraction": "whole"}, "2026-01-21T12:00", [-500, 1200]),
        ({"fraction": "zero", **LOST}, "2026-01-21T12:00", [0]),
        ({"fraction": "days", **LOST}, "2026-01-21T12:00", [426]),
        ({"fraction": "days", "anchor": "reset"}, "2026-01-21T12:00", [-177, 1200]),
        ({"fraction": "days", "anchor": "reset", **LOST}, "2026-01-21T12:00", [1200]),
        # a period that runs from the 10th: 20 of 31 days of 12.00
        ({"fraction": "days", "anchor": "realign", "realign_day": 10}, "2026-01-21T12:00", [-177, 774]),
        # rounding: 5*11/31 = 1.7742, 12*11/31 = 4.2581
        ({"fraction": "days", "rounding": "down"}, "2026-01-21T12:00", [-177, 425]),
        ({"fraction": "days", "rounding": "up"}, "2026-01-21T12:00", [-178, 426]),
        # a day costs 0.16 and 0.39 (0.1613, 0.3871): times 11
        ({"fraction": "days", "place": "day_rate"}, "2026-01-21T12:00", [-176, 429]),
        ({"fraction": "days", "place": "day_rate"}, "2026-01-01", [-500, 1200]),
        # the ratio in one decimal: 0.4
        ({"fraction": "days", "ratio_decimals": 1}, "2026-01-21T12:00", [-200, 480]),
        # the last day belongs to the old plan: nothing is left
        ({"fraction": "days", "change_day": "old"}, "2026-01-31T12:00", [0, 0]),
        ({"fraction": "fixed_30"}, "2026-01-01", [-500, 1200]),
        ({"fraction": "nominal"}, "2026-01-01", [-500, 1200]),
    ],
)
def test_each_axis(dns: Catalog, axes: dict[str, Any], moment: str, expected: list[int]) -> None:
    catalog = with_rule(dns, Proration(**axes))
    old = service(dns, "basic", "monthly", "2026-01-01", "2026-02-01")
    priced = price(catalog, old, AMERICAN, ANY, at(moment, TOKYO), ZERO)
    assert [amount for _, amount in lines(priced)] == expected


@pytest.mark.parametrize(
    ("axes", "target", "start", "end", "anchor_day", "charge"),
    [
        # another cycle with the day kept: the year from 1 January, 345 of 365 days of 120.00
        ({"fraction": "days"}, Target("start", "annual"), "2026-01-01", "2027-01-01", 1, 11342),
        # the renewal date kept: 11 of 31 days of 120.00 / 12
        ({"fraction": "days", "anchor": "keep_end"}, Target("start", "annual"), "2026-01-01", "2026-02-01", 1, 355),
        ({"fraction": "days", "anchor": "reset"}, Target("start", "annual"), "2026-01-21", "2027-01-21", 21, 12000),
        # a year from the 10th: 354 of 365 days
        (
            {"fraction": "days", "anchor": "realign", "realign_day": 10},
            Target("start", "annual"),
            "2026-01-10",
            "2027-01-10",
            10,
            11638,
        ),
        # a month from the 25th: the one before holds the 21st; 4 of 31 days
        (
            {"fraction": "days", "anchor": "realign", "realign_day": 25},
            Target("start", "monthly"),
            "2025-12-25",
            "2026-01-25",
            25,
            155,
        ),
        # the old plan pays for the 21st: 344 of 365 days
        (
            {"fraction": "days", "change_day": "old"},
            Target("start", "annual"),
            "2026-01-01",
            "2027-01-01",
            1,
            11310,
        ),
        ({"fraction": "zero", **LOST}, Target("start", "annual"), "2026-01-01", "2026-02-01", 1, None),
    ],
)
def test_what_becomes_of_the_period(
    dns: Catalog, axes: dict[str, Any], target: Target, start: str, end: str, anchor_day: int, charge: int | None
) -> None:
    old = service(dns, "basic", "monthly", "2026-01-01", "2026-02-01")
    priced = price(with_rule(dns, Proration(**axes)), old, AMERICAN, target, at("2026-01-21", TOKYO), ZERO)
    assert (priced.period.start, priced.period.end) == (at(start, TOKYO), at(end, TOKYO))
    assert priced.anchor.day == anchor_day
    assert dict(lines(priced)).get("charge") == charge
    assert billed_after(priced) == (500 if charge is None else charge)


def test_a_realigned_year_starts_in_the_running_month(dns: Catalog) -> None:
    # 21 June: the year from 10 June, 354 of 365 days of 120.00
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS, anchor=Anchor.REALIGN, realign_day=10))
    old = service(dns, "basic", "annual", "2026-01-01", "2027-01-01")
    priced = price(catalog, old, AMERICAN, Target("start", "annual"), at("2026-06-21", TOKYO), ZERO)
    assert (priced.period.start, priced.period.end) == (at("2026-06-10", TOKYO), at("2027-06-10", TOKYO))
    assert dict(lines(priced))["charge"] == 11638


def test_the_next_renewal_is_rounded_and_taxed(dns: Catalog) -> None:
    # 12.5% off 12.00 is 10.50, off 5.00 is 4.375; tax of 10% on top, or inside
    old = service(dns, "business", "monthly", "2026-11-01", "2026-12-01", discount=percent_off("12.5"))
    now = at("2026-11-16", TOKYO)
    assert price(dns, old, Buyer("JP"), Target("basic", "monthly"), now, ZERO).renewal_total == 438 + 44
    inside = dns.model_copy(update={"tax": dns.tax.model_copy(update={"prices": "inclusive"})})
    assert price(inside, old, Buyer("JP"), Target("start", "monthly"), now, ZERO).renewal_total == 1050
    assert price(inside, old, Buyer("JP", tax_exempt=True), ANY, now, ZERO).renewal_total == 1050 - 95


def test_a_kept_anchor_finds_the_month_within_a_year(dns: Catalog) -> None:
    # from a year that renews on the 31st to months: 31 May to 30 June holds 15 June; 15 of 30 days of 12.00
    old = service(dns, "basic", "annual", "2025-12-31", "2026-12-31")
    catalog = with_rule(dns, NAMED_PRORATIONS["by_day"])
    priced = price(catalog, old, AMERICAN, Target("start", "monthly"), at("2026-06-15", TOKYO), ZERO)
    assert (priced.period.start, priced.period.end) == (at("2026-05-31", TOKYO), at("2026-06-30", TOKYO))
    assert dict(lines(priced))["charge"] == 600
    assert priced.anchor.day == 31


@pytest.mark.parametrize(
    ("place", "credit", "charge", "rounding", "tax", "total"),
    [
        # 30 days, 10 left: 1.6667 and 4.00; nets of 2.3333
        ("line", -167, 400, None, 23, 256),
        ("net", -167, 400, None, 23, 256),
    ],
)
def test_places_that_agree(
    dns: Catalog, place: RoundingPlace, credit: int, charge: int, rounding: int | None, tax: int, total: int
) -> None:
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS, place=place))
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01", buyer=Buyer("JP"))
    priced = price(catalog, old, Buyer("JP"), ANY, at("2026-11-21", TOKYO), ZERO)
    assert lines(priced) == [("credit", credit), ("charge", charge), ("tax", tax)]
    assert priced.total == total
    assert rounding is None


def test_rounding_the_difference_once_tells_the_cent(dns: Catalog) -> None:
    # 50 and 100 a year with 260 of 365 days left: 35.616 and 71.233, the difference 35.616 is 35.62, not 35.61
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS, place=RoundingPlace.NET))
    old = service(dns, "basic", "annual", "2015-01-01", "2016-01-01")
    target = service(dns, "start", "annual", "2015-01-01", "2016-01-01")
    plans = tuple(
        plan.model_copy(update={"prices": {"annual": {"USD": 10000, "JPY": 1}}}) if plan.id == "start" else plan
        for plan in catalog.plans
    )
    priced = price(
        catalog.model_copy(update={"plans": plans}), old, AMERICAN, Target(target.plan, "annual"),
        at("2015-04-16", TOKYO), ZERO,
    )  # fmt: skip
    assert lines(priced) == [("credit", -3562), ("charge", 7123), ("rounding", 1)]
    assert priced.total == 3562


def test_rounding_the_total_once(dns: Catalog) -> None:
    # 5*19/30 = 3.1667, 12*19/30 = 7.60: 4.4333 with 10% is 4.8767 -> 4.88; lines 4.43 + 0.44 lack a cent
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS, place=RoundingPlace.TOTAL))
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01", buyer=Buyer("JP"))
    priced = price(catalog, old, Buyer("JP"), ANY, at("2026-11-12", TOKYO), ZERO)
    assert lines(priced) == [("credit", -317), ("charge", 760), ("tax", 44)]
    assert priced.figures is not None
    assert priced.figures.rounding == 1
    assert priced.total == 488


@pytest.mark.parametrize(
    ("buyer", "day", "expected", "rounding", "total"),
    [
        # 19 of 30 days at 5.00 and 12.00: 3.1667 and 7.60, tax within; 4.4333
        (Buyer("JP"), "2026-11-12", [("credit", -317), ("charge", 760)], 0, 443),
        # exempt: 4.55 was billed, of which 10 days are 1.5167; 4.00 less the tax that it holds is 3.6364; 2.1197
        (Buyer("JP", tax_exempt=True), "2026-11-21", [("credit", -152), ("charge", 400)], 0, 212),
        # 17 days: 2.5783 and 6.80, 6.1818; 3.6035, where 6.80 - 0.62 - 2.58 is 3.60
        (Buyer("JP", tax_exempt=True), "2026-11-14", [("credit", -258), ("charge", 680)], 0, 360),
        # 11 days: 1.6683 and 4.40, 4.00; 2.3317, where 4.40 - 0.40 - 1.67 is 2.33
        (Buyer("JP", tax_exempt=True), "2026-11-20", [("credit", -167), ("charge", 440)], 0, 233),
    ],
)
def test_rounding_a_total_of_inclusive_prices_once(
    dns: Catalog, buyer: Buyer, day: str, expected: list[tuple[str, int]], rounding: int, total: int
) -> None:
    base = dns.model_copy(update={"tax": dns.tax.model_copy(update={"prices": "inclusive"})})
    catalog = with_rule(base, Proration(fraction=Fraction.DAYS, place=RoundingPlace.TOTAL))
    old = service(catalog, "basic", "monthly", "2026-11-01", "2026-12-01", buyer=buyer)
    priced = price(catalog, old, buyer, ANY, at(day, TOKYO), ZERO)
    assert priced.figures is not None
    assert lines(priced)[:2] == expected
    assert (priced.figures.rounding, priced.total) == (rounding, total)


def test_rounding_the_total_once_with_a_rate_for_each_product(dns: Catalog) -> None:
    # 20% on start alone: 7.60 with tax is 9.12, less 3.1667 is 5.9533
    rate = dns.tax.rates[0].model_copy(update={"product": "new", "percent": "20"})
    plans = tuple(plan.model_copy(update={"product": "new"}) if plan.id == "start" else plan for plan in dns.plans)
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS, place=RoundingPlace.TOTAL)).model_copy(
        update={"plans": plans, "tax": dns.tax.model_copy(update={"rates": (rate,)})}
    )
    old = service(catalog, "basic", "monthly", "2026-11-01", "2026-12-01", buyer=Buyer("JP"))
    priced = price(catalog, old, Buyer("JP"), ANY, at("2026-11-12", TOKYO), ZERO)
    assert priced.total == 595


@pytest.mark.parametrize(
    ("discount", "moment", "expected"),
    [
        # 20% off both: 4.00 and 9.60 for half a month
        (percent_off("20"), "2026-11-16", [-200, 480]),
        # it ends on the 10th: the old price had it, the new one has not
        (percent_off("20", "2026-11-10T00:00:00Z"), "2026-11-16", [-200, 600]),
        (percent_off("12.5"), "2026-11-16", [-219, 525]),
        (percent_off("100"), "2026-11-16", [0, 0]),
        (percent_off("100").model_copy(update={"percent": None, "amounts": {"USD": 100}}), "2026-11-16", [-200, 550]),
        (percent_off("100").model_copy(update={"percent": None, "amounts": {"USD": 600}}), "2026-11-16", [0, 300]),
        (percent_off("100").model_copy(update={"percent": None, "amounts": {"JPY": 600}}), "2026-11-16", [-250, 600]),
        (percent_off("50").model_copy(update={"plans": ("basic",)}), "2026-11-16", [-125, 600]),
        (percent_off("50").model_copy(update={"plans": ("start",)}), "2026-11-16", [-250, 300]),
    ],
)
def test_discounts_come_off_the_full_price_of_both_plans(
    dns: Catalog, discount: Any, moment: str, expected: list[int]
) -> None:
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01", discount=discount)
    priced = price(dns, old, AMERICAN, ANY, at(moment, TOKYO), ZERO)
    assert [amount for _, amount in lines(priced)] == expected


@pytest.mark.parametrize(
    ("quantity", "target", "expected", "paid"),
    [
        # like with like: three more at 12 for half a month, one line
        (2, Target("start", "monthly", 5), [("charge", 1800)], 2400 + 1800),
        (5, Target("start", "monthly", 2), [("credit", -1800)], 6000 - 1800),
        # another plan for the same number of units, and for more of them
        (2, Target("business", "monthly"), [("credit", -1200), ("charge", 3000)], 3000),
        (2, Target("business", "monthly", 3), [("credit", -1200), ("charge", 4500)], 4500),
    ],
)
def test_quantities(dns: Catalog, quantity: int, target: Target, expected: list[tuple[str, int]], paid: int) -> None:
    catalog = with_rule(dns, NAMED_PRORATIONS["by_day"])
    old = service(dns, "start", "monthly", "2026-11-01", "2026-12-01", quantity=quantity)
    priced = price(catalog, old, AMERICAN, target, at("2026-11-16", TOKYO), ZERO)
    assert (lines(priced), billed_after(priced)) == (expected, paid)


def test_fewer_units_without_credit_give_nothing_back(dns: Catalog) -> None:
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS, **LOST))
    old = service(dns, "start", "monthly", "2026-11-01", "2026-12-01", quantity=5)
    priced = price(catalog, old, AMERICAN, Target("start", "monthly", 2), at("2026-11-16", TOKYO), ZERO)
    assert (lines(priced), priced.total, billed_after(priced)) == ([("unchanged", 0)], 0, 6000)


def test_an_amount_off_is_not_shared_by_units(dns: Catalog) -> None:
    # 24 less 3 and 60 less 3: not three units' price
    catalog = with_rule(dns, NAMED_PRORATIONS["by_day"])
    discount = percent_off("1").model_copy(update={"percent": None, "amounts": {"USD": 300}})
    old = service(dns, "start", "monthly", "2026-11-01", "2026-12-01", quantity=2, discount=discount)
    priced = price(catalog, old, AMERICAN, Target("start", "monthly", 5), at("2026-11-16", TOKYO), ZERO)
    assert lines(priced) == [("credit", -1050), ("charge", 2850)]


def test_a_setup_fee_is_charged_in_full_once(dns: Catalog) -> None:
    plans = tuple(plan.model_copy(update={"setup_fees": {"USD": 999}}) for plan in dns.plans)
    catalog = dns.model_copy(update={"plans": plans})
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01", buyer=Buyer("JP"))
    priced = price(catalog, old, Buyer("JP"), ANY, at("2026-11-16", TOKYO), ZERO)
    assert lines(priced) == [("credit", -250), ("charge", 600), ("fee", 999), ("tax", 135)]
    assert billed_after(priced) == 600
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01")
    same_plan = price(catalog, old, AMERICAN, Target("basic", "annual"), at("2026-11-16", TOKYO), ZERO)
    assert lines(same_plan) == [("credit", -250), ("charge", 5000)]


@pytest.mark.parametrize(
    ("when_below", "least", "expected", "total"),
    [
        ("waive", 350, [("credit", -250), ("charge", 600)], 350),
        ("waive", 351, [("credit", -250), ("charge", 600), ("waived", -350)], 0),
        ("raise", 500, [("credit", -250), ("charge", 600), ("minimum", 150)], 500),
    ],
)
def test_minimum_charge(dns: Catalog, when_below: Any, least: int, expected: list[tuple[str, int]], total: int) -> None:
    minimum = MinimumCharge(amounts={"USD": least}, when_below=when_below)
    catalog = with_rule(dns, NAMED_PRORATIONS["by_day"], minimum_charge=minimum)
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01")
    priced = price(catalog, old, AMERICAN, ANY, at("2026-11-16", TOKYO), ZERO)
    assert (lines(priced), priced.total) == (expected, total)


def test_what_is_waived_is_nothing_to_the_last_cent(dns: Catalog) -> None:
    # 2.03 were billed without tax; 6.00 with 10 % is 6.60; of the 4.57 less no line takes all: 1.85 and 0.19, or 1.84
    # and 0.18
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS), minimum_charge=MinimumCharge(amounts={"USD": 500}))
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01", billed=406)
    priced = price(catalog, old, Buyer("JP"), ANY, at("2026-11-16", TOKYO), ZERO)
    assert lines(priced)[:3] == [("credit", -203), ("charge", 600), ("waived", -415)]
    assert priced.figures is not None
    assert (priced.total, priced.figures.rounding) == (0, -1)


def test_a_minimum_is_never_missed_by_a_cent(dns: Catalog) -> None:
    # 0.15 with tax of 0.015, 0.02; half to even, 0.25 has 0.02, too: 0.10 more makes 0.27, and 0.28 is asked
    plans = tuple(
        plan.model_copy(update={"prices": {"monthly": {"USD": 30 if plan.id == "start" else 0}}}) for plan in dns.plans
    )
    tax = dns.tax.model_copy(update={"rounding": Rounding.HALF_EVEN})
    minimum = MinimumCharge(amounts={"USD": 28}, when_below="raise")
    catalog = with_rule(
        dns.model_copy(update={"plans": plans, "tax": tax}), Proration(fraction=Fraction.DAYS), minimum_charge=minimum
    )
    old = service(catalog, "basic", "monthly", "2026-11-01", "2026-12-01")
    priced = price(catalog, old, Buyer("JP"), ANY, at("2026-11-16", TOKYO), ZERO)
    assert lines(priced) == [("credit", 0), ("charge", 15), ("minimum", 10), ("tax", 2)]
    assert priced.total == 28


@pytest.mark.parametrize(
    ("becomes", "total", "created", "refund"),
    [("account_credit", -1250, 1250, 0), ("refund", -1250, 0, 1250), ("nothing", 0, 0, 0)],
)
def test_what_a_credit_becomes(dns: Catalog, becomes: CreditBecomes, total: int, created: int, refund: int) -> None:
    # 30/2 back, 5/2 to pay
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS, credit_becomes=becomes))
    old = service(dns, "business", "monthly", "2026-11-01", "2026-12-01")
    priced = price(catalog, old, AMERICAN, Target("basic", "monthly"), at("2026-11-16", TOKYO), ZERO)
    assert (priced.total, priced.credit_created, priced.refund, priced.credit_applied) == (total, created, refund, 0)
    assert lines(priced)[:2] == [("credit", -1500), ("charge", 250)]


@pytest.mark.parametrize(
    ("refundable", "refund", "created"),
    [(None, 1250, 0), (2000, 1250, 0), (1000, 1000, 250), (0, 0, 1250), (-1, 0, 1250)],
)
def test_no_more_goes_back_as_money_than_came_as_money(
    dns: Catalog, refundable: int | None, refund: int, created: int
) -> None:
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS, credit_becomes=CreditBecomes.REFUND))
    money = None if refundable is None else Money(refundable, "USD")
    old = service(dns, "business", "monthly", "2026-11-01", "2026-12-01", refundable=money)
    priced = price(catalog, old, AMERICAN, Target("basic", "monthly"), at("2026-11-16", TOKYO), ZERO)
    assert (priced.total, priced.refund, priced.credit_created) == (-1250, refund, created)


def test_a_lost_credit_is_not_taxed(dns: Catalog) -> None:
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS, credit_becomes=CreditBecomes.NOTHING))
    old = service(dns, "business", "monthly", "2026-11-01", "2026-12-01", buyer=Buyer("JP"))
    priced = price(catalog, old, Buyer("JP"), Target("basic", "monthly"), at("2026-11-16", TOKYO), ZERO)
    assert lines(priced) == [("credit", -1500), ("charge", 250), ("forfeited", 1250)]


def test_currencies_without_and_with_three_decimals(dns: Catalog) -> None:
    # one dinar is 1000 fils: 5.000 and 12.000 for 7 of 31 days
    plans = tuple(
        plan.model_copy(update={"prices": {"monthly": {"KWD": plan.prices["monthly"]["USD"] * 10}}})
        for plan in dns.plans
    )
    catalog = dns.model_copy(update={"plans": plans, "currencies": ("KWD",)})
    old = service(catalog, "basic", "monthly", "2026-01-01", "2026-02-01", currency="KWD")
    priced = price(catalog, old, AMERICAN, ANY, at("2026-01-25", TOKYO), Money(0, "KWD"))
    assert lines(priced) == [("credit", -1129), ("charge", 2710)]


def test_policies_fill_what_a_rule_leaves_open(dns: Catalog) -> None:
    policies = {"change_day": ChangeDay.OLD, "rounding": {"mode": Rounding.UP, "place": RoundingPlace.LINE}}
    catalog = with_rule(dns, NAMED_PRORATIONS["by_day"])
    catalog = catalog.model_copy(update={"policies": type(dns.policies)(**policies)})
    old = service(dns, "basic", "monthly", "2026-01-01", "2026-02-01")
    # 10 of 31 days: 1.613 and 3.871, up
    priced = price(catalog, old, AMERICAN, ANY, at("2026-01-21", TOKYO), ZERO)
    assert lines(priced) == [("credit", -162), ("charge", 388)]


def test_a_downgrade_waits_for_the_renewal(dns: Catalog) -> None:
    old = service(dns, "business", "monthly", "2026-01-31", "2026-02-28")
    priced = price(dns, old, Buyer("JP"), Target("start", "monthly"), at("2026-02-10", TOKYO), Money(900, "USD"))
    assert (priced.timing, priced.figures, priced.total, priced.credit_applied) == ("at_renewal", None, 0, 0)
    assert (priced.credit_created, priced.refund) == (0, 0)
    assert (priced.period.start, priced.period.end) == (at("2026-02-28", TOKYO), at("2026-03-31", TOKYO))
    assert (priced.anchor.day, priced.renewal_total) == (31, 1320)


def test_approval_makes_a_review_a_change_now(hosting: Catalog) -> None:
    old = service(hosting, "radio-100", "monthly", "2026-11-01", "2026-12-01")
    now = at("2026-11-16", hosting.timezone)
    unasked = price(hosting, old, AMERICAN, Target("vps-1", "monthly"), now, ZERO)
    assert unasked.timing == "manual_review"
    for override, timing in ((False, "manual_review"), (True, "now")):
        priced = price(hosting, old, AMERICAN, Target("vps-1", "monthly"), now, ZERO, override)
        assert (priced.timing, priced.total) == (timing, 1700)


@pytest.mark.parametrize(
    ("target", "quantity", "country", "held", "sums", "end"),
    [
        (None, 1, "US", 0, (450, 0, 450), "2026-03-31"),
        (None, 3, "JP", 100, (1485, 135, 1385), "2026-03-31"),
        (None, 1, "US", 9999, (450, 0, 0), "2026-03-31"),
        (Target("basic", "monthly"), 1, "US", 0, (450, 0, 450), "2026-03-31"),
        (Target("basic", "monthly", 2), 1, "US", 0, (900, 0, 900), "2026-03-31"),
        (Target("start", "monthly"), 1, "US", 0, (1200, 0, 1200), "2026-03-31"),
        (Target("basic", "annual"), 2, "US", 0, (10000, 0, 10000), "2027-02-28"),
    ],
)
def test_renewals(
    dns: Catalog, target: Target | None, quantity: int, country: str, held: int, sums: tuple[int, int, int], end: str
) -> None:
    """An unchanged plan keeps the price it bought; a changed one pays the catalogue's."""
    old = service(dns, "basic", "monthly", "2026-01-31", "2026-02-28", quantity=quantity,
                  unit_price=Money(450, "USD"))  # fmt: skip
    renewal = price_renewal(dns, old, Buyer(country), target, old.period.end, Money(held, "USD"))
    assert (renewal.total.amount, renewal.tax.amount, renewal.due.amount) == sums
    assert (renewal.net + renewal.tax, renewal.credit_applied + renewal.due) == (renewal.total, renewal.total)
    assert renewal.period.end == at(end, TOKYO)
    assert [one.item.net for one in renewal.opened] == [renewal.net.amount]


def test_a_renewal_is_rounded_taxed_and_described_as_its_plan_is(dns: Catalog) -> None:
    # 12.5% off 5.00 is 4.375 -> 4.38; a tax on this product alone: 10% is 0.44
    rate = dns.tax.rates[0].model_copy(update={"product": "dns"})
    catalog = dns.model_copy(update={"tax": dns.tax.model_copy(update={"rates": (rate,)})})
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01", discount=percent_off("12.5"))
    renewal = price_renewal(catalog, old, Buyer("JP", locale="es"), None, old.period.end, Money(-5, "USD"))
    assert [(line.kind, line.amount.amount) for line in renewal.lines] == [("charge", 438), ("tax", 44)]
    assert (renewal.terms.price, renewal.terms.cycle, renewal.credit_applied) == (Money(500, "USD"), "monthly", ZERO)
    assert renewal.lines[0].period == renewal.period
    assert renewal.lines[0].description == "Basic (mensual), 1 de diciembre de 2026 – 31 de diciembre de 2026"


def test_a_discount_ends_at_the_renewal_after_its_date(dns: Catalog) -> None:
    old = service(
        dns, "basic", "monthly", "2026-11-01", "2026-12-01", discount=percent_off("20", "2026-11-10T00:00:00Z")
    )
    for target in (None, Target("start", "monthly")):
        renewal = price_renewal(dns, old, AMERICAN, target, old.period.end, ZERO)
        assert renewal.total.amount == (500 if target is None else 1200)


def test_a_kept_renewal_date_still_fits_the_next_change(dns: Catalog) -> None:
    # changed to a year with November kept: start annual is 10.00 for the month, business annual 25.00; half is left
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS, anchor=Anchor.KEEP_END))
    old = service(dns, "start", "annual", "2026-11-01", "2026-12-01", billed=1000)
    priced = price(catalog, old, AMERICAN, Target("business", "annual"), at("2026-11-16", TOKYO), ZERO)
    assert lines(priced) == [("credit", -500), ("charge", 1250)]


@pytest.mark.parametrize(("plan", "to", "renewal"), [("basic", "start", 1200), ("business", "start", 1200)])
def test_the_next_renewal_knows_when_a_discount_ends(dns: Catalog, plan: str, to: str, renewal: int) -> None:
    discount = percent_off("50", "2026-12-01T00:00:00+09:00")
    old = service(dns, plan, "monthly", "2026-11-01", "2026-12-01", discount=discount)
    assert price(dns, old, AMERICAN, Target(to, "monthly"), at("2026-11-16", TOKYO), ZERO).renewal_total == renewal
    several = price(dns, replace(old, quantity=3), AMERICAN, Target(to, "monthly"), at("2026-11-16", TOKYO), ZERO)
    assert several.renewal_total == 3 * renewal
    elsewhere = replace(old, discount=discount.model_copy(update={"until": None, "plans": ("basic", "business")}))
    assert price(dns, elsewhere, AMERICAN, ANY, at("2026-11-16", TOKYO), ZERO).renewal_total == renewal
    here = replace(old, discount=discount.model_copy(update={"until": None, "plans": ("start",)}))
    assert price(dns, here, AMERICAN, ANY, at("2026-11-16", TOKYO), ZERO).renewal_total == renewal // 2
    lasting = replace(old, discount=percent_off("50", "2026-12-02T00:00:00+09:00"))
    priced = price(dns, lasting, AMERICAN, Target(to, "monthly"), at("2026-11-16", TOKYO), ZERO)
    assert priced.renewal_total == renewal // 2


def test_what_the_caller_got_wrong(dns: Catalog) -> None:
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01")
    with pytest.raises(CurrencyMismatch, match="account credit in JPY cannot pay a service in USD"):
        price(dns, old, AMERICAN, ANY, at("2026-11-16"), Money(0, "JPY"))
    elsewhere = timezone(timedelta(hours=-5))
    there = price(dns, old, AMERICAN, ANY, at("2026-11-16", TOKYO).astimezone(elsewhere), ZERO)
    assert (there.now.tzinfo, there.now, there.total) == (UTC, at("2026-11-16", TOKYO), 350)
    with pytest.raises(ValueError, match=r"^the moment of a change needs a time zone; pass an aware datetime$"):
        price(dns, old, AMERICAN, ANY, at("2026-11-16").replace(tzinfo=None), ZERO)


def test_keep_end_needs_no_scaling_within_a_cycle(dns: Catalog) -> None:
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01")
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS, anchor=Anchor.KEEP_END))
    priced = price(catalog, old, AMERICAN, ANY, at("2026-11-16", TOKYO), ZERO)
    assert lines(priced) == [("credit", -250), ("charge", 600)]
