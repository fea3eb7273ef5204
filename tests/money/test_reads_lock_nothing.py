"""An operator's page that shows a payment waits for nobody, and nobody waits for it."""

from __future__ import annotations

from sqlalchemy import select, text

from domain.money import Money
from engine.payments.refunds import required_payment
from local.stack import Stack
from models.database import transaction
from models.payment import Payment
from tests.support.play import Play


def test_a_payment_is_shown_while_a_refund_of_it_is_being_written(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_awaiting_payment("start")
    play.process(play.report(play.attempts(change_id)[-1].id, Money(373, "JPY")))
    with transaction() as session:
        payment_id = session.scalars(select(Payment.id).where(Payment.provider_id == play.provider(session).id)).one()
    with transaction() as writing:
        writing.execute(select(Payment).where(Payment.id == payment_id).with_for_update(of=Payment))
        with transaction() as reader:
            reader.execute(text("SET LOCAL lock_timeout = '100ms'"))
            payment = required_payment(reader, play.provider(reader), payment_id)
            assert payment.refundable == Money(373, "JPY")
