"""Missed periods are caught up after an outage of ours, a few a day, and never for time out of service."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from domain.periods import ImplausiblePeriod
from engine.host_reports import ServiceReport, put_service
from engine.jobs import sweep, work_kinds
from engine.operators.dead_letter_retry import retry_dead_letter
from engine.operators.dead_letters import dead_letters
from local.stack import Stack
from models.audit import Attribution
from models.database import transaction
from models.invoice import Invoice
from models.provider import Provider, business_now
from tests.support.play import AUGUST, JULY, SEPTEMBER, Play

JANUARY = datetime(2028, 1, 9, 15, tzinfo=UTC)  # midnight of the 10th in Tokyo


def renewals(play: Play) -> list[tuple[str, int]]:
    """The days on which the invoiced periods begin, and their totals."""
    with transaction() as session:
        query = select(Invoice).where(Invoice.service_id == play.service(session).id, Invoice.renewal_id.is_not(None))
        invoices = session.scalars(query.order_by(Invoice.id)).all()
        return [(invoice.content["supply"]["start"][:10], invoice.total_minor) for invoice in invoices]


def test_an_outage_is_caught_up_three_periods_a_day(servers: Stack) -> None:
    """1 August to 10 January is over: August, September and October are invoiced, then a person must look."""
    play = Play.of(servers)
    play.set_clock(JANUARY)
    results = [play.renew() for _ in range(4)]
    assert [result.more_due for result in results] == [True, True, True, False]
    assert "3 missed periods" in (results[3].parked or "")
    assert renewals(play) == [("2027-07-31", 550), ("2027-08-31", 550), ("2027-09-30", 550)]
    with transaction() as session:
        service = play.service(session)
        [letter] = dead_letters(session, service.provider_id)
        assert (letter.id, letter.error) == (service.id, results[3].parked)
        assert service.id not in sweep.claim(session, [work_kinds.RENEWALS]).overdue_rows


def test_a_person_has_the_next_three_caught_up(servers: Stack) -> None:
    play = Play.of(servers)
    play.set_clock(JANUARY)
    for _ in range(4):
        play.renew()
    with transaction() as session:
        service = play.service(session)
        now = business_now(session, Provider, service.provider_id)
        retry_dead_letter(session, now, service.id, Attribution("ana", "it was running all the time"))
    assert [play.renew().invoice_id is not None for _ in range(4)] == [True, True, True, False]
    assert len(renewals(play)) == 6


def test_a_month_later_is_no_catching_up(servers: Stack) -> None:
    play = Play.of(servers)
    for month in (AUGUST, SEPTEMBER, datetime(2027, 9, 30, 15, tzinfo=UTC), datetime(2027, 10, 31, 15, tzinfo=UTC)):
        play.set_clock(month)
        assert play.renew().parked is None
    assert len(renewals(play)) == 4


def report(play: Play, status: str) -> None:
    with transaction() as session:
        provider = play.provider(session)
        now = business_now(session, Provider, provider.id)
        put_service(session, now, provider, play.service_ref, ServiceReport(**VALUES | {"status": status}))


VALUES: dict[str, Any] = {
    "customer": "customer",
    "plan": "basic",
    "cycle": "monthly",
    "currency": "JPY",
    "period_start": JULY,
    "period_end": AUGUST,
    "quantity": 1,
    "paid": True,
}


@pytest.mark.parametrize("out", ["suspended", "canceled"])
def test_time_out_of_service_is_not_renewed(servers: Stack, out: str) -> None:
    """Out from July to 10 January: one period begins on the day on which it is active again, and no month before."""
    play = Play.of(servers)
    report(play, out)
    play.set_clock(JANUARY)
    assert play.renew().invoice_id is None
    report(play, "active")
    assert play.renew().more_due is False
    assert renewals(play) == [("2028-01-09", 550)]
    with transaction() as session:
        service = play.service(session)
        assert service.period.as_json() == {"start": "2028-01-09T15:00:00Z", "end": "2028-02-09T15:00:00Z"}
        assert service.anchor_day == 10
    assert play.renew().invoice_id is None


def test_a_short_suspension_leaves_the_period_as_it_is(servers: Stack) -> None:
    play = Play.of(servers)
    report(play, "suspended")
    report(play, "active")
    with transaction() as session:
        assert play.service(session).period_end == AUGUST


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (datetime(2015, 1, 1, tzinfo=UTC), datetime(2015, 2, 1, tzinfo=UTC), "ended more than 3 billing periods ago"),
        (datetime(2027, 3, 1, tzinfo=UTC), datetime(2027, 4, 1, tzinfo=UTC), "ended more than 3 billing periods ago"),
        (datetime(2027, 7, 1, tzinfo=UTC), datetime(2028, 7, 1, tzinfo=UTC), "longer than two billing periods"),
        (datetime(1, 1, 1, tzinfo=UTC), datetime(2, 1, 1, tzinfo=UTC), "is not of this time"),
        (datetime(2027, 7, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC), "is not of this time"),
    ],
)
def test_a_period_that_cannot_run_now_is_refused(servers: Stack, start: datetime, end: datetime, message: str) -> None:
    with pytest.raises(ImplausiblePeriod, match=message):
        Play.of(servers, period_start=start, period_end=end)


def test_a_sandbox_may_be_filled_before_its_clock_is_moved(servers: Stack) -> None:
    play = Play.of(servers)
    with transaction() as session:
        provider = play.provider(session)
        provider.clock_at = None
        values = VALUES | {
            "status": "active",
            "period_start": JULY.replace(year=2020),
            "period_end": AUGUST.replace(year=2020),
        }
        now = business_now(session, Provider, provider.id)
        service = put_service(session, now, provider, "filled", ServiceReport(**values)).service
        assert service.period_end == AUGUST.replace(year=2020)


def test_a_service_that_ended_long_ago_may_be_reported(servers: Stack) -> None:
    ended: dict[str, Any] = {
        "period_start": datetime(2015, 1, 1, tzinfo=UTC),
        "period_end": datetime(2015, 2, 1, tzinfo=UTC),
    }
    play = Play.of(servers, status="terminated", **ended)
    assert play.renew().invoice_id is None
