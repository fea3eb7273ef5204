"""A confirmed refund fails at its gateway, and the webhook that says so is lost: each adapter that can tell is asked
for as long as its gateway may return it. 1,000 yen were paid for 373, so 627 are credit, which is refunded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import func, select, update

from engine.payments.reconciliation import list_page
from gateways.registry import GATEWAYS
from local.stack import Stack
from models.database import transaction
from models.outbox import OutboxMessage
from models.payment import Payment, Refund
from models.plan_change import PlanChange
from models.provider import Connection
from tasks.run import external_step
from tests.gateways.served import Routes, served
from tests.gateways.test_mollie import KEY, FakeMollie, pay, refund_at_mollie
from tests.gateways.test_mollie import yen as mollie_yen
from tests.support import loopback
from tests.support.money_play import MoneyPlay, claimed, fetched_hours_ago, yen

SOLD = {"sales": -339, "tax:jp-10": -34}
WEBHOOK_SECRET = "whsec_" + "0" * 24


class FakeStripe(Routes):
    """Checkout sessions, refunds and the list of events, as far as one payment of 1,000 yen needs them."""

    refunds: ClassVar[list[dict[str, Any]]] = []
    events: ClassVar[list[dict[str, Any]]] = []
    paid: ClassVar[dict[str, Any]] = {}

    def do_POST(self) -> None:
        form = {name: values[0] for name, values in parse_qs(self._body()).items()}
        if self.path == "/v1/refunds":
            refund = {"id": f"re_{len(self.refunds)}", "amount": int(form["amount"]), "currency": "jpy"}
            self.refunds.append(refund | {"status": "pending", "payment_intent": form["payment_intent"]})
            self.answer(200, self.refunds[-1])
            return
        self.paid.update({"reference": form["client_reference_id"]})
        self.answer(200, self._session())

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/v1/events":
            self.answer(200, {"object": "list", "data": self.events[::-1], "has_more": False, "url": url.path})
            return
        self.answer(200, self._session())

    def _body(self) -> str:
        return self.rfile.read(int(self.headers["content-length"])).decode()

    def _session(self) -> dict[str, Any]:
        counted = [refund for refund in self.refunds if refund["status"] in ("pending", "succeeded")]
        charge = {
            "id": "ch_1",
            "created": 1815534300,  # 2027-07-13
            "amount_refunded": sum(refund["amount"] for refund in counted),
            "refunds": {"data": self.refunds[::-1]},
        }
        paid = self.paid.get("status") == "paid"
        return {
            "id": "cs_1",
            "status": "complete" if paid else "open",
            "payment_status": "paid" if paid else "unpaid",
            "amount_total": 1000 if paid else 373,
            "currency": "jpy",
            "url": "https://checkout.stripe.com/c/1",
            "metadata": {"reference": self.paid["reference"]},
            "payment_intent": {"id": "pi_1", "amount_received": 1000, "latest_charge": charge} if paid else None,
        }


@pytest.fixture
def stripe() -> Iterator[str]:
    FakeStripe.refunds, FakeStripe.events, FakeStripe.paid = [], [], {}
    with served(FakeStripe) as url:
        yield url


@pytest.fixture(scope="module")
def mollie() -> Iterator[str]:
    with served(FakeMollie) as url:
        yield url


def connected(play: MoneyPlay, adapter: str, url: str, secrets: tuple[str, ...]) -> None:
    with transaction() as session:
        connection = play.gateway(session)
        connection.adapter, connection.base_url, connection.api_key, connection.secrets = adapter, url, (KEY,), secrets


def settled(play: MoneyPlay, change_id: str) -> str:
    """The 1,000 were fetched; returns the attempt's id."""
    attempt_id = play.attempts(change_id)[0].id
    play.fetch(attempt_id)
    play.process_all()
    assert play.steps("settle apply", change_id) == "applied"
    return attempt_id


def refunded(play: MoneyPlay, attempt_id: str) -> str:
    """The 627 go back, and a fetch confirms it."""
    refund_id = play.start_refund(play.payments()[0].id, yen(627))
    assert play.send_refund(refund_id) == "pending"
    looked_at_again(play, attempt_id)
    assert play.refund(refund_id).status == "succeeded"
    return refund_id


def looked_at_again(play: MoneyPlay, attempt_id: str) -> None:
    play.fetch(attempt_id)
    play.process_all()


def at_mollie(servers: Stack, url: str, **policies: Any) -> tuple[MoneyPlay, str, str, Callable[[], None]]:
    play = MoneyPlay.with_policies(servers, **policies)
    connected(play, "mollie", url, ())
    change_id = play.until_awaiting_payment("start")
    name = play.attempts(change_id)[0].gateway_ref or ""
    pay(name, amount=mollie_yen(1000))
    attempt_id = settled(play, change_id)
    refund_id = refunded(play, attempt_id)

    def fail() -> None:
        failed = refund_at_mollie(play.refund(refund_id).gateway_ref or "", 627, "failed")
        pay(name, amountRefunded=mollie_yen(0), _embedded={"refunds": [failed]})

    return play, attempt_id, refund_id, fail


def at_stripe(servers: Stack, url: str, **policies: Any) -> tuple[MoneyPlay, str, str, Callable[[], None]]:
    play = MoneyPlay.with_policies(servers, **policies)
    connected(play, "stripe", url, (WEBHOOK_SECRET,))
    change_id = play.until_awaiting_payment("start")
    FakeStripe.paid["status"] = "paid"
    attempt_id = settled(play, change_id)
    refund_id = refunded(play, attempt_id)

    def fail() -> None:
        FakeStripe.refunds[0]["status"] = "failed"
        event = {"id": "evt_failed", "object": "event", "type": "refund.failed", "created": int(time.time()) - 120}
        FakeStripe.events.append(event | {"data": {"object": FakeStripe.refunds[0]}})

    return play, attempt_id, refund_id, fail


def at_standard(servers: Stack, url: str, **policies: Any) -> tuple[MoneyPlay, str, str, Callable[[], None]]:
    """The real sandbox gateway, which sends no webhooks for a day."""
    play = MoneyPlay.with_policies(servers, **policies)
    knobs = {"amount_off_by": 627, "webhooks": False}
    gateway = servers.addresses.gateway
    loopback.put(f"{gateway}/_knobs/{play.slug}", json=knobs).raise_for_status()
    change_id = play.until_awaiting_payment("start")
    play.press_pay(change_id)
    attempt_id = settled(play, change_id)
    refund_id = refunded(play, attempt_id)
    page = play.attempts(change_id)[0].checkout_url or ""

    def fail() -> None:
        loopback.post(page, data={"outcome": "fail_refund"}).raise_for_status()

    return play, attempt_id, refund_id, fail


AT = {"mollie": at_mollie, "stripe": at_stripe, "standard": at_standard}


@pytest.fixture(params=AT)
def adapter(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def url_of(adapter: str, request: pytest.FixtureRequest) -> str:
    return "" if adapter == "standard" else str(request.getfixturevalue(adapter))


def told(refund_id: str) -> dict[str, Any]:
    """The sum that each mail about it says."""
    with transaction() as session:
        rows = session.scalars(select(OutboxMessage).where(OutboxMessage.subject == refund_id))
        return {
            row.event: row.values.get("to_decide") or row.values.get("credit") or row.values["amount"] for row in rows
        }


@pytest.mark.parametrize(
    ("policy", "money", "said"),
    [("credit", {"credit": -627}, "¥627"), ("ask", {"refunding": -627}, "¥627")],
)
def test_a_look_now_and_then_sees_it(
    servers: Stack, request: pytest.FixtureRequest, adapter: str, policy: str, money: dict[str, int], said: str
) -> None:
    """Every six hours; the money is credit again or a person is asked, and both sides are told."""
    play, attempt_id, refund_id, fail = AT[adapter](servers, url_of(adapter, request), refund_failed=policy)
    assert play.ledger() == {f"clearing:{adapter}": 373, **SOLD}
    fail()
    fetched_hours_ago(attempt_id, 5)
    assert not claimed(attempt_id), "what is confirmed seldom changes"
    fetched_hours_ago(attempt_id, 7)
    assert claimed(attempt_id)
    assert not claimed(attempt_id), "once in six hours"
    for _ in range(2):
        looked_at_again(play, attempt_id)
    assert play.refund(refund_id).status == "failed"
    assert play.ledger() == {f"clearing:{adapter}": 1000, **money, **SOLD}
    assert told(refund_id) == {"refunded": "¥627", "refund_failed": said, "refund_failed_for_staff": said}


def test_it_is_asked_for_as_long_as_the_gateway_may_return_it(
    servers: Stack, request: pytest.FixtureRequest, adapter: str
) -> None:
    _, attempt_id, _, _ = AT[adapter](servers, url_of(adapter, request))
    bound = {"mollie": timedelta(days=60), "stripe": timedelta(days=35), "standard": timedelta(days=60)}[adapter]
    assert GATEWAYS[adapter].refund_returns_for == bound
    with transaction() as session:
        now = session.scalars(select(func.clock_timestamp())).one()
        watched = select(Payment.refunds_watched_until).where(Payment.attempt_id == attempt_id)
        until = session.scalars(watched.where(Payment.kind == "payment")).one()
    assert until is not None
    assert timedelta(0) <= now + bound - until < timedelta(minutes=9)
    fetched_hours_ago(attempt_id, 24)
    with transaction() as session:
        over = func.clock_timestamp() - timedelta(minutes=1)
        mine = update(Payment).where(Payment.attempt_id == attempt_id)
        session.execute(mine.values(refunds_watched_until=over))
    assert not claimed(attempt_id)


@pytest.mark.parametrize("adapter", ["stripe", "standard"])
def test_a_list_of_events_has_it_too(servers: Stack, request: pytest.FixtureRequest, adapter: str) -> None:
    """Read once: the look that follows changes nothing."""
    play, attempt_id, refund_id, fail = AT[adapter](servers, url_of(adapter, request))
    fail()
    with transaction() as session:
        connection_id = play.gateway(session).id
    while external_step(list_page, Connection, connection_id).more:
        pass
    play.process_all()
    assert play.refund(refund_id).status == "failed"
    books = {f"clearing:{adapter}": 1000, "credit": -627, **SOLD}
    assert play.ledger() == books
    looked_at_again(play, attempt_id)
    assert play.ledger() == books
    assert set(told(refund_id)) == {"refunded", "refund_failed", "refund_failed_for_staff"}


def test_what_somebody_refunded_at_the_gateway_is_looked_at_as_well(servers: Stack, mollie: str) -> None:
    """373 were refunded at Mollie and the plan went back; the bank returns them, and nobody says so: credit."""
    play = MoneyPlay.of(servers)
    connected(play, "mollie", mollie, ())
    change_id = play.until_awaiting_payment("start")
    [attempt] = play.attempts(change_id)
    name = attempt.gateway_ref or ""
    pay(name)
    settled(play, change_id)
    pay(name, amountRefunded=mollie_yen(373), _embedded={"refunds": [refund_at_mollie("re_hand", 373, "refunded")]})
    looked_at_again(play, attempt.id)
    with transaction() as session:
        back = session.scalars(select(PlanChange.id).where(PlanChange.reverses_id == change_id)).one()
    assert play.steps("apply print", back) == "applied"
    assert play.ledger() == {}
    pay(name, amountRefunded=mollie_yen(0), _embedded={"refunds": [refund_at_mollie("re_hand", 373, "failed")]})
    fetched_hours_ago(attempt.id, 7)
    assert claimed(attempt.id)
    looked_at_again(play, attempt.id)
    assert play.ledger() == {"clearing:mollie": 373, "credit": -373}
    with transaction() as session:
        [refund] = session.scalars(select(Refund).where(Refund.payment_id == play.payments()[0].id))
        assert (refund.status, refund.amount) == ("failed", yen(373))
    assert told(refund.id)["refund_failed"] == "¥373"


def test_nobody_can_be_asked_about_a_transfer_made_by_hand() -> None:
    assert GATEWAYS["manual"].refund_returns_for == timedelta(0)
