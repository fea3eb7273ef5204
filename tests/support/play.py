"""Plays the steps of the pipeline in the test's own process, as a worker would run them, on real servers."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

from sqlalchemy import select, update
from sqlalchemy.orm import joinedload

from cli.sandbox import set_up_provider
from domain.lifecycle import Status
from domain.money import Money
from engine import apply, expiry, quote, renewal, settle
from engine.accounts.providers import set_clock
from engine.host_reports import ServiceReport, put_customer, put_service
from engine.inbox.failures import put_off
from engine.inbox.process import process_event
from engine.invoicing import invoice, printing
from engine.jobs.external_call import ExternalStep
from engine.ledger.billed_items import open_items
from engine.notifications import mail
from engine.payments import checkout
from engine.payments.inbox_store import ReceivedWebhook, receive_events
from engine.request import ChangeRequest, request_change
from gateways.protocol import Delivery
from local.stack import Stack
from models.customer import Service
from models.database import transaction
from models.inbox import InboxEvent
from models.invoice import Invoice
from models.ledger import LedgerEntry, LedgerTransaction, trial_balance
from models.moves import moves_of
from models.outbox import OutboxMessage
from models.payment import PaymentAttempt
from models.plan_change import PlanChange
from models.provider import Connection, Provider, business_now, connection_of, provider_by_slug
from tasks.run import external_step, local_step
from tests.conftest import catalog_named, new_slug
from tests.support import loopback

JULY = datetime(2027, 6, 30, 15, tzinfo=UTC)  # midnight in Tokyo
AUGUST = datetime(2027, 7, 31, 15, tzinfo=UTC)
SEPTEMBER = datetime(2027, 8, 31, 15, tzinfo=UTC)
NOON_17_JULY = datetime(2027, 7, 17, 3, tzinfo=UTC)

LOCAL = {
    "quote": quote.quote,
    "issue": invoice.issue_invoice,
    "settle": settle.settle,
    "expire": expiry.expire_change,
}
EXTERNAL: dict[str, ExternalStep[Any, Any, Status]] = {
    "print": printing.print_change_invoice,
    "request_payment": checkout.request_payment,
    "apply": apply.apply_plan,
}


@dataclass
class Play:
    """One provider with one service, whose steps run as a worker would run them."""

    stack: Stack
    slug: str
    service_ref: str = "zone"

    @classmethod
    def of(
        cls,
        stack: Stack,
        sample: str = "dns",
        plan: str = "basic",
        catalog: dict[str, Any] | None = None,
        **service: Any,
    ) -> Self:
        """A new provider with the sample's catalogue, changed by `catalog`, and a service active in July 2027."""
        slug = new_slug(sample)
        set_up_provider(catalog_named(slug, sample, **(catalog or {})), stack.addresses)
        play = cls(stack, slug)
        country = "JP" if sample == "dns" else "AR"
        with transaction() as session:
            provider = play.provider(session)
            set_clock(session, provider, NOON_17_JULY)
            customer = {"name": "Example", "email": f"zone@{slug}.invalid", "country": country, "locale": "en"}
            put_customer(session, provider, "customer", customer | {"address": [], "tax_id": None})
            report: dict[str, Any] = {
                "customer": "customer",
                "plan": plan,
                "cycle": "monthly",
                "currency": "JPY" if sample == "dns" else "USD",
                "status": "active",
                "period_start": JULY,
                "period_end": AUGUST,
                "quantity": 1,
                "paid": True,
            }
            put_service(session, NOON_17_JULY, provider, play.service_ref, ServiceReport(**(report | service)))
        return play

    def beside(self, ref: str) -> Self:
        """The same provider's next customer, with a service of their own."""
        with transaction() as session:
            provider = self.provider(session)
            customer: dict[str, Any] = {"name": "Example", "email": f"{ref}@example.invalid", "country": "JP"}
            put_customer(session, provider, ref, customer | {"locale": "en", "address": [], "tax_id": None})
            report = ServiceReport(ref, "basic", "monthly", "JPY", "active", JULY, AUGUST, 1, True)
            put_service(session, NOON_17_JULY, provider, ref, report)
        return replace(self, service_ref=ref)

    def provider(self, session: Any) -> Provider:
        provider = provider_by_slug(session, self.slug)
        assert provider is not None
        return provider

    def set_clock(self, now: datetime) -> None:
        with transaction() as session:
            set_clock(session, self.provider(session), now)

    def request(self, plan: str, cycle: str = "monthly", key: str | None = None, **more: Any) -> str:
        """Asks for a change; returns its id."""
        with transaction() as session:
            provider = self.provider(session)
            now = business_now(session, Provider, provider.id)
            request = ChangeRequest(self.service_ref, plan, cycle, **more)
            change, _ = request_change(session, now, provider, key or secrets.token_hex(8), request, "test")
            return change.id

    def step(self, name: str, change_id: str) -> str:
        """Runs one step as a task does; returns the status reached."""
        if name in LOCAL:
            return local_step(LOCAL[name], PlanChange, change_id).value
        return external_step(EXTERNAL[name], PlanChange, change_id).value

    def steps(self, names: str, change_id: str) -> str:
        """Runs several, named with spaces; returns the last status."""
        return [self.step(name, change_id) for name in names.split()][-1]

    def until_awaiting_payment(self, plan: str, **more: Any) -> str:
        change_id = self.request(plan, **more)
        assert self.steps("quote issue print request_payment", change_id) == "awaiting_payment"
        return change_id

    def until_paid(self, plan: str = "start", amount: int = 373) -> str:
        """The whole amount has come in yen and is settled; nothing is applied."""
        change_id = self.until_awaiting_payment(plan)
        self.process(self.report(self.attempts(change_id)[-1].id, Money(amount, "JPY")))
        assert self.step("settle", change_id) == "paid"
        return change_id

    def end_lease(self, change_id: str) -> None:
        """As if the time had passed: a lease runs on the database's clock."""
        with transaction() as session:
            session.execute(update(PlanChange).where(PlanChange.id == change_id).values(lease_until=None))

    def deliver_mails(self, change_id: str) -> None:
        with transaction() as session:
            ids = session.scalars(select(OutboxMessage.id).where(OutboxMessage.subject == change_id)).all()
        for message_id in ids:
            external_step(mail.deliver, OutboxMessage, message_id)

    def renew(self) -> renewal.Renewed:
        with transaction() as session:
            service_id = self.service(session).id
        return external_step(renewal.renew_service, Service, service_id)

    def fetch(self, attempt_id: str) -> str:
        return external_step(checkout.fetch_payment, PaymentAttempt, attempt_id)

    def press_pay(self, change_id: str) -> None:
        """The customer pays at the gateway; its webhook goes nowhere, since no receiver runs here."""
        attempt = self.attempts(change_id)[-1]
        assert attempt.checkout_url
        loopback.post(attempt.checkout_url, data={"outcome": "pay"}).raise_for_status()

    def report(
        self,
        attempt_id: str,
        amount: Money,
        kind: str = "payment.succeeded",
        key: str | None = None,
        at: str | None = None,
    ) -> str:
        """A verified webhook of the gateway about an attempt is written down; returns the inbox row's id."""
        body = {
            "id": key or f"evt_{secrets.token_hex(8)}",
            "type": kind,
            "occurred_at": at or "2027-07-17T03:05:00Z",
            "data": {
                "payment": {
                    "id": f"gw_{attempt_id}",
                    "reference": attempt_id,
                    "amount": amount.amount,
                    "currency": amount.currency,
                    "status": kind.split(".")[1],
                    "paid_at": at or "2027-07-17T03:05:00Z",
                }
            },
        }
        return self.report_body(body)

    def report_body(self, body: dict[str, Any]) -> str:
        """A verified webhook is written down as it is; returns the inbox row's id."""
        with transaction() as session:
            connection = self.gateway(session)
            ids = (connection.provider_id, connection.id)
            webhook = ReceivedWebhook(*ids, Delivery(body["id"]), json.dumps(body).encode())
            [event_id] = receive_events(session.connection(), [webhook])
        assert event_id is not None, "what is signed is always filed"
        return event_id

    def process(self, event_id: str) -> str | None:
        """As the task does it; returns the change that may move on."""
        try:
            booked = external_step(process_event, InboxEvent, event_id)
        except Exception as error:
            local_step(put_off(error), InboxEvent, event_id)
            raise
        for other in booked.events:
            self.process(other)
        return booked.changes[0] if booked.changes else None

    def gateway(self, session: Any) -> Connection:
        connection = connection_of(session, self.provider(session).id, "gateway")
        assert connection is not None
        return connection

    def service(self, session: Any) -> Service:
        query = select(Service).where(Service.provider_id == self.provider(session).id)
        row = session.scalar(query.options(joinedload(Service.open_ending)))
        assert isinstance(row, Service)
        return row

    def items(self) -> list[tuple[str, int, int, int]]:
        """Plan, units, net and tax of what can still be taken back, oldest first."""
        with transaction() as session:
            items = open_items(session, self.service(session))
            return [(item.plan, item.units_left, item.net_left, item.tax_left) for item in items]

    def change(self, change_id: str) -> PlanChange:
        with transaction() as session:
            return session.get_one(PlanChange, change_id)

    def invoice(self, change_id: str) -> Invoice:
        with transaction() as session:
            return session.execute(select(Invoice).where(Invoice.change_id == change_id)).scalar_one()

    def attempts(self, change_id: str) -> list[PaymentAttempt]:
        invoice_id = self.invoice(change_id).id
        with transaction() as session:
            query = select(PaymentAttempt).where(PaymentAttempt.invoice_id == invoice_id).order_by(PaymentAttempt.id)
            return list(session.scalars(query))

    def history(self, change_id: str) -> list[str]:
        with transaction() as session:
            return [move.to_status for move in moves_of(session, PlanChange, change_id)]

    def ledger(self) -> dict[str, int]:
        """Every account's balance, debits positive, empty accounts left out; checked to sum to zero."""
        with transaction() as session:
            provider_id = self.provider(session).id
            assert not any(trial_balance(session, provider_id).values())
            totals: dict[str, int] = {}
            for entry in session.scalars(select(LedgerEntry).where(LedgerEntry.provider_id == provider_id)):
                totals[entry.account] = totals.get(entry.account, 0) + entry.amount_minor
            return {account: total for account, total in sorted(totals.items()) if total}

    def postings(self) -> list[str]:
        with transaction() as session:
            query = select(LedgerTransaction.source_kind).where(
                LedgerTransaction.provider_id == self.provider(session).id
            )
            return list(session.scalars(query.order_by(LedgerTransaction.id)))
