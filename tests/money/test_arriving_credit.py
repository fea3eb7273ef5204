"""Account credit that arrives while something is open pays it, by the catalogue's policy: what is owed, then offers,
whole or not at all, and never twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, text

from engine import dunning
from engine.audit.checks import PATIENCE, audit_books
from engine.host_reports import ServiceReport, put_service
from engine.jobs import sweep
from engine.jobs.work_kinds import SWEPT
from engine.payments import arrived_credit
from local.stack import Stack
from models.arrived_credit import ArrivedCredit, note_arrival
from models.database import snapshot, transaction
from models.invoice import Invoice
from models.payment import PaymentAttempt
from tasks.run import local_step
from tests.support import loopback
from tests.support.money_play import MoneyPlay, yen
from tests.support.play import AUGUST, JULY, NOON_17_JULY, SEPTEMBER
from tests.support.waiting import until

# Basic's ¥500 less 15 of 31 days of them: 242. Business at 3,000: 1,452 - 242 = 1,210, and 121. Start at 1,200: 581 -
# 242 = 339, and 34.
BUSINESS, START = 1331, 373


def arrived(play: MoneyPlay) -> ArrivedCredit:
    with transaction() as session:
        provider_id = play.provider(session).id
        return session.scalars(select(ArrivedCredit).where(ArrivedCredit.provider_id == provider_id)).one()


def allocate(play: MoneyPlay) -> list[str | None]:
    """As the task does it; what each of the open bills did."""
    credit_id = arrived(play).id
    bills = local_step(arrived_credit.open_bills, ArrivedCredit, credit_id)
    done = [local_step(arrived_credit.pay_from_credit(one), ArrivedCredit, credit_id) for one in bills.invoices]
    local_step(arrived_credit.end_allocation(bills), ArrivedCredit, credit_id)
    return done


def credit_of(play: MoneyPlay) -> int:
    return -play.ledger().get("credit", 0)


def books_hold(play: MoneyPlay) -> None:
    with snapshot() as session:
        results = audit_books(session, [play.provider(session).id], PATIENCE)
    broken = [result.name for result in results if not result.holds]
    assert broken in ([], ["numbered_invoices_are_printed"]), broken


def offer(play: MoneyPlay, ref: str, start: datetime = JULY, end: datetime = AUGUST) -> str:
    """Start, offered for another service of the same customer."""
    report: dict[str, Any] = {"customer": "customer", "plan": "basic", "cycle": "monthly", "currency": "JPY"}
    period: dict[str, Any] = {"period_start": start, "period_end": end, "quantity": 1, "paid": True}
    with transaction() as session:
        put_service(session, start, play.provider(session), ref, ServiceReport(status="active", **report, **period))
    usual, play.service_ref = play.service_ref, ref
    change_id = play.until_awaiting_payment("start")
    play.service_ref = usual
    return change_id


def replaced(servers: Stack, came: int = BUSINESS, others: int = 0, **policies: Any) -> tuple[MoneyPlay, str, str]:
    """Business for ¥1,331 was being paid when the customer took Start for ¥373 instead; then the money came. So many
    other services have an offer for ¥373, too."""
    play = MoneyPlay.with_policies(servers, **policies)
    first = play.until_awaiting_payment("business")
    attempt_id = play.attempts(first)[0].id
    second = play.until_awaiting_payment("start", replace=True)
    for number in range(others):
        offer(play, f"zone {number}")
    play.process(play.report(attempt_id, yen(came)))
    assert (play.change(first).status, play.change(second).status) == ("superseded", "awaiting_payment")
    assert play.ledger() == {"clearing:standard": came, "credit": -came}
    return play, first, second


def test_money_for_what_was_replaced_pays_what_replaced_it(servers: Stack) -> None:
    play, _, second = replaced(servers)
    assert allocate(play) == [second]
    assert play.ledger() == {"clearing:standard": 1331, "credit": -958, "held": -373}
    assert play.steps("settle apply", second) == "applied"
    assert play.ledger() == {"clearing:standard": 1331, "credit": -958, "sales": -339, "tax:jp-10": -34}
    assert [attempt.status for attempt in play.attempts(second)] == ["canceling"], "nobody is asked for it any more"
    assert arrived(play).arrived_at is None
    assert allocate(play) == []
    books_hold(play)


def test_the_mail_says_what_was_paid_and_what_is_left(servers: Stack) -> None:
    play, first, second = replaced(servers)
    allocate(play)
    assert "late_payment_credited" in play.notices(first)
    assert "paid_from_credit" in play.notices(second)
    play.deliver_mails(second)
    to = {"to": f"zone@{play.slug}.invalid"}
    mails = loopback.get(f"{servers.addresses.mail}/mails", params=to).json()
    [mail] = [mail for mail in mails if mail["subject"] == "Your account credit has paid ¥373 for zone"]
    assert "¥373 of it paid for the change of zone to Start." in mail["text"]
    assert "¥958 is left as your credit." in mail["text"]


def test_the_catalogue_may_keep_it(servers: Stack) -> None:
    play, _, second = replaced(servers, arriving_credit="keep")
    assert allocate(play) == []
    assert (play.change(second).status, credit_of(play)) == ("awaiting_payment", BUSINESS)
    assert arrived(play).arrived_at is None, "it was looked at"


def test_the_sweep_finds_what_has_arrived(servers: Stack) -> None:
    play, _, _ = replaced(servers)
    with transaction() as session:
        arrived_id = arrived(play).id
        found = sweep.claim(session, [work for work in SWEPT if work.row is ArrivedCredit])
        assert arrived_id not in found.overdue_rows, "its message may still come"
        session.get_one(ArrivedCredit, arrived_id).next_attempt_at = NOON_17_JULY - timedelta(days=3650)
        session.flush()
        whole = list[str]()
        for batch in iter(lambda: sweep.claim(session, [w for w in SWEPT if w.row is ArrivedCredit]), sweep.Claimed()):
            whole += batch.overdue_rows
        assert arrived_id in whole


def test_what_does_not_reach_the_whole_is_left_as_credit(servers: Stack) -> None:
    play, _, second = replaced(servers, came=372)
    assert allocate(play) == [None]
    assert (play.change(second).status, credit_of(play)) == ("awaiting_payment", 372)
    books_hold(play)


def test_a_part_that_was_paid_and_credit_for_the_rest(servers: Stack) -> None:
    play, _, second = replaced(servers, came=173)
    play.process(play.report(play.attempts(second)[0].id, yen(200)))
    with transaction() as session:
        note_arrival(session, play.provider(session).id, play.change(second).customer_id, "JPY")
    assert allocate(play) == [second]
    assert play.ledger() == {"clearing:standard": 373, "held": -373}
    assert play.steps("settle apply", second) == "applied"
    books_hold(play)


def renewal_and_late_money(servers: Stack, came: int = BUSINESS, others: int = 0) -> tuple[MoneyPlay, str, list[str]]:
    """¥550 of August are past due when money comes for an offer of July that ran out. On 9 August so many other
    services have an offer: 23 of 31 days of Start instead of Basic, 890 - 371 and 10 %, ¥571."""
    play = MoneyPlay.of(servers)
    change_id = play.until_awaiting_payment("business")
    attempt_id = play.attempts(change_id)[0].id
    play.set_clock(AUGUST)
    play.step("expire", change_id)
    play.fetch(attempt_id)
    play.process_all()
    assert play.step("expire", change_id) == "expired"
    invoice_id = play.renew().invoice_id
    assert invoice_id is not None
    play.request_renewal(invoice_id)
    play.set_clock(AUGUST + timedelta(days=8))
    with transaction() as session:
        dunning.mark_past_due(session)
        assert play.service(session).status == "past_due"
    offers = [offer(play, f"zone {number}", AUGUST, SEPTEMBER) for number in range(others)]
    assert [play.invoice(one).due_minor for one in offers] == [571] * others
    play.process(play.report_second(attempt_id, came))
    assert play.ledger() == {
        **{"clearing:standard": came, "credit": -came, "receivable": 550, "sales": -500, "tax:jp-10": -50}
    }
    return play, invoice_id, offers


def test_it_pays_a_renewal_that_is_past_due(servers: Stack) -> None:
    play, invoice_id, _ = renewal_and_late_money(servers)
    assert allocate(play) == [None]
    # 1,331 - 550
    assert play.ledger() == {"clearing:standard": 1331, "credit": -781, "sales": -500, "tax:jp-10": -50}
    with transaction() as session:
        invoice = session.get_one(Invoice, invoice_id)
        assert (invoice.status, play.service(session).status) == ("settled", "active")
        attempts = select(PaymentAttempt.status).where(PaymentAttempt.invoice_id == invoice_id)
        assert list(session.scalars(attempts)) == ["canceling"]
    assert "paid_from_credit" in play.notices(invoice_id)
    books_hold(play)


def test_what_is_owed_is_paid_before_what_is_offered(servers: Stack) -> None:
    play, invoice_id, [offered] = renewal_and_late_money(servers, came=1000, others=1)
    assert allocate(play) == [None, None]
    with transaction() as session:
        assert session.get_one(Invoice, invoice_id).status == "settled"
    # 1,000 - 550 = 450, which is less than the 571.
    assert (play.change(offered).status, credit_of(play)) == ("awaiting_payment", 450)


def test_money_on_its_way_is_not_paid_a_second_time(servers: Stack) -> None:
    play, _, second = replaced(servers)
    attempt_id = play.attempts(second)[0].id
    play.process(play.report(attempt_id, yen(START), "payment.pending"))
    assert allocate(play) == [None]
    assert credit_of(play) == BUSINESS
    play.process(play.report(attempt_id, yen(START), "payment.failed"))
    assert allocate(play) == [second], "it did not come: the credit has arrived anew"
    assert (credit_of(play), play.step("settle", second)) == (958, "paid")


def test_paid_again_at_the_gateway_the_second_payment_is_credit_and_may_go_back(servers: Stack) -> None:
    play, _, second = replaced(servers)
    allocate(play)
    assert play.steps("settle apply", second) == "applied"
    attempt_id = play.attempts(second)[0].id
    play.process(play.report(attempt_id, yen(START)))
    assert credit_of(play) == 958 + 373
    play.process(play.report_refund(attempt_id, START, of=START))
    assert play.change(second).status == "applied", "the plan was paid from credit, and stays"
    assert play.ledger() == {"clearing:standard": 1331, "credit": -958, "sales": -339, "tax:jp-10": -34}
    books_hold(play)


def test_on_a_later_day_it_pays_the_price_of_that_day(servers: Stack) -> None:
    play, _, second = replaced(servers)
    play.set_clock(datetime(2027, 7, 23, 3, tzinfo=UTC))
    assert allocate(play) == [second]
    assert play.step("settle", second) == "paid"
    # Nine days: 348 - 145 = 203, and 20 of tax. Of the 373 that were held, 150 are credit again: 958 + 150.
    assert play.ledger() == {"clearing:standard": 1331, "credit": -1108, "sales": -203, "tax:jp-10": -20}
    assert allocate(play) == [], "nothing else is open"
    books_hold(play)


def test_an_offer_whose_time_is_over_is_not_paid(servers: Stack) -> None:
    play, _, _ = replaced(servers)
    play.set_clock(NOON_17_JULY + timedelta(days=7))
    assert allocate(play) == [None]
    assert credit_of(play) == BUSINESS


def test_one_credit_does_not_pay_two_offers(servers: Stack) -> None:
    """¥500 have arrived, ¥373 are open for each of four services; eight workers at once, on each of them."""
    play, _, _ = replaced(servers, came=500, others=3)
    credit_id = arrived(play).id
    bills = local_step(arrived_credit.open_bills, ArrivedCredit, credit_id)
    assert len(bills.invoices) == 4
    with ThreadPoolExecutor(8) as pool:
        steps = [arrived_credit.pay_from_credit(one) for one in bills.invoices * 2]
        done = list(pool.map(lambda step: local_step(step, ArrivedCredit, credit_id), steps))
    assert len([one for one in done if one]) == 1
    assert (credit_of(play), play.ledger()["held"]) == (127, -373)
    assert play.postings().count("paid_from_credit") == 1
    books_hold(play)


def test_who_pays_holds_the_credit_until_it_is_over(servers: Stack) -> None:
    play, _, _ = replaced(servers, came=500, others=1)
    credit_id = arrived(play).id
    first, second = local_step(arrived_credit.open_bills, ArrivedCredit, credit_id).invoices
    with ThreadPoolExecutor(1) as pool:
        with transaction() as session:
            assert arrived_credit.pay_from_credit(first)(session, NOON_17_JULY, credit_id) is not None
            waiting = pool.submit(local_step, arrived_credit.pay_from_credit(second), ArrivedCredit, credit_id)
            until(lambda: _waits_for_a_lock() or None, "the other one to wait for the credit")
        assert waiting.result() is None, "and then there is too little of it"
    assert credit_of(play) == 127


def _waits_for_a_lock() -> bool:
    with transaction() as session:
        return bool(session.scalar(text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")))


def test_credit_that_arrives_meanwhile_is_looked_at_anew(servers: Stack) -> None:
    play, _, _ = replaced(servers)
    credit_id = arrived(play).id
    bills = local_step(arrived_credit.open_bills, ArrivedCredit, credit_id)
    with transaction() as session:
        note_arrival(session, play.provider(session).id, arrived(play).customer_id, "JPY")
    local_step(arrived_credit.end_allocation(bills), ArrivedCredit, credit_id)
    assert arrived(play).arrived_at is not None
