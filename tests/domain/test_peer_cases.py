"""As others would bill: every mode of a cases file, with the arithmetic above each row."""

import json
from pathlib import Path
from typing import Any

import pytest

from domain.peers.cases import compute_case
from domain.peers.terms import BadCase


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
    # both ends inclusive: 11 of 31 days of 31.00
    (
        case("prorate_day", old=terms("31.00"), day_count="inclusive_both_ends", period_end="2025-07-01"),
        {"credit": "11.00"},
    ),
    # 100/3 = 33.33..: line by line 33.33 and 66.67, net 33.34; once 33.33
    (case("prorate_day", old=terms("100.00"), new=terms("200.00")), {"net": "33.34", "charge": "66.67"}),
    (case("prorate_day", old=terms("100.00"), new=terms("200.00"), round_at="net"), {"net": "33.33"}),
    # the day's price is rounded: 3.33 x 10
    (case("prorate_day", old=terms("100.00"), round_at="day_rate"), {"credit": "33.30"}),
    (case("prorate_day", old=terms("100.00"), rounding="up"), {"credit": "33.34"}),
    (case("prorate_day", old=terms("100.00"), rounding="down", new=terms("200.00")), {"charge": "66.66"}),
    # 1/3 to two decimals is 0.33
    (case("prorate_day", old=terms("100.00"), ratio_decimals=2), {"credit": "33.00"}),
    # what was billed, less what was credited before, is the most
    (case("prorate_day", old_amount_billed="8.00"), {"credit": "8.00", "net": "12.00"}),
    (case("prorate_day", previous_credits="25.00"), {"credit": "5.00"}),
    (case("prorate_day", previous_credits="50.00"), {"credit": "0.00"}),
    # 30-day months: 21 May to 1 July is 40 days of them, 15 May to 23 May eight
    (
        case("prorate_day_fixed30", period_start="2025-05-01", period_end="2025-06-01", change_at="2025-05-21"),
        {"credit": "10.00", "charge": "20.00"},
    ),
    (
        case("prorate_day_fixed30", period_start="2025-02-15", period_end="2025-03-15", change_at="2025-02-20"),
        {"credit": "25.00"},
    ),
    # nominal days from dates: 20 days left of 30 and of 365
    (
        case("difference_nominal_days", period_start="2025-03-01", period_end="2025-04-01", change_at="2025-03-12"),
        {"net": "20.00"},
    ),
    (
        case("difference_nominal_days", old=terms("365.00", "year"), new=terms("730.00", "year"), days_remaining=20),
        {"net": "20.00"},
    ),
    (case("difference_nominal_days", days_remaining=45), {"net": "30.00"}),
    # a new period: the old share back, the new price in full, until a month later
    (
        case("reset_anchor_with_credit", new=terms("600.00", "year")),
        {"credit": "10.00", "charge": "600.00", "net": "590.00", "new_period_end": "2026-06-21"},
    ),
    (case("reset_anchor_no_credit"), {"credit": "0.00", "charge": "60.00"}),
    # 30 back, 5 for a week: 25 left over is 35 days of a plan that costs 5 a week
    (
        case("reset_anchor_with_credit", change_at="2025-06-01", new=terms("5.00", "week")),
        {"net": "-25.00", "credit_as_days": "35", "account_credit": "25.00", "new_renewal": "2025-07-13"},
    ),
    # the new year is counted from the old period's start: 345 of 365 days of 730
    (
        case("prorate_day_cross_interval", new=terms("730.00", "year")),
        {"credit": "10.00", "charge": "690.00", "new_period_end": "2026-06-01"},
    ),
    # the WHMCS way: a quarter's price four times for the year that runs
    (
        case(
            "reset_anchor_with_credit",
            old=terms("65.00", "year"),
            new=terms("55.00", "month", interval_count=3),
            period_end="2026-06-01",
            change_at="2025-06-01",
        ),
        {"whmcs_gross_charge": "220.00", "account_credit": "10.00"},
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
        {"net": "5.00", "charge": "5.00", "credit": "0.00", "discount": "1.66"},
    ),
    (
        case(
            "prorate_second_quantity_delta",
            old={"unit_price": "10.00", "quantity": 5},
            new={"unit_price": "10.00", "quantity": 3},
            previous_credits="47.00",
        ),
        {"net": "-3.00", "credit": "3.00"},
    ),
    # an amount off is shared by the components: 90 off 100 + 200 leaves 70 and 140
    (
        case(
            "prorate_day",
            change_at="2025-06-16",
            old={
                "components": [{"name": "base", "price": "100.00"}, {"name": "seat", "price": "200.00"}],
                "discount": {"type": "fixed", "value": "90.00"},
            },
        ),
        {"credit_lines": {"base": "35.00", "seat": "70.00"}, "credit": "105.00"},
    ),
    (case("prorate_day", old=terms("30.00", discount={"type": "fixed", "value": "99.00"})), {"credit": "0.00"}),
    # tax on the difference: 10% of 10.00; inclusive: 10/11 of it is net
    (case("prorate_day", tax={"rate": "10", "inclusive": False}), {"tax": "1.00", "total": "11.00", "due": "11.00"}),
    (case("prorate_day", tax={"rate": "10", "inclusive": True}), {"tax": "0.91", "total": "10.00"}),
    (
        case("prorate_day", tax={"rate": "10", "inclusive": False}, account_credit_before="4.00"),
        {"account_credit_used": "4.00", "due": "7.00"},
    ),
    # leaving: 10 days back less the coupon's third, with its tax
    (
        case("credit_unused_day", new=None, coupon="3.00", tax={"rate": "20"}, change_day_counts_for="new"),
        {"credit_net": "10.00", "coupon_share": "1.00", "tax": "1.80", "credit_total": "10.80", "net": "-10.00"},
    ),
    # the day of leaving was used, and a trial until the 26th is not given back: 5 days
    (case("credit_unused_day", new=None, trial_end="2025-06-26"), {"credit_net": "5.00", "credit_total": "5.00"}),
    # 36.00 with tax, of which 30.00 was paid; 25.20 was used: 4.80 goes back, 6.00 stays as credit
    (
        case("credit_unused_day_refund_split", new=None, tax={"rate": "20"}, paid_for_this_fee="30.00"),
        {"credit_total": "10.80", "refund": "4.80", "credit": "6.00"},
    ),
    (
        case("credit_unused_day_refund_split", new=None, tax={"rate": "20"}),
        {"credit_total": "10.80", "refund": "10.80", "credit": "0.00"},
    ),
    (case("prorate_day", new=terms("60.00", setup_fee="5.00")), {"setup_fee": "5.00", "net": "15.00"}),
    # a year that starts on the latest monthly boundary: from 1 September, 345 of 365 days of 730
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
    (
        case("prorate_day_cross_interval", new=terms("730.00", "year", interval_count=2), period_end="2025-07-01"),
        {"new_period_end": "2027-06-01"},
    ),
    # prorated by its mode, anchored anew by its key: the whole new period from the change on
    (case("prorate_day", anchor="reset"), {"credit": "10.00", "charge": "60.00", "new_period_end": "2025-07-21"}),
    (
        case("prorate_day", anchor="reset", new=terms("7.00", "week", interval_count=2)),
        {"new_period_end": "2025-07-05", "charge": "7.00"},
    ),
    # a fortnight within a month keeps the month
    (case("prorate_day", new=terms("60.00", "week", interval_count=2)), {"charge": "20.00"}),
    (case("reset_anchor_with_credit", granularity="second", change_at="2025-06-21T12:00:00Z"), {"credit": "9.50"}),
    # instants without an offset are UTC; with one they are what they say
    (case("prorate_second", change_at="2025-06-21T12:00:00"), {"credit": "9.50"}),
    (case("prorate_second", change_at="2025-06-21T21:00:00+09:00"), {"credit": "9.50"}),
    (case("prorate_second", change_at="2025-06-21T07:00:00-05:00"), {"credit": "9.50"}),
    (
        case(
            "prorate_second",
            period_start="2025-06-01T00:00:00Z",
            period_end="2025-06-30T00:00:00Z",
            day_count="inclusive_both_ends",
            change_at="2025-06-16T00:00:00Z",
        ),
        {"credit": "15.00"},
    ),
    # local midnights in Tokyo: a change at 15:00 UTC is the 21st there
    (case("prorate_second", timezone="Asia/Tokyo", change_at="2025-06-20T15:00:00Z"), {"credit": "10.00"}),
    # months of 31 days: 11 of them left where the old plan pays for the day
    (
        case("prorate_day_fixed30", fixed_days=31, change_day_counts_for="old", change_at="2025-06-20"),
        {"credit": "10.65"},
    ),
    (case("difference_nominal_days", nominal_days=40, change_at="2025-06-21"), {"net": "7.50"}),
    (case("difference_nominal_days", days_remaining=20, fixed_days=40), {"net": "15.00"}),
    (
        case("difference_nominal_days", old=terms("7.00", "week"), new=terms("14.00", "week"), days_remaining=3),
        {"net": "3.00"},
    ),
    # a quarter is three months
    (
        case("difference_nominal_days", old=terms("0.00", "quarter"), new=terms("90.00", "quarter"), days_remaining=9),
        {"net": "9.00"},
    ),
    # rounded once: credit 33.33.., charge 66.66.. with a fee
    (
        case("prorate_day", old=terms("100.00"), new=terms("200.00", setup_fee="1.00"), round_at="net"),
        {"credit": "33.33", "charge": "66.67", "net": "34.33"},
    ),
    # tax on the exact net: 33.3333 and a tenth is 36.67, by rounded steps 36.66
    (
        case("prorate_day", old=terms("100.00"), new=terms("200.00"), round_at="total", tax={"rate": "10"}),
        {"net": "33.33", "tax": "3.33", "total": "36.67"},
    ),
    # used 25.20 of 36.00, paid 20.00: nothing was paid beyond what was used
    (
        case("credit_unused_day_refund_split", new=None, tax={"rate": "20"}, paid_for_this_fee="20.00"),
        {"refund": "0.00", "credit": "10.80"},
    ),
    (
        case("credit_unused_day_refund_split", new=None, paid_for_this_fee="30.00", used_total="29.00"),
        {"refund": "1.00", "credit": "8.00", "credit_total": "9.00"},
    ),
    (
        case("credit_unused_day", new=None, tax={"rate": "20", "inclusive": True}, change_day_counts_for="new"),
        {"credit_net": "10.00", "credit_total": "10.00", "tax": "1.67", "credit_gross_of_tax": "10.00"},
    ),
    # line by line: 3.333 is 3.33, its tax 0.67; the exact 3.9999 rounds to the same
    (
        case(
            "credit_unused_day",
            new=None,
            old=terms("10.00"),
            round_at="line",
            tax={"rate": "20"},
            coupon="1.00",
            change_day_counts_for="new",
        ),
        {"credit_net": "3.33", "coupon_share": "0.33", "tax": "0.60", "credit_total": "3.60"},
    ),
    (case("credit_unused_day", new=None, old=terms("0.00"), coupon="1.00"), {"coupon_share": "0.00"}),
    # five more seats at 10 with 10 off: the amount comes off what is added; on the first day 50 - 10
    (
        case(
            "prorate_second_quantity_delta",
            old={"unit_price": "10.00", "quantity": 5, "discount": {"type": "fixed", "value": "10.00"}},
            new={"unit_price": "10.00", "quantity": 10, "discount": {"type": "fixed", "value": "10.00"}},
            change_at="2025-06-01",
        ),
        {"net": "40.00", "charge": "40.00", "credit": "0.00", "discount": "10.00"},
    ),
    # one unit more at no price, one fewer at a discount
    (
        case(
            "prorate_second_quantity_delta",
            old={"unit_price": "0.00", "quantity": 1},
            new={"unit_price": "0.00", "quantity": 2},
        ),
        {"net": "0.00", "charge": "0.00", "credit": "0.00", "discount": "0.00"},
    ),
    (
        case(
            "prorate_second_quantity_delta",
            old={"unit_price": "10.00", "quantity": 2},
            new={"unit_price": "10.00", "quantity": 3},
            ratio_decimals=1,
        ),
        {"net": "3.00"},
    ),
    # nothing left over buys no days; a free plan needs none
    (case("prorate_day"), {"account_credit": "0.00", "account_credit_used": "0.00", "credit_as_days": "0"}),
    (case("prorate_day", new=terms("0.00")), {"credit_as_days": "0", "account_credit": "10.00"}),
    (
        case("prorate_day", new=terms("0.00"), account_credit_before="5.00"),
        {"account_credit_used": "0.00", "due": "0.00"},
    ),
    (case("reset_anchor_with_credit", timezone="Asia/Tokyo"), {"new_period_end": "2025-07-21"}),
    (
        case("prorate_day", old=terms("30.00", discount={"type": "percentage", "value": "10"})),
        {"credit": "9.00"},
    ),
    (case("prorate_day", old=terms("0.00", discount={"type": "fixed", "value": "1.00"})), {"credit": "0.00"}),
    (case("reset_anchor_with_credit", new={"price": "1.00"}), {"new_period_end": "2025-07-21", "charge": "1.00"}),
    # days stay days where the mode says so, whatever the clock is read to
    (case("prorate_day", granularity="second", change_at="2025-06-21T12:00:00Z"), {"credit": "10.00"}),
    # the difference alone is prorated and rounded once
    (case("prorate_day", old=terms("100.00"), new=terms("200.00"), round_at="net_delta"), {"net": "33.33"}),
    # day rates where the days are counted otherwise: 100/30 = 3.33 a day; 100/40 = 2.50
    (case("prorate_day_fixed30", old=terms("100.00"), round_at="day_rate"), {"credit": "33.30"}),
    (case("difference_nominal_days", old=terms("100.00"), round_at="day_rate"), {"credit": "33.30"}),
    (case("difference_nominal_days", old=terms("100.00"), round_at="day_rate", days_remaining=10), {"credit": "33.30"}),
    (case("difference_nominal_days", days_remaining=20, nominal_days=40, fixed_days=50), {"net": "15.00"}),
    # a day rate means nothing by the second
    (case("prorate_second", old=terms("100.00"), round_at="day_rate"), {"credit": "33.33"}),
    # to the microsecond: half of a period of three microseconds is not a whole one
    (
        case(
            "prorate_second",
            period_start="2025-06-01T00:00:00Z",
            period_end="2025-06-01T00:00:00.000003Z",
            change_at="2025-06-01T00:00:00.000001Z",
        ),
        {"credit": "20.00"},
    ),
    # 95% of 33.3333 is 31.67; of the rounded 33.33 it would be 31.66
    (
        case("prorate_day", old=terms("100.00"), new=terms("200.00"), round_at="total", tax={"rate": "95"}),
        {"tax": "31.67", "total": "65.00"},
    ),
    (
        case("prorate_day", old=terms("100.00"), new=terms("200.00"), round_at="net", tax={"rate": "95"}),
        {"tax": "31.66"},
    ),
    # 36.00 with the tax inside, all paid: 9 of 30 days go back
    (
        case("credit_unused_day_refund_split", new=None, old=terms("36.00"), tax={"rate": "20", "inclusive": True}),
        {"credit_total": "10.80", "refund": "10.80", "credit": "0.00"},
    ),
    # a unit price finer than a cent: 3 x 0.0333 a third of the month
    (case("prorate_day", old={"unit_price": "0.0333", "quantity": 300}), {"credit": "3.33"}),
    # yen have no decimals, dinars three
    (
        case("prorate_day", currency="JPY", old=terms("500"), new=terms("1200")),
        {"credit": "167", "charge": "400", "net": "233"},
    ),
    (case("prorate_day", currency="KWD", old=terms("1.000"), new=terms("2.000")), {"credit": "0.333", "net": "0.334"}),
]


@pytest.mark.parametrize(("given", "expected"), ROWS)
def test_a_case_is_priced_by_its_keys(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert compute_case(given | {"expected": dict.fromkeys(expected)}) == expected


PUBLISHED = json.loads((Path(__file__).parent / "peer_cases.json").read_text(encoding="utf-8"))["cases"]


@pytest.mark.parametrize("published", PUBLISHED, ids=[published["id"] for published in PUBLISHED])
def test_as_the_others_bill_in_their_own_tests_and_documents(published: dict[str, Any]) -> None:
    assert compute_case(published) == published["expected"]


def test_earlier_credits_are_taken_off_or_only_capped() -> None:
    """10 of 30 are unused; 8 were credited before: Lago credits the other 2, Kill Bill up to 22 more."""
    leaving = case("credit_unused_day", new=None, previous_credits="8.00", change_day_counts_for="new")
    assert compute_case(leaving)["credit_net"] == "2.00"
    assert compute_case(case("prorate_day", previous_credits="8.00"))["credit"] == "10.00"
    assert compute_case(case("prorate_day", previous_credits="8.00", id="lago-99"))["credit"] == "2.00"


def test_a_case_may_name_a_biller_instead_of_a_mode() -> None:
    # 100.00 by ten of 31 days: 0.322580645 to nine decimals
    keys = {"old": terms("1000000.00"), "new": None, "period_end": "2025-07-02", "change_at": "2025-06-22"}
    assert compute_case(case("", preset="kill_bill", **keys))["credit"] == "322580.65"
    assert compute_case(case("", preset="kill_bill", **keys, ratio_decimals=4))["credit"] == "322600.00"
    assert compute_case(case("", preset="paymenter"))["net"] == "10.00"


def test_a_credit_may_outlast_the_calendar() -> None:
    computed = compute_case(case("prorate_day", old=terms("100000.00"), new=terms("0.01")))
    assert int(computed["credit_as_days"]) > 9_000_000
    assert "new_renewal" not in computed


def test_without_expected_all_figures_are_returned() -> None:
    computed = compute_case(case("prorate_day"))
    assert computed["credit_lines"] == {"": "10.00"}
    assert {"credit", "charge", "net", "tax", "total", "due", "account_credit", "next_renewal"} <= set(computed)


def test_a_habit_of_the_biller_fills_what_a_case_leaves_open() -> None:
    # 0.125 of 1.00: half even is 0.12, half up 0.13
    keys = {"old": terms("1.00"), "new": terms("0.00"), "period_end": "2025-06-09", "change_at": "2025-06-08"}
    assert compute_case(case("prorate_second", **keys, id="polar-99"))["credit"] == "0.12"
    assert compute_case(case("prorate_second", **keys, id="polar-multi-99"))["credit"] == "0.12"
    assert compute_case(case("prorate_second", **keys, id="stripe-99"))["credit"] == "0.13"
    # the difference rounded once, where the biller does
    hundred = {"old": terms("100.00"), "new": terms("200.00")}
    assert compute_case(case("prorate_day", **hundred, id="paymenter-99"))["net"] == "33.33"
    assert compute_case(case("prorate_day", **hundred, id="lago-99"))["net"] == "33.34"
    # nine decimals of the ratio
    million = {"old": terms("1000000000.00"), "new": None}
    assert compute_case(case("prorate_day", **million, id="killbill-99"))["credit"] == "333333333.00"


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
