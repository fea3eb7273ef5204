"""How far a plan change, or an invoice without one, has come, as one number, so that whoever waits for it need not read
it all."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, or_, select, union_all
from sqlalchemy.orm import Session

from models.invoice import Document, Invoice
from models.payment import PaymentAttempt, PaymentAttemptMove
from models.plan_change import ChangeMove


def versions_of(session: Session, ids: list[str]) -> dict[str, int]:
    """By id of a change or an invoice, a number that grows with each move of the change, each move of its payments, and
    each document; that of an invoice also when it is settled or void."""
    invoices = [row_id for row_id in ids if row_id.startswith("inv_")]
    changes = [row_id for row_id in ids if not row_id.startswith("inv_")]
    seen: list[Select[Any]] = []
    if changes:
        moves = select(ChangeMove.change_id.label("id")).where(ChangeMove.change_id.in_(changes))
        seen += [moves, *_beside(Invoice.change_id, changes)]
    if invoices:
        ended = or_(Invoice.settled_at.is_not(None), Invoice.voided_at.is_not(None))
        seen += [select(Invoice.id.label("id")).where(Invoice.id.in_(invoices), ended), *_beside(Invoice.id, invoices)]
    if not seen:
        return {}
    rows = union_all(*seen).subquery()
    return {row_id: count for row_id, count in session.execute(select(rows.c.id, func.count()).group_by(rows.c.id))}


def _beside(column: Any, ids: list[str]) -> list[Select[Any]]:
    """Moves of payments and documents, by this column of their invoice."""
    attempts = (
        select(column.label("id"))
        .join(PaymentAttempt, PaymentAttempt.invoice_id == Invoice.id)
        .join(PaymentAttemptMove, PaymentAttemptMove.attempt_id == PaymentAttempt.id)
        .where(column.in_(ids))
    )
    documents = select(column.label("id")).join(Document, Document.invoice_id == Invoice.id).where(column.in_(ids))
    return [attempts, documents]
