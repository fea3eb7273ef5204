"""Shares of a period, and what they make of a price."""

import pytest

from domain.money import Rounding
from domain.periods import Period
from domain.pricing.modes import ChangeDay, Fraction
from domain.pricing.proration import (
    ALL_OF_IT,
    NONE_OF_IT,
    Share,
    add,
    by_day_rate,
    exact_part,
    share_left,
    share_of_part,
    thirty_day_months,
)
from tests.domain.making import at

TOKYO = "Asia/Tokyo"


@pytest.mark.parametrize(
    ("fraction", "start", "end", "moment", "part", "whole"),
    [
        ("days", "2026-01-01", "2026-02-01", "2026-01-01", 31, 31),
        ("days", "2026-01-01", "2026-02-01", "2026-01-31T23:59:59", 1, 31),
        # the day before the period's first local day counts no more than the period; after its end nothing is left
        ("days", "2026-01-01", "2026-02-01", "2025-12-31", 31, 31),
        ("days", "2026-01-01", "2026-02-01", "2026-02-03", 0, 31),
        # a period inside one day is one day long, and none of it is left by the calendar
        ("days", "2026-01-01T08:00", "2026-01-01T20:00", "2026-01-01T09:00", 0, 1),
        ("seconds", "2026-01-01", "2026-01-02", "2026-01-01T12:00", 43_200, 86_400),
        ("seconds", "2026-01-01", "2026-02-01", "2026-01-02T00:00:01", 30 * 86_400 - 1, 31 * 86_400),
        ("seconds", "2026-01-01", "2026-01-01T00:00:00.500000", "2026-01-01", 0, 1),
        # 30-day months: 16 January to 1 April is 75 of 90 days
        ("fixed_30", "2026-01-01", "2026-04-01", "2026-01-16", 75, 90),
        ("fixed_30", "2026-01-01", "2027-01-01", "2026-12-16", 15, 360),
        ("fixed_30", "2026-02-15", "2026-03-15", "2026-02-20", 25, 30),
        # all of a month is left on its first day, also from 31 January to 28 February
        ("fixed_30", "2026-01-31", "2026-02-28", "2026-01-31", 30, 30),
        ("fixed_30", "2026-01-31", "2026-02-28", "2026-02-01", 27, 30),
        # nominal: the calendar's days, of 30 for a month, 365 for a year; never more than all
        ("nominal", "2026-01-01", "2026-02-01", "2026-01-01", 30, 30),
        ("nominal", "2026-01-01", "2026-02-01", "2026-01-22", 10, 30),
        ("nominal", "2026-01-01", "2026-04-01", "2026-01-22", 69, 90),
        ("nominal", "2028-01-01", "2029-01-01", "2028-01-01", 365, 365),
        ("nominal", "2026-01-01", "2028-01-01", "2027-12-22", 10, 730),
        ("nominal", "2026-01-01", "2027-02-01", "2027-01-22", 10, 390),
        ("fixed_30", "2026-01-01", "2028-01-01", "2027-12-22", 9, 720),
    ],
)
def test_what_is_left(fraction: Fraction, start: str, end: str, moment: str, part: int, whole: int) -> None:
    period = Period(at(start, TOKYO), at(end, TOKYO))
    left = share_left(Fraction(fraction), period, at(moment, TOKYO), TOKYO, ChangeDay.NEW)
    assert left == Share(part, whole, "second" if fraction == "seconds" else "day")


def test_the_old_plan_may_pay_for_the_day_of_the_change() -> None:
    period = Period(at("2026-01-01", TOKYO), at("2026-02-01", TOKYO))
    moment = at("2026-01-21", TOKYO)
    for fraction, part in ((Fraction.DAYS, 10), (Fraction.FIXED_30, 9), (Fraction.NOMINAL, 10)):
        assert share_left(fraction, period, moment, TOKYO, ChangeDay.OLD).part == part
        assert share_left(fraction, period, moment, TOKYO, ChangeDay.NEW).part == part + 1
    for fraction, part in ((Fraction.DAYS, 30), (Fraction.FIXED_30, 29), (Fraction.NOMINAL, 30)):
        assert share_left(fraction, period, period.start, TOKYO, ChangeDay.OLD).part == part


def test_a_part_of_a_period_is_its_days() -> None:
    july = Period(at("2027-07-01", TOKYO), at("2027-08-01", TOKYO))
    for start, end, share in (
        ("2027-07-10", "2027-07-20", Share(10, 31, "day")),
        ("2027-07-10", "2027-08-01", Share(22, 31, "day")),
        ("2027-07-01", "2027-08-01", ALL_OF_IT),
    ):
        assert share_of_part(Period(at(start, TOKYO), at(end, TOKYO)), july, TOKYO) == share


def test_a_period_that_was_moved_is_counted_where_it_lay() -> None:
    """On 3 March, 20 days later than 11 February: 20 of 30 days are left up to the 1st of March, not 18 to the 21st."""
    february = Period(at("2027-02-01", TOKYO), at("2027-03-01", TOKYO))
    moved, moment = february.later(20, TOKYO), at("2027-03-03", TOKYO)
    assert share_left(Fraction.FIXED_30, moved, moment, TOKYO, ChangeDay.NEW, 20) == Share(20, 30, "day")
    assert share_left(Fraction.FIXED_30, moved, moment, TOKYO, ChangeDay.NEW) == Share(18, 30, "day")


def test_all_and_nothing() -> None:
    period = Period(at("2026-01-01"), at("2026-02-01"))
    assert share_left(Fraction.WHOLE, period, at("2026-01-31"), "UTC", ChangeDay.NEW) == ALL_OF_IT
    assert share_left(Fraction.ZERO, period, at("2026-01-01"), "UTC", ChangeDay.NEW) == NONE_OF_IT
    assert (Share(1, 1, "period"), Share(0, 1, "period")) == (ALL_OF_IT, NONE_OF_IT)
    assert Share(**Share(15, 31, "day").as_json()) == Share(15, 31, "day")


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        ("2026-05-15", "2026-05-23", 8),
        ("2026-06-23", "2026-07-15", 22),
        ("2026-01-20", "2026-02-15", 25),
        ("2025-12-20", "2026-01-05", 15),
        ("2025-12-20", "2028-02-05", 2 * 360 + 45),
        ("2026-01-01", "2026-02-01", 30),
    ],
)
def test_months_of_thirty_days(start: str, end: str, days: int) -> None:
    assert thirty_day_months(at(start, TOKYO), at(end, TOKYO), TOKYO) == days


def test_months_of_another_fixed_length() -> None:
    assert thirty_day_months(at("2026-06-23"), at("2026-07-15"), "UTC", 31) == 23


@pytest.mark.parametrize(
    ("full", "share", "decimals", "expected"),
    [
        ((15000, 1), Share(15, 31, "day"), None, (225_000, 31)),
        ((15000, 8), Share(15, 31, "day"), None, (225_000, 248)),
        # 15/31 = 0.48387..: to two decimals 0.48, to one 0.5
        ((15000, 1), Share(15, 31, "day"), 2, (720_000, 100)),
        ((15000, 2), Share(15, 31, "day"), 1, (75_000, 20)),
    ],
)
def test_exact_parts(full: tuple[int, int], share: Share, decimals: int | None, expected: tuple[int, int]) -> None:
    assert exact_part(full, share, decimals) == expected


def test_a_rounded_day_rate() -> None:
    # 100.00 / 31 = 3.2258 -> 3.23 a day, or 3.22
    assert by_day_rate((10000, 1), Share(10, 31, "day"), Rounding.HALF_UP) == (3230, 1)
    assert by_day_rate((10000, 1), Share(10, 31, "day"), Rounding.DOWN) == (3220, 1)
    assert by_day_rate((10000, 3), Share(10, 31, "day"), Rounding.HALF_UP) == (1080, 1)
    assert by_day_rate((10000, 3), Share(31, 31, "day"), Rounding.HALF_UP) == (10000, 3)


def test_ratios_add_exactly() -> None:
    assert add((1, 2), (1, 3)) == (5, 6)
    assert add((1, 4), (2, 4)) == (3, 4)
    assert add((-1, 2), (1, 3)) == (-1, 6)
