"""Gateway events, payments and refunds as the API shows them: what came in, what it was booked as, what was done."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.audit import OperatorAction
from models.inbox import InboxEvent, RefusedWebhook
from models.payment import Payment, Refund
from planshift_client import shapes
from web.api.views import money_view


def event_summary(event: InboxEvent) -> shapes.GatewayEvent:
    return shapes.GatewayEvent(**_event_values(event))


def recorded_view(event: InboxEvent, repeated: bool) -> shapes.RecordedPayment:
    return shapes.RecordedPayment(**_event_values(event), repeated=repeated)


def event_view(session: Session, event: InboxEvent) -> shapes.GatewayEventDetail:
    """With the bodies as they came, and what was booked of it."""
    booked = session.scalars(select(Payment).where(Payment.event_id == event.id).order_by(Payment.id))
    return shapes.GatewayEventDetail(
        **_event_values(event),
        body=_text(event.body),
        conflicting_body=_text(event.conflicting_body),
        payments=[movement_view(payment) for payment in booked],
        actions=actions_of(session, event.provider_id, event.id),
    )


def _event_values(event: InboxEvent) -> dict[str, Any]:
    names = "id source event_key status deliveries conflicting received_at"
    return {name: getattr(event, name) for name in names.split()} | {
        "gateway": event.connection.adapter,
        "attempts": event.match_attempts + event.failures,
        "error": event.last_error,
        "next_at": event.next_attempt_at,
    }


def refused_view(refused: RefusedWebhook) -> shapes.RefusedWebhook:
    return shapes.RefusedWebhook(
        gateway=refused.connection.adapter,
        reason=refused.reason,
        headers=refused.headers,
        body_start=_text(refused.body_start),
        refused_at=refused.refused_at,
    )


def movement_view(payment: Payment) -> shapes.Movement:
    return shapes.Movement(**_movement_values(payment))


def _movement_values(payment: Payment) -> dict[str, Any]:
    return {
        "id": payment.id,
        "kind": payment.kind,
        "gateway": payment.connection.adapter,
        "gateway_object": payment.gateway_object,
        "amount": money_view(payment.amount),
        "outcome": payment.outcome,
        "invoice": payment.invoice_id,
        "attempt": payment.attempt_id,
        "of": payment.of_payment_id,
        "paid_at": payment.paid_at,
        "event": payment.event_id,
    }


def payment_view(session: Session, payment: Payment) -> shapes.Payment:
    """With what may still be refunded, and what was."""
    refunds = session.scalars(select(Refund).where(Refund.payment_id == payment.id).order_by(Refund.id))
    return shapes.Payment(
        **_movement_values(payment),
        refundable=money_view(payment.refundable),
        refunds=[refund_view(refund) for refund in refunds],
        actions=actions_of(session, payment.provider_id, payment.id),
    )


def refund_view(refund: Refund) -> shapes.Refund:
    return shapes.Refund(
        id=refund.id,
        payment=refund.payment_id,
        amount=money_view(refund.amount),
        status=refund.status,
        actor=refund.actor,
        reason=refund.reason,
        error=refund.error,
        to_decide=money_view(refund.to_decide),
    )


def actions_of(session: Session, provider_id: str, subject: str) -> list[shapes.Action]:
    """What operators did to a row, oldest first."""
    query = select(OperatorAction).where(OperatorAction.provider_id == provider_id, OperatorAction.subject == subject)
    names = ("action", "actor", "reason", "at", "details")
    actions = session.scalars(query.order_by(OperatorAction.id))
    return [shapes.Action(**{name: getattr(action, name) for name in names}) for action in actions]


def _text(body: bytes | None) -> str | None:
    return None if body is None else body.decode("utf-8", "backslashreplace")
