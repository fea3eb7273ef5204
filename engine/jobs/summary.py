"""What is next for a row, and what an operator reads of it in Flower: whose, of which service, on which invoice; no
personal data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from engine.jobs.work_kinds import work_kind_of
from models.customer import Service
from models.ending import Ending
from models.invoice import Invoice
from models.payment import Payment, PaymentAttempt, Refund
from models.pending_work import built_once, next_labels, tasks_among
from models.plan_change import PlanChange
from models.provider import Provider, UnknownRow

# An invoice without a number is found by its id.
_INVOICE = func.coalesce(Invoice.number, Invoice.id)


@dataclass(frozen=True, slots=True)
class NextWork:
    """The tasks that are next for a row; whether a date brought it; and what an operator reads of it: `dns: example.jp,
    basic → business (monthly), DNS-2027-000001`, or its id where it is of no service."""

    row_id: str
    by_date: bool
    tasks: list[str]
    summary: str


def next_work(session: Session, row_id: str) -> NextWork:
    """What is next for a row as this transaction leaves it. Raises UnknownRow."""
    for following in next_works(session, [row_id]):
        return following
    raise UnknownRow(row_id)


def next_works(session: Session, row_ids: Sequence[str]) -> list[NextWork]:
    """The same of rows of one kind, in their order and in one statement; of those that there are."""
    if not row_ids:
        return []
    row = work_kind_of(row_ids[0]).row
    found = {one[0]: _next_work(row, *one) for one in session.execute(_query(row), {"row_ids": list(row_ids)})}
    return [found[row_id] for row_id in row_ids if row_id in found]


def _next_work(row: type[Any], row_id: str, by_date: bool, *found: Any) -> NextWork:
    labels, told = found[: len(row.steps)], [text for text in found[len(row.steps) :] if text]
    summary = f"{told[0]}: {', '.join(told[1:])}" if told else row_id
    return NextWork(row_id, by_date, tasks_among(row, labels), summary)


@built_once
def _query(row: type[Any]) -> Select[Any]:
    following = next_labels(row).subquery()

    def told(*columns: Any) -> Select[Any]:
        of_row = row.provider_id == Provider.id
        listed = select(*following.c, Provider.slug, Service.ref, *columns).select_from(row)
        return listed.join(following, following.c.id == row.id).join(Provider, of_row)

    of_change, of_invoice = Invoice.change_id == PlanChange.id, Service.id == Invoice.service_id
    queries: dict[Any, Callable[[], Select[Any]]] = {
        Service: told,
        Ending: lambda: told().join(Service, Service.id == Ending.service_id),
        Invoice: lambda: told(_INVOICE).join(Service, of_invoice),
        PlanChange: lambda: (
            told(PlanChange.move_text, _INVOICE)
            .join(Service, Service.id == PlanChange.service_id)
            .outerjoin(Invoice, of_change)
        ),
        PaymentAttempt: lambda: (
            told(_INVOICE).join(Invoice, Invoice.id == PaymentAttempt.invoice_id).join(Service, of_invoice)
        ),
        Refund: lambda: (
            told(_INVOICE)
            .join(Payment, Payment.id == Refund.payment_id)
            .outerjoin(Invoice, Invoice.id == Payment.invoice_id)
            .outerjoin(Service, of_invoice)
        ),
    }
    return queries[row]() if row in queries else next_labels(row)
