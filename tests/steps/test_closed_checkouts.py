"""A checkout of an invoice that is not owed any more is closed at the gateway, and takes nobody's money."""

from __future__ import annotations

from engine.jobs import sweep, work_kinds
from engine.operators.recovery import compensation
from local.stack import Stack
from models.audit import Attribution
from models.database import transaction
from models.payment import PaymentAttempt
from models.pending_work import MACHINE_NOW, seconds
from models.plan_change import PlanChange
from tasks.run import external_step
from tests.support import loopback
from tests.support.money_play import MoneyPlay
from tests.support.play import AUGUST

ANA = Attribution("ana", "the host cannot go down to this plan")


def test_after_a_compensated_downgrade_the_old_checkout_is_closed(servers: Stack) -> None:
    """The renewal was invoiced for Basic, and its checkout is open. The host refuses, the renewal is priced anew."""
    play = MoneyPlay.of(servers, plan="start")
    change_id = play.request("basic")
    play.step("quote", change_id)
    play.set_clock(AUGUST)
    renewed = play.renew()
    assert renewed.invoice_id is not None
    attempt_id = play.request_renewal(renewed.invoice_id)
    settings = f"{play.stack.addresses.host}/_knobs/{play.slug}"
    loopback.put(settings, json={"refuse": "no"}).raise_for_status()
    assert play.step("apply", change_id) == "stuck"
    loopback.put(settings, json={}).raise_for_status()
    assert external_step(compensation(ANA), PlanChange, change_id) == "compensated"

    assert attempt(attempt_id).status == "canceling"
    with transaction() as session:
        row = session.get_one(PaymentAttempt, attempt_id)
        row.next_attempt_at = MACHINE_NOW - seconds(60)  # the message was lost
    with transaction() as session:
        assert attempt_id in sweep.claim(session, work_kinds.SWEPT).overdue_rows
    play.fetch(attempt_id)
    play.process_all()
    assert attempt(attempt_id).status == "canceled"

    checkout = attempt(attempt_id).checkout_url
    assert checkout is not None
    loopback.post(checkout, data={"outcome": "pay"})
    play.fetch(attempt_id)
    assert play.payments() == []


def attempt(attempt_id: str) -> PaymentAttempt:
    with transaction() as session:
        return session.get_one(PaymentAttempt, attempt_id)
