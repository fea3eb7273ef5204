"""How far a plan change has come, as one number, so that whoever waits for it need not read it all."""

from __future__ import annotations

from sqlalchemy import func, select, union_all
from sqlalchemy.orm import Session

from models.invoice import Document, Invoice
from models.payment import PaymentAttempt, PaymentAttemptMove
from models.plan_change import ChangeMove


def change_versions(session: Session, change_ids: list[str]) -> dict[str, int]:
    """By id, a number that grows with each move of the change, each move of its payments, and each document."""
    of_changes = select(ChangeMove.change_id).where(ChangeMove.change_id.in_(change_ids))
    of_attempts = (
        select(Invoice.change_id)
        .join(PaymentAttempt, PaymentAttempt.invoice_id == Invoice.id)
        .join(PaymentAttemptMove, PaymentAttemptMove.attempt_id == PaymentAttempt.id)
        .where(Invoice.change_id.in_(change_ids))
    )
    of_documents = (
        select(Invoice.change_id)
        .join(Document, Document.invoice_id == Invoice.id)
        .where(Invoice.change_id.in_(change_ids))
    )
    seen = union_all(of_changes, of_attempts, of_documents).subquery()
    counted = session.execute(select(seen.c.change_id, func.count()).group_by(seen.c.change_id))
    return {change_id: count for change_id, count in counted}
