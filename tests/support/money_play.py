"""Runs steps as a worker does, beside a gateway that reports whatever a test needs."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any, Self

from sqlalchemy import func, select, update

from domain.lifecycle import UNDECIDED
from domain.money import Money
from engine.accounts.catalogs import load_catalog
from engine.payments import checkout, reconciliation, refunds
from gateways.protocol import GatewayPayment
from local.stack import Stack
from models.audit import Attribution
from models.database import transaction
from models.inbox import InboxEvent
from models.invoice import Invoice
from models.outbox import OutboxMessage
from models.payment import Payment, PaymentAttempt, Refund
from models.provider import Provider, business_now
from tasks.run import external_step
from tests.conftest import catalog_named
from tests.support import loopback
from tests.support.play import NOON_17_JULY, Play

DECISION = Attribution("ana", "bank statement of today")


class MoneyPlay(Play):
    @classmethod
    def with_policies(cls, stack: Stack, **policies: Any) -> Self:
        """A DNS provider whose catalogue has these policies."""
        play = cls.of(stack)
        play.load_policies(**policies)
        return play

    def load_policies(self, **policies: Any) -> None:
        """The provider's policies change."""
        catalog = catalog_named(self.slug, "dns")
        changed = catalog.model_copy(update={"policies": catalog.policies.model_copy(update=policies)})
        with transaction() as session:
            load_catalog(session, changed, sandbox=True)

    @classmethod
    def overpaid(cls, stack: Stack) -> tuple[MoneyPlay, str, str]:
        """1,000 were paid at the real sandbox gateway for 373: 627 are credit. With the ids of change and payment."""
        play = cls.of(stack)
        play.turn(amount_off_by=627)
        change_id = play.until_awaiting_payment("start")
        play.press_pay(change_id)
        play.fetch(play.attempts(change_id)[0].id)
        play.process_all()
        assert play.steps("settle apply", change_id) == "applied"
        assert play.ledger() == {"clearing:standard": 1000, "credit": -627, "sales": -339, "tax:jp-10": -34}
        return play, change_id, play.payments()[0].id

    def turn(self, **knobs: Any) -> None:
        """The knobs of the real sandbox gateway; those not named are as at the beginning."""
        gateway = self.stack.addresses.gateway
        loopback.put(f"{gateway}/_knobs/{self.slug}", json=knobs).raise_for_status()

    def report_refund(
        self, attempt_id: str, refunded: int, of: int, refund_id: str | None = None, at: str | None = None
    ) -> str:
        """A refund succeeded, after which so much of the payment is refunded in all."""
        part = {"id": refund_id or f"re_{secrets.token_hex(4)}", "amount": refunded, "currency": "JPY"}
        return self._report(attempt_id, "refund.succeeded", of, {"refund": part}, refunded, at)

    def report_refund_failed(
        self, attempt_id: str, refund_id: str, amount: int, of: int, refunded: int | None = 0, at: str | None = None
    ) -> str:
        """A refund failed, after which so much is still refunded; None: the gateway does not say."""
        part = {"id": refund_id, "amount": amount, "currency": "JPY"}
        return self._report(attempt_id, "refund.failed", of, {"refund": part}, refunded, at)

    def report_second(self, attempt_id: str, amount: int, at: str = "2027-07-24T03:01:00Z") -> str:
        """Another payment came for the same attempt, under a name of its own."""
        payment = {"id": f"gw2_{attempt_id}", "reference": attempt_id, "amount": amount, "currency": "JPY"}
        event = {"id": f"evt_{secrets.token_hex(8)}", "type": "payment.succeeded"}
        data = {"payment": payment | {"status": "succeeded", "paid_at": at}}
        return self.report_body(event | {"occurred_at": at, "data": data})

    def outlast(self, attempt_id: str) -> None:
        """The gateway is asked to close a payment whose money is on its way, and says that it cannot."""
        with transaction() as session:
            attempt = session.get_one(PaymentAttempt, attempt_id)
            assert attempt.status == "canceling"
            pending = GatewayPayment(f"gw_{attempt_id}", attempt_id, "pending", attempt.amount, None, None)
            now = business_now(session, Provider, attempt.provider_id)
            call = checkout.begin_fetch(session, now, attempt_id)
            assert isinstance(call, checkout.PaymentCall)
            checkout.finish_fetch(session, now, call, checkout.PaymentAnswer(pending))
        self.process_all()

    def report_dispute(self, attempt_id: str, what: str, amount: int, currency: str = "JPY") -> str:
        part = {"id": f"dp_{attempt_id}", "amount": amount, "currency": currency}
        return self._report(attempt_id, f"dispute.{what}", amount, {"dispute": part}, 0, currency=currency)

    def report_late_failure(self, attempt_id: str, amount: int, currency: str = "JPY") -> str:
        return self._report(attempt_id, "payment.late_failed", amount, {}, 0, currency=currency)

    def _report(
        self,
        attempt_id: str,
        kind: str,
        paid: int,
        parts: dict[str, Any],
        refunded: int | None,
        at: str | None = None,
        currency: str = "JPY",
    ) -> str:
        payment = {"id": f"gw_{attempt_id}", "reference": attempt_id, "amount": paid, "currency": currency}
        payment |= {"status": "succeeded", "refunded": refunded}
        event = {"id": f"evt_{secrets.token_hex(8)}", "type": kind, "occurred_at": at or "2027-07-18T03:05:00Z"}
        return self.report_body(event | {"data": {"payment": payment, **parts}})

    def event(self, event_id: str) -> InboxEvent:
        with transaction() as session:
            return session.get_one(InboxEvent, event_id)

    def process_all(self) -> None:
        with transaction() as session:
            query = select(InboxEvent.id).where(InboxEvent.provider_id == self.provider(session).id)
            event_ids = list(session.scalars(query.where(InboxEvent.status.in_(UNDECIDED))))
        for event_id in event_ids:
            self.process(event_id)

    def numbers(self) -> list[str]:
        """The legal numbers that were given, oldest first."""
        with transaction() as session:
            query = select(Invoice.number).where(Invoice.provider_id == self.provider(session).id)
            return [number for number in session.scalars(query.order_by(Invoice.created_at)) if number]

    def notices(self, change_id: str) -> list[str]:
        with transaction() as session:
            query = select(OutboxMessage.event).where(OutboxMessage.subject == change_id)
            return list(session.scalars(query.order_by(OutboxMessage.id)))

    def use(self, usage: dict[str, int]) -> None:
        with transaction() as session:
            self.service(session).usage = usage

    def request_renewal(self, invoice_id: str) -> str:
        """The renewal's payment is opened at the gateway; returns the attempt's id."""
        external_step(checkout.request_invoice_payment, Invoice, invoice_id)
        with transaction() as session:
            query = select(PaymentAttempt.id).where(PaymentAttempt.invoice_id == invoice_id)
            return session.scalars(query).one()

    def payments(self, kind: str = "payment") -> list[Payment]:
        with transaction() as session:
            query = select(Payment).where(Payment.provider_id == self.provider(session).id, Payment.kind == kind)
            return list(session.scalars(query.order_by(Payment.id)))

    def use_real_time(self) -> None:
        """Nobody moved the provider's clock, so that gateways' own instants count."""
        with transaction() as session:
            self.provider(session).clock_at = None

    def start_refund(self, payment_id: str, amount: Money | None = None) -> str:
        """An operator refunds it, whole or in part; returns the refund's id."""
        with transaction() as session:
            return refunds.start_refund(session, NOON_17_JULY, self.provider(session), payment_id, amount, DECISION).id

    def send_refund(self, refund_id: str) -> str:
        return external_step(refunds.refund_payment, Refund, refund_id)

    def refund(self, refund_id: str) -> Refund:
        with transaction() as session:
            return session.get_one(Refund, refund_id)


def yen(amount: int) -> Money:
    return Money(amount, "JPY")


def age(attempt_id: str, minutes: int) -> None:
    """As if an attempt had been begun so long ago."""
    with transaction() as session:
        created = func.clock_timestamp() - timedelta(minutes=minutes)
        session.execute(update(PaymentAttempt).where(PaymentAttempt.id == attempt_id).values(created_at=created))


def fetched_hours_ago(attempt_id: str, hours: int) -> None:
    """As if an attempt had been begun, and fetched last, so long ago."""
    with transaction() as session:
        at = func.clock_timestamp() - timedelta(hours=hours)
        values = {"created_at": at, "polled_at": at}
        session.execute(update(PaymentAttempt).where(PaymentAttempt.id == attempt_id).values(values))


def claimed(attempt_id: str) -> bool:
    """Whether beat has it fetched now."""
    with transaction() as session:
        return attempt_id in reconciliation.claim_due(session).attempts
