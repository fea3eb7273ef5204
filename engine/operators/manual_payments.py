"""Manual payments: operators record what they see at the bank, match what nothing matched, and list it all."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from domain.money import Money
from engine.inbox import allocation
from engine.jobs.idempotency import hold
from engine.ledger.postings import MoneySource
from engine.payments.refunds import lock_payment
from gateways.registry import BY_HAND
from models.audit import Attribution, record_action
from models.inbox import InboxEvent, event_of_key, store_event
from models.invoice import Invoice
from models.payment import Payment
from models.plan_change import lock_invoice
from models.provider import Connection, Provider, connection_of


class AlreadyRecorded(Exception):
    """The line of the statement was recorded before, as something else."""

    def __init__(self, line: str) -> None:
        super().__init__(f"Line {line} of the statement is recorded already, with other contents. Look at it again.")


class UnknownInvoice(Exception):
    """No such invoice of this provider."""

    def __init__(self, invoice_id: str) -> None:
        super().__init__(f"There is no invoice {invoice_id}. See GET /v1/invoices.")


class NotMatchable(Exception):
    """The payment cannot pay this invoice."""


@dataclass(frozen=True, slots=True)
class StatementLine:
    """Money that an operator sees on an account statement. `line` is its unique name there; `invoice` may be None,
    then the money is unmatched. `paid_at` is aware; the money came in time if that lies before the offer's end."""

    line: str
    amount: Money
    paid_at: datetime
    invoice: str | None = None


def record_payment(
    session: Session, now: datetime, provider: Provider, line: StatementLine, attribution: Attribution
) -> tuple[InboxEvent, bool]:
    """Files the money in the inbox, like a gateway's event; returns the row and whether it was there already.

    Raises UnknownInvoice, AlreadyRecorded.
    """
    if line.invoice is not None:
        _required_invoice(session, provider, line.invoice)
    hold(session, "bank", provider.id)
    connection = _bank(session, provider)
    document = {
        "line": line.line,
        "invoice": line.invoice,
        "amount": line.amount.as_json(),
        "paid_at": line.paid_at.isoformat(),
    }
    body = json.dumps(document, sort_keys=True).encode()
    digest = hashlib.sha256(body).hexdigest()
    earlier = event_of_key(session, connection.id, line.line)
    if earlier is not None:
        if earlier.body_sha256 != digest:
            raise AlreadyRecorded(line.line)
        return earlier, True
    event_id = store_event(session, now, provider.id, connection.id, "operator", line.line, body)
    assert event_id is not None, "the bank is held and the key was looked up"
    event = session.get_one(InboxEvent, event_id)
    record_action(session, provider.id, now, "payment.record", event.id, attribution, **document)
    return event, False


def match_payment(
    session: Session, now: datetime, provider: Provider, payment_id: str, invoice_id: str, attribution: Attribution
) -> list[str]:
    """Allocates unmatched money to an invoice: held, paid on what is owed or has gone back, or credit where the offer
    has ended.

    Returns the changes that may move on. Raises UnknownPayment, UnknownInvoice, NotMatchable.
    """
    invoice = _required_invoice(session, provider, invoice_id)
    change = lock_invoice(session, invoice)
    payment = lock_payment(session, provider, payment_id)
    if payment.outcome != "unmatched":
        raise NotMatchable(f"{payment.id} is not unmatched: it was {payment.outcome}.")
    if payment.currency != invoice.currency:
        raise NotMatchable(f"{payment.id} is in {payment.currency} and {invoice.id} in {invoice.currency}: refund it.")
    gone = payment.amount - payment.refundable
    if gone:
        raise NotMatchable(
            f"{gone.major()} {gone.currency} of {payment.id} went back, or are about to: refund the rest as well."
            " What is too much need not go back first: it becomes the customer's account credit."
        )
    # The operator has matched it: whether the money came in time is the only thing left to the clock.
    in_time = change is not None and change.payable_until is not None and now <= change.payable_until
    source = MoneySource("match", f"unmatched:{payment.connection.adapter}")
    record_action(session, provider.id, now, "payment.match", payment.id, attribution, invoice=invoice.id)
    return allocation.allocate(session, now, payment, invoice, change, in_time, source)


def payments_of(provider_id: str, unmatched: bool = False) -> Select[Payment]:
    """The movements of money of a provider, as a query; `unmatched` are those that belong to nothing yet, and of which
    something is left."""
    query = select(Payment).where(Payment.provider_id == provider_id)
    belongs_to_nothing = (Payment.outcome == "unmatched", Payment.kind == "payment", Payment.left_minor > 0)
    return query.where(*belongs_to_nothing) if unmatched else query


def _required_invoice(session: Session, provider: Provider, invoice_id: str) -> Invoice:
    invoice = session.get(Invoice, invoice_id)
    if invoice is None or invoice.provider_id != provider.id:
        raise UnknownInvoice(invoice_id)
    return invoice


def _bank(session: Session, provider: Provider) -> Connection:
    """The connection under which operators record money; a provider that is paid by hand only has one already."""
    gateway = connection_of(session, provider.id, "gateway")
    if gateway is not None and gateway.adapter == BY_HAND:
        return gateway
    bank = connection_of(session, provider.id, "bank")
    if bank is None:
        bank = Connection(
            provider_id=provider.id,
            kind="bank",
            adapter=BY_HAND,
            account=provider.slug,
            base_url="",
            api_key=("",),
            secrets=(),
        )
        session.add(bank)
        session.flush()
    return bank
