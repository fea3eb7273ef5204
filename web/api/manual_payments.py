"""The operators' money desk: what gateways told, what nobody could match, refunds; each deed with who and why."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, Field
from sqlalchemy import select

from engine.operators.manual_payments import StatementLine, match_payment, payments_of, record_payment
from engine.operators.replay import events_of, replay_event, required_event
from engine.payments.refunds import required_payment, start_refund
from models.inbox import InboxEvent, RefusedWebhook
from models.payment import Payment
from models.provider import Connection
from tasks.story import ring, ring_step
from web.api.auth import OpsKey, opened
from web.api.bodies import DecisionBody, MoneyBody, Text
from web.api.money_views import event_summary, event_view, movement_view, payment_view, refund_view, refused_view
from web.api.pages import Paged, page_of

router = APIRouter(prefix="/v1", tags=["money desk"])
EventId = Annotated[str, Path(max_length=64, pattern=r"^evt_[0-9a-z]+$")]
PaymentId = Annotated[str, Path(max_length=64, pattern=r"^mny_[0-9a-z]+$")]
InvoiceId = Annotated[str, Field(max_length=64, pattern=r"^inv_[0-9a-z]+$")]
EventStatus = Literal["attention", "received", "parked", "retry", "processed", "ignored", "poison", "dead"]


class RecordBody(DecisionBody):
    """Money seen on an account statement. `line` is its unique name there; without an invoice it is unmatched."""

    line: Text
    amount: MoneyBody
    paid_at: AwareDatetime
    invoice: InvoiceId | None = None


class MatchBody(DecisionBody):
    invoice: InvoiceId


class RefundBody(DecisionBody):
    """Without an amount, all that is left of the payment goes back."""

    amount: MoneyBody | None = None


@router.get("/webhooks")
def list_webhooks(
    who: OpsKey,
    page: Paged,
    status: Annotated[EventStatus | None, Query(description="attention: retry, poison, dead, conflicting")] = None,
    conflicting: Annotated[bool, Query()] = False,
) -> dict[str, Any]:
    """The inbox, newest first."""
    with opened(who) as door:
        query = events_of(door.provider.id, status, conflicting)
        return page_of(door.session, query, InboxEvent, page, event_summary)


@router.get("/webhooks/refused")
def list_refused(who: OpsKey) -> dict[str, Any]:
    """A sample of webhooks that were refused for their signature, newest first. Believe nothing in it."""
    with opened(who) as door:
        query = select(RefusedWebhook).join(Connection).where(Connection.provider_id == door.provider.id)
        rows = door.session.scalars(query.order_by(RefusedWebhook.refused_at.desc()))
        return {"items": [refused_view(row) for row in rows]}


@router.get("/webhooks/{event_id}")
def get_webhook(event_id: EventId, who: OpsKey) -> dict[str, Any]:
    """One event as it came, what was booked of it, and what operators did about it."""
    with opened(who) as door:
        return event_view(door.session, required_event(door.session, door.provider, event_id))


@router.post("/webhooks/{event_id}/replay", status_code=202)
def replay_webhook(event_id: EventId, body: DecisionBody, who: OpsKey) -> dict[str, Any]:
    """Has an event processed again. What is booked already is not booked again."""
    with opened(who) as door:
        event = replay_event(door.session, door.now, door.provider, event_id, (body.who, body.why))
        view = event_summary(event)
    ring_step("payments.process_event", event_id=event_id)
    return view


@router.get("/payments")
def list_payments(who: OpsKey, page: Paged, unmatched: Annotated[bool, Query()] = False) -> dict[str, Any]:
    """Movements of money, newest first; `unmatched` are those that belong to no invoice yet."""
    with opened(who) as door:
        return page_of(door.session, payments_of(door.provider.id, unmatched), Payment, page, movement_view)


@router.post("/payments", status_code=202)
def record(body: RecordBody, who: OpsKey) -> dict[str, Any]:
    """Records money that came by bank. The same line of the statement counts once."""
    line = StatementLine(body.line, body.amount.money(), body.paid_at, body.invoice)
    with opened(who) as door:
        event, repeated = record_payment(door.session, door.now, door.provider, line, (body.who, body.why))
        view = event_summary(event) | {"repeated": repeated}
    ring_step("payments.process_event", event_id=event.id)
    return view


@router.get("/payments/{payment_id}")
def get_payment(payment_id: PaymentId, who: OpsKey) -> dict[str, Any]:
    """One payment with its refunds."""
    with opened(who) as door:
        return payment_view(door.session, required_payment(door.session, door.provider, payment_id))


@router.post("/payments/{payment_id}/match")
def match(payment_id: PaymentId, body: MatchBody, who: OpsKey) -> dict[str, Any]:
    """Unmatched money is given to its invoice; where the offer has ended, to the customer's credit."""
    with opened(who) as door:
        by = (body.who, body.why)
        changes = match_payment(door.session, door.now, door.provider, payment_id, body.invoice, by)
        view = payment_view(door.session, required_payment(door.session, door.provider, payment_id))
    for change_id in changes:
        ring(change_id)
    return view


@router.post("/payments/{payment_id}/refunds", status_code=202)
def refund(payment_id: PaymentId, body: RefundBody, who: OpsKey) -> dict[str, Any]:
    """Sends money back through the gateway that it came by, from the customer's credit."""
    amount = body.amount.money() if body.amount else None
    with opened(who) as door:
        started = start_refund(door.session, door.now, door.provider, payment_id, amount, (body.who, body.why))
        view = refund_view(started)
    ring_step("payments.refund", refund_id=started.id)
    return view
