"""Account credit that arrives pays what is open, where the catalogue says so: what is owed first, then offers, each the
oldest first.

Each is paid whole or not at all: its payment is open at the gateway for the whole sum. What is paid by money that is on
its way is let alone, and looked at again if that does not come.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from domain.lifecycle import PAYABLE
from domain.money import Money
from engine.ledger import postings
from engine.notifications import notices
from engine.payments.owed import settle_covered
from models.arrived_credit import ArrivedCredit
from models.invoice import Invoice
from models.ledger import balance, claim_on, last_entry_of, receivable_of
from models.payment import attempt_on_its_way
from models.plan_change import PlanChange, lock_invoice
from models.provider import catalog_of


@dataclass(frozen=True, slots=True)
class OpenBills:
    """The invoices that credit which arrived at `arrived_at` may pay, in their order. None: it was allocated
    before, and its message came again."""

    arrived_at: datetime | None
    invoices: tuple[str, ...] = ()


def open_bills(session: Session, now: datetime, credit_id: str) -> OpenBills:
    """What of the customer's is open in this currency; nothing where the catalogue keeps the credit."""
    arrived = session.get_one(ArrivedCredit, credit_id)
    if catalog_of(session, arrived.provider).policies.arriving_credit == "keep":
        return OpenBills(arrived.arrived_at)
    return OpenBills(arrived.arrived_at, (*_owed(session, arrived), *_offered(session, arrived)))


def pay_from_credit(invoice_id: str) -> Callable[[Session, datetime, str], str | None]:
    """A step for arrived credit: it pays all that is open of this invoice, if there is enough of it. Returns the change
    that moves on."""

    def step(session: Session, now: datetime, _: str) -> str | None:
        invoice = session.get_one(Invoice, invoice_id)
        change = lock_invoice(session, invoice)
        owed, nothing = receivable_of(session, invoice), Money.zero(invoice.currency)
        offered = None if owed > nothing else change
        amount = _still_to_pay(session, invoice, offered) if offered else owed
        key = invoice.provider_id, "credit", invoice.customer_id, invoice.currency
        there = balance(session, *key, locked=True)
        if amount <= nothing or there < amount or attempt_on_its_way(session, invoice.id):
            return None
        arrival = str(last_entry_of(session, *key))
        notices.write(session, change or invoice, "paid_from_credit", amount=amount, left=(there - amount) or None)
        if offered is None:
            postings.pay_debt_from_credit(session, invoice, amount, arrival, now)
            settle_covered(session, now, invoice.service)
            return None
        postings.pay_offer_from_credit(session, offered, amount, arrival, now)
        offered.schedule_now()
        return offered.id

    return step


def end_allocation(bills: OpenBills) -> Callable[[Session, datetime, str], None]:
    """A step for arrived credit: all that it may pay was looked at. What has arrived since is looked at anew."""

    def step(session: Session, now: datetime, credit_id: str) -> None:
        session.execute(
            update(ArrivedCredit)
            .where(ArrivedCredit.id == credit_id, ArrivedCredit.arrived_at == bills.arrived_at)
            .values(arrived_at=None, next_attempt_at=None, attempts=0, last_error=None)
            .execution_options(synchronize_session=False)
        )

    return step


def _still_to_pay(session: Session, invoice: Invoice, change: PlanChange) -> Money:
    """Nothing where the offer's time is over."""
    if change.status not in PAYABLE or change.deadline_passed:
        return Money.zero(invoice.currency)
    return invoice.total - postings.held_for(session, change, invoice.currency)


def _owed(session: Session, arrived: ArrivedCredit) -> list[str]:
    query = select(Invoice.id).where(
        Invoice.customer_id == arrived.customer_id,
        Invoice.currency == arrived.currency,
        claim_on("receivable", Invoice, Invoice.id) > 0,
    )
    return list(session.scalars(query.order_by(Invoice.issued_at, Invoice.id)))


def _offered(session: Session, arrived: ArrivedCredit) -> list[str]:
    query = (
        select(Invoice.id)
        .join(PlanChange, PlanChange.id == Invoice.change_id)
        .where(Invoice.customer_id == arrived.customer_id, Invoice.currency == arrived.currency)
        .where(PlanChange.status.in_(PAYABLE))
    )
    return list(session.scalars(query.order_by(Invoice.issued_at, Invoice.id)))
