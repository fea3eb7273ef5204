"""Every step is run twice: a message may come twice, and the second time must change nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from domain.money import Money
from local.stack import Stack
from models.database import transaction
from models.invoice import Document, Invoice
from models.outbox import OutboxMessage
from tests.support.play import AUGUST, NOON_17_JULY, SEPTEMBER, Play


def state(play: Play, change_id: str) -> tuple[object, ...]:
    """Everything that a repetition must leave alone."""
    change = play.change(change_id)
    with transaction() as session:
        documents = session.scalars(select(Document.sha256).order_by(Document.id)).all()
        messages = session.scalars(
            select(OutboxMessage.event).where(OutboxMessage.subject == change_id).order_by(OutboxMessage.id)
        ).all()
        service = play.service(session)
    return (
        change.status,
        play.history(change_id),
        play.postings(),
        play.ledger(),
        len(documents),
        list(messages),
        (service.plan, service.generation, service.period_end, play.items()),
    )


def test_an_upgrade_step_by_step_each_one_twice(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.request("business")
    for name, status in (
        ("quote", "quoted"),
        ("issue", "invoiced"),
        ("print", "invoiced"),
        ("request_payment", "awaiting_payment"),
    ):
        assert play.step(name, change_id) == status
        before = state(play, change_id)
        assert play.step(name, change_id) == status
        assert state(play, change_id) == before, name

    [attempt] = play.attempts(change_id)
    # 15 of 31 days: 1452 - 242 = 1210, and 10 %.
    event = play.report(attempt.id, Money(1331, "JPY"))
    assert play.process(event) == change_id
    before = state(play, change_id)
    assert play.process(event) is None
    assert state(play, change_id) == before
    assert play.ledger() == {"clearing:standard": 1331, "held": -1331}

    for name, status in (("settle", "paid"), ("apply", "applied"), ("print", "applied")):
        assert play.step(name, change_id) == status
        before = state(play, change_id)
        assert play.step(name, change_id) == status
        assert state(play, change_id) == before, name
    assert play.ledger() == {"clearing:standard": 1331, "sales": -1210, "tax:jp-10": -121}
    assert play.invoice(change_id).number is not None

    play.deliver_mails(change_id)
    before = state(play, change_id)
    play.deliver_mails(change_id)
    assert state(play, change_id) == before


def test_a_renewal_twice_is_one_period(servers: Stack) -> None:
    play = Play.of(servers, plan="start")
    change_id = play.request("basic")
    assert play.step("quote", change_id) == "scheduled"
    assert play.step("quote", change_id) == "scheduled"
    play.set_clock(AUGUST)
    renewed = play.renew()
    assert renewed.change_id == change_id
    before = state(play, change_id)
    assert play.renew().invoice_id is None
    assert state(play, change_id) == before
    with transaction() as session:
        assert play.service(session).period_end == SEPTEMBER
    # The renewal is owed at the new price: 500 and 10 %.
    assert play.ledger() == {"receivable": 550, "sales": -500, "tax:jp-10": -50}
    assert play.step("apply", change_id) == "applied"


def test_a_renewal_that_credit_pays_is_settled_when_it_is_issued(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_awaiting_payment("start")
    play.process(play.report(play.attempts(change_id)[0].id, Money(2000, "JPY")))
    assert play.steps("settle apply", change_id) == "applied"
    play.set_clock(AUGUST)
    renewed = play.renew()
    with transaction() as session:
        invoice = session.get_one(Invoice, renewed.invoice_id)
        amounts = (invoice.total_minor, invoice.credit_applied_minor, invoice.due_minor)
        assert (amounts, invoice.settled_at) == ((1320, 1320, 0), AUGUST)
    assert play.items() == [("start", 1, 1200, 120)]
    # 2000 paid, less 373 for the change, less 1200 and 10 % for August.
    assert play.ledger() == {"clearing:standard": 2000, "credit": -307, "sales": -1539, "tax:jp-10": -154}


def test_periods_that_were_missed_are_caught_up_one_by_one(servers: Stack) -> None:
    play = Play.of(servers, plan="start")
    play.set_clock(NOON_17_JULY.replace(month=10))
    renewed = [play.renew() for _ in range(4)]
    assert [bool(one.invoice_id) for one in renewed] == [True, True, True, False]
    assert [one.more_due for one in renewed] == [True, True, False, False]
    assert play.ledger()["receivable"] == 3 * 1320


def test_expiry_twice_is_once_and_waits_for_the_gateway(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_awaiting_payment("start")
    play.set_clock(NOON_17_JULY.replace(day=24))
    assert play.step("expire", change_id) == "awaiting_payment", "the payment is still open at the gateway"
    [attempt] = play.attempts(change_id)
    assert attempt.status == "canceling"
    play.fetch(attempt.id)
    [event] = unread(play)
    assert play.step("expire", change_id) == "awaiting_payment", "the gateway's answer is not processed yet"
    play.process(event)
    assert play.step("expire", change_id) == "expired"
    assert play.step("expire", change_id) == "expired"
    assert play.ledger() == {}


def test_paid_in_the_last_second_while_it_expires(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_awaiting_payment("start")
    [attempt] = play.attempts(change_id)
    # 15 of 31 days: 581 - 242 = 339, and 10 % of it, 34.
    event = play.report(attempt.id, Money(373, "JPY"))
    play.set_clock(NOON_17_JULY.replace(day=24))
    assert play.step("expire", change_id) == "awaiting_payment", "what the gateway reported is not processed yet"
    play.process(event)
    assert play.step("expire", change_id) == "awaiting_payment", "the money is there"
    assert play.steps("settle apply", change_id) == "applied"


@pytest.mark.parametrize("first", ["quote", "issue", "print", "request_payment", "settle", "apply"])
def test_a_step_out_of_turn_does_nothing(servers: Stack, first: str) -> None:
    play = Play.of(servers)
    change_id = play.request("business")
    if first == "quote":
        play.steps("quote issue", change_id)
        assert play.step("quote", change_id) == "invoiced"
        return
    assert play.step(first, change_id) == "requested"
    assert play.history(change_id) == ["requested"]


def unread(play: Play) -> list[str]:
    from models.inbox import InboxEvent

    with transaction() as session:
        query = select(InboxEvent.id).where(
            InboxEvent.provider_id == play.provider(session).id, InboxEvent.status == "received"
        )
        return list(session.scalars(query))
