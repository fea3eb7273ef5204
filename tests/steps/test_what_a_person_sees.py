"""What waits for a person, each provider's own and the oldest first; and what a thing in hand leads to."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from engine.offers import quote_change
from engine.operators.finding import find, shown_with
from engine.operators.manual_payments import StatementLine, record_payment
from engine.operators.waiting import waiting_for_a_person
from engine.payments.inbox_store import ReceivedWebhook, receive_events
from gateways.protocol import Delivery
from local.stack import Stack
from models.database import transaction
from models.outbox import OutboxMessage
from tests.steps.test_recovery import stuck
from tests.support.ending_play import EndingPlay
from tests.support.money_play import DECISION, MoneyPlay, yen
from tests.support.play import AUGUST, NOON_17_JULY, Play


def waiting(play: Play) -> list[tuple[str, str, str | None]]:
    """Kind, row and error of all that waits for this provider's people."""
    with transaction() as session:
        found = waiting_for_a_person(session, play.provider(session).id)
        return [(one.kind, one.row.id, one.error) for one in found]


def on_the_statement(play: MoneyPlay, line: str, amount: int) -> str:
    """Money that names no invoice; returns the payment's id."""
    with transaction() as session:
        found = StatementLine(line, yen(amount), NOON_17_JULY, None)
        event, _ = record_payment(session, NOON_17_JULY, play.provider(session), found, DECISION)
    play.process(event.id)
    return play.payments()[-1].id


def returned(servers: Stack) -> tuple[MoneyPlay, str]:
    """100 of 373 went back, which is staff's matter; with the invoice's id."""
    play = MoneyPlay.of(servers)
    change_id = play.until_paid()
    assert play.step("apply", change_id) == "applied"
    play.process(play.report_refund(play.attempts(change_id)[0].id, 100, of=373))
    return play, play.invoice(change_id).id


def test_money_that_went_back_waits_for_the_people_of_its_provider(servers: Stack) -> None:
    one, one_invoice = returned(servers)
    other, other_invoice = returned(servers)
    assert waiting(one) == [("returned", one_invoice, None)]
    assert waiting(other) == [("returned", other_invoice, None)]


def test_the_oldest_is_first_and_each_says_what_it_is(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    unmatched = on_the_statement(play, "17/1", 300)
    change_id = stuck(play)
    with transaction() as session:
        connection = play.gateway(session)
        nonsense = ReceivedWebhook(connection.provider_id, connection.id, Delivery("evt_odd"), b"[]")
        [poison] = receive_events(session.connection(), [nonsense])
    assert poison is not None
    play.process(poison)
    said = {kind: (row, error) for kind, row, error in waiting(play)}
    assert list(said) == ["unmatched", "stuck", "poison"]
    assert said["unmatched"] == (unmatched, None)
    assert said["stuck"][0] == change_id
    assert "the rack is full" in (said["stuck"][1] or "")
    assert said["poison"] == (poison, play.event(poison).last_error)
    assert waiting(MoneyPlay.of(servers)) == []


def test_a_review_is_one_and_nothing_went_wrong_with_it(servers: Stack) -> None:
    play = Play.of(servers, "hosting", "radio-100")
    change_id = play.request("vps-1")
    assert play.step("quote", change_id) == "awaiting_review"
    assert waiting(play) == [("review", change_id, None)]


def test_what_is_told_by_its_payment_takes_no_place_of_another_change(
    servers: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = MoneyPlay.of(servers)
    play.turn(minimum=374)
    assert play.steps("quote issue print request_payment", play.request("start")) == "invoiced"
    play.turn()
    newer = stuck(play.beside("b"))
    monkeypatch.setattr("engine.operators.waiting.LISTED_MAX", 1)
    told = {kind: row for kind, row, _ in waiting(play)}
    assert told.keys() == {"payment", "stuck"}
    assert told["stuck"] == newer


def test_unmatched_money_of_which_all_went_back_waits_for_nobody(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    payment_id = on_the_statement(play, "17/1", 300)
    assert waiting(play) == [("unmatched", payment_id, None)]
    assert play.send_refund(play.start_refund(payment_id, yen(200))) == "succeeded"
    assert waiting(play) == [("unmatched", payment_id, None)], "100 are still here"
    assert play.send_refund(play.start_refund(payment_id, yen(100))) == "succeeded"
    assert waiting(play) == []


def found(play: Play, text: str) -> list[str]:
    with transaction() as session:
        return [row.id for row in find(session, play.provider(session).id, text).rows]


def quoted(play: Play, plan: str) -> str:
    with transaction() as session:
        return quote_change(session, NOON_17_JULY, play.service(session), plan, "monthly").id


def test_a_quote_leads_to_the_change_that_accepted_it_or_else_to_its_service(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    accepted, other = quoted(play, "start"), quoted(play, "business")
    change_id = play.until_awaiting_payment("start", quote=accepted)
    assert found(play, accepted) == [change_id]
    assert found(play, other) == [service_id(play)]


def service_id(play: Play) -> str:
    with transaction() as session:
        return play.service(session).id


def test_what_has_no_page_of_its_own_leads_to_what_it_is_about(servers: Stack) -> None:
    play, change_id, payment_id = MoneyPlay.overpaid(servers)
    refund_id = play.start_refund(payment_id, yen(627))
    with transaction() as session:
        mail = session.scalars(select(OutboxMessage.id).where(OutboxMessage.subject == change_id).limit(1)).one()
    assert found(play, play.attempts(change_id)[0].id) == [change_id]
    assert found(play, refund_id) == [payment_id]
    assert found(play, mail) == [change_id]


def test_a_renewals_payment_leads_to_its_invoice_and_an_ending_to_its_service(servers: Stack) -> None:
    play = EndingPlay.of(servers)
    play.set_clock(AUGUST)
    invoice_id = play.renew().invoice_id
    assert invoice_id is not None
    assert found(play, play.request_renewal(invoice_id)) == [invoice_id]
    assert found(play, play.end()) == [service_id(play)]


def test_words_lead_to_all_that_they_may_mean_and_nothing_to_nothing(servers: Stack) -> None:
    play, change_id, payment_id = MoneyPlay.overpaid(servers)
    invoice = play.invoice(change_id)
    assert found(play, "ZON") == [service_id(play), customer_id(play)], "the service's reference and the mail address"
    assert found(play, f" {(invoice.number or '').lower()} ") == [invoice.id]
    assert found(play, play.attempts(change_id)[0].gateway_ref or "") == [change_id, payment_id]
    assert [found(play, text) for text in ("", "  ", "%", "chg_unknown")] == [[], [], [], []]


def customer_id(play: Play) -> str:
    with transaction() as session:
        return play.service(session).customer_id


def test_nothing_of_another_provider_is_found(servers: Stack) -> None:
    play, change_id, payment_id = MoneyPlay.overpaid(servers)
    other = Play.of(servers)
    assert [found(other, text) for text in (change_id, payment_id, service_id(play))] == [[], [], []]
    assert found(other, "zone") == [service_id(other), customer_id(other)]
    with transaction() as session:
        assert shown_with(session, "chg_unknown") is None
        assert shown_with(session, "nothing") is None
