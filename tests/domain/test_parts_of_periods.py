"""A running period that is a part of a full one, or of another length than its plan's cycle: dates and money.

July has 31 days, of which 22 are the part from the 10th. Basic costs ¥500, Start ¥1,200, Business ¥3,000 a month.
"""

from dataclasses import replace
from typing import Any

import pytest

from domain.catalog import Catalog, Cycle
from domain.money import Money
from domain.periods import AnchorPoint, Period, full_period
from domain.pricing.modes import Anchor, ChangeDay, Fraction, PriceDifference, Proration, RoundingPlace
from domain.pricing.priced import Priced, price
from domain.pricing.quote import price_change
from domain.pricing.terms import Buyer, ServiceTerms, Target
from domain.pricing.verify import verify_quote
from tests.domain.making import at, percent_off, service, with_rule

TOKYO, AMERICAN = "Asia/Tokyo", Buyer("US")
LOST: dict[str, Any] = {"credit": False, "credit_becomes": "nothing"}


def part_of_july(catalog: Catalog, **changes: Any) -> ServiceTerms:
    """Basic from 10 July to 1 August, billed for 22 of 31 days: 500 x 22/31 = 354.8."""
    old = service(catalog, "basic", "monthly", "2027-07-10", "2027-08-01", currency="JPY", billed=355, **changes)
    july = Period(at("2027-07-01", TOKYO), at("2027-08-01", TOKYO))
    return replace(old, items=tuple(replace(item, of_period=july) for item in old.items))


def changed(catalog: Catalog, old: ServiceTerms, target: Target, day: str) -> Priced:
    return price(catalog, old, AMERICAN, target, at(day, TOKYO), Money(0, old.currency))


def lines(priced: Priced) -> list[tuple[str, int]]:
    assert priced.figures is not None
    return [(line.kind, line.amount) for line in priced.figures.lines]


@pytest.mark.parametrize(
    ("axes", "day", "expected"),
    [
        # 14 of the 22 days that were billed, 355 x 14/22 = 225.9; 14 of 31 of 1200 = 541.9
        ({"fraction": "days"}, "2027-07-18", [-226, 542]),
        ({"fraction": "seconds"}, "2027-07-18", [-226, 542]),
        # noon: 13.5 of 22 is 217.8, 13.5 of 31 is 522.6
        ({"fraction": "seconds"}, "2027-07-18T12:00", [-218, 523]),
        # all of the part, not of the month: 1200 x 22/31 = 851.6
        ({"fraction": "days"}, "2027-07-10", [-355, 852]),
        ({"fraction": "days"}, "2027-07-31", [-16, 39]),
        # the old plan pays for the 18th: 13 of its 22 days are 209.8
        ({"fraction": "days", "change_day": "old"}, "2027-07-18", [-210, 503]),
        # 13 of 30 days to the 1st of August, of the 21 from the 10th: 355 x 13/21 = 219.8; 1200 x 13/30
        ({"fraction": "fixed_30"}, "2027-07-18", [-220, 520]),
        # 14 of 30 days
        ({"fraction": "nominal"}, "2027-07-18", [-226, 560]),
        # 355/22 = 16.1 a day, 1200/31 = 38.7
        ({"fraction": "days", "place": "day_rate"}, "2027-07-18", [-224, 546]),
        # the prices of the part at any time of it: 355 back and 700 x 22/31 = 496.8 more; 1200 x 22/31 = 851.6
        ({"fraction": "whole"}, "2027-07-18", [-355, 852]),
        ({"fraction": "whole"}, "2027-07-31", [-355, 852]),
        ({"fraction": "whole", "difference": "billed"}, "2027-07-18", [-355, 852]),
        ({"fraction": "days", **LOST}, "2027-07-18", [542]),
        # what starts now is a whole period
        ({"fraction": "days", "anchor": "reset"}, "2027-07-18", [-226, 1200]),
        # July from the 5th to the 5th of August: 18 of 31 days
        ({"fraction": "days", "anchor": "realign", "realign_day": 5}, "2027-07-18", [-226, 697]),
        ({"fraction": "days", "anchor": "realign", "realign_day": 1}, "2027-07-18", [-226, 542]),
    ],
)
def test_a_part_of_a_month_is_charged_for_its_days(
    dns: Catalog, axes: dict[str, Any], day: str, expected: list[int]
) -> None:
    catalog = with_rule(dns, Proration(**axes))
    priced = changed(catalog, part_of_july(catalog), Target("start", "monthly"), day)
    assert [amount for _, amount in lines(priced)] == expected


def test_changes_within_a_part_follow_one_another(dns: Catalog) -> None:
    """Start from the 18th for 542; on the 25th 7 of its 14 days are left, 271, and 7 of 31 of Business are 677.4."""
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS))
    first = changed(catalog, part_of_july(catalog), Target("start", "monthly"), "2027-07-18")
    (start,) = [item for item in first.service_after.items if item.units_left]
    assert start.covers == Period(at("2027-07-18", TOKYO), at("2027-08-01", TOKYO))
    assert start.of_period == Period(at("2027-07-01", TOKYO), at("2027-08-01", TOKYO))
    second = changed(catalog, first.service_after, Target("business", "monthly"), "2027-07-25")
    assert lines(second) == [("credit", -271), ("charge", 677)]
    assert second.period == Period(at("2027-07-10", TOKYO), at("2027-08-01", TOKYO))
    assert second.renewal_total == 3000


def test_units_within_a_part_are_charged_for_its_days(dns: Catalog) -> None:
    # two more: 2 x 500 x 14/31 = 451.6; one of them and the first go on the 25th: 452 x 7/14, and 355 x 7/22 = 113.0
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS))
    more = changed(catalog, part_of_july(catalog), Target("basic", "monthly", 3), "2027-07-18")
    assert lines(more) == [("charge", 452)]
    fewer = changed(catalog, more.service_after, Target("basic", "monthly", 1), "2027-07-25")
    assert lines(fewer) == [("credit", -226)]
    plan = changed(catalog, fewer.service_after, Target("start", "monthly", 1), "2027-07-25")
    assert lines(plan) == [("credit", -113), ("charge", 271)]


def test_the_whole_difference_of_a_part_adds_up(dns: Catalog) -> None:
    """Basic to Start to Business: 355, 852 and 852 + 1800 x 22/31 = 2129.4, the price of the part on Business."""
    for difference in PriceDifference:
        catalog = with_rule(dns, Proration(fraction=Fraction.WHOLE, difference=difference))
        first = changed(catalog, part_of_july(catalog), Target("start", "monthly"), "2027-07-18")
        second = changed(catalog, first.service_after, Target("business", "monthly"), "2027-07-30")
        assert lines(second) == [("credit", -852), ("charge", 2129)]
        (item,) = [item for item in second.service_after.items if item.units_left]
        assert (item.covers, item.of_period.start) == (part_of_july(dns).period, at("2027-07-01", TOKYO))


def test_a_discount_is_off_the_price_of_the_part(dns: Catalog) -> None:
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS))
    # 1200 less 50 % for 14 of 31 days is 271.0
    half = replace(part_of_july(catalog), discount=percent_off("50"))
    assert lines(changed(catalog, half, Target("start", "monthly"), "2027-07-18"))[1] == ("charge", 271)


def test_a_year_that_is_counted_from_a_part_begins_with_its_month(dns: Catalog) -> None:
    """The year from 1 July 2027 has 366 days, of which 349 are left on the 18th: 12000 x 349/366 = 11442.6."""
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS))
    priced = changed(catalog, part_of_july(catalog), Target("start", "annual"), "2027-07-18")
    assert priced.period == Period(at("2027-07-01", TOKYO), at("2028-07-01", TOKYO))
    assert lines(priced) == [("credit", -226), ("charge", 11443)]


def test_a_part_that_was_moved_is_counted_where_it_lay(dns: Catalog) -> None:
    """Out for 20 days: on 7 August 14 of its days are left, as there were on 18 July."""
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS))
    lay = part_of_july(catalog)
    items = tuple(item.later(20, TOKYO) for item in lay.items)
    moved = replace(lay, period=lay.period.later(20, TOKYO), items=items, moved_days=20, anchor_day=21)
    priced = changed(catalog, moved, Target("start", "monthly"), "2027-08-07")
    assert lines(priced) == [("credit", -226), ("charge", 542)]
    (start,) = [item for item in priced.service_after.items if item.units_left]
    assert (start.moved_days, start.of_period.start) == (20, at("2027-07-21", TOKYO))


def test_the_quote_of_a_part_says_its_days_and_can_be_verified(dns: Catalog) -> None:
    for fraction in (Fraction.DAYS, Fraction.WHOLE):
        catalog = with_rule(dns, Proration(fraction=fraction))
        target, nothing = Target("start", "monthly"), Money(0, "JPY")
        quote = price_change(catalog, part_of_july(catalog), AMERICAN, target, at("2027-07-18", TOKYO), nothing)
        assert verify_quote(quote.as_json()) == []
        texts = [line.arithmetic for line in quote.lines if line.kind == "charge"]
        days = "14 of 31 days at ¥1,200 = ¥542" if fraction is Fraction.DAYS else "22 of 31 days at ¥1,200 = ¥852"
        assert texts == [days]


def test_the_next_period_may_be_a_part(dns: Catalog) -> None:
    """It renews on the 15th from now on: 1 to 15 August are 14 of the 31 days from 15 July."""
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS))
    old = replace(service(catalog, "start", "monthly", "2027-07-01", "2027-08-01", currency="JPY"), anchor_day=15)
    # 3000 x 14/31 = 1354.8; scheduled: 500 x 14/31 = 225.8
    assert changed(catalog, old, Target("business", "monthly"), "2027-07-18").renewal_total == 1355
    waits = changed(dns, old, Target("basic", "monthly"), "2027-07-18")
    assert (waits.timing, waits.renewal_total, waits.period.end) == ("at_renewal", 226, at("2027-08-15", TOKYO))


@pytest.mark.parametrize("axes", [{"anchor": "keep"}, {"anchor": "keep_end"}, {"other_cycle": "keep_end"}])
def test_a_second_change_after_a_kept_end_is_of_the_month_that_runs(dns: Catalog, axes: dict[str, Any]) -> None:
    """Monthly to annual with 1 December kept, 10.00 of 120.00 for November; on the 11th 20 of 30 days are left: 6.67
    back, and Business at 300.00 a year is 25.00 for November, 16.67 for its rest."""
    kept = with_rule(dns, Proration(fraction=Fraction.DAYS, anchor=Anchor.KEEP_END))
    old = service(kept, "basic", "monthly", "2026-11-01", "2026-12-01")
    first = changed(kept, old, Target("start", "annual"), "2026-11-01")
    assert lines(first) == [("credit", -500), ("charge", 1000)]
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS, **axes))
    second = changed(catalog, first.service_after, Target("business", "annual"), "2026-11-11")
    assert lines(second) == [("credit", -667), ("charge", 1667)]
    assert second.period == old.period
    assert second.renewal_total == 30000
    # two years of Start, and back to a month: 10.00 x 20/30 more, and 12.00 x 20/30
    more = changed(catalog, first.service_after, Target("start", "annual", 2), "2026-11-11")
    assert lines(more) == [("charge", 667)]
    back = changed(catalog, second.service_after, Target("start", "monthly"), "2026-11-21")
    # 10 of the 20 days that were billed: 16.67 x 10/20 = 8.335, 12.00 x 10/30
    assert lines(back) == [("credit", -834), ("charge", 400)]


@pytest.mark.parametrize(
    ("fraction", "place", "expected"),
    [
        ("seconds", "line", [-667, 1667]),
        ("nominal", "line", [-667, 1667]),
        ("fixed_30", "line", [-667, 1667]),
        # 10.00/30 = 0.33 and 25.00/30 = 0.83 a day
        ("days", "day_rate", [-660, 1660]),
        # the difference of the prices of November, 25.00 - 10.00
        ("whole", "line", [-1000, 2500]),
    ],
)
def test_a_second_change_after_a_kept_end_in_each_mode(
    dns: Catalog, fraction: Fraction, place: RoundingPlace, expected: list[int]
) -> None:
    kept = with_rule(dns, Proration(fraction=Fraction.DAYS, anchor=Anchor.KEEP_END))
    old = service(kept, "basic", "monthly", "2026-11-01", "2026-12-01")
    first = changed(kept, old, Target("start", "annual"), "2026-11-01")
    catalog = with_rule(dns, Proration(fraction=fraction, place=place))
    second = changed(catalog, first.service_after, Target("business", "annual"), "2026-11-11")
    assert [amount for _, amount in lines(second)] == expected


def test_a_second_change_after_a_year_was_kept_is_of_the_year(dns: Catalog) -> None:
    """Annual to monthly with 2027 kept: Start costs 12 x 12.00 for the year; on 2 July 183 of 365 days are left."""
    kept = with_rule(dns, Proration(fraction=Fraction.DAYS, anchor=Anchor.KEEP_END))
    old = service(kept, "basic", "annual", "2027-01-01", "2028-01-01")
    first = changed(kept, old, Target("start", "monthly"), "2027-01-01")
    assert lines(first)[1] == ("charge", 14400)
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS))
    second = changed(catalog, first.service_after, Target("business", "monthly"), "2027-07-02")
    # 144.00 x 183/365 = 72.197; 12 x 30.00 x 183/365 = 180.49
    assert lines(second) == [("credit", -7220), ("charge", 18049)]
    assert second.renewal_total == 3000


def quarterly(catalog: Catalog) -> Catalog:
    """Quarters at three times the month's price less a tenth: 13.50, 32.40, 81.00."""
    plans = tuple(
        plan.model_copy(
            update={"prices": dict(plan.prices) | {"quarterly": {"USD": plan.prices["monthly"]["USD"] * 27 // 10}}}
        )
        for plan in catalog.plans
    )
    cycles = dict(catalog.cycles) | {"quarterly": Cycle(months=3, label={"en": "quarterly"})}
    return catalog.model_copy(update={"plans": plans, "cycles": cycles})


def test_a_part_of_a_quarter(dns: Catalog) -> None:
    """1 February to 1 April of a quarter from 1 January, 59 of 90 days; on 2 March 30 are left."""
    catalog = with_rule(quarterly(dns), Proration(fraction=Fraction.DAYS))
    # 13.50 x 59/90 = 8.85
    old = service(catalog, "basic", "quarterly", "2027-02-01", "2027-04-01", billed=885)
    quarter = full_period(old.period, 3, old.anchor, TOKYO)
    assert quarter == Period(at("2027-01-01", TOKYO), at("2027-04-01", TOKYO))
    old = replace(old, items=tuple(replace(item, of_period=quarter) for item in old.items))
    priced = changed(catalog, old, Target("start", "quarterly"), "2027-03-02")
    # 8.85 x 30/59 = 4.50, 32.40 x 30/90 = 10.80
    assert lines(priced) == [("credit", -450), ("charge", 1080)]


def test_a_quarter_that_is_kept_by_a_year_and_by_a_month(dns: Catalog) -> None:
    """The quarter from 1 January has 90 days, of which 30 are left on 2 March."""
    base = quarterly(dns)
    kept = with_rule(base, Proration(fraction=Fraction.DAYS, anchor=Anchor.KEEP_END))
    catalog = with_rule(base, Proration(fraction=Fraction.DAYS))
    old = service(kept, "basic", "quarterly", "2027-01-01", "2027-04-01")
    # a quarter of 120.00 and three times 12.00; then of 300.00 and 30.00, a third of it each
    for cycle, charge, second in (("annual", 3000, [-1000, 2500]), ("monthly", 3600, [-1200, 3000])):
        first = changed(kept, old, Target("start", cycle), "2027-01-01")
        assert lines(first) == [("credit", -1350), ("charge", charge)]
        assert [item.unit_price for item in first.service_after.items if item.units_left] == [charge]
        later = changed(catalog, first.service_after, Target("business", cycle), "2027-03-02")
        assert [amount for _, amount in lines(later)] == second


@pytest.mark.parametrize(
    ("start", "end", "months", "anchor", "expected"),
    [
        ("2027-07-10", "2027-08-01", 1, 1, "2027-07-01"),
        ("2027-07-01", "2027-08-01", 1, 1, "2027-07-01"),
        # a month that was cut at its last day is a whole one; so is one that is longer than its cycle
        ("2027-01-31", "2027-02-28", 1, 31, "2027-01-31"),
        ("2027-02-10", "2027-02-28", 1, 31, "2027-01-31"),
        ("2027-02-10", "2027-02-28", 1, 28, "2027-01-28"),
        ("2027-06-10", "2027-08-01", 1, 1, "2027-06-10"),
        # the day of renewal was moved to the 15th meanwhile: the month that runs ends on the 1st
        ("2027-07-10", "2027-08-01", 1, 15, "2027-07-01"),
        # the leap day
        ("2028-02-29", "2029-02-28", 12, 29, "2028-02-29"),
        ("2028-06-01", "2029-02-28", 12, 29, "2028-02-29"),
        ("2027-03-15", "2028-02-29", 12, 29, "2027-02-28"),
        ("2027-02-01", "2027-04-01", 3, 1, "2027-01-01"),
    ],
)
def test_the_full_period_of_a_part(start: str, end: str, months: int, anchor: int, expected: str) -> None:
    period = Period(at(start, TOKYO), at(end, TOKYO))
    whole = full_period(period, months, AnchorPoint(anchor), TOKYO)
    assert whole == Period(at(expected, TOKYO), period.end)


def test_the_day_of_the_change_may_be_the_old_plans_within_a_part(dns: Catalog) -> None:
    """By the provider's policy; the whole difference has no such day, and its line is about all of the part."""
    catalog = with_rule(dns, Proration(fraction=Fraction.WHOLE), change_day=ChangeDay.OLD)
    target, nothing = Target("start", "monthly"), Money(0, "JPY")
    quote = price_change(catalog, part_of_july(catalog), AMERICAN, target, at("2027-07-18", TOKYO), nothing)
    (charge,) = [line for line in quote.lines if line.kind == "charge"]
    assert "July 10" in charge.description


@pytest.mark.parametrize(
    ("axes", "first", "charge", "then", "expected"),
    [
        # the old plan pays for the 1st: 30 of 31 days are 1161.3, and on the same day all of that is still to come
        ({"fraction": "days", "change_day": "old"}, "2027-07-01", 1161, "2027-07-01", [-1161, 2903]),
        # ten days later 20 of those 30
        ({"fraction": "days", "change_day": "old"}, "2027-07-01", 1161, "2027-07-11", [-774, 1935]),
        # 28 of 30 days of February: 1120, of which 14 of 28 are left on the 15th
        ({"fraction": "nominal"}, "2027-02-01", 1120, "2027-02-01", [-1120, 2800]),
        ({"fraction": "nominal"}, "2027-02-01", 1120, "2027-02-15", [-560, 1400]),
    ],
)
def test_what_was_charged_on_the_first_day_comes_back_by_what_it_was_charged_for(
    dns: Catalog, axes: dict[str, Any], first: str, charge: int, then: str, expected: list[int]
) -> None:
    catalog = with_rule(dns, Proration(**axes))
    end = "2027-08-01" if first == "2027-07-01" else "2027-03-01"
    old = service(catalog, "basic", "monthly", first, end, currency="JPY")
    changed_once = changed(catalog, old, Target("start", "monthly"), first)
    assert lines(changed_once)[1] == ("charge", charge)
    again = changed(catalog, changed_once.service_after, Target("business", "monthly"), then)
    assert [amount for _, amount in lines(again)] == expected


def test_a_month_that_covers_the_rest_of_a_quarter_is_a_period_of_its_own(dns: Catalog) -> None:
    """What runs is 31 January to 28 February, 28 of the 91 days of a quarter from 29 November. A month that renews on
    the 31st has the same dates, and is charged whole: 12.00."""
    catalog = with_rule(quarterly(dns), Proration(fraction=Fraction.DAYS))
    old = service(catalog, "basic", "quarterly", "2027-01-31", "2027-02-28", billed=415, anchor_day=31)
    quarter = Period(at("2026-11-29", TOKYO), at("2027-02-28", TOKYO))
    old = replace(old, items=tuple(replace(item, of_period=quarter) for item in old.items))
    priced = changed(catalog, old, Target("start", "monthly"), "2027-01-31")
    assert lines(priced) == [("credit", -415), ("charge", 1200)]
    (item,) = [item for item in priced.service_after.items if item.units_left]
    assert item.of_period == item.covers == old.period
