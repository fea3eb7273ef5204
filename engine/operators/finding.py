"""What a person has in hand, a number, a reference, a name or an address, leads to the rows that it may mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from models.arrived_credit import ArrivedCredit
from models.customer import Customer, Service
from models.ending import Ending
from models.inbox import InboxEvent
from models.invoice import Invoice, StoredQuote
from models.outbox import OutboxMessage
from models.payment import Payment, PaymentAttempt, Refund
from models.plan_change import PlanChange

# Of each kind so many are found: whoever sees more writes more of the name.
FOUND_MAX = 25

_BY_PREFIX: dict[str, type[Any]] = {
    "chg": PlanChange,
    "inv": Invoice,
    "svc": Service,
    "cus": Customer,
    "mny": Payment,
    "pay": PaymentAttempt,
    "ref": Refund,
    "evt": InboxEvent,
    "qt": StoredQuote,
    "crd": ArrivedCredit,
    "msg": OutboxMessage,
    "end": Ending,
}


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of each kind, the newest first."""

    changes: list[PlanChange]
    invoices: list[Invoice]
    services: list[Service]
    customers: list[Customer]
    payments: list[Payment]
    refunds: list[Refund]
    events: list[InboxEvent]

    @property
    def rows(self) -> list[Any]:
        groups = (self.changes, self.invoices, self.services, self.customers, self.payments, self.refunds, self.events)
        return [row for group in groups for row in group]


def find(session: Session, provider_id: str, text: str) -> Found:
    """All of a provider's rows that the text may mean: by id; by an invoice's number, a service's or a customer's
    reference, a gateway's name for a payment or a refund, a request's idempotency key; by a part of a customer's name
    or mail address or of a reference, in any case, or if that is short by the beginning of a word there."""
    wanted = text.strip()
    row_class = _BY_PREFIX.get(wanted.partition("_")[0])
    row = session.get(row_class, wanted) if row_class is not None else None
    if row is not None and row.provider_id == provider_id:
        return _gathered([shown_for(session, row)])
    return _gathered(_by_words(session, provider_id, wanted)) if wanted else _gathered([])


def shown_with(session: Session, row_id: str) -> Any:
    """The row on whose page a person sees and decides about this one; None where it is not known."""
    row_class = _BY_PREFIX.get(row_id.partition("_")[0])
    row = session.get(row_class, row_id) if row_class is not None else None
    return None if row is None else shown_for(session, row)


def rows_by_id(session: Session, ids: Iterable[str]) -> list[Any]:
    """Those of any kind that are known, in one statement for each kind."""
    of_kind: dict[str, list[str]] = {}
    for row_id in ids:
        of_kind.setdefault(row_id.partition("_")[0], []).append(row_id)
    known = [(_BY_PREFIX[prefix], of_it) for prefix, of_it in of_kind.items() if prefix in _BY_PREFIX]
    return [row for kind, of_it in known for row in session.scalars(select(kind).where(kind.id.in_(of_it)))]


def shown_for(session: Session, row: Any) -> Any:
    """The row that has a page: a payment attempt, a quote and a mail are shown with what they are about."""
    if isinstance(row, PaymentAttempt):
        invoice = session.get_one(Invoice, row.invoice_id)
        return session.get_one(PlanChange, invoice.change_id) if invoice.change_id else invoice
    if isinstance(row, Refund):
        return row.payment
    if isinstance(row, StoredQuote):
        change = session.scalar(select(PlanChange).where(PlanChange.accepted_quote_id == row.id).limit(1))
        return change or session.get_one(Service, row.service_id)
    if isinstance(row, Ending | ArrivedCredit):
        return row.service if isinstance(row, Ending) else row.customer
    if isinstance(row, OutboxMessage):
        return shown_with(session, row.subject) or row.customer
    return row


def _by_words(session: Session, provider_id: str, text: str) -> Iterator[Any]:
    def rows(row: type[Any], *meant: Any) -> Iterator[Any]:
        query: Select[Any] = select(row).where(row.provider_id == provider_id, or_(*meant))
        yield from session.scalars(query.order_by(row.id.desc()).limit(FOUND_MAX))

    yield from rows(PlanChange, PlanChange.idempotency_key == text)
    yield from rows(Invoice, func.lower(Invoice.number) == text.lower())
    if _WORD_CHARACTER.search(text):
        yield from rows(Service, *_has_part(Service.ref, text))
        yield from rows(Customer, *(one for column in _NAMES for one in _has_part(column, text)))
    yield from rows(Payment, Payment.gateway_object == text)
    yield from rows(Refund, Refund.gateway_ref == text)
    yield from rows(InboxEvent, InboxEvent.event_key == text)
    for attempt in rows(PaymentAttempt, PaymentAttempt.gateway_ref == text):
        yield shown_for(session, attempt)


_NAMES = (Customer.name, Customer.email, Customer.ref)
# What an index of trigrams knows a text by: three letters or digits side by side, or those that a word begins with.
_WORD_CHARACTER, _TRIGRAM = re.compile(r"[^\W_]"), re.compile(r"[^\W_]{3}")


def _has_part(column: Any, text: str) -> list[ColumnElement[bool]]:
    if _TRIGRAM.search(text):
        return [column.icontains(text, autoescape=True)]
    return [column.istartswith(text, autoescape=True), column.icontains(f" {text}", autoescape=True)]


def _gathered(rows: Any) -> Found:
    found = list(dict.fromkeys(rows))

    def of(row_class: type[Any]) -> list[Any]:
        return [row for row in found if isinstance(row, row_class)]

    classes = (PlanChange, Invoice, Service, Customer, Payment, Refund, InboxEvent)
    return Found(*(of(row_class) for row_class in classes))
