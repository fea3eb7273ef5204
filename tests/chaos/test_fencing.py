"""A worker that wakes up after its lease, while another one is at work: it writes nothing, whatever its outcome."""

from __future__ import annotations

import pytest

from engine import apply
from engine.notifications import mail
from engine.notifications.smtp import DeliveryError
from engine.payments import checkout
from local.stack import Stack
from models.database import transaction
from models.moves import moves_of
from models.outbox import OutboxMessage
from models.payment import PaymentAttempt
from models.plan_change import PlanChange
from models.provider import business_now
from tasks.run import local_step
from tests.support.play import Play


def test_a_late_no_does_not_stop_the_worker_that_took_over(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_paid()
    slow = local_step(apply.begin_apply, PlanChange, change_id)
    play.end_lease(change_id)
    quick = local_step(apply.begin_apply, PlanChange, change_id)
    assert isinstance(slow, apply.ApplyCall)
    assert isinstance(quick, apply.ApplyCall)
    assert quick.fence == slow.fence + 1
    no = apply.ApplyOutcome(None, "the host refused", refused=True)
    with transaction() as session:
        now = business_now(session, PlanChange, change_id)
        assert apply.finish_apply(session, now, slow, no) == "applying"
    outcome = apply.perform_apply(quick)
    with transaction() as session:
        assert apply.finish_apply(session, now, quick, outcome) == "applied"
        assert [move.to_status for move in moves_of(session, PlanChange, change_id)][-2:] == ["applying", "applied"]


def test_a_late_answer_of_a_gateway_is_not_written(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.request("start")
    play.steps("quote issue print", change_id)
    slow = local_step(checkout.begin_change_payment, PlanChange, change_id)
    assert isinstance(slow, checkout.PaymentCall)
    with transaction() as session:
        session.get_one(PaymentAttempt, slow.attempt_id).lease_until = None
    assert play.step("request_payment", change_id) == "awaiting_payment"
    with transaction() as session:
        now = business_now(session, PlanChange, change_id)
        checkout.finish_change_payment(session, now, slow, checkout.PaymentAnswer(None, "no", refused=True))
    attempt = play.attempts(change_id)[0]
    assert (attempt.status, attempt.error, attempt.attempts) == ("open", None, 0)


@pytest.mark.parametrize("error", [None, DeliveryError("the server is away", permanent=False)])
def test_a_late_word_of_the_mail_server_is_not_written(servers: Stack, error: DeliveryError | None) -> None:
    play = Play.of(servers)
    change_id = play.until_awaiting_payment("start")
    with transaction() as session:
        message_id = session.query(OutboxMessage).filter_by(subject=change_id).one().id
    slow = local_step(mail.begin_delivery, OutboxMessage, message_id)
    assert isinstance(slow, mail.MailCall)
    assert local_step(mail.begin_delivery, OutboxMessage, message_id) is None, "one worker at a time"
    with transaction() as session:
        session.get_one(OutboxMessage, message_id).lease_until = None
    quick = local_step(mail.begin_delivery, OutboxMessage, message_id)
    assert isinstance(quick, mail.MailCall)
    with transaction() as session:
        mail.finish_delivery(session, play.change(change_id).received_at, slow, error)
        message = session.get_one(OutboxMessage, message_id)
        assert (message.sent_at, message.last_error) == (None, None)
