"""Billing periods: half-open, in UTC, with days and months counted in the provider's time zone."""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple, Self
from zoneinfo import ZoneInfo


class BadPeriod(ValueError):
    """A period needs a start before its end, both with a time zone; send RFC 3339 instants."""


@dataclass(frozen=True, slots=True)
class Period:
    """[start, end): the end is the first instant that no longer belongs. Aware datetimes, kept in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise BadPeriod("a period's start and end need a time zone; send RFC 3339 instants in UTC")
        if self.start >= self.end:
            raise BadPeriod(
                f"a period ends after it starts; {self.start.isoformat()} is not before {self.end.isoformat()}"
            )
        if self.start.tzinfo is not UTC:
            object.__setattr__(self, "start", self.start.astimezone(UTC))
        if self.end.tzinfo is not UTC:
            object.__setattr__(self, "end", self.end.astimezone(UTC))

    def holds(self, moment: datetime) -> bool:
        """Whether the instant lies inside."""
        return self.start <= moment < self.end

    def later(self, days: int, tz: str) -> Self:
        """The same period so many local days later (earlier, where negative)."""
        return type(self)(moved(self.start, days, tz), moved(self.end, days, tz)) if days else self

    def as_json(self) -> dict[str, str]:
        """{"start", "end"} as RFC 3339."""
        return {"start": instant_text(self.start), "end": instant_text(self.end)}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """The reverse of as_json. Raises BadPeriod, ValueError."""
        return cls(parse_instant(document["start"]), parse_instant(document["end"]))


def instant_text(moment: datetime) -> str:
    """RFC 3339 in UTC with a Z, as the API prints it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_instant(text: str) -> datetime:
    """An RFC 3339 instant as an aware datetime in UTC. Raises ValueError where the offset is missing."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write an RFC 3339 instant such as 2026-01-31T00:00:00Z")
    return moment.astimezone(UTC)


class AnchorPoint(NamedTuple):
    """When a service renews, in the provider's zone: a day of the month (1-31, or the month's last) and a time of day.

    Kept apart from the period's end, so that neither a short month nor an hour that the clocks skip moves it for ever.
    """

    day: int
    at: time = time()

    @classmethod
    def of(cls, moment: datetime, tz: str) -> Self:
        """The local day and time of an instant."""
        local = moment.astimezone(ZoneInfo(tz))
        return cls(local.day, local.time())


def advance(end: datetime, months: int, anchor: AnchorPoint, tz: str) -> datetime:
    """The boundary `months` after the month of `end` (or before, when negative), in UTC.

    It lies at the anchor's time on its day or the month's last: 31 January, 28 February, 31 March. A time that the
    clocks skip moves forward by the skipped hour.
    """
    local = end.astimezone(ZoneInfo(tz))
    year, month_index = divmod(local.year * 12 + local.month - 1 + months, 12)
    day, at = min(anchor.day, monthrange(year, month_index + 1)[1]), anchor.at
    moved = datetime(year, month_index + 1, day, at.hour, at.minute, at.second, at.microsecond, local.tzinfo)
    return moved.astimezone(UTC)


def next_period(end: datetime, months: int, anchor: AnchorPoint, tz: str) -> tuple[Period, Period]:
    """The time to bill from `end` on, and the full period of `months` that it is a part of.

    They are the same where `end` lies on the anchor's day; else the time up to the next one is a part, never more than
    a full period.
    """
    local = end.astimezone(ZoneInfo(tz))
    on = min(anchor.day, monthrange(local.year, local.month)[1])
    if local.day == on:
        period = Period(end, advance(end, months, anchor, tz))
        return period, period
    until = advance(end, 0 if local.day < on else 1, anchor, tz)
    return Period(end, until), Period(advance(until, -months, anchor, tz), until)


def full_period(period: Period, months: int, anchor: AnchorPoint, tz: str) -> Period:
    """The full period of `months` that a running period is the end of; itself where it is no shorter.

    The anchor may have been moved since the period was billed: then it is the day on which the period ends.
    """
    if advance(period.end, 0, anchor, tz) != period.end:
        anchor = anchor_of(period, tz)
    start = advance(period.end, -months, anchor, tz)
    return Period(min(start, period.start), period.end)


def anchor_of(period: Period, tz: str) -> AnchorPoint:
    """When a service with this period renews: on the day that it ends.

    A period that ends on a month's last day may have been cut there: 31 January to 28 February renews on the 31st.
    Its time is the start's where that gives the same end: the clocks may have skipped it there.
    """
    start, end = AnchorPoint.of(period.start, tz), AnchorPoint.of(period.end, tz)
    local = period.end.astimezone(ZoneInfo(tz))
    is_last = end.day == monthrange(local.year, local.month)[1]
    same = advance(period.end, 0, AnchorPoint(end.day, start.at), tz) == period.end
    return AnchorPoint(max(start.day, end.day) if is_last else end.day, start.at if same else end.at)


def months_of(period: Period, tz: str) -> int:
    """How many months the period is nearest to, at least one: a kept renewal date need not fit the cycle."""
    zone = ZoneInfo(tz)
    start, end = period.start.astimezone(zone), period.end.astimezone(zone)
    days = 30 * ((end.year - start.year) * 12 + end.month - start.month) + end.day - start.day
    return max(1, (days + 15) // 30)


class ImplausiblePeriod(ValueError):
    """What is reported as a running period cannot be one."""


# An outage of a few days is caught up; a service that nobody renewed for longer was not in service.
MISSED_PERIODS_MAX = 3
# Beyond it a date is a mistake, and calendars end somewhere.
FARTHEST_YEARS = 50


def check_running(period: Period, months: int, tz: str, now: datetime) -> None:
    """Holds what is reported as a service's running period, billed every so many months, against the moment.

    Raises ImplausiblePeriod where it ended more than MISSED_PERIODS_MAX periods ago, is longer than two periods, or is
    not of this time.
    """
    text = f"{instant_text(period.start)} to {instant_text(period.end)}"
    if abs(period.end.year - now.year) > FARTHEST_YEARS:
        raise ImplausiblePeriod(f"The period {text} is not of this time. Report the period that runs now.")
    if advance(period.end, MISSED_PERIODS_MAX * months, anchor_of(period, tz), tz) <= now:
        raise ImplausiblePeriod(
            f"The period {text} ended more than {MISSED_PERIODS_MAX} billing periods ago. Report the period that runs"
            f" now, {instant_text(now)}, or the service as not active."
        )
    if period.end > advance(period.start, 2 * months, AnchorPoint.of(period.start, tz), tz):
        raise ImplausiblePeriod(
            f"The period {text} is longer than two billing periods of {months} months. Report the cycle that it is of."
        )


def check_resumed(period: Period, months: int, anchor: AnchorPoint, tz: str, now: datetime) -> None:
    """Holds the period that is reported of a service that is back against the moment and its billing cycle.

    Raises ImplausiblePeriod unless it holds the moment, and is of so many months or the time up to the anchor.
    """
    text = f"{instant_text(period.start)} to {instant_text(period.end)}"
    if not period.holds(now):
        raise ImplausiblePeriod(
            f"The period {text} does not hold this moment, {instant_text(now)}. Report the one that runs."
        )
    until = next_period(period.start, months, anchor, tz)[0].end
    if period.end != until:
        raise ImplausiblePeriod(
            f"The period {text} is none of {months} months that renews on day {anchor.day}; it would end at"
            f" {instant_text(until)}. Report that one, or the anchor_day."
        )


def moved(moment: datetime, days: int, tz: str) -> datetime:
    """The instant so many local days later, at the same time of day."""
    return (moment.astimezone(ZoneInfo(tz)) + timedelta(days=days)).astimezone(UTC)  # the sum is one of local times


class Outage(NamedTuple):
    """Time out of service, up to where a period may begin again, and when the service renews from then on."""

    start: datetime
    end: datetime
    anchor: AnchorPoint


def in_service_from(
    moment: datetime, outages: Iterable[Outage], tz: str
) -> tuple[datetime, AnchorPoint | None, datetime | None]:
    """When a period that would begin at `moment` begins in service: then, or where the outage ends that it falls into.

    With the anchor of that outage, and with the start of the next outage, at which the period is over. Counted in local
    days: the day on which a service goes out is out, the day on which it is back is in service.
    """
    anchor = None
    for outage in sorted(outages):
        if local_days(moment, outage.end, tz) <= 0:
            continue
        if local_days(moment, outage.start, tz) > 0:
            return moment, anchor, outage.start
        moment, anchor = outage.end, outage.anchor
    return moment, anchor, None


def end_of_day(moment: datetime, tz: str) -> datetime:
    """The instant at which the next local day begins, in UTC."""
    local = moment.astimezone(ZoneInfo(tz))
    tomorrow = local.date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), local.tzinfo).astimezone(UTC)


def local_days(start: datetime, end: datetime, tz: str) -> int:
    """Calendar days from start's local date to end's; a day of 23 or 25 hours is one day."""
    zone = ZoneInfo(tz)
    return end.astimezone(zone).toordinal() - start.astimezone(zone).toordinal()


def period_holding(
    boundary: datetime, months: int, anchor: AnchorPoint, tz: str, moment: datetime, step: int | None = None
) -> Period:
    """The period of `months` that holds `moment`, its boundaries counted from `boundary` by `step` months.

    Without a step it counts by whole periods; with a step of 1 the latest monthly boundary not after the moment starts
    the period.
    """
    step = step or months
    zone = ZoneInfo(tz)
    here, there = boundary.astimezone(zone), moment.astimezone(zone)
    count = ((there.year - here.year) * 12 + there.month - here.month) // step
    if advance(boundary, count * step, anchor, tz) > moment:  # later in the moment's own month
        count -= 1
    start = advance(boundary, count * step, anchor, tz)
    return Period(start, advance(boundary, count * step + months, anchor, tz))
