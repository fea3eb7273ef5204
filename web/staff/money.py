"""Money: what belongs to nothing, what moved last, one payment with its refunds, and one event of a gateway."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse

from engine.operators.manual_payments import payments_of
from models.inbox import InboxEvent
from models.invoice import Invoice
from models.payment import Payment, Refund
from web.staff.pages import page, see
from web.staff.parts import SHOWN_MAX, about, newest, postings_of, refunds_of
from web.staff.visit import RowId, Signed, transaction_for

router = APIRouter()

Notice = Annotated[str, Query(max_length=40)]


@router.get("/money")
def show_money(visit: Signed, notice: Notice = "") -> HTMLResponse:
    """What belongs to nothing, oldest first, and what moved last."""
    with transaction_for(visit) as tx:
        unmatched = payments_of(tx.provider.id, unmatched=True).order_by(Payment.id).limit(SHOWN_MAX)
        values = {
            "unmatched": tx.session.scalars(unmatched).all(),
            "currencies": tx.catalog.currencies,
            "payments": newest(tx, Payment, Payment.provider_id == tx.provider.id),
        }
        return page(tx, "money.html", notice=notice, **values)


@router.get("/payments/{payment_id}")
def show_payment(payment_id: RowId, visit: Signed, notice: Notice = "") -> HTMLResponse:
    with transaction_for(visit) as tx:
        payment = tx.own(Payment, payment_id)
        refunds = refunds_of(tx, payment)
        origin = tx.session.get(Payment, payment.of_payment_id) if payment.of_payment_id else None
        values = {
            "payment": payment,
            "origin": origin,
            "invoice": tx.session.get(Invoice, payment.invoice_id) if payment.invoice_id else None,
            "refundable": payment.refundable,
            "refunds": refunds,
            "movements": newest(tx, Payment, Payment.of_payment_id == payment.id),
            "postings": postings_of(tx, [payment.id]),
            **about(tx, [payment.id], [refund.id for refund in refunds]),
        }
        return page(tx, "payment.html", notice=notice, **values)


@router.get("/refunds/{refund_id}")
def show_refund(refund_id: RowId, visit: Signed) -> RedirectResponse:
    """A refund stands on the page of its payment."""
    with transaction_for(visit) as tx:
        return see(f"/payments/{tx.own(Refund, refund_id).payment_id}")


@router.get("/events/{event_id}")
def show_event(event_id: RowId, visit: Signed, notice: Notice = "") -> HTMLResponse:
    with transaction_for(visit) as tx:
        event = tx.own(InboxEvent, event_id)
        values = {
            "event": event,
            "body": event.body.decode("utf-8", "replace"),
            "payments": newest(tx, Payment, Payment.event_id == event.id),
            **about(tx, [event.id]),
        }
        return page(tx, "event.html", notice=notice, **values)
