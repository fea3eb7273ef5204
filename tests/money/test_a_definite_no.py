"""What a gateway will never do is asked of it once: the attempt ends with the reason, and waits for a person."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func

from engine.accounts.access import connect
from engine.jobs import sweep, work_kinds
from engine.jobs.external_call import machine_time
from engine.jobs.summary import next_work
from engine.operators.dead_letter_retry import NotADeadLetter, retry_dead_letter
from engine.operators.dead_letters import DeadLetter, dead_letters
from gateways.protocol import GatewayError
from gateways.registry import GATEWAYS
from local.stack import Stack
from models.audit import Attribution
from models.database import transaction
from models.moves import moves_of
from models.payment import PaymentAttempt
from models.plan_change import PlanChange
from tests.support.money_play import MoneyPlay
from tests.support.play import AUGUST, NOON_17_JULY
from web.api.views import change_view

ANA = Attribution("ana", "the account's minimum was lowered")


def use_key(play: MoneyPlay, api_key: str) -> str:
    """Returns the key before."""
    with transaction() as session:
        one = play.gateway(session)
        before = one.api_key[0]
        connect(session, play.provider(session), "gateway", one.adapter, one.base_url, api_key, one.secrets)
        return before


def letters(play: MoneyPlay) -> list[DeadLetter]:
    with transaction() as session:
        return dead_letters(session, play.provider(session).id)


def retry(row_id: str) -> str:
    with transaction() as session:
        return retry_dead_letter(session, NOON_17_JULY, row_id, ANA)


def attempt(attempt_id: str) -> PaymentAttempt:
    with transaction() as session:
        return session.get_one(PaymentAttempt, attempt_id)


def swept(row_id: str) -> bool:
    """Whether the sweep would enqueue it, an hour after the last attempt."""
    with transaction() as session:
        for work in work_kinds.SWEPT:
            if row_id.startswith(work.prefix):
                row = session.get_one(work.row, row_id)
                row.next_attempt_at, row.attempts = func.clock_timestamp() - timedelta(minutes=9), 0
        session.flush()
        found = row_id in sweep.claim(session, work_kinds.SWEPT).overdue_rows
        session.rollback()
    return found


def test_too_small_a_payment_is_asked_for_once_and_again_when_a_person_says_so(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    play.turn(minimum=374)
    change_id = play.request("start")
    for _ in range(3):
        assert play.steps("quote issue print request_payment", change_id) == "invoiced"
    [only] = play.attempts(change_id)
    assert (only.status, only.amount_minor) == ("failed", 373)
    assert "refused with 422" in (only.error or "")
    assert "The smallest payment is 374." in (only.error or "")
    assert not swept(change_id), "it waits for an operator"

    [letter] = letters(play)
    assert (letter.id, letter.kind, letter.what) == (only.id, "payment", "failed: 373 JPY")
    assert letter.error == only.error
    with transaction() as session:
        change = session.get_one(PlanChange, change_id)
        view = change_view(session, change).model_dump()
        assert moves_of(session, PaymentAttempt, only.id)[-1].event == "refuse"
    assert view["reason"] == "payment_refused"
    assert view["reason_text"].startswith("The payment service does not take this payment, so nothing was charged.")
    assert view["reason_details"] == {"payment": only.id, "gateway_said": only.error}
    assert view["next_actions"] == ["cancel"]

    play.turn()
    asked_again = retry(only.id)
    assert asked_again != only.id, "a key that was refused is never used again"
    assert letters(play) == []
    with pytest.raises(NotADeadLetter):
        retry(only.id)
    assert play.fetch(asked_again) == "awaiting_payment"
    assert [one.status for one in play.attempts(change_id)] == ["failed", "open"]
    play.press_pay(change_id)
    play.fetch(asked_again)
    play.process_all()
    assert play.steps("settle apply", change_id) == "applied"
    assert play.ledger() == {"clearing:standard": 373, "sales": -339, "tax:jp-10": -34}


def test_a_refused_payment_can_be_canceled_and_runs_out_like_any_other(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    play.turn(minimum=374)
    change_id = play.request("start")
    play.steps("quote issue print request_payment", change_id)
    play.set_clock(NOON_17_JULY + timedelta(days=8))
    assert play.step("expire", change_id) == "expired"
    assert letters(play) == [], "nobody needs to see to it any more"


def test_what_is_transient_is_tried_again_with_the_same_key(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    play.turn(create_errors=1)
    change_id = play.request("start")
    assert play.steps("quote issue print request_payment", change_id) == "invoiced"
    [only] = play.attempts(change_id)
    assert (only.status, only.error) == ("creating", "The gateway answered 500.")
    assert letters(play) == []
    with transaction() as session:
        session.get_one(PaymentAttempt, only.id).lease_until = None
    assert play.step("request_payment", change_id) == "awaiting_payment"
    assert [one.id for one in play.attempts(change_id)] == [only.id]


def test_the_pause_that_the_gateway_asks_for_is_kept(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    play = MoneyPlay.of(servers)

    def busy(*_: object) -> None:
        raise GatewayError("The gateway answered 429.", retry_after=120)

    monkeypatch.setattr(GATEWAYS["standard"], "create", busy)
    change_id = play.request("start")
    play.steps("quote issue print request_payment", change_id)
    with transaction() as session:
        at = session.get_one(PaymentAttempt, play.attempts(change_id)[0].id).next_attempt_at
        now = machine_time(session)
    assert at is not None
    assert timedelta(seconds=110) < at - now <= timedelta(seconds=120)


def test_a_renewals_payment_that_is_refused_is_a_dead_letter_too(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    play.turn(minimum=1000)
    play.set_clock(AUGUST)
    invoice_id = play.renew().invoice_id
    assert invoice_id is not None
    attempt_id = play.request_renewal(invoice_id)
    assert attempt(attempt_id).status == "failed"
    with transaction() as session:
        assert next_work(session, invoice_id).tasks == ["invoices.print"], "it is not asked for again"
    assert [letter.id for letter in letters(play)] == [attempt_id]
    play.turn()
    asked_again = retry(attempt_id)
    assert play.fetch(asked_again) == "open"
    assert attempt(asked_again).amount_minor == 550


def test_a_key_that_was_revoked_stops_the_closing_until_a_person_has_mended_it(servers: Stack) -> None:
    """The payment is there and may still be paid: it is not given up, and nobody asks in vain."""
    play = MoneyPlay.of(servers)
    change_id = play.until_awaiting_payment("start")
    [one] = play.attempts(change_id)
    key = use_key(play, "revoked key")
    play.set_clock(NOON_17_JULY + timedelta(days=8))
    assert play.step("expire", change_id) == "awaiting_payment"
    assert play.fetch(one.id) == "awaiting_payment"
    [letter] = letters(play)
    assert (letter.id, letter.what) == (one.id, "canceling: 373 JPY")
    assert "refused with 401" in (letter.error or "")
    use_key(play, key)
    assert retry(one.id) == one.id
    play.fetch(one.id)
    play.process_all()
    assert attempt(one.id).status == "canceled"
    assert play.step("expire", change_id) == "expired"


def test_a_payment_that_the_gateway_does_not_know_any_more_has_failed(servers: Stack) -> None:
    """Another account was connected meanwhile: the customer pays anew there, and nothing waits for the old one."""
    play, other = MoneyPlay.of(servers), MoneyPlay.of(servers)
    change_id = play.until_awaiting_payment("start")
    [one] = play.attempts(change_id)
    with transaction() as session:
        key_of_other = other.gateway(session).api_key[0]
    use_key(play, key_of_other)
    assert play.fetch(one.id) == "awaiting_payment"
    assert attempt(one.id).status == "failed"
    assert "refused with 404" in (attempt(one.id).error or "")
    assert [letter.id for letter in letters(play)] == [one.id]
    asked_again = retry(one.id)
    play.fetch(asked_again)
    assert [(attempt.status, attempt.amount_minor) for attempt in play.attempts(change_id)] == [
        ("failed", 373),
        ("open", 373),
    ]
