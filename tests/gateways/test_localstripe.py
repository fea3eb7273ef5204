"""The whole way with a Stripe that is not ours: pay, 3-D Secure, decline, late money and its refund."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from engine.expiry import cancel_change
from engine.payments.attempts import start_attempt
from engine.payments.refunds import start_refund
from local.ports import accepts, free_port
from local.stack import Stack
from models.audit import Attribution
from models.database import transaction
from models.inbox import InboxEvent
from tests.conftest import environment
from tests.support import loopback
from tests.support.money_play import MoneyPlay
from tests.support.play import NOON_17_JULY
from tests.support.receiver import ReceiverProcess, receiver
from tests.support.waiting import until

SECRET = "whsec_localstripe_signs_with_this"
KEY = "sk_test_12345"
GOOD, NEEDS_3DS, DECLINED = "4242424242424242", "4000002500003155", "4000000000000341"


@pytest.fixture(scope="module")
def stripe_url() -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tests.gateways.localstripe_program", str(port)])
    try:
        until(lambda: accepts(port) or None, "localstripe", 30)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def receiver_process(_servers: tuple[Stack, dict[str, str]]) -> Iterator[ReceiverProcess]:
    with environment(_servers[1]), receiver() as process:
        yield process


class Payer:
    """What a browser does with Stripe's form."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def listen(self, name: str, url: str) -> None:
        answer = self._http.post(f"/_config/webhooks/{name}", data={"url": url, "secret": SECRET})
        answer.raise_for_status()

    def confirm(self, intent: str, card: str) -> httpx.Response:
        details = {"card[number]": card, "card[exp_month]": "12", "card[exp_year]": "2030", "card[cvc]": "123"}
        method = self._http.post("/v1/payment_methods", data={"type": "card", **details}).raise_for_status().json()
        chosen = {"payment_method": method["id"]}
        self._http.post(f"/v1/payment_intents/{intent}", data=chosen).raise_for_status()
        return self._http.post(f"/v1/payment_intents/{intent}/confirm", data={"expand[]": "payment_method"})

    def authenticate(self, intent: str, token: str) -> None:
        data = {"client_secret": token, "success": "true"}
        self._http.post(f"/v1/payment_intents/{intent}/_authenticate", data=data).raise_for_status()


@pytest.fixture
def stripe(servers: Stack, stripe_url: str, receiver_process: ReceiverProcess) -> Iterator[tuple[MoneyPlay, Payer]]:
    play = MoneyPlay.of(servers)
    with transaction() as session:
        connection = play.gateway(session)
        connection.adapter, connection.base_url = "stripe-intents", stripe_url
        connection.api_key, connection.secrets = (KEY,), (SECRET,)
    with loopback.Client(base_url=stripe_url, auth=httpx.BasicAuth(KEY, "")) as http:
        payer = Payer(http)
        payer.listen("one", f"http://127.0.0.1:{receiver_process.port}/webhooks/stripe-intents/{play.slug}")
        yield play, payer


def wait_for_event(play: MoneyPlay, kind: str, about: str) -> str:
    """The webhook has come in and is processed; returns its row's id."""

    def poll() -> str | None:
        with transaction() as session:
            query = select(InboxEvent).where(InboxEvent.provider_id == play.provider(session).id)
            rows = (row for row in session.scalars(query) if kind.encode() in row.body and about.encode() in row.body)
            return next((row.id for row in rows), None)

    event_id = until(poll, f"{kind} of {about}", 30)
    play.process(event_id)
    return event_id


def opened(play: MoneyPlay) -> tuple[str, Any]:
    change_id = play.until_awaiting_payment("start")
    attempt = play.attempts(change_id)[-1]
    assert attempt.gateway_ref is not None
    assert attempt.gateway_ref.startswith("pi_")
    assert attempt.client_token is not None
    return change_id, attempt


def test_pay(stripe: tuple[MoneyPlay, Payer]) -> None:
    play, payer = stripe
    change_id, attempt = opened(play)
    payer.confirm(attempt.gateway_ref, GOOD).raise_for_status()
    wait_for_event(play, "payment_intent.succeeded", attempt.gateway_ref)
    play.fetch(attempt.id)  # fetched as well as notified, and counted once
    play.process_all()
    assert play.steps("settle apply", change_id) == "applied"
    assert play.ledger() == {"clearing:stripe-intents": 373, "sales": -339, "tax:jp-10": -34}


def test_three_d_secure(stripe: tuple[MoneyPlay, Payer]) -> None:
    play, payer = stripe
    change_id, attempt = opened(play)
    payer.confirm(attempt.gateway_ref, NEEDS_3DS).raise_for_status()
    play.fetch(attempt.id)
    assert play.attempts(change_id)[0].status == "action_required"
    assert play.step("settle", change_id) == "awaiting_payment"
    payer.authenticate(attempt.gateway_ref, attempt.client_token)
    wait_for_event(play, "payment_intent.succeeded", attempt.gateway_ref)
    assert play.steps("settle apply", change_id) == "applied"


def test_declined_and_paid_by_another_attempt(stripe: tuple[MoneyPlay, Payer]) -> None:
    play, payer = stripe
    change_id, first = opened(play)
    assert payer.confirm(first.gateway_ref, DECLINED).status_code == 402
    wait_for_event(play, "payment_intent.payment_failed", first.gateway_ref)
    assert play.attempts(change_id)[0].status == "failed"
    assert play.change(change_id).status == "awaiting_payment"
    with transaction() as session:
        start_attempt(session, NOON_17_JULY, change_id)
    play.step("request_payment", change_id)
    second = play.attempts(change_id)[1]
    assert second.gateway_ref not in (None, first.gateway_ref)
    payer.confirm(second.gateway_ref or "", GOOD).raise_for_status()
    wait_for_event(play, "payment_intent.succeeded", second.gateway_ref or "")
    assert play.steps("settle apply", change_id) == "applied"


def test_paid_after_it_was_canceled_and_sent_back(stripe: tuple[MoneyPlay, Payer]) -> None:
    play, payer = stripe
    change_id, attempt = opened(play)
    with transaction() as session:
        cancel_change(session, NOON_17_JULY, change_id, "customer")
    payer.confirm(attempt.gateway_ref, GOOD).raise_for_status()
    wait_for_event(play, "payment_intent.succeeded", attempt.gateway_ref)
    assert play.ledger() == {"clearing:stripe-intents": 373, "credit": -373}
    with transaction() as session:
        attribution = Attribution("ana", "paid too late")
        refund_id = start_refund(
            session, NOON_17_JULY, play.provider(session), play.payments()[0].id, None, attribution
        ).id
    assert play.send_refund(refund_id) == "succeeded"
    assert play.ledger() == {}
    play.fetch(attempt.id)
    play.process_all()
    assert play.ledger() == {}, "the sum that Stripe reports counts our refund once"


def test_the_list_of_events_has_what_no_webhook_brought(stripe: tuple[MoneyPlay, Payer], stripe_url: str) -> None:
    from engine.payments import reconciliation
    from models.provider import Connection
    from tasks.run import external_step

    play, payer = stripe
    payer.listen("one", "http://127.0.0.1:1/nobody")
    change_id, attempt = opened(play)
    payer.confirm(attempt.gateway_ref, GOOD).raise_for_status()
    with transaction() as session:
        connection_id = play.gateway(session).id
    for event_id in external_step(reconciliation.list_page, Connection, connection_id).events:
        play.process(event_id)
    assert play.steps("settle apply", change_id) == "applied"
