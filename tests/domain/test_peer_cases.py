"""As others would bill, priced as in production: every mode of a cases file, with the arithmetic above each row."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.prorate import run
from domain.catalog import Catalog
from domain.catalog_file import NAMED_PRORATIONS
from domain.money import Money
from domain.peers.cases import compute_case
from domain.peers.terms import BadCase, Unsupported
from domain.pricing.priced import price
from domain.pricing.terms import Buyer, Target
from tests.domain.making import at, service, with_rule


def case(mode: str, **keys: Any) -> dict[str, Any]:
    month = {"interval": "month", "interval_count": 1, "quantity": 1}
    base = {
        "id": "x-01",
        "mode": mode,
        "currency": "USD",
        "old": {"price": "30.00", **month},
        "new": {"price": "60.00", **month},
        "period_start": "2025-06-01",
        "period_end": "2025-07-01",
        "change_at": "2025-06-21",
    }
    return base | keys


def terms(price: str, interval: str = "month", **keys: Any) -> dict[str, Any]:
    return {"price": price, "interval": interval, "interval_count": 1, "quantity": 1} | keys


SEATS = {"unit_price": "10.00", "quantity": 5}
ROWS = [
    # 10 of 30 days: 30/3 and 60/3
    (case("prorate_day"), {"credit": "10.00", "charge": "20.00", "net": "10.00", "due": "10.00"}),
    # the old plan pays for the day of the change: 9 of 30 days
    (case("prorate_day", change_day_counts_for="old"), {"credit": "9.00", "charge": "18.00", "net": "9.00"}),
    # noon: 9.5 of 30 days by the second, 10 by the day
    (case("prorate_second", change_at="2025-06-21T12:00:00Z"), {"credit": "9.50", "charge": "19.00"}),
    (case("prorate_day", change_at="2025-06-21T12:00:00Z"), {"credit": "10.00", "charge": "20.00"}),
    # 21 June 02:00 UTC is still the 20th in New York: 11 of 30 days
    (
        case("prorate_day", change_at="2025-06-21T02:00:00Z", timezone="America/New_York"),
        {"credit": "11.00", "charge": "22.00"},
    ),
    # instants without an offset are UTC; with one they are what they say
    (case("prorate_second", change_at="2025-06-21T12:00:00"), {"credit": "9.50"}),
    (case("prorate_second", change_at="2025-06-21T21:00:00+09:00"), {"credit": "9.50"}),
    # both ends inclusive: 11 of 31 days of 31.00
    (
        case("prorate_day", old=terms("31.00"), day_count="inclusive_both_ends", period_end="2025-07-01"),
        {"credit": "11.00"},
    ),
    # 100/3 = 33.33..: line by line 33.33 and 66.67, net 33.34; once 33.33
    (case("prorate_day", old=terms("100.00"), new=terms("200.00")), {"net": "33.34", "charge": "66.67"}),
    (case("prorate_day", old=terms("100.00"), new=terms("200.00"), round_at="net"), {"net": "33.33"}),
    (case("prorate_day", old=terms("100.00"), new=terms("200.00"), round_at="net_delta"), {"net": "33.33"}),
    # the day's price is rounded: 3.33 x 10
    (case("prorate_day", old=terms("100.00"), round_at="day_rate"), {"credit": "33.30"}),
    (case("prorate_day", old=terms("100.00"), rounding="up"), {"credit": "33.34"}),
    (case("prorate_day", old=terms("100.00"), rounding="down", new=terms("200.00")), {"charge": "66.66"}),
    # 1/3 to two decimals is 0.33
    (case("prorate_day", old=terms("100.00"), ratio_decimals=2), {"credit": "33.00"}),
    # 8.00 of the 30.00 were billed, for the last eight days: all of it is left on the 23rd, seven eighths on the 24th
    (case("prorate_day", old_amount_billed="8.00", change_at="2025-06-23"), {"credit": "8.00"}),
    (case("prorate_day", old_amount_billed="8.00", change_at="2025-06-24"), {"credit": "7.00"}),
    # what was billed, less what was credited before, is the most
    (case("prorate_day", previous_credits="25.00"), {"credit": "5.00"}),
    (case("prorate_day", previous_credits="8.00"), {"credit": "10.00"}),
    # 30-day months: 21 May to 1 June is ten days of them
    (
        case("prorate_day_fixed30", period_start="2025-05-01", period_end="2025-06-01", change_at="2025-05-21"),
        {"credit": "10.00", "charge": "20.00"},
    ),
    # nominal days from dates: 20 days left of 30 and of 365; never more than all
    (
        case("difference_nominal_days", period_start="2025-03-01", period_end="2025-04-01", change_at="2025-03-12"),
        {"net": "20.00"},
    ),
    (
        case(
            "difference_nominal_days",
            old=terms("365.00", "year"),
            new=terms("730.00", "year"),
            days_remaining=20,
            period_start=None,
        ),
        {"net": "20.00"},
    ),
    (case("difference_nominal_days", days_remaining=45, period_start=None), {"net": "30.00"}),
    # a new period: the old share back, the new price in full, until a year later
    (
        case("reset_anchor_with_credit", new=terms("600.00", "year")),
        {"credit": "10.00", "charge": "600.00", "net": "590.00", "new_period_end": "2026-06-21"},
    ),
    (case("reset_anchor_with_credit", granularity="second", change_at="2025-06-21T12:00:00Z"), {"credit": "9.50"}),
    (case("reset_anchor_no_credit"), {"credit": "0.00", "charge": "60.00"}),
    (case("prorate_day", anchor="reset"), {"credit": "10.00", "charge": "60.00", "new_period_end": "2025-07-21"}),
    # the new year is counted from the old period's start: 345 of 365 days of 730
    (
        case("prorate_day_cross_interval", new=terms("730.00", "year")),
        {"credit": "10.00", "charge": "690.00", "new_period_end": "2026-06-01"},
    ),
    # two years that start on the latest monthly boundary: from 1 September, 710 of 730 days
    (
        case(
            "prorate_day_cross_interval",
            old=terms("30.00", "year"),
            new=terms("730.00", "year", interval_count=2),
            period_end="2026-06-01",
            change_at="2025-09-21",
            anchor="keep_day_of_month",
        ),
        {"new_period_end": "2027-09-01", "charge": "710.00"},
    ),
    (case("full_difference"), {"net": "30.00"}),
    (case("none"), {"net": "0.00", "charge": "0.00", "credit": "0.00", "next_renewal": "60.00"}),
    # two more seats at 10 for a third of the month: 6.66 rounded down, its 25% discount 1.66 off
    (
        case(
            "prorate_second_quantity_delta",
            old={"unit_price": "10.00", "quantity": 3, "discount": {"type": "percent", "value": "25"}},
            new={"unit_price": "10.00", "quantity": 5, "discount": {"type": "percent", "value": "25"}},
        ),
        {"net": "5.00", "charge": "5.00", "credit": "0.00"},
    ),
    # five more seats at 10 with 10 off the whole, on the first day: 50 - 10 back, 100 - 10 charged are 50
    (
        case(
            "prorate_second_quantity_delta",
            old=SEATS | {"discount": {"type": "fixed", "value": "10.00"}},
            new=SEATS | {"quantity": 10, "discount": {"type": "fixed", "value": "10.00"}},
            change_at="2025-06-01",
        ),
        {"net": "50.00", "charge": "90.00", "credit": "40.00"},
    ),
    # tax on the difference: 10% of 10.00; inclusive: 10/11 of it is net
    (case("prorate_day", tax={"rate": "10", "inclusive": False}), {"tax": "1.00", "total": "11.00", "due": "11.00"}),
    (case("prorate_day", tax={"rate": "10", "inclusive": True}), {"tax": "0.91", "total": "10.00"}),
    (
        case("prorate_day", tax={"rate": "10", "inclusive": False}, account_credit_before="4.00"),
        {"account_credit_used": "4.00", "due": "7.00"},
    ),
    (case("prorate_day", new=terms("60.00", setup_fee="5.00")), {"setup_fee": "5.00", "net": "15.00"}),
    (case("prorate_day", old=terms("30.00", discount={"type": "fixed", "value": "99.00"})), {"credit": "0.00"}),
    # yen have no decimals, dinars three
    (
        case("prorate_day", currency="JPY", old=terms("500"), new=terms("1200")),
        {"credit": "167", "charge": "400", "net": "233"},
    ),
    (case("prorate_day", currency="KWD", old=terms("1.000"), new=terms("2.000")), {"credit": "0.333", "net": "0.334"}),
]


@pytest.mark.parametrize(("given", "expected"), ROWS)
def test_a_case_is_priced_by_its_keys(given: dict[str, Any], expected: dict[str, Any]) -> None:
    computed = compute_case(given)
    assert {key: computed[key] for key in expected} == expected


CASES = Path(__file__).parent / "peer_cases.json"
PUBLISHED = {one["id"]: one for one in json.loads(CASES.read_text(encoding="utf-8"))["cases"]}

# What production prices otherwise than they do, and why: {key: (ours, theirs)}.
DIFFERENT = {
    # Lago taxes the credit in a note of its own (9.675 -> 9.68); one invoice has one tax of the difference.
    "lago-03": {"credit_gross_of_tax": ("9.67", "9.68")},
    # Their year began two months before the running month; ours is counted from the running period's start.
    "lago-05": {"charge": ("110.16", "90.16")},
    # Their fee is named nowhere but among the figures that are expected.
    "killbill-13": {"setup_fee": ("0.00", "80.00"), "net": ("-10.64", "69.36")},
}


def test_how_many_published_cases_agree_differ_and_are_not_supported() -> None:
    answers = {one["id"]: one for one in run(CASES)}
    unsupported = {name for name, answer in answers.items() if "unsupported" in answer}
    different = {}
    for name, answer in answers.items():
        expected = PUBLISHED[name]["expected"]
        if name not in unsupported and answer["computed"] != expected:
            computed = answer["computed"]
            different[name] = {key: (computed[key], value) for key, value in expected.items() if computed[key] != value}
    assert different == DIFFERENT
    assert (len(answers) - len(different) - len(unsupported), len(different), len(unsupported)) == (47, 3, 18)
    assert not any("error" in answer for answer in answers.values())


def test_nothing_is_read_from_what_is_expected() -> None:
    for published in PUBLISHED.values():
        told = {key: value for key, value in published.items() if key not in ("expected", "id", "title", "source")}
        assert _answer(told) == _answer(published)


def _answer(published: dict[str, Any]) -> Any:
    try:
        return compute_case(published)
    except Exception as error:
        return type(error), str(error)


def test_a_case_may_name_a_preset_instead_of_a_mode() -> None:
    assert compute_case(case("", preset="paymenter"))["net"] == "10.00"
    keys = {"old": terms("1000000.00"), "new": terms("0.00"), "period_end": "2025-07-02", "change_at": "2025-06-22"}
    # 100.00 by ten of 31 days: 0.322580645 to nine decimals
    assert compute_case(case("", preset="kill_bill", **keys))["credit"] == "322580.65"


@pytest.mark.parametrize("preset", ["polar", "stripe", "recurly"])
def test_who_starts_anew_with_another_cycle_is_followed_there(dns: Catalog, preset: str) -> None:
    # monthly to annual in the middle of November: half of 5.00 back, the year in full from today
    catalog = with_rule(dns, NAMED_PRORATIONS[preset])
    old = service(catalog, "basic", "monthly", "2026-11-01", "2026-12-01")
    now = at("2026-11-16", "Asia/Tokyo")
    priced = price(catalog, old, Buyer("US"), Target("basic", "annual"), now, Money(0, "USD"))
    assert (priced.total, priced.period.start) == (5000 - 250, now)
    same = price(catalog, old, Buyer("US"), Target("start", "monthly"), now, Money(0, "USD"))
    assert (same.total, same.period) == (350, old.period)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"mode": "by_moon"}, "mode 'by_moon' is not one of"),
        ({"old": {"interval": "month"}}, "price or unit_price"),
        ({"old": terms("1.00", "fortnight")}, "interval 'fortnight'"),
        ({"old": terms("one")}, "'one' is not an amount in USD"),
        ({"old": terms("NaN")}, "'NaN' is not an amount in USD"),
        ({"old": terms("Infinity")}, "'Infinity' is not an amount in USD"),
        ({"old_amount_billed": "1,00"}, "'1,00' is not an amount in USD"),
    ],
)
def test_a_case_that_cannot_be_read(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(BadCase, match=message):
        compute_case(case("prorate_day") | wrong)


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"new": None}, "a termination is not a change"),
        ({"old": None}, "a sign-up is not a change"),
        ({"old": terms("1.00", "week")}, "a billing cycle is of whole months"),
        ({"old": {"components": [terms("1.00"), terms("2.00")]}}, "one component"),
        ({"old": terms("0.0333")}, "a price is in whole minor units"),
        ({"coupon": "1.00"}, "a coupon"),
        ({"nominal_days": 40}, "another nominal length"),
        ({"old_amount_billed": "8.88"}, "another amount than a part"),
    ],
)
def test_what_is_not_supported_is_said(wanted: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unsupported, match=reason):
        compute_case(case("prorate_day") | wanted)
