"""Billing periods: half-open, in UTC, with days and months counted in the provider's time zone."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self
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


def advance(end: datetime, months: int, anchor_day: int, tz: str) -> datetime:
    """The boundary `months` after `end` (or before, when negative), in UTC.

    The local time of day is kept and the day is the anchor day or the month's last: 31 January, 28 February,
    31 March. A time that the clocks skip moves forward by the skipped hour.
    """
    zone = ZoneInfo(tz)
    local = end.astimezone(zone)
    year, month_index = divmod(local.year * 12 + local.month - 1 + months, 12)
    day = min(anchor_day, monthrange(year, month_index + 1)[1])
    moved = local.replace(year=year, month=month_index + 1, day=day, fold=0)
    return moved.astimezone(UTC)


def anchor_day_of(period: Period, tz: str) -> int:
    """The day of the month on which this service renews: 31 for 31 January to 28 February."""
    zone = ZoneInfo(tz)
    return max(period.start.astimezone(zone).day, period.end.astimezone(zone).day)


def months_of(period: Period, tz: str) -> int:
    """Calendar months from the period's start to its end, at least one: a kept renewal date need not fit the cycle."""
    zone = ZoneInfo(tz)
    start, end = period.start.astimezone(zone), period.end.astimezone(zone)
    return max(1, (end.year - start.year) * 12 + end.month - start.month)


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
    if advance(period.end, MISSED_PERIODS_MAX * months, anchor_day_of(period, tz), tz) <= now:
        raise ImplausiblePeriod(
            f"The period {text} ended more than {MISSED_PERIODS_MAX} billing periods ago. Report the period that runs"
            f" now, {instant_text(now)}, or the service as not active."
        )
    if period.end > advance(period.start, 2 * months, period.start.astimezone(ZoneInfo(tz)).day, tz):
        raise ImplausiblePeriod(
            f"The period {text} is longer than two billing periods of {months} months. Report the cycle that it is of."
        )


def local_days(start: datetime, end: datetime, tz: str) -> int:
    """Calendar days from start's local date to end's; a day of 23 or 25 hours is one day."""
    zone = ZoneInfo(tz)
    return end.astimezone(zone).toordinal() - start.astimezone(zone).toordinal()


def period_holding(
    boundary: datetime, months: int, anchor_day: int, tz: str, moment: datetime, step: int | None = None
) -> Period:
    """The period of `months` that holds `moment`, its boundaries counted from `boundary` by `step` months.

    Without a step it counts by whole periods; with a step of 1 the latest monthly boundary not after the moment starts
    the period.
    """
    step = step or months
    zone = ZoneInfo(tz)
    here, there = boundary.astimezone(zone), moment.astimezone(zone)
    count = ((there.year - here.year) * 12 + there.month - here.month) // step
    if advance(boundary, count * step, anchor_day, tz) > moment:  # later in the moment's own month
        count -= 1
    start = advance(boundary, count * step, anchor_day, tz)
    return Period(start, advance(boundary, count * step + months, anchor_day, tz))
