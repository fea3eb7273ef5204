"""Services end: what that would do, asking for it, and taking it back."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query
from fastapi.responses import JSONResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.lifecycle import EndingStatus
from engine.ending_requests import (
    CreditChanged,
    EndingPreview,
    EndingRequest,
    preview_ending,
    request_ending,
    withdraw_ending,
)
from models.base import new_id
from models.customer import Service
from models.ending import Ending
from models.invoice import Invoice
from models.provider import catalog_of
from planshift_client import shapes
from tasks.story import enqueue
from web.api.auth import AnyKey, AnyKeyOrToken, Caller, transaction_for
from web.api.bodies import CancellationBody
from web.api.host import PathRef
from web.api.once import REPLAYED, bare_key, told
from web.api.problems import problem
from web.api.views import money_view

router = APIRouter(prefix="/v1/services/{ref}/cancellations", tags=["services"])

When = Annotated[Literal["period_end", "now"], Query(description="At the end of the period, or at once.")]
_AT_THE_END = CancellationBody()


@router.get("/preview")
def preview_cancellation(ref: PathRef, caller: AnyKeyOrToken, at: When = "period_end") -> shapes.CancellationPreview:
    """What ending the service would give back, lose and cancel at this moment. Nothing is ended by looking."""
    with transaction_for(caller) as tx:
        service = tx.service(ref)
        return preview_view(tx.session, service, preview_ending(tx.session, tx.now, service, at))


@router.post("", status_code=202, response_model=shapes.Cancellation, responses={202: {"headers": REPLAYED}})
def create_cancellation(
    ref: PathRef,
    caller: AnyKey,
    body: CancellationBody = _AT_THE_END,
    idempotency_key: Annotated[
        str | None, Header(max_length=255, description="The same one to repeat a request; a service ends once anyway.")
    ] = None,
) -> JSONResponse:
    """Ends a service: at the end of its period, which DELETE takes back until then, or at once.

    At once takes effect before the answer, unless a change of the service is paid and not applied yet: then it waits
    for that. Where `accept_credit` is not what it gives any more: 409 `credit_changed` with the new `preview`.
    """
    key = bare_key(idempotency_key) if idempotency_key else f"own:{new_id('key')}"
    request = EndingRequest(ref, body.at, body.accept_credit.money() if body.accept_credit else None)
    try:
        with transaction_for(caller) as tx:
            ending, repeated = request_ending(
                tx.session, tx.now, tx.provider, key, request, "api", _actor(caller), body.reason
            )
            if ending.answer is None:
                ending.answer = cancellation_view(tx.session, ending).model_dump(mode="json")
            answer, due = ending.answer, ending.status == EndingStatus.ENDING
    except CreditChanged as error:
        return _credit_changed(caller, ref, error)
    if due and not repeated:
        enqueue(ending.id)
    headers = {"Location": f"/v1/services/{ref}/cancellations"}
    return JSONResponse(answer, 202, headers=headers | told(repeated))


@router.get("")
def list_cancellations(ref: PathRef, caller: AnyKeyOrToken) -> shapes.AllOf[shapes.Cancellation]:
    """The service's endings, newest first: the one to come, and those that were taken back."""
    with transaction_for(caller) as tx:
        service = tx.service(ref)
        query = select(Ending).where(Ending.service_id == service.id).order_by(Ending.id.desc())
        return shapes.AllOf(items=[cancellation_view(tx.session, row) for row in tx.session.scalars(query)])


@router.delete("")
def withdraw_cancellation(ref: PathRef, caller: AnyKey) -> shapes.Cancellation:
    """Takes the ending back: the service renews as ever. Twice is once; 409 `service_ended` when it has happened."""
    with transaction_for(caller) as tx:
        service = tx.service(ref)
        return cancellation_view(tx.session, withdraw_ending(tx.session, tx.now, service, _actor(caller)))


def preview_view(session: Session, service: Service, preview: EndingPreview) -> shapes.CancellationPreview:
    lines = preview.price.lines if preview.price else ()
    return shapes.CancellationPreview(
        service=service.ref,
        at=preview.at,
        ends_at=preview.ends_at,
        credit=money_view(preview.credit),
        lost=money_view(preview.lost),
        pays_invoices=money_view(preview.pays_invoices),
        credit_becomes=catalog_of(session, service.provider).policies.ending_credit_becomes,
        lines=[shapes.QuoteLine.model_validate(line.as_json()) for line in lines],
        voided_invoices=[invoice.id for invoice in preview.voided],
        canceled_plan_changes=[change.id for change in preview.canceled],
    )


def cancellation_view(session: Session, ending: Ending) -> shapes.Cancellation:
    names = ("id", "at", "status", "ends_at", "revocable", "idempotency_key", "received_at")
    return shapes.Cancellation(
        **{name: getattr(ending, name) for name in names},
        service=ending.service.ref,
        credit=money_view(ending.credit),
        lost=money_view(ending.lost),
        credit_note=session.scalar(select(Invoice.id).where(Invoice.ending_id == ending.id)),
    )


def _actor(caller: Caller) -> str:
    return "operator" if "ops" in caller.scopes else "customer"


def _credit_changed(caller: Caller, ref: str, error: CreditChanged) -> JSONResponse:
    with transaction_for(caller) as tx:
        service = tx.service(ref)
        shown = preview_view(tx.session, service, preview_ending(tx.session, tx.now, service, "now"))
    return problem(409, "credit_changed", str(error), preview=shown.model_dump(mode="json"))
