"""How much of a price is left: exact shares of a period, and the amounts they make. Integers only."""

from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from domain.money import Rounding, divide_rounded
from domain.periods import AnchorPoint, Period, advance, local_days, months_of, moved, period_holding
from domain.pricing.modes import Anchor, ChangeDay, Fraction, Proration

Ratio = tuple[int, int]


class Share(NamedTuple):
    """`part` of `whole` units, where a unit is a day, a second, or the period itself."""

    part: int
    whole: int
    unit: str

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; Share(**document) gives an equal value."""
        return {"part": self.part, "whole": self.whole, "unit": self.unit}


ALL_OF_IT = Share(1, 1, "period")
NONE_OF_IT = Share(0, 1, "period")


def share_left(
    fraction: Fraction, period: Period, moment: datetime, tz: str, change_day: ChangeDay, moved_days: int = 0
) -> Share:
    """What is left of the period at this moment, as the remaining plan is charged or credited for it.

    All of a period is left on its first day, also where its months have other than 30 days. A period that lies so many
    days later than it was billed is counted where it lay: it has the months that it had.
    """
    if fraction is Fraction.WHOLE:
        return ALL_OF_IT
    if fraction is Fraction.ZERO:
        return NONE_OF_IT
    if moved_days:
        period, moment = period.later(-moved_days, tz), moved(moment, -moved_days, tz)
    if fraction is Fraction.SECONDS:
        whole = max(1, _seconds(period.start, period.end))
        return Share(_clamped(_seconds(moment, period.end), whole), whole, "second")
    skipped = change_day is ChangeDay.OLD
    if fraction is Fraction.DAYS:
        whole = max(1, local_days(period.start, period.end, tz))
        return Share(_clamped(local_days(moment, period.end, tz) - skipped, whole), whole, "day")
    months = months_of(period, tz)
    whole = _nominal_days(fraction, months)
    if fraction is Fraction.FIXED_30 and local_days(period.start, moment, tz) <= 0:
        return Share(whole - skipped, whole, "day")
    counted = thirty_day_months if fraction is Fraction.FIXED_30 else local_days
    return Share(_clamped(counted(moment, period.end, tz) - skipped, whole), whole, "day")


def share_of_part(part: Period, whole: Period, tz: str) -> Share:
    """What a part of a full period is billed of its price: its days."""
    if part == whole:
        return ALL_OF_IT
    left, after = (share_left(Fraction.DAYS, whole, at, tz, ChangeDay.NEW) for at in (part.start, part.end))
    return left._replace(part=left.part - after.part)


def _nominal_days(fraction: Fraction, months: int) -> int:
    if fraction is Fraction.NOMINAL and months % 12 == 0:
        return 365 * (months // 12)
    return 30 * months


def _seconds(start: datetime, end: datetime) -> int:
    between = end - start
    return between.days * 86_400 + between.seconds


def _clamped(part: int, whole: int) -> int:
    return min(max(part, 0), whole)


def exact_part(full: Ratio, share: Share, ratio_decimals: int | None = None) -> Ratio:
    """full x share, unrounded; some billers round the share itself to so many decimals first."""
    numerator, denominator = full
    if ratio_decimals is None:
        return numerator * share.part, denominator * share.whole
    scale = 10**ratio_decimals
    ratio = divide_rounded(share.part * scale, share.whole, Rounding.HALF_UP)
    return numerator * ratio, denominator * scale


def by_day_rate(full: Ratio, share: Share, rounding: Rounding) -> Ratio:
    """The price of a day in whole minor units, times the days; all days together cost the price itself."""
    if share.part == share.whole:
        return full
    return divide_rounded(full[0], full[1] * share.whole, rounding) * share.part, 1


def add(left: Ratio, right: Ratio) -> Ratio:
    """Exact sum of two ratios."""
    if left[1] == right[1]:
        return left[0] + right[0], left[1]
    return left[0] * right[1] + right[0] * left[1], left[1] * right[1]


def period_after(
    proration: Proration, running: Period, anchor: AnchorPoint, months: tuple[int, int], tz: str, now: datetime
) -> tuple[Period, AnchorPoint]:
    """The period after a change at `now` from a cycle of months[0] to one of months[1], and its anchor."""
    old, new = months
    if proration.anchor is Anchor.RESET:
        renews = AnchorPoint.of(now, tz)
        return Period(now, advance(now, new, renews, tz)), renews
    if proration.realign_day is not None:  # given with Anchor.REALIGN, and only with it
        renews = AnchorPoint(proration.realign_day, anchor.at)
        return period_holding(running.start, new, renews, tz, now, 1), renews
    if old == new or proration.anchor is Anchor.KEEP_END or proration.fraction is Fraction.ZERO:
        return running, anchor
    return period_holding(running.start, new, anchor, tz, now), anchor


def thirty_day_months(start: datetime, end: datetime, tz: str, fixed_days: int = 30) -> int:
    """Days between two local dates where every month that begins in between counts `fixed_days`.

    Within one month they are calendar days, as Kill Bill's fixed-day proration counts them.
    """
    zone = ZoneInfo(tz)
    here, there = start.astimezone(zone), end.astimezone(zone)
    months = (there.year - here.year) * 12 + there.month - here.month
    return months * fixed_days + there.day - here.day
