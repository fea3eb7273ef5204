"""Payment attempts (`pay_…`): what was asked of a gateway. The money that came of it is a payment (`mny_…`)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from domain.lifecycle import Status
from engine.payments.attempts import owed_again
from models.payment import Payment, PaymentAttempt
from models.plan_change import PlanChange
from planshift_client import shapes
from web.api.auth import AnyKeyOrToken, ApiTransaction, transaction_for
from web.api.problems import Problem
from web.api.views import attempt_view

router = APIRouter(prefix="/v1/payment-attempts", tags=["plan changes"])
AttemptId = Annotated[str, Path(max_length=64, pattern=r"^pay_[0-9a-z]+$", description="The attempt's id.")]


@router.get("/{attempt_id}")
def get_payment_attempt(attempt_id: AttemptId, caller: AnyKeyOrToken) -> shapes.AttemptDetail:
    """One attempt to collect what an invoice asks for, and the payments that came of it."""
    with transaction_for(caller) as tx:
        return _detail(tx, _attempt(tx, attempt_id))


def _attempt(tx: ApiTransaction, attempt_id: str) -> PaymentAttempt:
    """The caller's own attempt, or 404."""
    parts = [joinedload(PaymentAttempt.invoice), joinedload(PaymentAttempt.connection)]
    attempt = tx.session.get(PaymentAttempt, attempt_id, options=parts)
    if attempt is None or not tx.owns(attempt.invoice):
        raise Problem("unknown_payment_attempt", f"There is no payment attempt {attempt_id}.")
    return attempt


def _detail(tx: ApiTransaction, attempt: PaymentAttempt) -> shapes.AttemptDetail:
    invoice = attempt.invoice
    payments = select(Payment.id).where(Payment.attempt_id == attempt.id).order_by(Payment.id)
    change = tx.session.get(PlanChange, invoice.change_id) if invoice.change_id else None
    # A renewal's invoice has no change; it can be paid for as long as it is open.
    awaited = change.status == Status.AWAITING_PAYMENT if change else invoice.status == "open"
    to_pay = awaited or bool(owed_again(tx.session, invoice))
    return shapes.AttemptDetail(
        **dict(attempt_view(attempt, to_pay)),
        invoice=invoice.id,
        plan_change=invoice.change_id,
        gateway=attempt.connection.adapter,
        created_at=attempt.created_at,
        expires_at=attempt.expires_at,
        payments=list(tx.session.scalars(payments)),
    )
