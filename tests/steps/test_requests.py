"""Requests at the same moment, requests repeated, and what a settlement leaves behind at the gateway."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from domain.money import Money
from engine.jobs.idempotency import KeyReused, RequestInFlight
from engine.offers import quote_change
from engine.payments.attempts import start_attempt
from engine.request import ChangeOpen, PriceChanged, UnknownQuote
from local.stack import Stack
from models.database import transaction
from models.payment import PaymentAttempt
from tests.support.play import AUGUST, NOON_17_JULY, Play


def test_a_key_that_is_being_taken_in_at_this_moment(servers: Stack) -> None:
    play = Play.of(servers)
    with transaction() as other:
        key = func.hashtextextended(f"{play.provider(other).id}:k1", 0)
        other.execute(select(func.pg_advisory_xact_lock(key)))
        with pytest.raises(RequestInFlight):
            play.request("start", key="k1")
    assert play.request("start", key="k1") == play.request("start", key="k1")
    with pytest.raises(KeyReused):
        play.request("business", key="k1")


def test_eight_requests_at_once_for_one_service_are_one_change(servers: Stack) -> None:
    play = Play.of(servers)

    def request(number: int) -> str | None:
        try:
            return play.request("start", key=f"k{number}")
        except ChangeOpen:
            return None

    with ThreadPoolExecutor(8) as threads:
        changes = [change for change in threads.map(request, range(8)) if change]
    assert len(changes) == 1


def test_who_asks_beside_an_open_change_is_told_the_way_out(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_awaiting_payment("start")
    with pytest.raises(ChangeOpen, match=rf"{change_id} \(awaiting_payment\)\. Send replace: true to replace it\."):
        play.request("business")
    play.process(play.report(play.attempts(change_id)[-1].id, Money(373, "JPY")))
    assert play.step("settle", change_id) == "paid"
    with pytest.raises(ChangeOpen, match=r"\(paid\)\. Wait until it is applied\."):
        play.request("business")


def test_a_quote_that_is_for_something_else_is_none(servers: Stack) -> None:
    """Of another plan, of another service, or never made."""
    play, other = Play.of(servers), Play.of(servers)
    for asked, quote_id in (("business", quoted(play)), ("start", quoted(other)), ("start", "qt_unknown")):
        with pytest.raises(UnknownQuote, match=f"There is no quote {quote_id} for this service, plan, cycle and"):
            play.request(asked, quote=quote_id)
    assert play.change(play.request("start", quote=quoted(play))).status == "requested"


def quoted(play: Play) -> str:
    with transaction() as session:
        return quote_change(session, NOON_17_JULY, play.service(session), "start", "monthly").id


def test_one_balance_is_not_spent_twice(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_awaiting_payment("start")
    play.process(play.report(play.attempts(change_id)[-1].id, Money(1373, "JPY")))
    play.steps("settle apply", change_id)
    assert play.ledger()["credit"] == -1000
    second = play.request("business")
    play.step("quote", second)
    # 958 of the 1000 are reserved for this change; only the rest can be spent elsewhere.
    assert (play.ledger()["credit"], play.ledger()["held"]) == (-42, -958)


def test_a_settlement_closes_the_other_attempts_at_the_gateway(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_awaiting_payment("start")
    [first] = play.attempts(change_id)
    play.process(play.report(first.id, Money(373, "JPY"), kind="payment.failed"))
    with transaction() as session:
        second = start_attempt(session, NOON_17_JULY, change_id)
    play.step("request_payment", change_id)
    # The declined payment succeeds after all: the one that is open now must not be paid as well.
    play.process(play.report(first.id, Money(373, "JPY")))
    assert play.step("settle", change_id) == "paid"
    with transaction() as session:
        attempt = session.get_one(PaymentAttempt, second.id)
        assert (attempt.status, attempt.next_attempt_at is not None) == ("canceling", True)
    play.fetch(second.id)
    assert play.step("apply", change_id) == "applied"


@pytest.mark.parametrize(
    ("locale", "mismatch", "imminent"),
    [
        (
            "en",
            "The total due today is ¥373, not ¥1.",
            "The running period ends on August 1, 2027. Ask again after the renewal.",
        ),
        (
            "es",
            "El total de hoy es 373 JPY, no 1 JPY.",
            "El período en curso termina el 1 de agosto de 2027. Vuelva a pedirlo después de la renovación.",
        ),
        (
            "ja",
            "本日のお支払い合計は￥1ではなく￥373です。",
            "現在の期間は2027年8月1日に終わります。更新後にもう一度お申し込みください。",
        ),
    ],
)
def test_why_a_request_is_refused_is_said_in_the_customers_language(
    servers: Stack, locale: str, mismatch: str, imminent: str
) -> None:
    """373 was not accepted; on 31 July at 23:30 no hour of the period is left in which an offer could be paid."""
    play = Play.of(servers)
    with transaction() as session:
        play.service(session).customer.locale = locale
    with pytest.raises(PriceChanged) as refused:
        play.request("start", accept_total=Money(1, "JPY"))
    assert " ".join(refused.value.text.split()) == mismatch
    play.set_clock(AUGUST - timedelta(minutes=30))
    change_id = play.request("start")
    assert play.step("quote", change_id) == "refused"
    assert play.change(change_id).reason_text == imminent
