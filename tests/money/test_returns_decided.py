"""Staff decide about money that went back where the policy cannot: it is lost, or owed again. Dates and yen."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from cli.main import app
from domain.catalog import Outcome, Rule
from domain.errors import OpenInvoice
from domain.lifecycle import AttemptStatus, ServiceStatus
from domain.pricing.modes import Fraction, Proration
from engine.audit.checks import PATIENCE, audit_books
from engine.notifications.bill_links import invoice_of
from engine.offers import price_for
from engine.operators.dead_letter_retry import retry_dead_letter
from engine.operators.dead_letters import dead_letters
from engine.operators.manual_payments import StatementLine, record_payment
from engine.operators.returned_money import NothingReturned, decide_returned
from engine.payments.attempts import AttemptOpen, PaymentRefused, start_attempt
from local.stack import Stack
from models.audit import Attribution, OperatorAction
from models.database import snapshot, transaction
from models.moves import move
from models.outbox import OutboxMessage
from models.payment import PaymentAttempt
from tests.support.money_play import DECISION, MoneyPlay, yen
from tests.support.play import NOON_17_JULY
from web.api.views import change_view

BY_DAY = Rule(cycle="same", outcome=Outcome.NOW, proration=Proration(fraction=Fraction.DAYS))


def upgraded(play: MoneyPlay, plan: str) -> str:
    change_id = play.request(plan)
    if play.steps("quote issue print request_payment", change_id) == "awaiting_payment":
        play.process(play.report(play.attempts(change_id)[-1].id, yen(play.invoice(change_id).due_minor)))
    assert play.steps("settle apply print", change_id) == "applied"
    return change_id


def closed(servers: Stack) -> tuple[MoneyPlay, str]:
    """Start on 17 July for ¥373, Business the same day: the second bill took the first one's Start back, and now the
    first one's money goes back. The policy says reverse, and it cannot be."""
    play = MoneyPlay.of(servers, catalog={"rules": (BY_DAY,)})
    first = upgraded(play, "start")
    upgraded(play, "business")
    play.process(play.report_refund(play.attempts(first)[0].id, 373, of=373))
    assert play.ledger()["returned"] == 373
    return play, first


def decide(change_id: str, decision: str, actor: str = "ana") -> str:
    arguments = ["returns", "decide", change_id, decision, "--actor", actor, "--reason", "agreed"]
    return CliRunner().invoke(app, arguments, catch_exceptions=False).stdout


def test_what_is_kept_is_lost_once(servers: Stack) -> None:
    play, first = closed(servers)
    for _ in range(2):
        assert decide(first, "keep") == f"{first}: 373 JPY is lost.\n"
    ledger = play.ledger()
    assert (ledger["losses"], ledger.get("returned", 0)) == (373, 0)
    with transaction() as session:
        action = session.scalars(select(OperatorAction).where(OperatorAction.subject == first)).one()
        assert (action.actor, action.reason, action.details["decision"]) == ("ana", "agreed", "keep")
        with pytest.raises(NothingReturned, match="decided already"):
            decide_returned(session, NOON_17_JULY, first, "owe", Attribution("bo", "no"))


def test_what_is_owed_again_is_paid_before_the_plan_changes(servers: Stack) -> None:
    play, first = closed(servers)
    with transaction() as session:
        move(session, play.service(session), "report", ServiceStatus.ACTIVE, NOON_17_JULY, actor="host")
    assert decide(first, "owe") == f"{first}: 373 JPY is owed again.\n"
    assert play.ledger()["receivable"] == 373
    with transaction() as session, pytest.raises(OpenInvoice) as refused:
        price_for(session, NOON_17_JULY, play.service(session), "basic", "monthly")
    assert (refused.value.details["invoice"], refused.value.details["amount_due"]) == (
        play.invoice(first).id, yen(373).as_json())  # fmt: skip
    with transaction() as session:
        line = StatementLine("line-1", yen(400), NOON_17_JULY, play.invoice(first).id)
        event, _ = record_payment(session, NOON_17_JULY, play.provider(session), line, DECISION)
    play.process(event.id)
    ledger = play.ledger()
    assert (ledger.get("receivable", 0), ledger["credit"], ledger["clearing:manual"]) == (0, -27, 400)
    with transaction() as session:
        price_for(session, NOON_17_JULY, play.service(session), "basic", "monthly")
    with snapshot() as session:
        results = audit_books(session, [play.provider(session).id], PATIENCE)
    assert [result.name for result in results if not result.holds and result.name != "nothing_is_overdue"] == []


def owed_again(servers: Stack) -> tuple[MoneyPlay, str, PaymentAttempt]:
    """Start for ¥373, of which the policy leaves what goes back to staff: ¥373 are owed again, by a payment that is
    open."""
    play, first = closed(servers)
    with transaction() as session:
        move(session, play.service(session), "report", ServiceStatus.ACTIVE, NOON_17_JULY, actor="host")
    decide(first, "owe")
    asked = play.attempts(first)[-1]
    assert (asked.status, asked.amount, len(play.attempts(first))) == ("creating", yen(373), 2)
    play.fetch(asked.id)
    asked = play.attempts(first)[-1]
    assert (asked.status, asked.checkout_url is None) == ("open", False)
    return play, first, asked


def test_who_owes_again_is_told_where_to_pay_and_pays(servers: Stack) -> None:
    play, first, asked = owed_again(servers)
    with transaction() as session:
        bill = play.invoice(first)
        mail = session.scalars(select(OutboxMessage).where(OutboxMessage.subject == bill.id)).one()
        assert (mail.event, mail.recipient, mail.values["owed"]) == ("owed_again", f"zone@{play.slug}.invalid", "¥373")
        assert invoice_of(mail.values["link"].rpartition("/")[2]) == bill.id
        view = change_view(session, session.merge(play.change(first), load=False))
        assert view.payment is not None
        assert (view.next_actions, view.payment.checkout_url) == (["pay"], asked.checkout_url)
        assert view.invoice is not None
        assert (view.invoice.status, view.invoice.amount_due.amount) == ("settled", 373)
        with pytest.raises(OpenInvoice) as refused:
            price_for(session, NOON_17_JULY, play.service(session), "basic", "monthly")
        assert refused.value.details["checkout_url"] == asked.checkout_url
    play.deliver_mails(bill.id)
    play.press_pay(first)
    play.fetch(asked.id)
    play.process_all()
    assert (play.attempts(first)[-1].status, play.ledger().get("receivable", 0)) == ("succeeded", 0)
    with transaction() as session:
        view = change_view(session, session.merge(play.change(first), load=False))
        assert (view.next_actions, view.invoice and view.invoice.amount_due.amount) == ([], 0)
        price_for(session, NOON_17_JULY, play.service(session), "basic", "monthly")


def test_what_ran_out_is_asked_for_again_by_the_customer(servers: Stack) -> None:
    play, first, asked = owed_again(servers)
    with transaction() as session:
        with pytest.raises(AttemptOpen):
            start_attempt(session, NOON_17_JULY, first)
        move(session, session.merge(asked, load=False), "expire", AttemptStatus.EXPIRED, NOON_17_JULY)
        session.flush()
        another = start_attempt(session, NOON_17_JULY, first).id
    play.fetch(another)
    play.press_pay(first)
    play.fetch(another)
    play.process_all()
    assert play.ledger().get("receivable", 0) == 0


def test_what_is_owed_again_and_refused_waits_for_a_person(servers: Stack) -> None:
    """The gateway takes no payment below ¥374 any more: nobody asks it for ¥373 again until a person says so."""
    play, first = closed(servers)
    play.turn(minimum=374)
    decide(first, "owe")
    refused = play.attempts(first)[-1]
    play.fetch(refused.id)
    assert play.attempts(first)[-1].status == "failed"
    with transaction() as session:
        [letter] = dead_letters(session, play.provider(session).id)
        assert (letter.id, letter.kind, letter.what) == (refused.id, "payment", "failed: 373 JPY")
        view = change_view(session, session.merge(play.change(first), load=False))
        assert (view.reason, view.next_actions) == ("payment_refused", [])
        with pytest.raises(PaymentRefused, match=r"The smallest payment is 374\..*operator"):
            start_attempt(session, NOON_17_JULY, first)
    play.turn()
    with transaction() as session:
        asked_again = retry_dead_letter(session, NOON_17_JULY, refused.id, DECISION)
    play.fetch(asked_again)
    assert play.attempts(first)[-1].amount == yen(373)
    play.press_pay(first)
    play.fetch(asked_again)
    play.process_all()
    assert play.ledger().get("receivable", 0) == 0
    with transaction() as session:
        assert dead_letters(session, play.provider(session).id) == []


@pytest.mark.parametrize(
    ("reported", "event"),
    [(("payment.failed",), "payment_declined"), (("payment.pending", "payment.failed"), "payment_did_not_come")],
)
def test_what_is_owed_again_and_not_paid_is_told(servers: Stack, reported: tuple[str, ...], event: str) -> None:
    """¥100 of ¥373 went back; the mail says ¥100, and where to pay it again."""
    play = MoneyPlay.of(servers)
    first = upgraded(play, "start")
    play.process(play.report_refund(play.attempts(first)[0].id, 100, of=373))
    decide(first, "owe")
    asked = play.attempts(first)[-1]
    for kind in reported:
        play.process(play.report(asked.id, yen(100), kind))
    with transaction() as session:
        mails = select(OutboxMessage).where(OutboxMessage.subject == play.invoice(first).id)
        [mail] = session.scalars(mails.where(OutboxMessage.event == event))
        assert mail.values["due"] == "¥100"
        assert start_attempt(session, NOON_17_JULY, first).amount == yen(100)


def test_a_bank_transfer_pays_it_and_the_open_payment_is_closed(servers: Stack) -> None:
    play, first, asked = owed_again(servers)
    with transaction() as session:
        line = StatementLine("line-2", yen(373), NOON_17_JULY, play.invoice(first).id)
        event, _ = record_payment(session, NOON_17_JULY, play.provider(session), line, DECISION)
    play.process(event.id)
    assert play.attempts(first)[-1].status == "canceling"
    play.fetch(asked.id)
    play.process_all()
    assert (play.attempts(first)[-1].status, play.ledger().get("receivable", 0)) == ("canceled", 0)


def test_parts_that_are_owed_again_are_asked_for_in_one_sum(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    first = upgraded(play, "start")
    for so_far in (100, 150):
        play.process(play.report_refund(play.attempts(first)[0].id, so_far, of=373))
        decide(first, "owe")
    assert [(one.status, one.amount_minor) for one in play.attempts(first)] == [
        ("succeeded", 373), ("canceling", 100), ("creating", 150)]  # fmt: skip
    with transaction() as session:
        mails = select(OutboxMessage).where(OutboxMessage.subject == play.invoice(first).id)
        assert [mail.values["owed"] for mail in session.scalars(mails.order_by(OutboxMessage.id))] == ["¥100", "¥150"]


def test_a_credit_pays_what_is_owed_again_first(servers: Stack) -> None:
    """¥100 of ¥373 went back and are owed; down to Basic the same day, ¥373 come back, 273 can be spent."""
    play = MoneyPlay.of(servers, catalog={"rules": (BY_DAY,)})
    first = upgraded(play, "start")
    play.process(play.report_refund(play.attempts(first)[0].id, 100, of=373))
    upgraded(play, "basic")
    assert (play.ledger()["credit"], play.ledger().get("returned", 0)) == (-273, 0)


def test_parts_are_decided_one_by_one(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    first = upgraded(play, "start")
    play.process(play.report_refund(play.attempts(first)[0].id, 100, of=373))
    assert decide(first, "keep") == f"{first}: 100 JPY is lost.\n"
    play.process(play.report_refund(play.attempts(first)[0].id, 150, of=373))
    assert decide(first, "owe") == f"{first}: 50 JPY is owed again.\n"
    assert (play.ledger()["losses"], play.ledger()["receivable"]) == (100, 50)


def test_a_running_dispute_is_not_decided(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    first = upgraded(play, "start")
    with transaction() as session, pytest.raises(NothingReturned, match="no money of it went back"):
        decide_returned(session, NOON_17_JULY, first, "keep", DECISION)
    play.process(play.report_dispute(play.attempts(first)[0].id, "opened", 373))
    with transaction() as session, pytest.raises(NothingReturned, match="a dispute runs"):
        decide_returned(session, NOON_17_JULY, first, "keep", DECISION)


def test_what_is_being_reversed_is_not_decided(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    first = upgraded(play, "start")
    assert play.process(play.report_refund(play.attempts(first)[0].id, 373, of=373)) is not None
    with transaction() as session, pytest.raises(NothingReturned, match="on its way"):
        decide_returned(session, NOON_17_JULY, first, "owe", DECISION)
