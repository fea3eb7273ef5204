"""A service ends, on real servers: dates and yen.

July 2027 has 31 days; Basic costs ¥500 and Business ¥3,000 a month, with 10 % on top in Japan. Noon of 17 July in Tokyo
is when most of it happens: 15 of 31 days are left.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.errors import ServiceEnding
from engine import ending_order
from engine.audit.checks import PATIENCE, ExpectedService, audit_books, services_to_compare
from engine.ending import StillEnding
from engine.ending_requests import CreditChanged, EndingOpen, EndingRequest, ServiceOver, request_ending
from engine.jobs import sweep, work_kinds
from engine.jobs.idempotency import KeyReused
from engine.notifications.mail import compose
from engine.offers import price_for
from local.stack import Stack
from models.customer import Service
from models.database import snapshot, transaction
from models.ending import Ending
from models.moves import moves_of
from models.outbox import OutboxMessage
from tasks.run import local_step
from tests.support import loopback
from tests.support.ending_play import EndingPlay
from tests.support.money_play import yen
from tests.support.play import AUGUST, NOON_17_JULY, SEPTEMBER

END_OF_JULY = AUGUST - timedelta(hours=1)


def audited(play: EndingPlay) -> None:
    with snapshot() as session:
        results = audit_books(session, [play.provider(session).id], PATIENCE)
    printing = ("numbered_invoices_are_printed", "nothing_is_overdue")
    assert [result for result in results if not result.holds and result.name not in printing] == []


def knobs(play: EndingPlay, **values: object) -> None:
    path = f"{play.stack.addresses.host}/_knobs/{play.slug}"
    loopback.put(path, json=values).raise_for_status()


def on_host(play: EndingPlay, plan: str = "business") -> None:
    """The host has the service itself."""
    hosted = {"account": play.slug, "plan": plan, "limits": {}, "usage": {}}
    path = f"{play.stack.addresses.host}/services/zone"
    loopback.put(path, json=hosted).raise_for_status()


def hosted(play: EndingPlay) -> dict[str, object]:
    path = f"{play.stack.addresses.host}/services/zone"
    found: dict[str, object] = loopback.get(path, params={"account": play.slug}).json()
    return found


def test_at_the_periods_end_nothing_is_renewed_and_the_host_is_told(servers: Stack) -> None:
    """Asked for on 17 July: the service runs until midnight of 1 August, and no invoice is written for August."""
    play = EndingPlay.of(servers, plan="business")
    on_host(play)
    ending_id = play.end()
    assert (play.ending(ending_id).status, play.status()) == ("scheduled", "active")
    play.set_clock(END_OF_JULY)
    assert (play.run_ending(ending_id), play.status()) == ("scheduled", "active")
    assert play.renew_at(AUGUST) is None
    assert play.run_ending(ending_id) == "ending"
    assert (play.status(), play.ending(ending_id).ended_at, play.numbers()) == ("canceled", AUGUST, [])
    assert (play.order_host(ending_id), hosted(play)["ended"]) == ("ended", True)
    assert play.ending_history(ending_id) == ["scheduled", "ending", "ended"]
    assert play.renew_at(SEPTEMBER) is None
    assert play.ledger() == {}
    audited(play)


def test_the_scan_finds_an_ending_by_its_date_and_the_renewal_waits_for_it(servers: Stack) -> None:
    play = EndingPlay.of(servers)
    ending_id = play.end()
    with transaction() as session:
        service_id = play.service(session).id
        assert not {ending_id, service_id} & set(sweep.claim(session, work_kinds.SCANNED).overdue_rows)
    play.set_clock(AUGUST)
    with transaction() as session:
        found = sweep.claim(session, work_kinds.SCANNED).overdue_rows
    assert (ending_id in found, service_id in found) == (True, False)


def test_taken_back_on_31_july_it_renews_as_ever(servers: Stack) -> None:
    """Twice is once. On 1 August Business renews for ¥3,300."""
    play = EndingPlay.of(servers, plan="business")
    ending_id = play.end()
    play.set_clock(END_OF_JULY)
    assert [play.keep(), play.keep()] == ["withdrawn", "withdrawn"]
    assert play.ending_history(ending_id) == ["scheduled", "withdrawn"]
    invoice_id = play.renew_at(AUGUST)
    assert invoice_id is not None
    assert play.service_invoice(invoice_id).total_minor == 3300
    assert play.run_ending(ending_id) == "withdrawn"


def test_what_has_happened_is_not_taken_back(servers: Stack) -> None:
    play = EndingPlay.of(servers)
    ending_id = play.end()
    play.set_clock(AUGUST)
    play.run_ending(ending_id)
    for _ in range(2):
        with pytest.raises(ServiceOver):
            play.keep()
    with pytest.raises(ServiceOver):
        play.end()


def test_at_once_on_17_july_fifteen_of_thirty_one_days_come_back_with_their_tax(servers: Stack) -> None:
    """3000 × 15/31 = 1452, and 145 of tax: ¥1,597 on a credit note with its number, as account credit."""
    play = EndingPlay.of(servers, plan="business")
    on_host(play)
    ending_id = play.end("now", accept=yen(1597))
    ending, note = play.ending(ending_id), play.credit_note_of(ending_id)
    assert (ending.status, ending.credit_minor, ending.lost_minor, play.status()) == ("ending", 1597, 0, "canceled")
    assert (note.kind, note.net_minor, note.tax_minor, note.total_minor) == ("credit_note", -1452, -145, -1597)
    assert "CN-2027-" in str(note.number)
    assert note.content["lines"][0]["arithmetic"] == "15 of 31 days at ¥3,000 = ¥1,452"
    assert note.content["lines"][0]["description"] == "Unused time on Business (monthly), July 17, 2027 – July 31, 2027"
    assert play.ledger() == {"credit": -1597, "sales": 1452, "tax:jp-10": 145}
    assert play.items() == []
    assert play.order_host(ending_id) == "ended"
    assert play.renew_at(AUGUST) is None
    audited(play)


def test_by_the_second_the_noon_counts(servers: Stack) -> None:
    """14.5 of 31 days: 3000 × 1,252,800/2,678,400 = 1403, tax 140."""
    play = EndingPlay.of(servers, plan="business")
    play.load_policies(ending_credit="by_second")
    assert play.credit_note_of(play.end("now")).total_minor == -1543


def test_where_nothing_is_given_back_what_is_lost_is_told_and_the_items_are_closed(servers: Stack) -> None:
    play = EndingPlay.of(servers, plan="business")
    play.load_policies(ending_credit="nothing")
    ending = play.ending(play.end("now", accept=yen(0)))
    assert (ending.credit_minor, ending.lost_minor) == (0, 1597)
    assert (play.numbers(), play.ledger(), play.items()) == ([], {}, [])
    audited(play)


def test_who_ends_within_a_period_and_comes_back_has_two_periods_and_no_overlap(servers: Stack) -> None:
    """August was renewed and paid, and ended on the 10th; ordered anew on the 20th it is billed to 20 September."""
    play = EndingPlay.of(servers, plan="business")
    august = play.renew_at(AUGUST)
    assert august is not None
    play.process(play.report(play.request_renewal(august), yen(3300), at=AUGUST.isoformat()))
    play.set_clock(AUGUST + timedelta(days=9))
    play.end("now")
    play.report_status("canceled")
    play.set_clock(AUGUST + timedelta(days=19))
    play.report_status("active")
    assert play.renew().invoice_id is not None
    with transaction() as session:
        assert play.service(session).period_end == AUGUST + timedelta(days=19 + 31)
    audited(play)


def test_a_credit_that_was_not_shown_ends_nothing(servers: Stack) -> None:
    """What was looked at on the 17th is worth a day less on the 18th: 3000 × 14/31 = 1355 and 136."""
    play = EndingPlay.of(servers, plan="business")
    play.set_clock(NOON_17_JULY + timedelta(days=1))
    with pytest.raises(CreditChanged, match="1491"):
        play.end("now", accept=yen(1597))
    assert play.status() == "active"


@pytest.mark.parametrize(("becomes", "account"), [("account_credit", "credit"), ("refund", "refunding")])
def test_what_is_given_back_stays_here_or_returns_to_the_payment(servers: Stack, becomes: str, account: str) -> None:
    """August was paid, ¥3,300. At noon of the 17th 15 of its 31 days are left: 3000 × 15/31 = 1452, and 145."""
    play = EndingPlay.of(servers, plan="business")
    play.load_policies(ending_credit_becomes=becomes)
    invoice_id = play.renew_at(AUGUST)
    assert invoice_id is not None
    play.process(play.report(play.request_renewal(invoice_id), yen(3300)))
    play.set_clock(AUGUST + timedelta(days=16, hours=12))
    play.end("now", accept=yen(1597))
    assert play.ledger() == {"clearing:standard": 3300, account: -1597, "sales": -1548, "tax:jp-10": -155}


def test_the_same_key_is_the_same_ending(servers: Stack) -> None:
    play = EndingPlay.of(servers, plan="business")
    with transaction() as session:
        provider, asked = play.provider(session), EndingRequest("zone", "now")
        twice = [request_ending(session, NOON_17_JULY, provider, "k", asked, "test") for _ in range(2)]
        assert [is_repeated for _, is_repeated in twice] == [False, True]
        first = twice[0][0].id
    assert play.end("now", key="k") == first
    with pytest.raises(KeyReused):
        play.end("period_end", key="k")
    assert play.postings().count("settle") == 1


def test_a_service_ends_once(servers: Stack) -> None:
    """An ending at once takes the place of one that is scheduled; a second one of a kind is refused."""
    play = EndingPlay.of(servers, plan="business")
    scheduled = play.end()
    with pytest.raises(EndingOpen, match=f"Service zone ends at .*{scheduled}.*DELETE takes that back"):
        play.end()
    at_once = play.end("now")
    assert (play.ending(scheduled).status, play.ending(at_once).status) == ("withdrawn", "ending")
    with pytest.raises(ServiceOver):
        play.end("now")


def test_a_scheduled_downgrade_waits_and_ends_at_the_date(servers: Stack) -> None:
    """Business → Basic is scheduled for 1 August; the service ends there instead. Taken back, it would have come."""
    play = EndingPlay.of(servers, plan="business")
    change_id = play.request("basic")
    assert play.step("quote", change_id) == "scheduled"
    ending_id = play.end()
    assert play.change(change_id).status == "scheduled"
    assert play.renew_at(AUGUST) is None
    play.run_ending(ending_id)
    assert (play.change(change_id).status, play.change(change_id).reason) == ("canceled", "service_ended")


def test_kept_again_the_downgrade_comes_as_promised(servers: Stack) -> None:
    """¥550 for August."""
    play = EndingPlay.of(servers, plan="business")
    change_id = play.request("basic")
    play.step("quote", change_id)
    play.end()
    play.keep()
    invoice_id = play.renew_at(AUGUST)
    assert invoice_id is not None
    assert (play.service_invoice(invoice_id).total_minor, play.change(change_id).status) == (550, "applying")


def test_no_change_is_promised_for_a_renewal_that_does_not_come(servers: Stack) -> None:
    play = EndingPlay.of(servers, plan="business")
    ending_id = play.end()
    with pytest.raises(ServiceEnding) as refused:
        play.request("basic")
    assert refused.value.details == {"ending": ending_id}


def test_an_upgrade_now_keeps_the_ending(servers: Stack) -> None:
    """Basic ends on 1 August; on 17 July Business is bought for the rest, ¥1,331, and ends there too."""
    play = EndingPlay.of(servers)
    ending_id = play.end()
    change_id = play.until_paid("business", 1331)
    assert play.step("apply", change_id) == "applied"
    assert play.renew_at(AUGUST) is None
    assert (play.run_ending(ending_id), play.status()) == ("ending", "canceled")
    assert play.ledger()["sales"] == -1210


def test_an_ending_goes_with_the_period_that_a_change_moves(servers: Stack) -> None:
    """Monthly → annual on 17 July restarts the period: the service ends a year from there."""
    play = EndingPlay.of(servers)
    ending_id = play.end()
    change_id = play.until_awaiting_payment("basic", cycle="annual")
    play.process(play.report(play.attempts(change_id)[-1].id, yen(play.invoice(change_id).due_minor)))
    assert play.steps("settle apply", change_id) == "applied"
    with transaction() as session:
        row = session.get_one(Ending, ending_id)
        assert row.ends_at == row.service.period_end == NOON_17_JULY.replace(year=2028)
    play.set_clock(AUGUST)
    assert play.run_ending(ending_id) == "scheduled"


def test_an_ending_at_once_waits_for_a_change_that_is_paid(servers: Stack) -> None:
    """Start was paid with ¥373 and is not applied yet. The ending waits; then Start's 15 days come back: 581 and 58."""
    play = EndingPlay.of(servers)
    on_host(play, "basic")
    change_id = play.until_paid("start", 373)
    ending_id = play.end("now")
    assert (play.ending(ending_id).status, play.status(), play.run_ending(ending_id)) == (
        "scheduled",
        "active",
        "scheduled",
    )
    assert play.step("apply", change_id) == "applied"
    with transaction() as session, pytest.raises(ServiceEnding):
        price_for(session, NOON_17_JULY, play.service(session), "business", "monthly")
    assert play.run_ending(ending_id) == "ending"
    assert play.ending(ending_id).credit_minor == 639
    assert (play.order_host(ending_id), hosted(play)["plan"], hosted(play)["generation"]) == ("ended", "start", 2)
    audited(play)


def test_an_unpaid_change_ends_with_the_service(servers: Stack) -> None:
    """Its money, when it comes, is credit: 373 beside the 266 for 15 days of Basic (242 and 24)."""
    play = EndingPlay.of(servers)
    change_id = play.until_awaiting_payment("start")
    play.end("now")
    assert play.change(change_id).status == "canceled"
    assert play.attempts(change_id)[-1].status == "canceling"
    play.process(play.report(play.attempts(change_id)[-1].id, yen(373)))
    assert play.ledger()["credit"] == -(373 + 266)
    audited(play)


def test_credit_of_an_ending_pays_what_is_owed_first(servers: Stack) -> None:
    """August was renewed for ¥3,300 and not paid. Ended on 11 August 21 of 31 days come back, 2032 and 203; what is
    left, ¥1,065 for ten days, is owed and not void. Of the ¥3,300 that the checkout asked, the rest is credit."""
    play = EndingPlay.of(servers, plan="business")
    invoice_id = play.renew_at(AUGUST)
    assert invoice_id is not None
    attempt_id = play.request_renewal(invoice_id)
    play.set_clock(AUGUST + timedelta(days=10))
    ending_id = play.end("now")
    assert play.credit_note_of(ending_id).total_minor == -2235
    assert play.ledger()["receivable"] == 1065
    assert (play.service_invoice(invoice_id).status, play.note_on(invoice_id)) == ("open", None)
    play.process(play.report(attempt_id, yen(3300), at="2027-08-11T03:00:00Z"))
    assert (play.ledger().get("receivable"), play.ledger()["credit"]) == (None, -2235)
    audited(play)


def test_while_past_due_it_ends_without_being_paid_by_itself(servers: Stack) -> None:
    """The last period's bill was for time that was had: it stays owed after the period's end."""
    play = EndingPlay.of(servers, plan="business")
    invoice_id = play.renew_at(AUGUST)
    assert invoice_id is not None
    play.report_status("past_due")
    ending_id = play.end()
    play.set_clock(SEPTEMBER)
    assert (play.run_ending(ending_id), play.status()) == ("ending", "canceled")
    assert (play.service_invoice(invoice_id).status, play.ledger()["receivable"]) == ("open", 3300)


def test_a_suspended_service_ends_too(servers: Stack) -> None:
    play = EndingPlay.of(servers, plan="business")
    play.report_status("suspended")
    assert play.ending(play.end("now")).credit_minor == 1597
    assert play.status() == "canceled"


def test_until_the_host_knows_its_report_of_a_running_service_is_refused(servers: Stack) -> None:
    """A host that writes all of its services every minute must not bring this one back."""
    play = EndingPlay.of(servers, plan="business")
    on_host(play)
    ending_id = play.end("now")
    with pytest.raises(StillEnding):
        play.report_status("active")
    play.report_status("canceled")
    assert (play.ending(ending_id).status, play.status()) == ("ended", "canceled")
    assert play.order_host(ending_id) == "ended"


def test_the_host_ends_it_first(servers: Stack) -> None:
    """Nothing is left to do at the period's end, and the host is not told what it said itself."""
    play = EndingPlay.of(servers, plan="business")
    ending_id = play.end()
    play.report_status("terminated")
    assert play.ending(ending_id).status == "ended"
    play.set_clock(AUGUST)
    assert (play.run_ending(ending_id), play.renew().invoice_id) == ("ended", None)


def test_a_host_that_does_not_answer_is_told_again_with_the_same_key(servers: Stack) -> None:
    play = EndingPlay.of(servers, plan="business")
    on_host(play)
    ending_id = play.end("now")
    knobs(play, fail_times=4)
    assert play.order_host(ending_id) == "ending"
    assert play.order_host(ending_id) == "ending"
    with transaction() as session:
        session.get_one(Ending, ending_id).lease_until = None
    assert (play.order_host(ending_id), hosted(play)["ended"]) == ("ended", True)
    orders = loopback.get(f"{play.stack.addresses.host}/_orders/{play.slug}").json()["orders"]
    assert {order["key"] for order in orders} == {f"{ending_id}:end"}


def test_who_told_the_host_too_slowly_decides_nothing(servers: Stack) -> None:
    """Its lease was over, and another worker has taken the order on."""
    play = EndingPlay.of(servers, plan="business")
    ending_id = play.end("now")
    slow = local_step(ending_order.begin_order, Ending, ending_id)
    assert isinstance(slow, ending_order.EndCall)
    with transaction() as session:
        session.get_one(Ending, ending_id).lease_until = None
    quick = local_step(ending_order.begin_order, Ending, ending_id)
    assert isinstance(quick, ending_order.EndCall)
    with transaction() as session:
        done = ending_order.EndOutcome()
        finished = [ending_order.finish_order(session, NOON_17_JULY, call, done) for call in (slow, quick, slow)]
    assert finished == ["ending", "ended", "ended"]
    assert play.ending_history(ending_id) == ["scheduled", "ending", "ended"]


def test_a_service_that_ended_is_not_looked_for_at_its_host(servers: Stack) -> None:
    """The host may have forgotten it: that is no difference."""
    play = EndingPlay.of(servers)
    assert play.step("apply", play.until_paid()) == "applied"
    assert [one.ref for one in compared(play)] == ["zone"]
    play.end("now")
    assert compared(play) == []


def compared(play: EndingPlay) -> list[ExpectedService]:
    with snapshot() as session:
        return services_to_compare(session, [play.provider(session).id])


def test_a_host_that_says_no_is_a_persons_matter(servers: Stack) -> None:
    play = EndingPlay.of(servers, plan="business")
    on_host(play)
    ending_id = play.end("now")
    knobs(play, refuse="a migration runs")
    assert play.order_host(ending_id) == "ending"
    with transaction() as session:
        row = session.get_one(Ending, ending_id)
        assert (row.next_attempt_at, "a migration runs" in str(row.last_error)) == (None, True)
        assert ending_id in [one.id for one in session.query(Ending.id).where(work_kinds.ENDINGS.dead)]
    assert play.status() == "canceled"


def test_the_histories_are_paths(servers: Stack) -> None:
    play = EndingPlay.of(servers)
    play.end("now")
    with transaction() as session:
        moves = [(m.event, m.to_status) for m in moves_of(session, Service, play.service(session).id)]
    assert moves == [("report", "active"), ("end", "canceled")]


def mails(play: EndingPlay, ending_id: str) -> list[tuple[str, str]]:
    """Event and text of the mails about an ending, oldest first."""
    with transaction() as session:
        query = select(OutboxMessage).where(OutboxMessage.subject == ending_id).order_by(OutboxMessage.id)
        return [
            (row.event, f"{mail['Subject']}\n{body.get_content()}")
            for row in session.scalars(query)
            for mail in [compose(row)]
            if (body := mail.get_body(("plain",)))
        ]


def test_the_customer_is_told_of_what_was_asked_for_and_of_what_happened(servers: Stack) -> None:
    play = EndingPlay.of(servers, plan="business")
    kept = play.end()
    play.keep()
    assert [event for event, _ in mails(play, kept)] == ["ending_scheduled", "ending_withdrawn"]
    assert "zone ends on August 1, 2027" in mails(play, kept)[0][1]
    ended = mails(play, play.end("now"))
    assert [event for event, _ in ended] == ["service_ended"]
    assert "¥1,597 was given back" in ended[0][1]
    assert "July 17, 2027" in ended[0][1]


def test_what_is_lost_is_told_once_more(servers: Stack) -> None:
    play = EndingPlay.of(servers, plan="business")
    play.load_policies(ending_credit="nothing")
    [(_, text)] = mails(play, play.end("now"))
    assert "worth ¥1,597, nothing is given back" in text
