"""Gateway events, payments and refunds as JSON: what came in, what it was booked as, and what operators did."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.periods import instant_text
from engine.payments.refunds import refundable
from models.audit import OperatorAction
from models.inbox import InboxEvent, RefusedWebhook
from models.payment import Payment, Refund

Json = dict[str, Any]


def event_summary(event: InboxEvent) -> Json:
    return {
        "id": event.id,
        "gateway": event.connection.adapter,
        "source": event.source,
        "event_key": event.event_key,
        "status": event.status,
        "deliveries": event.deliveries,
        "conflicting": event.conflicting,
        "attempts": event.match_attempts + event.failures,
        "error": event.last_error,
        "received_at": instant_text(event.received_at),
        "next_at": instant_text(event.next_attempt_at) if event.next_attempt_at else None,
    }


def event_view(session: Session, event: InboxEvent) -> Json:
    """With the bodies as they came, and what was booked of it."""
    booked = session.scalars(select(Payment).where(Payment.event_id == event.id).order_by(Payment.id))
    return event_summary(event) | {
        "body": _text(event.body),
        "conflicting_body": _text(event.conflicting_body),
        "payments": [movement_view(payment) for payment in booked],
        "actions": actions_of(session, event.provider_id, event.id),
    }


def refused_view(refused: RefusedWebhook) -> Json:
    return {
        "gateway": refused.connection.adapter,
        "reason": refused.reason,
        "headers": refused.headers,
        "body_start": _text(refused.body_start),
        "refused_at": instant_text(refused.refused_at),
    }


def movement_view(payment: Payment) -> Json:
    return {
        "id": payment.id,
        "kind": payment.kind,
        "gateway": payment.connection.adapter,
        "gateway_object": payment.gateway_object,
        "amount": payment.amount.as_json(),
        "outcome": payment.outcome,
        "invoice": payment.invoice_id,
        "of": payment.of_payment_id,
        "paid_at": instant_text(payment.paid_at),
        "event": payment.event_id,
    }


def payment_view(session: Session, payment: Payment) -> Json:
    """With what may still be refunded, and what was."""
    refunds = session.scalars(select(Refund).where(Refund.payment_id == payment.id).order_by(Refund.id))
    return movement_view(payment) | {
        "refundable": refundable(session, payment).as_json(),
        "refunds": [refund_view(refund) for refund in refunds],
        "actions": actions_of(session, payment.provider_id, payment.id),
    }


def refund_view(refund: Refund) -> Json:
    return {
        "id": refund.id,
        "payment": refund.payment_id,
        "amount": refund.amount.as_json(),
        "status": refund.status,
        "actor": refund.actor,
        "reason": refund.reason,
        "error": refund.error,
    }


def actions_of(session: Session, provider_id: str, subject: str) -> list[Json]:
    """What operators did to a row, oldest first."""
    query = select(OperatorAction).where(OperatorAction.provider_id == provider_id, OperatorAction.subject == subject)
    return [
        {
            "action": action.action,
            "actor": action.actor,
            "reason": action.reason,
            "at": instant_text(action.at),
            "details": action.details,
        }
        for action in session.scalars(query.order_by(OperatorAction.id))
    ]


def _text(body: bytes | None) -> str | None:
    return None if body is None else body.decode("utf-8", "backslashreplace")
