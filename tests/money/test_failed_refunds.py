"""A refund is never final: it succeeds and fails weeks later, at our request or at the gateway, in any order of events.

1,000 yen were paid for 373, so 627 of them are credit, which is refunded; or the 373 themselves go back.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from cli.main import app
from engine.audit.checks import PATIENCE, audit_books
from engine.operators.dead_letter_retry import retry_dead_letter
from engine.operators.dead_letters import dead_letters
from engine.operators.failed_refunds import (
    NotByHand,
    NothingToDecide,
    UnknownRefund,
    decide_refund,
    report_failed,
)
from engine.operators.manual_payments import StatementLine, record_payment
from engine.payments.paid_at import paid_at
from engine.payments.refunds import NotRefundable, RefundAnswer, RefundCall, begin_refund, finish_refund
from engine.reversal import net_received
from gateways.protocol import GatewayRefund
from gateways.registry import GATEWAYS
from local.stack import Stack
from models.database import snapshot, transaction
from models.moves import moves_of
from models.outbox import OutboxMessage
from models.payment import Payment, Refund
from tests.money.test_returns import applied, awaiting, service
from tests.support.money_play import DECISION, MoneyPlay, yen
from tests.support.play import NOON_17_JULY

PAID = {"clearing:standard": 373, "sales": -339, "tax:jp-10": -34}
OVERPAID = {"clearing:standard": 1000, "credit": -627, "sales": -339, "tax:jp-10": -34}


def overpaid(servers: Stack, **policies: Any) -> tuple[MoneyPlay, str, str]:
    """With the ids of the attempt and of its payment. Only webhooks tell what becomes of refunds."""
    play, change_id, attempt_id = awaiting(servers, **policies)
    play.process(play.report(attempt_id, yen(1000)))
    assert play.steps("settle apply", change_id) == "applied"
    assert play.ledger() == OVERPAID
    return play, attempt_id, play.payments()[0].id


def pending(play: MoneyPlay, payment_id: str, monkeypatch: pytest.MonkeyPatch, amount: int = 627) -> tuple[str, str]:
    """A refund of ours that the gateway has accepted; with its name there."""
    refund_id = play.start_refund(payment_id, yen(amount))
    name = f"re_{refund_id[-8:]}"
    monkeypatch.setattr(type(GATEWAYS["standard"]), "refund", lambda *_: GatewayRefund(name, "pending"))
    assert play.send_refund(refund_id) == "pending"
    return refund_id, name


def history(refund_id: str) -> list[str]:
    with transaction() as session:
        return [move.to_status for move in moves_of(session, Refund, refund_id)]


def mails(refund_id: str) -> dict[str, OutboxMessage]:
    with transaction() as session:
        rows = session.scalars(select(OutboxMessage).where(OutboxMessage.subject == refund_id))
        return {row.event: row for row in rows}


def left(play: MoneyPlay, payment_id: str) -> int:
    with transaction() as session:
        return session.get_one(Payment, payment_id).refundable.amount


def refunds_of(play: MoneyPlay) -> list[Refund]:
    with transaction() as session:
        provider_id = play.provider(session).id
        return list(session.scalars(select(Refund).where(Refund.provider_id == provider_id).order_by(Refund.id)))


def assert_books_hold(play: MoneyPlay) -> None:
    with snapshot() as session:
        results = audit_books(session, [play.provider(session).id], PATIENCE)
    assert [result for result in results if not result.holds and result.name != "nothing_is_overdue"] == []


def test_a_refund_that_succeeded_and_failed_weeks_later_is_credit_again(
    servers: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    play, attempt_id, payment_id = overpaid(servers)
    refund_id, name = pending(play, payment_id, monkeypatch)
    play.process(play.report_refund(attempt_id, 627, of=1000, refund_id=name))
    assert (play.refund(refund_id).status, left(play, payment_id)) == ("succeeded", 373)
    assert play.ledger() == PAID
    failed = play.report_refund_failed(attempt_id, name, 627, of=1000)
    again = play.report_refund_failed(attempt_id, name, 627, of=1000)
    for event in (failed, failed, again):
        play.process(event)
    assert history(refund_id) == ["sending", "pending", "succeeded", "failed"]
    assert (play.ledger(), left(play, payment_id)) == (OVERPAID, 1000)
    told = mails(refund_id)
    assert told["refunded"].values["amount"] == "¥627"
    assert (told["refund_failed"].recipient, told["refund_failed"].values["credit"]) == (
        f"zone@{play.slug}.invalid",
        "¥627",
    )
    assert told["refund_failed_for_staff"].recipient != told["refund_failed"].recipient
    play.deliver_mails(refund_id)
    assert_books_hold(play)


@pytest.mark.parametrize("clock", ["real", "moved"])
def test_a_failure_that_is_processed_before_its_success(
    servers: Stack, monkeypatch: pytest.MonkeyPatch, clock: str
) -> None:
    """Ours: the later report of a sum that counts it is not a refund that somebody else made."""
    play, attempt_id, payment_id = overpaid(servers)
    if clock == "real":
        play.use_real_time()
    refund_id, name = pending(play, payment_id, monkeypatch)
    play.process(play.report_refund_failed(attempt_id, name, 627, of=1000, at="2027-08-07T03:00:00Z"))
    play.process(play.report_refund(attempt_id, 627, of=1000, refund_id=name, at="2027-07-18T03:00:00Z"))
    assert (play.refund(refund_id).status, play.ledger()) == ("failed", OVERPAID)
    assert left(play, payment_id) == 1000
    assert_books_hold(play)


def test_a_failure_that_overtakes_the_gateways_answer_is_looked_at_again(
    servers: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    play, attempt_id, payment_id = overpaid(servers)
    refund_id = play.start_refund(payment_id, yen(627))
    failed = play.report_refund_failed(attempt_id, "re_fast", 627, of=1000)
    play.process(failed)
    assert (play.event(failed).status, play.refund(refund_id).status) == ("parked", "sending")
    monkeypatch.setattr(type(GATEWAYS["standard"]), "refund", lambda *_: GatewayRefund("re_fast", "pending"))
    play.send_refund(refund_id)
    play.process(failed)
    assert (play.event(failed).status, play.refund(refund_id).status) == ("processed", "failed")
    assert play.ledger() == OVERPAID


def test_a_failure_whose_refund_is_answered_much_later(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the last attempt it is kept by its name, and our refund finds it when it learns that name."""
    play, attempt_id, payment_id = overpaid(servers)
    refund_id = play.start_refund(payment_id, yen(627))
    failed = play.report_refund_failed(attempt_id, "re_slow", 627, of=1000)
    for _ in range(6):
        play.process(failed)
    assert play.event(failed).status == "processed"
    assert play.ledger() == {"clearing:standard": 1000, "refunding": -627, "sales": -339, "tax:jp-10": -34}
    monkeypatch.setattr(type(GATEWAYS["standard"]), "refund", lambda *_: GatewayRefund("re_slow", "pending"))
    assert play.send_refund(refund_id) == "failed"
    assert play.ledger() == OVERPAID
    assert_books_hold(play)


def test_a_refund_that_the_gateway_answers_as_failed_is_not_found_as_somebody_elses(
    servers: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Stripe does: the charge counted it for a moment, and both are reported afterwards."""
    play, attempt_id, payment_id = overpaid(servers)
    refund_id = play.start_refund(payment_id, yen(627))
    monkeypatch.setattr(type(GATEWAYS["standard"]), "refund", lambda *_: GatewayRefund("re_no", "failed"))
    assert play.send_refund(refund_id) == "failed"
    play.process(play.report_refund(attempt_id, 627, of=1000, refund_id="re_no"))
    play.process(play.report_refund_failed(attempt_id, "re_no", 627, of=1000))
    assert (play.ledger(), len(refunds_of(play))) == (OVERPAID, 1)


def test_a_replacement_of_the_same_sum_is_seen(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours fails, and somebody refunds the same 627 at the gateway, where the sum is 627 once more."""
    play, attempt_id, payment_id = overpaid(servers)
    _, name = pending(play, payment_id, monkeypatch)
    play.process(play.report_refund(attempt_id, 627, of=1000, refund_id=name))
    play.process(play.report_refund_failed(attempt_id, name, 627, of=1000))
    replaced = play.report_refund(attempt_id, 627, of=1000, refund_id="re_other")
    for event in (replaced, play.report_refund(attempt_id, 627, of=1000, refund_id="re_other")):
        play.process(event)
    assert (play.ledger(), left(play, payment_id)) == (PAID, 373)
    assert_books_hold(play)


@pytest.mark.parametrize("order", [*permutations(("succeeded", "failed", "replaced"))], ids=" ".join)
@pytest.mark.parametrize("told", [True, False], ids=["sum told", "sum not told"])
def test_at_the_gateway_a_refund_fails_and_another_takes_its_place(
    servers: Stack, order: tuple[str, ...], told: bool
) -> None:
    """Somebody's 100 of 18 July fail on 7 August, and on the 8th they refund 100 again: 100 are gone, in every order
    in which the three are processed."""
    play, _, attempt_id = applied(servers)
    payment_id = play.payments()[0].id
    play.use_real_time()
    events = {
        "succeeded": play.report_refund(attempt_id, 100, of=373, refund_id="re_1", at="2027-07-18T03:00:00Z"),
        "failed": play.report_refund_failed(
            attempt_id, "re_1", 100, of=373, refunded=0 if told else None, at="2027-08-07T03:00:00Z"
        ),
        "replaced": play.report_refund(attempt_id, 100, of=373, refund_id="re_2", at="2027-08-08T03:00:00Z"),
    }
    for what in order:
        play.process(events[what])
    assert (left(play, payment_id), play.ledger()) == (273, PAID | {"clearing:standard": 273, "returned": 100})
    assert_books_hold(play)


def test_at_the_gateway_what_never_counted_brings_nothing_back(servers: Stack) -> None:
    """200 are refunded; another 100 were begun there and failed before they were sent: the gateway still counts 200."""
    play, _, attempt_id = applied(servers)
    play.process(play.report_refund(attempt_id, 200, of=373, refund_id="re_1"))
    play.process(play.report_refund_failed(attempt_id, "re_2", 100, of=373, refunded=200))
    assert play.ledger() == PAID | {"clearing:standard": 173, "returned": 200}
    assert (left(play, play.payments()[0].id), refunds_of(play)) == (173, [])


def test_after_the_plan_went_back_the_money_is_credit(servers: Stack) -> None:
    """373 are refunded at the gateway, and the plan is taken back; then the refund fails: the customer has no plan for
    that money, so it is theirs."""
    play, change_id, attempt_id = applied(servers)
    back = play.process(play.report_refund(attempt_id, 373, of=373, refund_id="re_1"))
    assert back is not None
    assert play.steps("apply print", back) == "applied"
    play.process(play.report_refund_failed(attempt_id, "re_1", 373, of=373))
    assert play.change(change_id).status == "reversed"
    assert play.ledger() == {"clearing:standard": 373, "credit": -373}
    [refund] = refunds_of(play)
    assert (refund.actor, refund.amount, history(refund.id)) == (
        "gateway",
        yen(373),
        ["sending", "succeeded", "failed"],
    )
    with transaction() as session:
        assert [move.actor for move in moves_of(session, Refund, refund.id)] == ["gateway"] * 3
    assert mails(refund.id)["refund_failed"].values["credit"] == "¥373"
    # Refunded once more there, it is taken from that credit.
    play.process(play.report_refund(attempt_id, 373, of=373, refund_id="re_2"))
    assert play.ledger() == {}
    assert_books_hold(play)


def test_while_the_plan_goes_back_the_money_is_credit_in_the_end(servers: Stack) -> None:
    play, change_id, attempt_id = applied(servers)
    back = play.process(play.report_refund(attempt_id, 373, of=373, refund_id="re_1"))
    assert back is not None
    play.process(play.report_refund_failed(attempt_id, "re_1", 373, of=373))
    assert play.ledger() == PAID
    play.steps("apply print", back)
    assert (play.change(change_id).status, play.ledger()) == ("reversed", {"clearing:standard": 373, "credit": -373})


def test_what_was_lost_is_lost_no_more_until_it_is_lost_again(servers: Stack) -> None:
    play, _, attempt_id = applied(servers, money_returned="keep")
    lost = {"losses": 373, "sales": -339, "tax:jp-10": -34}
    for number in (1, 2):
        play.process(play.report_refund(attempt_id, 373, of=373, refund_id=f"re_{number}"))
        assert play.ledger() == lost
        play.process(play.report_refund_failed(attempt_id, f"re_{number}", 373, of=373))
        assert play.ledger() == PAID
    assert_books_hold(play)


def test_a_suspended_service_is_paid_for_again_and_staff_are_told(servers: Stack) -> None:
    play, _, attempt_id = applied(servers, money_returned="suspend")
    play.process(play.report_refund(attempt_id, 373, of=373, refund_id="re_1"))
    assert (service(play).status, play.ledger()["returned"]) == ("suspended", 373)
    play.process(play.report_refund_failed(attempt_id, "re_1", 373, of=373))
    assert (service(play).status, play.ledger()) == ("suspended", PAID)
    [refund] = refunds_of(play)
    assert set(mails(refund.id)) == {"refund_failed", "refund_failed_for_staff"}
    play.deliver_mails(refund.id)


def test_before_settle_the_money_pays_the_change_after_all(servers: Stack) -> None:
    play, change_id, attempt_id = awaiting(servers)
    play.process(play.report(attempt_id, yen(373)))
    play.process(play.report_refund(attempt_id, 373, of=373, refund_id="re_1"))
    assert (play.step("settle", change_id), play.ledger()) == ("awaiting_payment", {})
    assert play.process(play.report_refund_failed(attempt_id, "re_1", 373, of=373)) == change_id
    assert play.ledger() == {"clearing:standard": 373, "held": -373}
    with transaction() as session:
        change = session.merge(play.change(change_id), load=False)
        invoice = session.merge(play.invoice(change_id), load=False)
        assert net_received(session, invoice) == yen(373)
        assert paid_at(session, NOON_17_JULY, change, invoice) == NOON_17_JULY
    assert play.steps("settle apply", change_id) == "applied"
    assert play.ledger() == PAID


def test_unmatched_money_comes_back_to_the_operators(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    play.until_awaiting_payment("start")
    with transaction() as session:
        line = StatementLine("17/1", yen(500), NOON_17_JULY, None)
        event, _ = record_payment(session, NOON_17_JULY, play.provider(session), line, DECISION)
    play.process(event.id)
    refund_id = play.start_refund(play.payments()[0].id)
    assert (play.send_refund(refund_id), play.ledger()) == ("succeeded", {})
    with transaction() as session:
        for _ in range(2):
            report_failed(session, NOON_17_JULY, play.provider(session), refund_id, DECISION)
    assert play.ledger() == {"clearing:manual": 500, "unmatched:manual": -500}
    assert mails(refund_id) == {}
    assert_books_hold(play)


def test_a_refund_is_found_by_its_own_provider_only(servers: Stack) -> None:
    play, _, payment_id = overpaid(servers)
    refund_id = play.start_refund(payment_id, yen(627))
    with transaction() as session:
        for provider, asked in ((MoneyPlay.of(servers), refund_id), (play, "ref_unknown")):
            with pytest.raises(UnknownRefund):
                report_failed(session, NOON_17_JULY, provider.provider(session), asked, DECISION)


def test_only_a_transfer_made_by_hand_is_reported_by_a_person(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    play, attempt_id, payment_id = overpaid(servers)
    refund_id, name = pending(play, payment_id, monkeypatch)
    for status in ("pending", "succeeded"):
        assert play.refund(refund_id).status == status
        with transaction() as session, pytest.raises(NotByHand, match="by standard"):
            report_failed(session, NOON_17_JULY, play.provider(session), refund_id, DECISION)
        play.process(play.report_refund(attempt_id, 627, of=1000, refund_id=name))
    assert play.ledger() == PAID


def asked(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> tuple[MoneyPlay, str, str, str]:
    """The catalogue asks a person: 627 that were refunded came back, and nobody can spend them."""
    play, attempt_id, payment_id = overpaid(servers, refund_failed="ask")
    refund_id, name = pending(play, payment_id, monkeypatch)
    play.process(play.report_refund(attempt_id, 627, of=1000, refund_id=name))
    play.process(play.report_refund_failed(attempt_id, name, 627, of=1000))
    assert play.ledger() == {"clearing:standard": 1000, "refunding": -627, "sales": -339, "tax:jp-10": -34}
    assert mails(refund_id)["refund_failed"].values["to_decide"] == "¥627"
    assert_books_hold(play)
    return play, attempt_id, payment_id, refund_id


def decide(refund_id: str, choice: str) -> str:
    arguments = ["refunds", "decide", refund_id, choice, "--actor", "ana", "--reason", "agreed by phone"]
    return CliRunner().invoke(app, arguments, catch_exceptions=False).stdout


@pytest.mark.parametrize(
    ("choice", "books"),
    [
        ("credit", OVERPAID),
        ("sent", {"clearing:standard": 1000, "clearing:manual": -627, "sales": -339, "tax:jp-10": -34}),
    ],
)
def test_a_person_decides_once(
    servers: Stack, monkeypatch: pytest.MonkeyPatch, choice: str, books: dict[str, int]
) -> None:
    play, _, payment_id, refund_id = asked(servers, monkeypatch)
    with transaction() as session, pytest.raises(NotRefundable, match="is 0 JPY"):
        play_refund(session, play, payment_id)
    assert "627 JPY" in decide(refund_id, choice)
    assert play.ledger() == books
    with transaction() as session, pytest.raises(NothingToDecide, match="nothing of it waits"):
        decide_refund(session, NOON_17_JULY, play.provider(session), refund_id, "credit", DECISION)
    assert_books_hold(play)


def play_refund(session: Any, play: MoneyPlay, payment_id: str) -> None:
    from engine.payments.refunds import start_refund

    start_refund(session, NOON_17_JULY, play.provider(session), payment_id, yen(627), DECISION)


def test_what_waits_for_a_person_is_a_dead_letter_and_tried_again_from_there(
    servers: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    play, attempt_id, _, refund_id = asked(servers, monkeypatch)
    with transaction() as session:
        provider = play.provider(session)
        [letter] = dead_letters(session, provider.id)
        assert (letter.id, letter.what, letter.error) == (refund_id, "failed: 627 JPY", "The gateway could not refund.")
        again = retry_dead_letter(session, NOON_17_JULY, refund_id, DECISION, provider.id)
    assert again != refund_id
    monkeypatch.setattr(type(GATEWAYS["standard"]), "refund", lambda *_: GatewayRefund("re_again", "pending"))
    assert play.send_refund(again) == "pending"
    play.process(play.report_refund(attempt_id, 627, of=1000, refund_id="re_again"))
    assert (play.refund(again).status, play.ledger()) == ("succeeded", PAID)
    with transaction() as session:
        assert dead_letters(session, play.provider(session).id) == []
    assert_books_hold(play)


def test_a_dispute_that_runs_is_not_what_the_money_answers(servers: Stack) -> None:
    """100 refunded at the gateway, lost by the policy; the other 273 are disputed: the 100 that come back end the loss,
    and the claim of 273 waits for the dispute."""
    play, _, attempt_id = applied(servers)
    play.process(play.report_refund(attempt_id, 100, of=373, refund_id="re_1"))
    play.process(play.report_dispute(attempt_id, "opened", 273))
    assert play.ledger() == {"returned": 373, "sales": -339, "tax:jp-10": -34}
    play.process(play.report_refund_failed(attempt_id, "re_1", 100, of=373))
    assert play.ledger() == PAID | {"clearing:standard": 100, "returned": 273}
    play.process(play.report_dispute(attempt_id, "won", 273))
    assert play.ledger() == PAID


def test_a_refund_whose_webhook_was_faster_than_the_answer_is_known_by_its_name(servers: Stack) -> None:
    """Its failure comes weeks later, under that name."""
    play, attempt_id, payment_id = overpaid(servers)
    refund_id = play.start_refund(payment_id, yen(627))
    with transaction() as session:
        call = begin_refund(session, NOON_17_JULY, refund_id)
        assert isinstance(call, RefundCall)
    play.process(play.report_refund(attempt_id, 627, of=1000, refund_id="re_1"))
    assert play.refund(refund_id).status == "succeeded"
    with transaction() as session:
        answer = RefundAnswer(GatewayRefund("re_1", "succeeded"))
        assert finish_refund(session, NOON_17_JULY, call, answer) == "succeeded"
    play.process(play.report_refund_failed(attempt_id, "re_1", 627, of=1000))
    assert play.refund(refund_id).status == "failed"
    assert (len(refunds_of(play)), play.ledger()) == (1, OVERPAID)
