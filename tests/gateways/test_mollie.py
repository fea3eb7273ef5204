"""Mollie's webhook only notifies: what nobody signed is never believed, and what is fetched is booked once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from sqlalchemy import select

from domain.money import Money
from engine.payments.inbox_store import ReceivedWebhook, receive_events
from gateways.protocol import Account, BadSignature, EventKind, EventPage, GatewayError, GatewayRefused, PaymentRequest
from gateways.registry import GATEWAYS
from local.stack import Stack
from models.database import transaction
from models.inbox import InboxEvent
from models.payment import PaymentAttempt, Refund
from tests.gateways.served import Routes, served
from tests.support.money_play import MoneyPlay, age, claimed
from tests.support.play import NOON_17_JULY

GATEWAY = GATEWAYS["mollie"]
KEY = "test_mollie_key"


class FakeMollie(Routes):
    """A few of Mollie's routes, as its documentation shows them; payments live in the class."""

    payments: ClassVar[dict[str, dict[str, Any]]] = {}
    fetched: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        key = self.headers["idempotency-key"]
        if self.path.endswith("/refunds"):
            payment = self.payments[self.path.split("/")[3]]
            payment["amountRefunded"] = body["amount"]
            self.answer(201, {"id": f"re_{key[-6:]}", "status": "pending"})
            return
        name = f"tr_{key[-8:]}"
        if name not in self.payments:
            self.payments[name] = {
                "resource": "payment",
                "id": name,
                "status": "open",
                "amount": body["amount"],
                "metadata": body["metadata"],
                "webhookUrl": body["webhookUrl"],
                "_links": {"checkout": {"href": f"https://www.mollie.com/checkout/{name}"}},
            }
        self.answer(201, self.payments[name])

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        name = path.split("/")[3]
        assert query == "embed=refunds"
        self.fetched.append(name)
        if name == "tr_broken":
            self.answer(503, {})
        elif name in self.payments:
            self.answer(200, self.payments[name])
        else:
            self.answer(404, {"status": 404, "title": "Not Found"})

    def do_DELETE(self) -> None:
        payment = self.payments[self.path.split("/")[3]]
        if payment["status"] != "open":
            self.answer(422, {"detail": "The payment cannot be canceled"})
            return
        payment["status"] = "canceled"
        self.answer(200, payment)


@pytest.fixture(scope="module")
def mollie() -> Iterator[str]:
    with served(FakeMollie) as url:
        yield url


@pytest.fixture
def play(servers: Stack, mollie: str) -> MoneyPlay:
    play = MoneyPlay.of(servers)
    with transaction() as session:
        connection = play.gateway(session)
        connection.adapter, connection.base_url, connection.api_key, connection.secrets = "mollie", mollie, (KEY,), ()
    return play


def posted(play: MoneyPlay, name: str) -> str:
    """A webhook is verified and written down; returns the row's id."""
    event_id = filed(play, name)
    assert event_id is not None
    return event_id


def filed(play: MoneyPlay, name: str) -> str | None:
    """The same; None where it leads to nothing new."""
    body = f"id={name}".encode()
    with transaction() as session:
        connection = play.gateway(session)
        account = Account(connection.account, connection.base_url, KEY, ())
        delivery = GATEWAY.verify(account, [], body, datetime.now(UTC))
        assert delivery.fetch_only
        return receive_events(
            session.connection(), [ReceivedWebhook(connection.provider_id, connection.id, delivery, body)]
        )[0]


def pay(name: str, **more: Any) -> None:
    FakeMollie.payments[name] |= {"status": "paid", "paidAt": "2027-07-17T03:05:00+00:00", **more}


def yen(amount: int) -> dict[str, str]:
    return {"value": str(amount), "currency": "JPY"}


def test_the_payment_is_fetched_and_booked_once_however_often_it_notifies(play: MoneyPlay) -> None:
    change_id = play.until_awaiting_payment("start")
    [attempt] = play.attempts(change_id)
    name = attempt.gateway_ref or ""
    assert attempt.checkout_url == f"https://www.mollie.com/checkout/{name}"
    assert FakeMollie.payments[name]["amount"] == {"value": "373", "currency": "JPY"}
    assert FakeMollie.payments[name]["webhookUrl"].endswith(f"/webhooks/mollie/{play.slug}")
    play.process(posted(play, name))
    assert play.ledger() == {}, "it is still open"
    pay(name)
    for _ in range(3):
        play.process(posted(play, name))
    assert play.ledger() == {"clearing:mollie": 373, "held": -373}
    assert play.steps("settle apply", change_id) == "applied"


def test_refunds_and_chargebacks_are_found_by_the_same_fetch(play: MoneyPlay) -> None:
    change_id = play.until_awaiting_payment("start")
    name = play.attempts(change_id)[0].gateway_ref or ""
    pay(name, amountRefunded=yen(73))
    play.process(posted(play, name))
    assert play.ledger() == {"clearing:mollie": 300, "held": -300}
    pay(name, amountRefunded=yen(73), amountChargedBack=yen(300))
    play.process(posted(play, name))
    play.process(posted(play, name))
    assert play.ledger() == {}


def test_there_is_no_list_so_what_takes_long_is_fetched(play: MoneyPlay) -> None:
    """No webhook comes: the payment is fetched when it is a quarter of an hour old, and so is a paid one of which a
    refund is not confirmed."""
    change_id = play.until_awaiting_payment("start")
    [attempt] = play.attempts(change_id)
    name = attempt.gateway_ref or ""
    assert GATEWAY.recent_events(Account("dns", "", KEY, ()), None) == EventPage((), None)
    pay(name, amount=yen(1000))
    age(attempt.id, 16)
    assert claimed(attempt.id)
    play.fetch(attempt.id)
    play.process_all()
    assert play.steps("settle apply", change_id) == "applied"
    refund_id = play.start_refund(play.payments()[0].id, Money(627, "JPY"))
    assert play.send_refund(refund_id) == "pending"
    with transaction() as session:
        session.get_one(Refund, refund_id).created_at -= timedelta(minutes=16)
        session.get_one(PaymentAttempt, attempt.id).polled_at = None
    assert claimed(attempt.id)
    play.fetch(attempt.id)
    play.process_all()
    assert (play.refund(refund_id).status, play.ledger()["clearing:mollie"]) == ("succeeded", 373)


@pytest.mark.parametrize("nothing", [{"metadata": None, "_embedded": None}, {"_embedded": {"refunds": None}}])
def test_what_is_null_is_read_all_the_same(play: MoneyPlay, nothing: dict[str, Any]) -> None:
    """Ours is known by Mollie's name for it, whatever became of its metadata."""
    change_id = play.until_awaiting_payment("start")
    name = play.attempts(change_id)[0].gateway_ref or ""
    pay(name, amountRefunded=None, amountChargedBack=None, **nothing)
    play.process(posted(play, name))
    assert play.ledger() == {"clearing:mollie": 373, "held": -373}


def refund_at_mollie(name: str, amount: int, status: str) -> dict[str, Any]:
    return {"id": name, "amount": yen(amount), "status": status}


def test_a_refund_that_fails_and_its_replacement_are_found_by_the_same_fetch(play: MoneyPlay) -> None:
    """1,000 were paid for 373. Our refund of the 627 is refunded, fails, and somebody refunds 627 at Mollie, where the
    sum is then the same as before."""
    change_id = play.until_awaiting_payment("start")
    name = play.attempts(change_id)[0].gateway_ref or ""
    pay(name, amount=yen(1000))
    play.process(posted(play, name))
    assert play.steps("settle apply", change_id) == "applied"
    refund_id = play.start_refund(play.payments()[0].id, Money(627, "JPY"))
    assert play.send_refund(refund_id) == "pending"
    ours, sold = play.refund(refund_id).gateway_ref or "", {"sales": -339, "tax:jp-10": -34}
    for refunded, refunds, status, ledger in (
        (627, [("processing", ours)], "succeeded", {"clearing:mollie": 373}),
        (0, [("failed", ours)], "failed", {"clearing:mollie": 1000, "credit": -627}),
        (627, [("failed", ours), ("refunded", "re_other")], "failed", {"clearing:mollie": 373}),
        (0, [("failed", ours), ("canceled", "re_other")], "failed", {"clearing:mollie": 1000, "credit": -627}),
    ):
        embedded = {"refunds": [refund_at_mollie(ref, 627, state) for state, ref in refunds]}
        pay(name, amountRefunded=yen(refunded), _embedded=embedded)
        for _ in range(2):
            play.process(posted(play, name))
        assert (play.refund(refund_id).status, play.ledger()) == (status, ledger | sold)


def test_a_name_that_we_did_not_open_is_never_fetched(play: MoneyPlay) -> None:
    """Whoever guesses names cannot make us call Mollie, or fill our books."""
    assert filed(play, "tr_guessed") is None
    with transaction() as session:
        assert session.scalar(select(InboxEvent.id).where(InboxEvent.provider_id == play.provider(session).id)) is None
    assert (play.ledger(), "tr_guessed" in FakeMollie.fetched) == ({}, False)


def test_one_that_waits_to_be_fetched_is_not_enqueued_again(play: MoneyPlay) -> None:
    """However often it is posted: one look for all, and another where it came during that look."""
    change_id = play.until_awaiting_payment("start")
    name = play.attempts(change_id)[0].gateway_ref or ""
    event_id = posted(play, name)
    assert [filed(play, name) for _ in range(20)] == [None] * 20
    assert play.event(event_id).deliveries == 21
    play.process(event_id)
    assert (play.event(event_id).status, FakeMollie.fetched.count(name)) == ("processed", 1)
    assert filed(play, name) == event_id


def test_a_notification_that_comes_during_a_fetch_is_fetched_again(
    play: MoneyPlay, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_id = play.until_awaiting_payment("start")
    name = play.attempts(change_id)[0].gateway_ref or ""
    event_id = posted(play, name)
    real = type(GATEWAY).fetch

    def slow(self: Any, account: Account, ref: str) -> Any:
        seen = real(self, account, ref)
        pay(name)
        assert filed(play, name) is None, "it is looked at already"
        return seen

    with monkeypatch.context() as patch:
        patch.setattr(type(GATEWAY), "fetch", slow)
        play.process(event_id)
    assert play.event(event_id).status == "received"
    play.process(event_id)
    assert play.ledger() == {"clearing:mollie": 373, "held": -373}


def test_mollie_is_away_and_the_fetch_is_tried_again(play: MoneyPlay) -> None:
    change_id = play.until_awaiting_payment("start")
    attempt_id = play.attempts(change_id)[0].id
    with transaction() as session:
        session.get_one(PaymentAttempt, attempt_id).gateway_ref = "tr_broken"
    event_id = posted(play, "tr_broken")
    with pytest.raises(GatewayError, match="503"):
        play.process(event_id)
    with transaction() as session:
        event = session.get_one(InboxEvent, event_id)
        assert (event.status, event.failures) == ("retry", 1)


def test_a_payment_that_mollie_does_not_know_is_asked_for_once(play: MoneyPlay) -> None:
    """Another key was connected meanwhile: the webhook is a dead letter at once, and the attempt ends when it is
    fetched."""
    change_id = play.until_awaiting_payment("start")
    [attempt] = play.attempts(change_id)
    del FakeMollie.payments[attempt.gateway_ref or ""]
    event_id = posted(play, attempt.gateway_ref or "")
    with pytest.raises(GatewayRefused, match="404"):
        play.process(event_id)
    assert (play.event(event_id).status, play.event(event_id).next_attempt_at) == ("dead", None)
    assert "Mollie refused with 404" in (play.event(event_id).last_error or "")
    play.fetch(attempt.id)
    assert play.attempts(change_id)[0].status == "failed"


def test_cancel_returns_how_the_payment_stands(mollie: str) -> None:
    account = Account("dns", mollie, KEY, ())
    request = PaymentRequest("pay_abcdefgh", Money(1250, "EUR"), "title", "https://x", NOON_17_JULY, "https://y")
    opened = GATEWAY.create(account, request)
    assert (opened.status, opened.amount, opened.reference) == (
        "open",
        Money(1250, "EUR"),
        "pay_abcdefgh",
    )
    assert GATEWAY.create(account, request) == opened
    pay(opened.gateway_ref)
    assert GATEWAY.cancel(account, opened.gateway_ref).status == "succeeded"
    refund = GATEWAY.refund(account, opened.gateway_ref, Money(250, "EUR"), "ref_123456")
    assert refund.status == "pending"
    assert GATEWAY.fetch(account, opened.gateway_ref).refunded == 250
    with pytest.raises(GatewayRefused, match="404"):
        GATEWAY.fetch(account, "tr_unknown")


@pytest.mark.parametrize(
    "body", [b"", b"id=", b"id=../x", b"id=tr_1&id[]=%00", b'{"id": "tr_1"}', b"id=tr_" + b"a" * 70, b"\xff"]
)
def test_what_is_not_a_notification(body: bytes) -> None:
    with pytest.raises(BadSignature):
        GATEWAY.verify(Account("dns", "", "", ()), [], body, datetime.now(UTC))


def test_a_notification_says_nothing_else() -> None:
    [gateway_event] = GATEWAY.parse(b"id=tr_7UhSN1zuXS")
    assert (gateway_event.kind, gateway_event.gateway_ref, bool(gateway_event.amount)) == (
        EventKind.FETCH,
        "tr_7UhSN1zuXS",
        False,
    )
