"""What operators do with money: bank transfers, unmatched money, refunds; each once, with actor and reason."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from cli.main import app
from domain.money import Money
from engine.operators import waiting
from engine.operators.failed_refunds import report_failed
from engine.operators.manual_payments import (
    AlreadyRecorded,
    NotMatchable,
    StatementLine,
    UnknownInvoice,
    match_payment,
    record_payment,
)
from engine.payments.attempts import NothingToPay, start_invoice_attempt
from engine.payments.paid_at import paid_at
from engine.payments.refunds import NotRefundable, UnknownPayment
from local.stack import Stack
from models.audit import BY_A_PROGRAM, Attribution, OperatorAction
from models.database import transaction
from models.invoice import Invoice
from models.ledger import balance
from tests.support import loopback
from tests.support.money_play import DECISION, MoneyPlay, yen
from tests.support.play import AUGUST, NOON_17_JULY

TOTAL = 373


def awaiting(servers: Stack) -> tuple[MoneyPlay, str, str]:
    play = MoneyPlay.of(servers)
    change_id = play.until_awaiting_payment("start")
    return play, change_id, play.attempts(change_id)[0].id


def record(play: MoneyPlay, line: str, amount: Money, invoice: str | None, at: datetime = NOON_17_JULY) -> str | None:
    """Returns the change that may move on."""
    with transaction() as session:
        found = StatementLine(line, amount, at, invoice)
        event, _ = record_payment(session, NOON_17_JULY, play.provider(session), found, DECISION)
    return play.process(event.id)


def match(play: MoneyPlay, payment_id: str, invoice_id: str) -> list[str]:
    with transaction() as session:
        provider = play.provider(session)
        now = provider.clock_at or NOON_17_JULY
        return match_payment(session, now, provider, payment_id, invoice_id, DECISION)


def actions(play: MoneyPlay) -> list[tuple[str, Attribution]]:
    with transaction() as session:
        query = select(OperatorAction).where(OperatorAction.provider_id == play.provider(session).id)
        by_people = query.where(OperatorAction.actor != BY_A_PROGRAM.actor)
        return [
            (row.action, Attribution(row.actor, row.reason))
            for row in session.scalars(by_people.order_by(OperatorAction.id))
        ]


def test_a_bank_transfer_pays_the_change_and_the_same_line_counts_once(servers: Stack) -> None:
    play, change_id, _ = awaiting(servers)
    invoice_id = play.invoice(change_id).id
    assert record(play, "17/1", yen(TOTAL), invoice_id) == change_id
    assert record(play, "17/1", yen(TOTAL), invoice_id) is None
    assert play.ledger() == {"clearing:manual": 373, "held": -373}
    assert play.step("settle", change_id) == "paid"
    with pytest.raises(AlreadyRecorded):
        record(play, "17/1", yen(999), invoice_id)
    assert actions(play) == [("payment.record", DECISION)]


def test_a_transfer_counts_from_the_day_that_stands_on_the_statement(servers: Stack) -> None:
    """It came on the 18th and was written down on the 20th: the price is that of the 18th."""
    play, change_id, _ = awaiting(servers)
    came, written = NOON_17_JULY + timedelta(days=1), NOON_17_JULY + timedelta(days=3)
    play.set_clock(written)
    with transaction() as session:
        line = StatementLine("18/1", yen(TOTAL), came, play.invoice(change_id).id)
        event, _ = record_payment(session, written, play.provider(session), line, DECISION)
    assert play.process(event.id) == change_id
    with transaction() as session:
        change = session.merge(play.change(change_id), load=False)
        assert paid_at(session, written, change, session.merge(play.invoice(change_id), load=False)) == came


def test_a_transfer_and_a_card_payment_add_up(servers: Stack) -> None:
    play, change_id, attempt_id = awaiting(servers)
    record(play, "17/1", yen(300), play.invoice(change_id).id)
    play.process(play.report(attempt_id, yen(73)))
    assert play.ledger() == {"clearing:manual": 300, "clearing:standard": 73, "held": -373}
    assert play.step("settle", change_id) == "paid"


def test_a_transfer_for_nothing_is_unmatched_until_somebody_matches_it(servers: Stack) -> None:
    play, change_id, _ = awaiting(servers)
    record(play, "17/1", yen(TOTAL), None)
    [payment] = play.payments()
    assert (payment.outcome, play.ledger()) == ("unmatched", {"clearing:manual": 373, "unmatched:manual": -373})
    assert match(play, payment.id, play.invoice(change_id).id) == [change_id]
    assert play.ledger() == {"clearing:manual": 373, "held": -373}
    assert play.step("settle", change_id) == "paid"
    with pytest.raises(NotMatchable, match="not unmatched"):
        match(play, payment.id, play.invoice(change_id).id)
    assert actions(play) == [("payment.record", DECISION), ("payment.match", DECISION)]


def test_matched_after_the_offer_ended_it_is_credit(servers: Stack) -> None:
    play, change_id, attempt_id = awaiting(servers)
    invoice_id = play.invoice(change_id).id
    record(play, "17/1", yen(TOTAL), None)
    play.set_clock(NOON_17_JULY.replace(day=25))
    play.step("expire", change_id)
    play.fetch(attempt_id)
    play.process_all()
    assert play.step("expire", change_id) == "expired"
    assert match(play, play.payments()[0].id, invoice_id) == []
    assert play.ledger() == {"clearing:manual": 373, "credit": -373}


def test_money_of_another_currency_is_not_matched_but_sent_back(servers: Stack) -> None:
    play, change_id, attempt_id = awaiting(servers)
    play.process(play.report(attempt_id, Money(373, "USD")))
    [payment] = play.payments()
    with pytest.raises(NotMatchable, match="USD"):
        match(play, payment.id, play.invoice(change_id).id)
    refund_id = play.start_refund(payment.id)
    assert play.ledger() == {"clearing:standard": 373, "refunding": -373}
    assert play.refund(refund_id).amount == Money(373, "USD")


@pytest.mark.parametrize("amount", [TOTAL, 1])
def test_money_that_goes_back_is_not_matched_any_more(servers: Stack, amount: int) -> None:
    """Another customer's transfer lies in the same account of the ledger, and would pay for it."""
    play, change_id, _ = awaiting(servers)
    record(play, "17/1", yen(TOTAL), None)
    record(play, "17/2", yen(TOTAL), None)
    gone, stays = sorted(play.payments(), key=lambda payment: payment.gateway_object)
    play.start_refund(gone.id, yen(amount))
    with pytest.raises(NotMatchable, match=f"{amount} JPY of {gone.id} went back, or are about to"):
        match(play, gone.id, play.invoice(change_id).id)
    assert match(play, stays.id, play.invoice(change_id).id) == [change_id]
    left = {"unmatched:manual": amount - TOTAL} if amount < TOTAL else {}
    assert play.ledger() == {"clearing:manual": 2 * TOTAL, "held": -TOTAL, "refunding": -amount} | left


def test_a_transfer_that_could_not_be_sent_back_is_matched_after_all(servers: Stack) -> None:
    play, change_id, _ = awaiting(servers)
    record(play, "17/1", yen(TOTAL), None)
    [payment] = play.payments()
    refund_id = play.start_refund(payment.id)
    play.send_refund(refund_id)
    assert (play.refund(refund_id).status, play.ledger()) == ("succeeded", {})
    with pytest.raises(NotMatchable, match="373 JPY"):
        match(play, payment.id, play.invoice(change_id).id)
    with transaction() as session:
        report_failed(session, NOON_17_JULY, play.provider(session), refund_id, DECISION)
    assert match(play, payment.id, play.invoice(change_id).id) == [change_id]
    assert play.ledger() == {"clearing:manual": 373, "held": -373}


def test_what_went_back_takes_no_place_in_the_list_of_what_is_to_be_matched(
    servers: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    play, _, _ = awaiting(servers)
    for line in ("17/1", "17/2"):
        record(play, line, yen(TOTAL), None)
    older, newer = sorted(play.payments(), key=lambda payment: payment.id)
    monkeypatch.setattr(waiting, "LISTED_MAX", 1)
    with transaction() as session:
        provider_id = play.provider(session).id
        assert [one.row.id for one in waiting.waiting_for_a_person(session, provider_id)] == [older.id]
    play.start_refund(older.id)
    with transaction() as session:
        assert [one.row.id for one in waiting.waiting_for_a_person(session, provider_id)] == [newer.id]


def test_a_renewal_is_paid_by_bank(servers: Stack) -> None:
    play = MoneyPlay.of(servers, plan="start")
    play.set_clock(AUGUST)
    invoice_id = play.renew().invoice_id
    record(play, "1/8", yen(1300), invoice_id)
    assert play.ledger()["receivable"] == 20
    record(play, "2/8", yen(25), invoice_id)
    assert play.ledger() == {"clearing:manual": 1325, "credit": -5, "sales": -1200, "tax:jp-10": -120}


def test_what_cannot_be(servers: Stack) -> None:
    play, _, _ = awaiting(servers)
    with pytest.raises(UnknownInvoice):
        record(play, "17/1", yen(1), "inv_unknown")
    with pytest.raises(UnknownPayment):
        play.start_refund("mny_unknown")


def events_of_gateway(servers: Stack, play: MoneyPlay) -> list[dict[str, Any]]:
    with transaction() as session:
        key = play.gateway(session).api_key[0]
    url = f"{servers.addresses.gateway}/v1/events"
    answer = loopback.get(url, headers={"Authorization": f"Bearer {key}"})
    return list(answer.json()["events"])


def test_a_refund_goes_through_the_gateway_and_the_ledger_once(servers: Stack) -> None:
    play, change_id, payment_id = MoneyPlay.overpaid(servers)
    with pytest.raises(NotRefundable, match="is 627 JPY"):
        play.start_refund(payment_id, yen(628))
    refund_id = play.start_refund(payment_id, yen(500))
    assert play.ledger() == {
        "clearing:standard": 1000,
        "credit": -127,
        "refunding": -500,
        "sales": -339,
        "tax:jp-10": -34,
    }
    assert play.send_refund(refund_id) == "pending"
    assert play.send_refund(refund_id) == "pending"
    [notified] = [event for event in events_of_gateway(servers, play) if event["type"] == "refund.succeeded"]
    for _ in range(2):
        play.process(play.report_body(notified))
    assert play.refund(refund_id).status == "succeeded"
    assert play.ledger() == {"clearing:standard": 500, "credit": -127, "sales": -339, "tax:jp-10": -34}
    assert play.change(change_id).status == "applied"
    assert actions(play) == [("payment.refund", DECISION)]


def test_a_refund_that_is_confirmed_before_it_is_answered(servers: Stack) -> None:
    play, _, payment_id = MoneyPlay.overpaid(servers)
    [payment] = play.payments()
    refund_id = play.start_refund(payment_id, yen(627))
    play.process(play.report_refund(payment.attempt_id or "", 627, of=1000))
    assert play.refund(refund_id).status == "succeeded"
    assert play.send_refund(refund_id) == "succeeded"
    assert play.ledger() == {"clearing:standard": 373, "sales": -339, "tax:jp-10": -34}


def test_a_refund_that_fails_is_credit_again(servers: Stack) -> None:
    play, _, payment_id = MoneyPlay.overpaid(servers)
    play.turn(refunds_fail=True)
    refund_id = play.start_refund(payment_id, yen(627))
    play.send_refund(refund_id)
    [notified] = [event for event in events_of_gateway(servers, play) if event["type"] == "refund.failed"]
    play.process(play.report_body(notified))
    assert play.refund(refund_id).status == "failed"
    assert play.ledger() == {"clearing:standard": 1000, "credit": -627, "sales": -339, "tax:jp-10": -34}


def test_a_refund_that_the_gateway_refuses_is_credit_again(servers: Stack) -> None:
    play, change_id, _ = awaiting(servers)
    record(play, "17/1", yen(1000), play.invoice(change_id).id)
    play.step("settle", change_id)
    [by_bank] = play.payments()
    refund_id = play.start_refund(by_bank.id, yen(627))
    assert play.send_refund(refund_id) == "succeeded", "what is paid by hand is sent back by hand"
    assert play.ledger() == {"clearing:manual": 373, "sales": -339, "tax:jp-10": -34}

    other, change_id, attempt_id = awaiting(servers)
    other.process(other.report(attempt_id, yen(1000)))  # the gateway knows nothing of it
    other.step("settle", change_id)
    refund_id = other.start_refund(other.payments()[0].id, yen(627))
    assert other.send_refund(refund_id) == "failed"
    assert "404" in (other.refund(refund_id).error or "")
    with transaction() as session:
        customer = other.service(session).customer_id
        assert balance(session, other.provider(session).id, "credit", customer, "JPY") == yen(627)


def test_the_commands_for_manual_payments(servers: Stack) -> None:
    play, change_id, _ = awaiting(servers)
    attribution = ["--actor", "ana", "--reason", "they wrote"]
    runner = CliRunner()

    def run(*arguments: str) -> str:
        result = runner.invoke(app, list(arguments), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    line = f"17/{secrets.token_hex(2)}"
    recorded = run("payments", "record", play.slug, "--line", line, "--amount", "373 JPY", *attribution)
    event_id = recorded.split()[0]
    play.process(event_id)
    assert "unmatched" in run("payments", "list", play.slug, "--unmatched")
    payment_id = play.payments()[0].id
    invoice_id = play.invoice(change_id).id
    assert "held" in run("payments", "match", play.slug, payment_id, "--invoice", invoice_id, *attribution)
    assert event_id in run("webhooks", "list", play.slug, "--status", "processed")
    assert "payment 373 JPY: held" in run("webhooks", "show", play.slug, event_id)
    assert "processed again" in run("webhooks", "replay", play.slug, event_id, *attribution)
    assert "webhook.replay by ana: they wrote" in run("webhooks", "show", play.slug, event_id)
    play.process(event_id)
    play.step("settle", change_id)
    with pytest.raises(NotRefundable, match="is 0 JPY"):
        runner.invoke(app, ["payments", "refund", play.slug, payment_id, *attribution], catch_exceptions=False)


def test_a_provider_without_a_gateway_records_transfers(servers: Stack) -> None:
    """Two lines of the statement stand under one connection of the bank."""
    play, change_id, _ = awaiting(servers)
    with transaction() as session:
        play.gateway(session).kind = "former"
    assert record(play, "17/1", yen(300), play.invoice(change_id).id) == change_id
    assert record(play, "17/2", yen(73), play.invoice(change_id).id) == change_id
    assert play.ledger() == {"clearing:manual": 373, "held": -373}
    assert len({payment.connection_id for payment in play.payments()}) == 1


def test_a_transfer_for_an_older_invoice_is_not_taken_for_the_newer_ones_payment(servers: Stack) -> None:
    """A provider who is paid by hand only: ¥373 for Start were asked for, then the customer wanted Business instead."""
    play = MoneyPlay.of(servers)
    with transaction() as session:
        play.gateway(session).adapter = "manual"
    older = play.until_awaiting_payment("start")
    newer = play.until_awaiting_payment("business", replace=True)
    assert play.change(older).status == "superseded"
    record(play, "17/1", yen(TOTAL), play.invoice(older).id)
    assert [payment.attempt_id for payment in play.payments()] == [play.attempts(older)[0].id]
    assert [attempt.status for attempt in play.attempts(newer)] == ["open"]
    assert play.ledger() == {"clearing:manual": 373, "credit": -373}


def test_a_renewal_that_is_paid_is_not_asked_for_again(servers: Stack) -> None:
    play = MoneyPlay.of(servers, plan="start")
    play.set_clock(AUGUST)
    invoice_id = play.renew().invoice_id
    record(play, "1/8", yen(1320), invoice_id)
    with transaction() as session, pytest.raises(NothingToPay, match=f"{invoice_id} is settled"):
        start_invoice_attempt(session, AUGUST, session.get_one(Invoice, invoice_id))


@pytest.mark.parametrize(("seconds", "outcome"), [(0, "held"), (1, "credited")])
def test_money_is_matched_in_time_until_the_last_second_of_the_offer(
    servers: Stack, seconds: int, outcome: str
) -> None:
    play, change_id, _ = awaiting(servers)
    record(play, "17/1", yen(TOTAL), None)
    payable_until = play.change(change_id).payable_until
    assert payable_until == NOON_17_JULY + timedelta(days=7)
    play.set_clock(payable_until + timedelta(seconds=seconds))
    match(play, play.payments()[0].id, play.invoice(change_id).id)
    assert play.payments()[0].outcome == outcome
