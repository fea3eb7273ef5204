"""What an operator reads of a row in Flower: whose, of which service, on which invoice; no personal data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session

from models.customer import Service
from models.ending import Ending
from models.invoice import Invoice
from models.payment import Payment, PaymentAttempt, Refund
from models.pending_work import built_once
from models.plan_change import PlanChange
from models.provider import Provider

# An invoice without a number is found by its id.
_INVOICE = func.coalesce(Invoice.number, Invoice.id)


def summary_of(session: Session, row: type[Any], row_id: str) -> str:
    """`dns: example.jp, basic → business (monthly), DNS-2027-000001`, in one statement; the id of what is of no
    service, or of no row."""
    query = _query(row)
    told = session.execute(query, {"row_id": row_id}).one_or_none() if query is not None else None
    if told is None:
        return row_id
    provider, *rest = told
    return f"{provider}: {', '.join(text for text in rest if text)}"


@built_once
def _query(row: type[Any]) -> Select[Any] | None:
    def told(*columns: Any) -> Select[Any]:
        of_row = row.provider_id == Provider.id
        return select(Provider.slug, Service.ref, *columns).select_from(row).join(Provider, of_row)

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
    return queries[row]().where(row.id == bindparam("row_id")) if row in queries else None
