"""Payments in the operators' hands: gateway events, unmatched money, refunds; each action with its actor and reason."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field
from sqlalchemy import select

from engine.operators import manual_payments
from engine.operators.failed_refunds import decide_refund, report_failed
from engine.operators.manual_payments import StatementLine, payments_of
from engine.operators.replay import events_of, replay_event, required_event
from engine.payments.refunds import required_payment, start_refund
from models.inbox import InboxEvent, RefusedWebhook
from models.payment import Payment
from models.provider import Connection
from planshift_client import shapes
from planshift_client.shapes.base import told
from tasks.story import enqueue, enqueue_task
from web.api.auth import ApiTransaction, OpsKey, transaction_for
from web.api.bodies import DecisionBody, MoneyBody
from web.api.fields import Moment, Text
from web.api.money_views import (
    event_summary,
    event_view,
    movement_view,
    payment_view,
    recorded_view,
    refund_view,
    refused_view,
)
from web.api.once import OneOperation
from web.api.pages import Page, each, page_of, paged

router = APIRouter(prefix="/v1", tags=["manual payments"])
EventId = Annotated[str, Path(max_length=64, pattern=r"^evt_[0-9a-z]+$", description="The event's id.")]
PaymentId = Annotated[str, Path(max_length=64, pattern=r"^mny_[0-9a-z]+$", description="The payment's id.")]
RefundId = Annotated[str, Path(max_length=64, pattern=r"^ref_[0-9a-z]+$", description="The refund's id.")]
InvoiceId = Annotated[str, Field(max_length=64, pattern=r"^inv_[0-9a-z]+$")]
EventStatus = Literal["attention", "foreign", "received", "parked", "retry", "processed", "ignored", "poison", "dead"]


class RecordBody(DecisionBody):
    """Money seen on an account statement. `line` is its unique name there; without an invoice it is unmatched."""

    line: Text = told("The unique name of the line on the statement.", "2027-07-17/4")
    amount: MoneyBody = told("What came.")
    paid_at: Moment = told("When it was paid; in time, if that lies before the offer's end.", "2027-07-17T00:00:00Z")
    invoice: InvoiceId | None = told("The invoice that it pays.", "inv_01k9f3", default=None)


class MatchBody(DecisionBody):
    """Where unmatched money belongs."""

    invoice: InvoiceId = told("The invoice that it pays.", "inv_01k9f3")


class RefundBody(DecisionBody):
    """Without an amount, all that is left of the payment goes back."""

    amount: MoneyBody | None = told("What goes back.", default=None)


class FailedRefundBody(DecisionBody):
    """What becomes of a customer's money whose refund failed."""

    decision: Literal["credit", "again", "sent"] = told(
        "credit: account credit again; again: refunded once more; sent: you have transferred it.", "credit"
    )


@router.get("/webhooks")
def list_webhooks(
    caller: OpsKey,
    page: Annotated[Page, Depends(paged("evt"))],
    status: Annotated[
        EventStatus | None,
        Query(description="attention: retry, poison, dead, conflicting; foreign: of other applications"),
    ] = None,
    conflicting: Annotated[bool, Query(description="Only those that came again with other contents.")] = False,
) -> shapes.Listed[shapes.GatewayEvent]:
    """The inbox, newest first."""
    with transaction_for(caller) as tx:
        query = events_of(tx.provider.id, status, conflicting)
        return page_of(tx.session, query, InboxEvent, page, each(event_summary))


@router.get("/webhooks/refused")
def list_refused_webhooks(caller: OpsKey) -> shapes.AllOf[shapes.RefusedWebhook]:
    """A sample of webhooks that were refused for their signature, newest first. Believe nothing in it."""
    with transaction_for(caller) as tx:
        query = select(RefusedWebhook).join(Connection).where(Connection.provider_id == tx.provider.id)
        rows = tx.session.scalars(query.order_by(RefusedWebhook.refused_at.desc()))
        return shapes.AllOf(items=[refused_view(row) for row in rows])


@router.get("/webhooks/{event_id}")
def get_webhook(event_id: EventId, caller: OpsKey) -> shapes.GatewayEventDetail:
    """One event as it came, what was booked of it, and what operators did about it."""
    with transaction_for(caller) as tx:
        return event_view(tx.session, required_event(tx.session, tx.provider, event_id))


@router.post("/webhooks/{event_id}/replay", status_code=202)
def replay_webhook(event_id: EventId, body: DecisionBody, operation: OneOperation) -> shapes.GatewayEvent:
    """Has an event processed again. What is booked already is not booked again."""

    def act(tx: ApiTransaction) -> shapes.GatewayEvent:
        return event_summary(replay_event(tx.session, tx.now, tx.provider, event_id, body.attribution))

    view = operation.once(shapes.GatewayEvent, act)
    enqueue_task("payments.process_event", event_id=event_id)
    return view


@router.get("/payments")
def list_payments(
    caller: OpsKey,
    page: Annotated[Page, Depends(paged("mny"))],
    unmatched: Annotated[bool, Query(description="Only what belongs to no invoice yet and did not go back.")] = False,
) -> shapes.Listed[shapes.Movement]:
    """Movements of money, newest first; `unmatched` are those that belong to no invoice yet and did not go back."""
    with transaction_for(caller) as tx:
        return page_of(tx.session, payments_of(tx.provider.id, unmatched), Payment, page, each(movement_view))


@router.post("/payments", status_code=202)
def record_payment(body: RecordBody, operation: OneOperation) -> shapes.RecordedPayment:
    """Records money that came by bank. The same line of the statement counts once."""
    line = StatementLine(body.line, body.amount.money(), body.paid_at, body.invoice)

    def act(tx: ApiTransaction) -> shapes.RecordedPayment:
        return recorded_view(*manual_payments.record_payment(tx.session, tx.now, tx.provider, line, body.attribution))

    view = operation.once(shapes.RecordedPayment, act)
    enqueue_task("payments.process_event", event_id=view.id)
    return view


@router.get("/payments/{payment_id}")
def get_payment(payment_id: PaymentId, caller: OpsKey) -> shapes.Payment:
    """One payment with its refunds."""
    with transaction_for(caller) as tx:
        return payment_view(tx.session, required_payment(tx.session, tx.provider, payment_id))


@router.post("/payments/{payment_id}/match")
def match_payment(payment_id: PaymentId, body: MatchBody, operation: OneOperation) -> shapes.Payment:
    """Allocates unmatched money to its invoice; where the offer has ended, to the customer's credit."""
    changes: list[str] = []

    def act(tx: ApiTransaction) -> shapes.Payment:
        step = (tx.session, tx.now, tx.provider, payment_id, body.invoice, body.attribution)
        changes.extend(manual_payments.match_payment(*step))
        return payment_view(tx.session, required_payment(tx.session, tx.provider, payment_id))

    view = operation.once(shapes.Payment, act)
    for change_id in changes:
        enqueue(change_id)
    return view


@router.post("/payments/{payment_id}/refunds", status_code=202)
def create_refund(payment_id: PaymentId, body: RefundBody, operation: OneOperation) -> shapes.Refund:
    """Sends money back through the gateway that it came by, from the customer's credit."""
    amount = body.amount.money() if body.amount else None

    def act(tx: ApiTransaction) -> shapes.Refund:
        return refund_view(start_refund(tx.session, tx.now, tx.provider, payment_id, amount, body.attribution))

    view = operation.once(shapes.Refund, act)
    enqueue_task("payments.refund", refund_id=view.id)
    return view


@router.post("/refunds/{refund_id}/decision", status_code=202)
def decide_failed_refund(refund_id: RefundId, body: FailedRefundBody, operation: OneOperation) -> shapes.Refund:
    """Answers a refund that failed, where the catalogue asks a person. `again` returns the new refund."""

    def act(tx: ApiTransaction) -> shapes.Refund:
        return refund_view(decide_refund(tx.session, tx.now, tx.provider, refund_id, body.decision, body.attribution))

    view = operation.once(shapes.Refund, act)
    if body.decision == "again":
        enqueue_task("payments.refund", refund_id=view.id)
    return view


@router.post("/refunds/{refund_id}/failure")
def report_failed_refund(refund_id: RefundId, body: DecisionBody, operation: OneOperation) -> shapes.Refund:
    """A transfer that was made by hand came back. 409 for what a gateway refunds: it reports that itself."""

    def act(tx: ApiTransaction) -> shapes.Refund:
        return refund_view(report_failed(tx.session, tx.now, tx.provider, refund_id, body.attribution))

    return operation.once(shapes.Refund, act)
