"""Ending a service: what it would do, asked once more, and taking it back while that is possible."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import RedirectResponse

from domain.lifecycle import EndingStatus
from domain.money import Money
from engine.ending_requests import (
    CreditChanged,
    EndingOpen,
    EndingRequest,
    NoEnding,
    ServiceOver,
    preview_ending,
    request_ending,
    withdraw_ending,
)
from engine.jobs.idempotency import KeyReused, RequestInFlight
from models.base import new_id
from models.ending import latest_ending
from tasks.story import enqueue
from web.portal.pages import page, see
from web.portal.visit import RowId, Signed, SignedForm, transaction_for

router = APIRouter()

When = Literal["period_end", "now"]


@router.get("/services/{service_id}/end")
def confirm_ending(
    service_id: RowId,
    visit: Signed,
    notice: Annotated[str, Query(max_length=40)] = "",
    plan: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Both ways to end, with their dates, what is lost and what is given back. `plan` is what cannot be changed to."""
    with transaction_for(visit) as tx:
        service = tx.service(service_id)
        if service.is_over:
            return see(f"/services/{service_id}?notice=ended")
        return page(
            tx,
            "end.html",
            service=service,
            ending=service.scheduled_ending,
            at_end=preview_ending(tx.session, tx.now, service, "period_end"),
            at_once=preview_ending(tx.session, tx.now, service, "now"),
            refund=tx.catalog.policies.ending_credit_becomes == "refund",
            key=new_id("key"),
            wanted=tx.catalog.plan(plan),
            notice=notice,
        )


@router.post("/services/{service_id}/end")
def end(
    service_id: RowId,
    visit: SignedForm,
    key: Annotated[str, Form(max_length=64)],
    at: Annotated[When, Form()] = "period_end",
    credit: Annotated[int | None, Form(ge=0, le=10**12)] = None,
) -> RedirectResponse:
    """Ends the service as the page said; a credit that has changed meanwhile is shown again, and nothing is ended."""
    try:
        with transaction_for(visit) as tx:
            service = tx.service(service_id)
            accepted = Money(credit, service.currency) if at == "now" and credit is not None else None
            request = EndingRequest(service.ref, at, accepted)
            ending, _ = request_ending(tx.session, tx.now, tx.provider, f"portal:{key}", request, "portal")
            ending_id, due = ending.id, ending.status == EndingStatus.ENDING
    except CreditChanged:
        return see(f"/services/{service_id}/end?notice=changed")
    except (EndingOpen, ServiceOver, RequestInFlight, KeyReused):
        return see(f"/services/{service_id}")
    if due:
        enqueue(ending_id)
    return see(f"/services/{service_id}")


@router.post("/services/{service_id}/keep")
def keep(service_id: RowId, visit: SignedForm) -> RedirectResponse:
    """Takes the ending back: the service renews as ever."""
    try:
        with transaction_for(visit) as tx:
            service = tx.service(service_id)
            if latest_ending(tx.session, service.id) is not None:
                withdraw_ending(tx.session, tx.now, service)
    except (NoEnding, ServiceOver):
        return see(f"/services/{service_id}?notice=ended")
    return see(f"/services/{service_id}")
