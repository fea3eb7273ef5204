"""Periods, anchors, leap years and clocks that change."""

from datetime import UTC, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.periods import (
    AnchorPoint,
    BadPeriod,
    ImplausiblePeriod,
    Outage,
    Period,
    advance,
    anchor_of,
    check_resumed,
    check_running,
    in_service_from,
    instant_text,
    local_days,
    months_of,
    next_period,
    parse_instant,
    period_holding,
)
from tests.domain.making import at

TOKYO, NEW_YORK, LORD_HOWE = "Asia/Tokyo", "America/New_York", "Australia/Lord_Howe"


@pytest.mark.parametrize(
    ("end", "months", "anchor_day", "tz", "expected"),
    [
        # 31 January, 28 February, 31 March: counted from the anchor, never from the last end
        ("2025-01-31", 1, 31, "UTC", "2025-02-28"),
        ("2025-02-28", 1, 31, "UTC", "2025-03-31"),
        ("2024-01-31", 1, 31, "UTC", "2024-02-29"),
        ("2025-03-31", 1, 31, "UTC", "2025-04-30"),
        ("2024-02-29", 12, 29, "UTC", "2025-02-28"),
        ("2025-02-28", 12, 29, "UTC", "2026-02-28"),
        ("2027-02-28", 12, 29, "UTC", "2028-02-29"),
        ("2025-12-15", 1, 15, TOKYO, "2026-01-15"),
        ("2025-11-30", 3, 30, "UTC", "2026-02-28"),
        ("2026-01-15", -1, 15, "UTC", "2025-12-15"),
        ("2025-03-30", 0, 10, "UTC", "2025-03-10"),
        # midnight in New York stays midnight across the change of clocks in March and November
        ("2025-02-20", 1, 20, NEW_YORK, "2025-03-20"),
        ("2025-10-20", 1, 20, NEW_YORK, "2025-11-20"),
    ],
)
def test_next_boundary(end: str, months: int, anchor_day: int, tz: str, expected: str) -> None:
    assert advance(at(end, tz), months, AnchorPoint.of(at(end, tz), tz)._replace(day=anchor_day), tz) == at(
        expected, tz
    )


def test_a_skipped_hour_moves_forward() -> None:
    # 02:30 does not exist in New York on 9 March 2025: the boundary falls at 03:30 summer time
    assert advance(at("2025-02-09T02:30", NEW_YORK), 1, AnchorPoint(9, time(2, 30)), NEW_YORK) == at(
        "2025-03-09T03:30", NEW_YORK
    )


def test_a_repeated_hour_is_the_first_of_the_two() -> None:
    # 01:30 happens twice on 2 November 2025: 05:30 UTC is the first
    assert advance(at("2025-10-02T01:30", NEW_YORK), 1, AnchorPoint(2, time(1, 30)), NEW_YORK) == datetime(
        2025, 11, 2, 5, 30, tzinfo=UTC
    )
    second = datetime(2025, 11, 2, 6, 30, tzinfo=UTC)
    assert advance(second, 1, AnchorPoint(2, time(1, 30)), NEW_YORK) == at("2025-12-02T01:30", NEW_YORK)
    # also where the hour it comes from was the second one
    assert advance(second, 12, AnchorPoint(1, time(1, 30)), NEW_YORK) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert advance(second, 12, AnchorPoint(1, time(1, 30)), NEW_YORK).tzinfo is UTC


@pytest.mark.parametrize(
    ("start", "end", "day"),
    [
        ("2025-01-31", "2025-02-28", 31),
        ("2025-02-28", "2025-03-31", 31),
        ("2025-01-15", "2025-02-15", 15),
        # a stub that the host system began: it renews on the day that it ends
        ("2027-07-10", "2027-08-01", 1),
        ("2027-07-10", "2027-07-25", 25),
        # a quarter, a half year, a year: cut at the end of a shorter month where the start is a later day
        ("2027-06-30", "2027-09-30", 30),
        ("2027-05-31", "2027-08-31", 31),
        ("2027-11-30", "2028-02-29", 30),
        ("2027-08-31", "2028-02-29", 31),
        ("2028-02-29", "2029-02-28", 29),
        ("2027-02-28", "2028-02-28", 28),
        ("2028-02-29", "2028-05-29", 29),
    ],
)
def test_anchor_day(start: str, end: str, day: int) -> None:
    assert anchor_of(Period(at(start, TOKYO), at(end, TOKYO)), TOKYO) == AnchorPoint(day)


@pytest.mark.parametrize(
    ("start", "end", "tz", "days"),
    [
        ("2025-03-08", "2025-03-10", NEW_YORK, 2),  # a day of 23 hours is a day
        ("2025-11-01", "2025-11-03", NEW_YORK, 2),  # and one of 25 hours
        ("2025-04-05", "2025-04-07", LORD_HOWE, 2),  # half an hour's change
        ("2024-02-01", "2024-03-01", "UTC", 29),
        ("2024-05-01T08:00", "2024-05-01T17:00", "UTC", 0),
        ("2024-07-15T23:59", "2024-07-16T00:01", TOKYO, 1),
        ("2024-12-30", "2025-01-02", "Europe/Paris", 3),
    ],
)
def test_calendar_days(start: str, end: str, tz: str, days: int) -> None:
    assert local_days(at(start, tz), at(end, tz), tz) == days
    assert local_days(at(end, tz), at(start, tz), tz) == -days


def test_the_day_is_the_providers() -> None:
    # 15 October 01:00 UTC is still the 14th in Los Angeles and already the 15th in Tokyo
    moment, end = at("2022-10-15T01:00"), at("2022-11-01")
    assert local_days(moment, end, "America/Los_Angeles") == 17  # 14 to 31 October
    assert local_days(moment, end, TOKYO) == 17  # 15 October to 1 November
    assert local_days(moment, end, "UTC") == 17


def test_a_period_is_half_open_and_in_utc() -> None:
    tokyo = timezone(timedelta(hours=9))
    period = Period(datetime(2025, 1, 1, tzinfo=tokyo), datetime(2025, 2, 1, tzinfo=tokyo))
    assert period.start == datetime(2024, 12, 31, 15, tzinfo=UTC)
    assert (period.start.tzinfo, period.end.tzinfo) == (UTC, UTC)
    assert period.holds(period.start)
    assert not period.holds(period.end)
    assert not period.holds(period.start - timedelta(microseconds=1))
    assert Period.from_json(period.as_json()) == period
    assert period.as_json() == {"start": "2024-12-31T15:00:00Z", "end": "2025-01-31T15:00:00Z"}


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (
            datetime(2025, 1, 1),  # noqa: DTZ001 what is refused
            datetime(2025, 2, 1, tzinfo=UTC),
            "^a period's start and end need a time zone; send RFC 3339 instants in UTC$",
        ),
        (datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 2, 1), "need a time zone"),  # noqa: DTZ001
        (datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC), "ends after it starts"),
        (datetime(2025, 1, 2, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC), "2025-01-02T00:00:00"),
    ],
)
def test_what_is_not_a_period(start: datetime, end: datetime, message: str) -> None:
    with pytest.raises(BadPeriod, match=message):
        Period(start, end)


def test_instants_are_rfc_3339() -> None:
    assert parse_instant("2025-01-31T09:00:00+09:00") == datetime(2025, 1, 31, tzinfo=UTC)
    assert parse_instant("2025-01-31T09:00:00+09:00").tzinfo is UTC
    assert instant_text(at("2025-01-31", TOKYO)) == "2025-01-30T15:00:00Z"
    with pytest.raises(ValueError, match="has no time zone"):
        parse_instant("2025-01-31T00:00:00")


@pytest.mark.parametrize(
    ("boundary", "months", "day", "moment", "step", "start", "end"),
    [
        # the year that holds 12 May, counted by years from 1 May 2012
        ("2012-05-01", 12, 1, "2012-05-12", 0, "2012-05-01", "2013-05-01"),
        ("2012-05-01", 12, 1, "2014-04-30", 0, "2013-05-01", "2014-05-01"),
        ("2012-05-01", 12, 1, "2011-06-01", 0, "2011-05-01", "2012-05-01"),
        # a year that starts on the latest monthly boundary: 1 March for 15 March
        ("2015-01-01", 12, 1, "2015-03-15", 1, "2015-03-01", "2016-03-01"),
        ("2016-05-10", 1, 10, "2016-05-05", 1, "2016-04-10", "2016-05-10"),
        # the boundary itself, and the instant before it
        ("2016-05-10", 1, 10, "2016-06-10", 0, "2016-06-10", "2016-07-10"),
        ("2016-05-10", 1, 10, "2016-06-09T23:59:59", 0, "2016-05-10", "2016-06-10"),
        # local midnight of the 1st in Tokyo is still the month before in UTC
        ("2016-05-01", 3, 1, "2017-02-01", 0, "2017-02-01", "2017-05-01"),
        ("2025-01-31", 1, 31, "2025-02-28", 0, "2025-02-28", "2025-03-31"),
        ("2025-01-31", 1, 31, "2025-02-27", 0, "2025-01-31", "2025-02-28"),
        ("2025-01-31", 1, 31, "2025-04-01", 0, "2025-03-31", "2025-04-30"),
    ],
)
def test_the_period_that_holds_a_moment(
    boundary: str, months: int, day: int, moment: str, step: int, start: str, end: str
) -> None:
    period = period_holding(at(boundary, TOKYO), months, AnchorPoint(day), TOKYO, at(moment, TOKYO), step or None)
    assert period == Period(at(start, TOKYO), at(end, TOKYO))


@pytest.mark.parametrize(
    ("end", "months", "day", "until", "whole_from"),
    [
        # 10 July to 1 August was a stub: the next period is the month of August, not one until 10 September
        ("2027-08-01", 1, 1, "2027-09-01", "2027-08-01"),
        ("2027-02-28", 1, 31, "2027-03-31", "2027-02-28"),
        # off its day: the time up to the next one, of a full period that ends there
        ("2027-08-01", 1, 15, "2027-08-15", "2027-07-15"),
        ("2027-08-20", 1, 15, "2027-09-15", "2027-08-15"),
        ("2027-08-01", 12, 15, "2027-08-15", "2026-08-15"),
        ("2027-02-10", 1, 30, "2027-02-28", "2027-01-30"),
        # a quarter on the 31st that ended on 30 September, and years on 29 February
        ("2027-09-30", 3, 31, "2027-12-31", "2027-09-30"),
        ("2027-09-30", 3, 30, "2027-12-30", "2027-09-30"),
        ("2027-12-31", 3, 31, "2028-03-31", "2027-12-31"),
        ("2029-02-28", 12, 29, "2030-02-28", "2029-02-28"),
        ("2031-02-28", 12, 29, "2032-02-29", "2031-02-28"),
        ("2031-02-28", 12, 28, "2032-02-28", "2031-02-28"),
    ],
)
def test_the_next_period_ends_on_the_anchor(end: str, months: int, day: int, until: str, whole_from: str) -> None:
    period, whole = next_period(at(end, TOKYO), months, AnchorPoint(day), TOKYO)
    assert period == Period(at(end, TOKYO), at(until, TOKYO))
    assert whole == Period(at(whole_from, TOKYO), at(until, TOKYO))


def test_a_midnight_that_the_clocks_skip_moves_no_renewal_after_it() -> None:
    """Santiago has no 00:00 on 5 September 2027: that day begins at 01:00, and the next period at midnight again."""
    santiago = "America/Santiago"
    august = Period(at("2027-08-05", santiago), at("2027-09-05T01:00", santiago))
    anchor = anchor_of(august, santiago)
    assert anchor == AnchorPoint(5, time(0))
    assert next_period(at("2027-08-05", santiago), 1, anchor, santiago)[0] == august
    september, _ = next_period(august.end, 1, anchor, santiago)
    assert september.end == at("2027-10-05", santiago)


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ("2026-11-01", "2026-12-01", 1),
        ("2026-11-30", "2027-11-30", 12),
        ("2026-11-20", "2026-11-25", 1),
        ("2026-12-31", "2027-03-31", 3),
        # a day less than a month and a half, and half of it
        ("2026-11-01", "2026-12-15", 1),
        ("2026-11-01", "2026-12-16", 2),
    ],
)
def test_months_of_a_period_in_its_zone(start: str, end: str, months: int) -> None:
    # in Tokyo these begin on the evening before in UTC, in Apia they end in another UTC month
    for tz in (TOKYO, "Pacific/Apia", "Pacific/Pago_Pago"):
        assert months_of(Period(at(start, tz), at(end, tz)), tz) == months
    # noon of the last day to the first midnight of the month after next is the month between, and half a day
    assert months_of(Period(at("2026-10-31T12:00", TOKYO), at("2026-12-01", TOKYO)), TOKYO) == 1
    assert months_of(Period(at("2026-11-01", TOKYO), at("2026-11-30T23:00", TOKYO)), TOKYO) == 1
    assert months_of(Period(at("2026-11-01", TOKYO), at("2027-01-01", TOKYO)), TOKYO) == 2


def test_without_a_step_whole_periods_are_counted() -> None:
    period = period_holding(at("2012-05-01"), 12, AnchorPoint(1), "UTC", at("2013-08-15"))
    assert period == Period(at("2013-05-01"), at("2014-05-01"))


moments = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 bounds
zones = st.sampled_from(["UTC", TOKYO, NEW_YORK, LORD_HOWE, "America/Argentina/Buenos_Aires", "Pacific/Apia"])


@given(moments, st.sampled_from([1, 3, 12]), st.integers(1, 31), zones, moments)
def test_a_held_moment_is_inside(boundary: datetime, months: int, day: int, tz: str, moment: datetime) -> None:
    assert period_holding(boundary, months, AnchorPoint(day), tz, moment).holds(moment)


@given(moments, st.integers(1, 24), zones)
def test_months_add_up_from_the_anchor(start: datetime, months: int, tz: str) -> None:
    """Twelve single months end where one year does, whatever the short months in between."""
    from zoneinfo import ZoneInfo

    day, here = start.astimezone(ZoneInfo(tz)).day, start
    for _ in range(months):
        here = advance(here, 1, AnchorPoint(day), tz)
    there = advance(start, months, AnchorPoint(day), tz)
    assert here.astimezone(ZoneInfo(tz)).date() == there.astimezone(ZoneInfo(tz)).date()


def test_a_period_that_ended_three_periods_ago_is_no_running_one() -> None:
    """July: the third period after it ends with October."""
    july = Period(at("2027-07-01", TOKYO), at("2027-08-01", TOKYO))
    end = at("2027-11-01", TOKYO)
    check_running(july, 1, TOKYO, end - timedelta(seconds=1))
    with pytest.raises(ImplausiblePeriod, match="ended more than 3 billing periods ago"):
        check_running(july, 1, TOKYO, end)


@pytest.mark.parametrize(
    ("start", "end", "months", "wrong"),
    [
        # two years ago, and an outage of a year is caught up
        ("2025-07-15", "2026-07-15", 12, None),
        ("2024-07-15", "2024-07-16", 12, None),
        ("2023-07-14", "2024-07-15", 12, "ended more than 3 billing periods ago"),
        # as long as two periods, and a day longer
        ("2027-07-01", "2027-09-01", 1, None),
        ("2027-07-01", "2027-09-02", 1, "longer than two billing periods of 1 months"),
        ("2027-07-01", "2028-01-01", 3, None),
        ("2027-07-01", "2028-01-02", 3, "longer than two billing periods of 3 months"),
        # another time
        ("2077-07-01", "2077-08-01", 1, None),
        ("2078-07-01", "2078-08-01", 1, "is not of this time"),
        ("1976-07-01", "1976-08-01", 1, "is not of this time"),
        ("1977-07-01", "1977-08-01", 1, "ended more than 3"),
    ],
)
def test_what_may_be_reported_as_running(start: str, end: str, months: int, wrong: str | None) -> None:
    period, now = Period(at(start, TOKYO), at(end, TOKYO)), at("2027-07-15", TOKYO)
    if wrong is None:
        check_running(period, months, TOKYO, now)
    else:
        with pytest.raises(ImplausiblePeriod, match=wrong):
            check_running(period, months, TOKYO, now)


@pytest.mark.parametrize(
    ("start", "end", "wrong"),
    [
        ("2027-07-10", "2027-08-10", None),
        # the time up to the day on which it renews
        ("2027-07-14", "2027-08-10", None),
        ("2027-07-14", "2027-08-14", "renews on day 10; it would end at 2027-08-09T15:00:00Z"),
        ("2027-07-16", "2027-08-10", "does not hold this moment, 2027-07-14T15:00:00Z"),
        ("2027-06-10", "2027-07-10", "does not hold this moment"),
    ],
)
def test_what_may_be_reported_of_a_service_that_is_back(start: str, end: str, wrong: str | None) -> None:
    period, now, anchor = Period(at(start, TOKYO), at(end, TOKYO)), at("2027-07-15", TOKYO), AnchorPoint(10)
    if wrong is None:
        check_resumed(period, 1, anchor, TOKYO, now)
    else:
        with pytest.raises(ImplausiblePeriod, match=wrong):
            check_resumed(period, 1, anchor, TOKYO, now)


@pytest.mark.parametrize(
    ("moment", "begins", "anchor", "until"),
    [
        ("2027-07-01", "2027-07-01", None, "2027-07-10"),
        ("2027-07-09T23:00", "2027-07-09T23:00", None, "2027-07-10"),
        # the day on which it goes out is out, whatever the hour
        ("2027-07-10T00:00", "2027-07-20", 20, "2027-08-05"),
        ("2027-07-19T12:00", "2027-07-20", 20, "2027-08-05"),
        # the day on which it is back is in service
        ("2027-07-20T00:00", "2027-07-20T00:00", None, "2027-08-05"),
        # the second outage begins on the day on which the third one does not end
        ("2027-08-05", "2027-08-12", 12, None),
        ("2027-09-01", "2027-09-01", None, None),
    ],
)
def test_time_out_of_service(moment: str, begins: str, anchor: int | None, until: str | None) -> None:
    """Out from 10 to 20 July, from 5 to 10 August, and from the 10th, on which it came and went, to the 12th."""
    outages = [
        Outage(at(f"{start}T12:00", TOKYO), at(end, TOKYO), AnchorPoint(int(end[-2:])))
        for start, end in (("2027-08-10", "2027-08-12"), ("2027-07-10", "2027-07-20"), ("2027-08-05", "2027-08-10"))
    ]
    found = in_service_from(at(moment, TOKYO), outages, TOKYO)
    assert found == (
        at(begins, TOKYO),
        AnchorPoint(anchor) if anchor else None,
        at(f"{until}T12:00", TOKYO) if until else None,
    )
