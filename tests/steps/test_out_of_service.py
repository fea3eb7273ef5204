"""Time out of service is never billed: what a renewal bills, and what the report answers, when a service is back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from domain.catalog import Outcome, Rule
from domain.periods import ImplausiblePeriod, Period
from domain.pricing.modes import Fraction, Proration
from engine.dunning import mark_past_due
from engine.host_reports import BillingReport, ServiceDiffers, Taken
from engine.ledger.billed_items import open_items
from engine.offers import quote_change
from engine.operators.recovery import compensation
from local.stack import Stack
from models.audit import Attribution
from models.database import transaction
from models.invoice import Invoice
from models.plan_change import PlanChange
from models.resumption import Resumption
from tasks.run import external_step
from tests.conftest import catalog_named
from tests.support import loopback
from tests.support.host import bills, local_day, renew_all, report, tokyo
from tests.support.money_play import MoneyPlay, yen
from tests.support.play import AUGUST, Play

DAY = timedelta(days=1)
EXTEND = {"resume": "extend_period"}


def told(taken: Taken) -> tuple[str, str, str, int]:
    """Outcome, first and last local day, and the day of renewal that the answer tells."""
    resumed = taken.resumed
    assert resumed is not None
    period = resumed.period
    return resumed.outcome.value, local_day(period.start), local_day(period.end), resumed.anchor.day


def extending(servers: Stack, **more: Any) -> MoneyPlay:
    policies = catalog_named("x", "dns").policies.model_copy(update=EXTEND)
    return MoneyPlay.of(servers, catalog={"policies": policies} | more.pop("catalog", {}), **more)


@pytest.mark.parametrize("out", ["suspended", "canceled", "terminated", "pending"])
def test_half_a_year_out_of_service_is_one_bill(servers: Stack, out: str) -> None:
    """Out on 20 July, five renewals pass, active on 10 January: one month from 10 January, ¥550, and nothing before."""
    play = Play.of(servers)
    report(play, out, on="2027-07-20 12:00")
    for month in (8, 9, 10, 11, 12):
        play.set_clock(tokyo(f"2027-{month:02}-01"))
        assert play.renew().invoice_id is None
    answer = told(report(play, "active", on="2028-01-10 12:00"))
    assert answer == ("restarted", "2028-01-10", "2028-02-10", 10)
    renew_all(play)
    assert bills(play) == [("2028-01-10", "2028-02-10", 550)]
    assert play.ledger() == {"receivable": 550, "sales": -500, "tax:jp-10": -50}
    play.set_clock(tokyo("2028-02-10 12:00"))
    renew_all(play)
    assert bills(play)[1:] == [("2028-02-10", "2028-03-10", 550)]


def test_the_paid_rest_of_the_period_is_given_back_as_time(servers: Stack) -> None:
    """12 of July's 31 days were left on 20 July; they are had from 10 to 22 January, and cost nothing."""
    play = extending(servers)
    report(play, "suspended", on="2027-07-20 12:00")
    taken = report(play, "active", on="2028-01-10 15:00")
    assert told(taken) == ("extended", "2027-12-22", "2028-01-22", 22)
    assert taken.resumed is not None
    assert taken.resumed.moved_days == 174
    renew_all(play)
    assert bills(play) == []
    play.set_clock(tokyo("2028-01-22"))
    renew_all(play)
    assert bills(play) == [("2028-01-22", "2028-02-22", 550)]


def test_a_change_after_an_extension_credits_what_is_left(servers: Stack) -> None:
    """On 10 January 12 of 31 days are left, as on 20 July: 500 x 12/31 = 193.5 back, 1200 x 12/31 = 464.5."""
    play = extending(servers)
    report(play, "suspended", on="2027-07-20 12:00")
    report(play, "active", on="2028-01-10 15:00")
    with transaction() as session:
        quote = quote_change(session, tokyo("2028-01-10 15:00"), play.service(session), "start", "monthly").document
    assert [line["amount"]["amount"] for line in quote["lines"]] == [-194, 465, 27]
    change_id = play.until_awaiting_payment("start")
    play.process(play.report(play.attempts(change_id)[-1].id, yen(298), at="2028-01-10T06:10:00Z"))
    assert play.steps("settle apply", change_id) == "applied"
    # four days later 8 are left: of 465 for 12 days 310, and 3000 x 8/31 = 774.2
    play.set_clock(tokyo("2028-01-14"))
    with transaction() as session:
        quote = quote_change(session, tokyo("2028-01-14"), play.service(session), "business", "monthly").document
        assert play.service(session).period == Period(tokyo("2027-12-22"), tokyo("2028-01-22"))
    assert [line["amount"]["amount"] for line in quote["lines"][:2]] == [-310, 774]


def test_two_suspensions_are_two_moves(servers: Stack) -> None:
    """2 days and 3 days out of July: it is over on 6 August; what is closed in between stays where it was."""
    both = Rule(cycle="same", outcome=Outcome.NOW, proration=Proration(fraction=Fraction.DAYS))
    play = extending(servers, catalog={"rules": (both,)})
    report(play, "suspended", on="2027-07-20")
    report(play, "active", on="2027-07-22")
    # 12 days are left on the 22nd, as on the 20th: 194 back, 465 charged
    change_id = play.until_awaiting_payment("start")
    play.process(play.report(play.attempts(change_id)[-1].id, yen(298), at="2027-07-22T00:00:00Z"))
    play.steps("settle apply", change_id)
    report(play, "suspended", on="2027-07-25")
    assert told(report(play, "active", on="2027-07-28")) == ("extended", "2027-07-06", "2027-08-06", 6)
    with transaction() as session:
        service = play.service(session)
        [item] = open_items(session, service)
        assert (item.covers, item.moved_days) == (Period(tokyo("2027-07-25"), tokyo("2027-08-06")), 5)
        assert service.moved_days == 5
        # of the 12 days three were had: 465 x 9/12
        quote = quote_change(session, tokyo("2027-07-28"), service, "basic", "monthly").document
    assert quote["lines"][0]["amount"]["amount"] == -349
    renew_all(play)
    play.set_clock(tokyo("2027-08-06"))
    renew_all(play)
    assert bills(play) == [("2027-08-06", "2027-09-06", 1320)]


@pytest.mark.parametrize("policy", ["restart_period", "extend_period"])
def test_hours_out_of_service_move_nothing(servers: Stack, policy: str) -> None:
    """Out and back on one day, also on the day of the renewal: the 1st stays the 1st."""
    play = extending(servers) if policy == "extend_period" else MoneyPlay.of(servers)
    report(play, "suspended", on="2027-07-20 09:00")
    assert told(report(play, "active", on="2027-07-20 18:00")) == ("kept", "2027-07-01", "2027-08-01", 1)
    report(play, "suspended", on="2027-08-01 00:00")
    report(play, "active", on="2027-08-01 10:00")
    renew_all(play)
    assert bills(play) == [("2027-08-01", "2027-09-01", 550)]


def test_a_short_suspension_keeps_the_period_that_was_paid(servers: Stack) -> None:
    play = Play.of(servers)
    report(play, "suspended", on="2027-07-20")
    assert told(report(play, "active", on="2027-07-25")) == ("kept", "2027-07-01", "2027-08-01", 1)
    play.set_clock(AUGUST)
    renew_all(play)
    assert bills(play) == [("2027-08-01", "2027-09-01", 550)]


def test_out_while_a_renewal_is_unpaid(servers: Stack) -> None:
    """August is billed and not paid, past due on the 8th, suspended on the 20th, back on 10 January: August's bill
    stands, January's is the next one."""
    play = MoneyPlay.of(servers)
    play.set_clock(AUGUST)
    august = play.renew().invoice_id
    assert august is not None
    play.set_clock(tokyo("2027-08-09"))
    with transaction() as session:
        mark_past_due(session)
        assert play.service(session).status == "past_due"
    report(play, "suspended", on="2027-08-20")
    assert told(report(play, "active", on="2028-01-10")) == ("restarted", "2028-01-10", "2028-02-10", 10)
    renew_all(play)
    assert bills(play) == [("2027-08-01", "2027-09-01", 550), ("2028-01-10", "2028-02-10", 550)]
    assert play.ledger()["receivable"] == 1100


def test_what_was_missed_before_it_went_out_is_caught_up_to_that_day(servers: Stack) -> None:
    """August is past due, so that September is not renewed; suspended on 20 September, back on 10 January: September is
    billed up to the 20th, 500 x 19/30 = 316.7 and 10 %, and then January."""
    play = MoneyPlay.of(servers)
    play.set_clock(AUGUST)
    play.renew()
    play.set_clock(tokyo("2027-08-09"))
    with transaction() as session:
        mark_past_due(session)
    report(play, "suspended", on="2027-09-20 12:00")
    report(play, "active", on="2028-01-10 12:00")
    renew_all(play)
    assert bills(play) == [
        ("2027-08-01", "2027-09-01", 550),
        ("2027-09-01", "2027-09-20", 317 + 32),
        ("2028-01-10", "2028-02-10", 550),
    ]


def test_an_outage_of_ours_is_still_caught_up(servers: Stack) -> None:
    """Back since 25 July, and nobody renewed until October: three months in service are three bills."""
    play = Play.of(servers)
    report(play, "suspended", on="2027-07-20")
    report(play, "active", on="2027-07-25")
    play.set_clock(tokyo("2027-10-02"))
    renew_all(play)
    assert [bill[0] for bill in bills(play)] == ["2027-08-01", "2027-09-01", "2027-10-01"]


def test_an_order_that_waited_for_its_set_up(servers: Stack) -> None:
    """Paid for July and active on the 4th: three days are given back, or the period is as it was paid."""
    for play, outcome in (
        (MoneyPlay.of(servers, status="pending"), ("kept", "2027-07-01", "2027-08-01", 1)),
        (extending(servers, status="pending"), ("extended", "2027-07-18", "2027-08-18", 18)),
    ):
        assert told(report(play, "active", on="2027-07-18")) == outcome


def test_the_host_may_say_which_period_runs(servers: Stack) -> None:
    """Back on 10 January for a calendar month: January is billed from the 10th, 500 x 22/31 = 354.8 and 10 %; its own
    month from the 10th is a whole one. Said again, it is the same report."""
    for start, bill in (
        ("2028-01-01", ("2028-01-10", "2028-02-01", 355 + 36)),
        ("2028-01-10", ("2028-01-10", "2028-02-10", 550)),
    ):
        play = Play.of(servers)
        report(play, "suspended", on="2027-07-20")
        end = "2028-02-01" if start.endswith("01") else "2028-02-10"
        new: dict[str, Any] = {"period_start": tokyo(start), "period_end": tokyo(end)}
        taken = report(play, "active", on="2028-01-10 12:00", **new)
        assert told(taken)[:3] == ("reported", *bill[:2])
        assert report(play, "active", **new).resumed is None
        renew_all(play)
        assert report(play, "active", **new).resumed is None
        assert bills(play) == [bill]


def test_a_new_period_that_the_host_has_billed_is_an_import(servers: Stack) -> None:
    play = Play.of(servers)
    report(play, "suspended", on="2027-07-20")
    new = {"period_start": tokyo("2028-01-10"), "period_end": tokyo("2028-02-10")}
    report(play, "active", on="2028-01-10 12:00", paid=True, billing=BillingReport(net=400, tax_rate="8"), **new)
    renew_all(play)
    assert (bills(play), play.items()) == ([], [("basic", 1, 400, 32)])
    play.set_clock(tokyo("2028-02-10"))
    renew_all(play)
    assert bills(play) == [("2028-02-10", "2028-03-10", 550)]


def test_a_new_period_that_cannot_run(servers: Stack) -> None:
    """Beside the one that is paid; not holding the moment; of another length than the billing cycle."""
    play = Play.of(servers)
    report(play, "suspended", on="2027-07-20")
    with pytest.raises(ServiceDiffers):
        report(play, "active", on="2027-07-25", period_start=tokyo("2027-07-25"), period_end=tokyo("2027-08-25"))
    for start, end in (("2028-01-11", "2028-02-11"), ("2028-01-10", "2028-03-10")):
        with pytest.raises(ImplausiblePeriod):
            report(play, "active", on="2028-01-10", period_start=tokyo(start), period_end=tokyo(end))
    with transaction() as session:
        assert play.service(session).status == "suspended"


def test_what_was_given_back_is_not_had_again(servers: Stack) -> None:
    """Nothing that was billed is open any more: the period was over on the day that it ended."""
    from domain.pricing.billed import TakeBack
    from engine.ledger import billed_items

    play = extending(servers)
    report(play, "canceled", on="2027-07-20")
    with transaction() as session:
        service = play.service(session)
        [item] = open_items(session, service)
        taken = TakeBack(item.id, 1, 194, 19, tokyo("2027-07-20"))
        billed_items.close(session, service.provider_id, [taken], "ending", tokyo("2027-07-20"))
    assert told(report(play, "active", on="2027-07-25")) == ("restarted", "2027-07-25", "2027-08-25", 25)
    renew_all(play)
    assert bills(play) == [("2027-07-25", "2027-08-25", 550)]


def test_a_paid_change_waits_out_of_service(servers: Stack) -> None:
    """Start was paid on 17 July and the host did not answer; out from the 20th to the 25th. What was paid is applied
    and lies five days later, under a policy that extends."""
    play = extending(servers)
    change_id = play.until_paid()
    report(play, "suspended", on="2027-07-20", plan="basic")
    assert told(report(play, "active", on="2027-07-25", plan="basic")) == ("extended", "2027-07-06", "2027-08-06", 6)
    assert play.step("apply", change_id) == "applied"
    with transaction() as session:
        service = play.service(session)
        assert (service.plan, service.period.end) == ("start", tokyo("2027-08-06"))
        [item] = open_items(session, service)
        assert item.covers == Period(tokyo("2027-07-22 12:00"), tokyo("2027-08-06"))
    play.set_clock(tokyo("2027-08-06"))
    renew_all(play)
    assert bills(play) == [("2027-08-06", "2027-09-06", 1320)]


def test_a_period_that_is_billed_anew_has_the_time_that_was_given_back(servers: Stack) -> None:
    """Start renews as Basic on 1 August, which is paid, and the host refuses Basic. Out from the 10th to the 13th: the
    period ends on 4 September. Compensated, it is a month of Start all the same, 1200 and 120, three days later."""
    play = extending(servers, plan="start")
    change_id = play.request("basic")
    assert play.step("quote", change_id) == "scheduled"
    play.set_clock(AUGUST)
    invoice_id = play.renew().invoice_id
    assert invoice_id is not None
    play.process(play.report(play.request_renewal(invoice_id), yen(550)))
    refuse(play, "no")
    assert play.step("apply", change_id) == "stuck"
    refuse(play, None)
    report(play, "suspended", on="2027-08-10 12:00")
    taken = report(play, "active", on="2027-08-13 12:00")
    assert told(taken) == ("extended", "2027-08-04", "2027-09-04", 4)
    assert external_step(compensation(Attribution("ana", "no room")), PlanChange, change_id) == "compensated"
    with transaction() as session:
        query = select(Invoice).where(Invoice.service_id == play.service(session).id).order_by(Invoice.id.desc())
        anew = session.scalars(query.limit(1)).one()
    span = Period.from_json(anew.content["supply"])
    assert (local_day(span.start), local_day(span.end), anew.total_minor) == ("2027-08-04", "2027-09-04", 1320)
    assert play.ledger() == {"clearing:standard": 550, "receivable": 770, "sales": -1200, "tax:jp-10": -120}
    with transaction() as session:
        assert local_day(play.service(session).period_end) == "2027-09-04"


def refuse(play: MoneyPlay, reason: str | None) -> None:
    knobs = f"{play.stack.addresses.host}/_knobs/{play.slug}"
    loopback.put(knobs, json={"refuse": reason} if reason else {}).raise_for_status()


def test_each_resumption_is_kept(servers: Stack) -> None:
    play = extending(servers)
    report(play, "suspended", on="2027-07-20")
    report(play, "active", on="2027-07-22")
    with transaction() as session:
        [row] = session.scalars(select(Resumption).where(Resumption.service_id == play.service(session).id))
        assert (row.policy, row.outcome, row.moved_days) == ("extend_period", "extended", 2)
        assert (row.out_since, row.resumed_at) == (tokyo("2027-07-20"), tokyo("2027-07-22"))


# What was promised.


def scheduled(play: Play) -> str:
    change_id = play.request("basic")
    assert play.step("quote", change_id) == "scheduled"
    return change_id


@pytest.mark.parametrize(("back", "start"), [("2027-07-21", "2027-08-01"), ("2028-01-10", "2028-01-10")])
def test_a_suspension_keeps_a_promised_downgrade(servers: Stack, back: str, start: str) -> None:
    """Business to Basic was promised for 1 August; out for a day, or over that date: the next bill is ¥550."""
    play = MoneyPlay.of(servers, plan="business")
    change_id = scheduled(play)
    assert report(play, "suspended", on="2027-07-20").canceled == []
    report(play, "active", on=back)
    assert play.change(change_id).effective_at == tokyo(start)
    play.set_clock(max(tokyo(start), tokyo(back)))
    renew_all(play)
    assert [(first, total) for first, _, total in bills(play)] == [(start, 550)]
    assert play.change(change_id).status == "applying"
    assert play.notices(change_id) == ["scheduled"]


@pytest.mark.parametrize("over", ["canceled", "terminated"])
def test_the_end_of_a_service_cancels_it_and_says_so(servers: Stack, over: str) -> None:
    play = MoneyPlay.of(servers, plan="business")
    change_id = scheduled(play)
    assert report(play, over, on="2027-07-20").canceled == [change_id]
    assert play.notices(change_id) == ["scheduled", "canceled"]
    report(play, "active", on="2028-01-10")
    renew_all(play)
    assert bills(play) == [("2028-01-10", "2028-02-10", 3300)]


@pytest.mark.parametrize("status", ["suspended", "past_due", "pending", "canceled"])
def test_leaving_active_cancels_what_is_unpaid(servers: Stack, status: str) -> None:
    play = MoneyPlay.of(servers)
    change_id = play.until_awaiting_payment("start")
    assert report(play, status).canceled == [change_id]
    assert play.change(change_id).status == "canceled"
    assert play.notices(change_id)[-1] == "canceled"


def test_money_that_went_back_suspends_and_keeps_the_promise(servers: Stack) -> None:
    play = MoneyPlay.with_policies(servers, money_returned="suspend")
    up = play.until_paid()
    play.step("apply", up)
    down = scheduled(play)
    play.process(play.report_refund(play.attempts(up)[0].id, 373, of=373))
    with transaction() as session:
        assert play.service(session).status == "suspended"
    assert play.change(down).status == "scheduled"
