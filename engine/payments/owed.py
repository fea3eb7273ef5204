"""What is owed for a service: its open bill, which must be paid before its plan changes, and bills that credit paid."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, or_, select
from sqlalchemy.orm import Session, raiseload

from domain.errors import OpenInvoice
from domain.lifecycle import LIVE_ATTEMPT, ServiceStatus
from domain.money import Money
from engine.payments.attempts import close_attempts, owed_again
from models.customer import Service
from models.invoice import Invoice
from models.ledger import claim_on, receivable_of
from models.moves import move
from models.payment import PaymentAttempt, latest_attempt
from models.pending_work import built_once


def open_bill(session: Session, service: Service) -> OpenInvoice | None:
    """Never two bills for one day of a service: the oldest that is open, its amount and where to pay it."""
    for invoice, owed in owed_of(session, service):
        return OpenInvoice(**_invoice_details(session, invoice, owed))
    if service.unpaid_import is None:
        return None
    bill = service.unpaid_import
    amount = service.money(bill["net"] + bill["tax"]).as_json()
    return OpenInvoice(invoice=None, amount_due=amount, checkout_url=bill["pay_url"], pending=False)


def owed_of(session: Session, service: Service) -> Iterator[tuple[Invoice, Money]]:
    """Its invoices of which something is owed: open ones, then those whose payment went back; oldest first, each asked
    when it is wanted."""
    for invoice in session.scalars(_maybe_owed(), {"service_id": service.id}):
        owed = receivable_of(session, invoice)
        if owed.amount > 0:
            yield invoice, owed


@built_once
def _maybe_owed() -> Select[Invoice]:
    owed = claim_on("receivable", Invoice, Invoice.id) > 0
    query = _of_service(bindparam("service_id")).where(or_(_is_open(), owed))
    return query.order_by(_is_open().desc(), Invoice.issued_at, Invoice.id)


def settle_covered(session: Session, now: datetime, service: Service) -> None:
    """Credit has paid what was owed, or owed again: those invoices are settled, and nobody is asked for them."""
    for invoice in open_invoices(session, service):
        if receivable_of(session, invoice).amount <= 0:
            invoice.settle(now)
            close_attempts(session, now, invoice)
            if service.status == ServiceStatus.PAST_DUE:
                move(session, service, "pay", ServiceStatus.ACTIVE, now, reason=f"paid:{invoice.id}")
    for invoice in _asked_again(session, service):
        if not owed_again(session, invoice):
            close_attempts(session, now, invoice)
    session.flush()


def open_invoices(session: Session, service: Service) -> list[Invoice]:
    """Invoices for time that was supplied before it is paid, oldest first."""
    query = _of_service(service.id).where(_is_open())
    return list(session.scalars(query.order_by(Invoice.issued_at, Invoice.id)))


def _of_service(service_id: Any) -> Select[Invoice]:
    """Who asks has the service: it is not read again."""
    query = select(Invoice).where(Invoice.service_id == service_id)
    return query.options(raiseload(Invoice.service, sql_only=True))


def _is_open() -> ColumnElement[bool]:
    return and_(Invoice.change_id.is_(None), Invoice.settled_at.is_(None), Invoice.voided_at.is_(None))


def _asked_again(session: Session, service: Service) -> list[Invoice]:
    """Invoices that are open no more, and of which a payment is asked for."""
    asked = select(PaymentAttempt.id).where(
        PaymentAttempt.invoice_id == Invoice.id, PaymentAttempt.status.in_(LIVE_ATTEMPT)
    )
    ended = or_(Invoice.settled_at.is_not(None), Invoice.voided_at.is_not(None))
    return list(session.scalars(_of_service(service.id).where(ended, asked.exists())))


def _invoice_details(session: Session, invoice: Invoice, owed: Money) -> dict[str, Any]:
    """While a payment is on its way no second link is given."""
    attempt = latest_attempt(session, invoice.id)
    pending = attempt is not None and attempt.money_on_its_way
    payable = attempt is not None and attempt.status in ("open", "action_required")
    return {
        "invoice": invoice.id,
        "amount_due": owed.as_json(),
        "checkout_url": attempt.checkout_url if attempt and payable else None,
        "pending": pending,
    }
