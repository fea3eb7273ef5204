"""Each settled change is priced again from what was billed before it, and compared with the rows that it wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.errors import ChangeError
from domain.pricing.quote_values import Quote
from domain.pricing.verify import NotRecomputable, verify_quote, verify_settled
from models.billed_item import StoredItem, StoredTakeBack
from models.invoice import Invoice
from models.plan_change import PlanChange

Written = tuple[str, int, int, int]  # item or plan, units, net, tax


def credit_violations(session: Session, providers: list[str]) -> Iterator[tuple[str, str]]:
    """(change, what is wrong) where a credit is not what its items make, or is not what was written; where more was
    settled than was accepted.

    Changes that reverse another one mirror its bill; those from before items were kept cannot be priced again.
    """
    query = (
        select(PlanChange.id, PlanChange.quote, PlanChange.settled_quote, Invoice.id)
        .join(Invoice, Invoice.change_id == PlanChange.id)
        .where(PlanChange.provider_id.in_(providers), Invoice.settled_at.is_not(None), PlanChange.reverses_id.is_(None))
        .order_by(PlanChange.id)
        .execution_options(yield_per=500)
    )
    for batch in session.execute(query).partitions():
        invoices = [row[3] for row in batch]
        taken, made = _taken(session, invoices), _made(session, invoices)
        for change_id, accepted, settled, invoice_id in batch:
            wrong = _wrong(accepted, settled, taken.get(invoice_id, []), made.get(invoice_id, []))
            if wrong:
                yield change_id, wrong


def _wrong(
    accepted: dict[str, Any], settled: dict[str, Any] | None, taken: list[Written], made: list[Written]
) -> str | None:
    try:
        differences = verify_settled(accepted, settled) if settled else verify_quote(accepted)
    except NotRecomputable:
        return None
    except (ChangeError, KeyError, ValueError) as error:
        return f"its quote cannot be priced again: {error}"
    if differences:
        return f"its quote does not hold: {differences[0]}"
    quote = Quote.from_json(settled or accepted)
    if sorted(taken) != sorted((one.item, one.units, one.net, one.tax) for one in quote.taken):
        return f"took back {taken}, its quote {[(one.item, one.net, one.tax) for one in quote.taken]}"
    if sorted(made) != sorted((one.item.plan, one.item.units, one.item.net, one.item.tax) for one in quote.opened):
        return f"made items of {made}, its quote {[(one.item.plan, one.item.net) for one in quote.opened]}"
    return None


def _taken(session: Session, invoices: list[str]) -> dict[str, list[Written]]:
    """What each of these invoices took back."""
    columns = (StoredTakeBack.item_id, StoredTakeBack.units, StoredTakeBack.net_minor, StoredTakeBack.tax_minor)
    query = select(StoredTakeBack.invoice_id, *columns)
    query = query.where(StoredTakeBack.invoice_id.in_(invoices), StoredTakeBack.cause == "change")
    return _by_invoice(session.execute(query.order_by(StoredTakeBack.invoice_id)))


def _made(session: Session, invoices: list[str]) -> dict[str, list[Written]]:
    columns = (StoredItem.plan, StoredItem.units, StoredItem.net_minor, StoredItem.tax_minor)
    query = select(StoredItem.invoice_id, *columns).where(StoredItem.invoice_id.in_(invoices))
    return _by_invoice(session.execute(query.order_by(StoredItem.invoice_id)))


def _by_invoice(rows: Iterable[Any]) -> dict[str, list[Written]]:
    return {
        invoice: [(row[1], row[2], row[3], row[4]) for row in group]
        for invoice, group in groupby(rows, key=lambda row: str(row[0]))
    }
