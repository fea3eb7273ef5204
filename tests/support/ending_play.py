"""Services that end, step by step, as entry points and workers do it."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import select

from domain.money import Money
from engine import ending, ending_order
from engine.ending_requests import EndingRequest, When, request_ending, withdraw_ending
from engine.host_reports import ServiceReport, put_service
from models.customer import Service
from models.database import transaction
from models.ending import Ending
from models.invoice import Invoice
from models.moves import moves_of
from models.provider import Provider, business_now
from tasks.run import external_step, local_step
from tests.support.money_play import MoneyPlay
from tests.support.play import AUGUST, JULY


class EndingPlay(MoneyPlay):
    """One service of a provider in Tokyo that may end."""

    def end(self, at: When = "period_end", key: str | None = None, accept: Money | None = None) -> str:
        """Asks for an ending; returns its id."""
        with transaction() as session:
            provider = self.provider(session)
            now = business_now(session, Provider, provider.id)
            request = EndingRequest(self.service_ref, at, accept)
            row, _ = request_ending(session, now, provider, key or secrets.token_hex(8), request, "test")
            return row.id

    def keep(self) -> str:
        """Takes the ending back; returns its status."""
        with transaction() as session:
            service = self.service(session)
            return withdraw_ending(session, business_now(session, Service, service.id), service).status

    def run_ending(self, ending_id: str) -> str:
        return local_step(ending.run_ending, Ending, ending_id).value

    def order_host(self, ending_id: str) -> str:
        return external_step(ending_order.order_host, Ending, ending_id).value

    def report_status(self, status: str, **more: Any) -> None:
        """The host's PUT, with what it said at creation."""
        with transaction() as session:
            provider = self.provider(session)
            service = self.service(session)
            values: dict[str, Any] = {
                **{"customer": "customer", "plan": service.plan, "cycle": "monthly", "currency": "JPY"},
                **{"status": status, "period_start": JULY, "period_end": AUGUST, "quantity": 1, **more},
            }
            put_service(
                session, business_now(session, Provider, provider.id), provider, "zone", ServiceReport(**values)
            )

    def ending(self, ending_id: str) -> Ending:
        with transaction() as session:
            return session.get_one(Ending, ending_id)

    def ending_history(self, ending_id: str) -> list[str]:
        with transaction() as session:
            return [move.to_status for move in moves_of(session, Ending, ending_id)]

    def status(self) -> str:
        with transaction() as session:
            return self.service(session).status

    def credit_note_of(self, ending_id: str) -> Invoice:
        with transaction() as session:
            return session.execute(select(Invoice).where(Invoice.ending_id == ending_id)).scalar_one()

    def service_invoice(self, invoice_id: str) -> Invoice:
        with transaction() as session:
            return session.get_one(Invoice, invoice_id)

    def note_on(self, invoice_id: str) -> Invoice | None:
        """The credit note that answers an invoice, if there is one."""
        with transaction() as session:
            return session.scalar(select(Invoice).where(Invoice.corrects_id == invoice_id))

    def renew_at(self, at: datetime) -> str | None:
        """Runs the renewal at a date; returns its invoice's id."""
        self.set_clock(at)
        return self.renew().invoice_id
