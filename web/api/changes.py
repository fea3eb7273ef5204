"""Plan changes: ask for one, watch it, pay it, cancel it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Path, Query
from fastapi.responses import JSONResponse
from sqlalchemy import select
from sqlalchemy.orm import defer

from domain.lifecycle import Status
from engine.expiry import cancel_change
from engine.jobs.summary import next_work
from engine.offers import quote_change
from engine.payments.attempts import start_attempt
from engine.request import ChangeRequest, PriceChanged, request_change
from models.customer import customer_id_of, service_id_of
from models.plan_change import PlanChange
from planshift_client import shapes
from tasks.story import enqueue_task, publish_next
from web.api.auth import CUSTOMER, AnyKeyOrToken, ApiTransaction, Caller, transaction_for
from web.api.bodies import PlanChangeBody
from web.api.fields import Ref, Text
from web.api.once import REPLAYED, bare_key, told
from web.api.pages import During, Page, page_of, paged
from web.api.problems import Problem, problem
from web.api.views import attempt_view, change_view, change_views, quote_view

router = APIRouter(prefix="/v1/plan-changes", tags=["plan changes"])
Expand = Annotated[Literal["quote"] | None, Query(description="`quote`: the price with how it was made.")]
ChangeId = Annotated[str, Path(max_length=64, pattern=r"^chg_[0-9a-z]+$", description="The plan change's id.")]


@router.post("", status_code=202, response_model=shapes.PlanChange, responses={202: {"headers": REPLAYED}})
def create_plan_change(
    body: PlanChangeBody,
    caller: AnyKeyOrToken,
    idempotency_key: Annotated[
        str, Header(max_length=255, description="A new one for each request; the same one to repeat it.")
    ],
) -> JSONResponse:
    """Asks for a change. 202 with its Location: the pipeline takes it from here.

    The same Idempotency-Key and body are answered in the same way again, for as long as the change is known: for ever.
    """
    key = caller.own_key(bare_key(idempotency_key))
    _check_acceptance(body, caller)
    request = ChangeRequest(
        service=body.service,
        plan=body.plan,
        cycle=body.cycle,
        quantity=body.quantity,
        quote=body.quote,
        accept_total=body.accept_total.money() if body.accept_total else None,
        replace=body.replace,
        note=body.note,
    )
    try:
        with transaction_for(caller) as tx:
            tx.service(body.service)
            change, repeated = request_change(tx.session, tx.now, tx.provider, key, request, "api")
            if change.answer is None:
                change.answer = change_view(tx.session, change).model_dump(mode="json")
            following = None if repeated else next_work(tx.session, change.id)
    except PriceChanged as error:
        return _price_changed(caller, request, error)
    if following is not None:
        publish_next(following)
    headers = {"Location": f"/v1/plan-changes/{change.id}"}
    return JSONResponse(change.answer, 202, headers=headers | told(repeated))


@router.get("")
def list_plan_changes(
    caller: AnyKeyOrToken,
    page: Annotated[Page, Depends(paged("chg"))],
    during: During,
    customer: Annotated[Ref | None, Query(description="Only of the customer with this `ref`.")] = None,
    service: Annotated[Ref | None, Query(description="Only of the service with this `ref`.")] = None,
    status: Annotated[Status | None, Query(description="Only in this status.")] = None,
    idempotency_key: Annotated[Text | None, Query(description="Only the one that was asked for with it.")] = None,
    expand: Expand = None,
) -> shapes.Listed[shapes.PlanChange]:
    """The provider's plan changes, newest first, each with the sums of its price; `since` and `until` are about when
    they were asked for."""
    with transaction_for(caller) as tx:
        at = [*caller.only_own(PlanChange.customer_id), *during.of(PlanChange.received_at)]
        query = select(PlanChange).where(PlanChange.provider_id == tx.provider.id, *at)
        if customer is not None:
            query = query.where(PlanChange.customer_id == customer_id_of(tx.provider.id, customer))
        if service is not None:
            query = query.where(PlanChange.service_id == service_id_of(tx.provider.id, service))
        if status is not None:
            query = query.where(PlanChange.status == status)
        if idempotency_key is not None:
            query = query.where(PlanChange.idempotency_key == caller.own_key(idempotency_key))
        price = shapes.ExpandedPrice if expand else shapes.PriceSummary
        query = query.options(defer(PlanChange.answer))
        order = during.order(PlanChange.received_at)
        return page_of(tx.session, query, PlanChange, page, lambda rows: change_views(tx.session, rows, price), order)


@router.post("/{change_id}/cancel")
def cancel_plan_change(change_id: ChangeId, caller: AnyKeyOrToken) -> shapes.PlanChange:
    """Cancels a change that is not paid yet, or one that is scheduled."""
    with transaction_for(caller) as tx:
        change = change_of(tx, change_id)
        cancel_change(tx.session, tx.now, change.id, actor="operator" if "ops" in caller.scopes else "customer")
        return change_view(tx.session, change)


@router.post("/{change_id}/payments", status_code=202)
def create_payment_attempt(change_id: ChangeId, caller: AnyKeyOrToken) -> shapes.PaymentAttempt:
    """A new attempt for what is still owed, after a decline or when the payment went back and is owed again; its
    checkout page appears in the plan change."""
    with transaction_for(caller) as tx:
        change = change_of(tx, change_id)
        attempt = start_attempt(tx.session, tx.now, change.id)
        view = attempt_view(attempt, to_pay=True)
    enqueue_task("payments.fetch", attempt_id=view.id)
    return view


def change_of(tx: ApiTransaction, change_id: str) -> PlanChange:
    """The caller's own change, or 404."""
    change = tx.session.get(PlanChange, change_id)
    if change is None or not tx.owns(change):
        raise Problem("unknown_plan_change", f"There is no plan change {change_id}.")
    return change


def _check_acceptance(body: PlanChangeBody, caller: Caller) -> None:
    if caller.scopes <= {"frontend", CUSTOMER} and body.quote is None and body.accept_total is None:
        detail = "Send `quote` (the id of the quote that the customer accepted) or `accept_total`."
        raise Problem("acceptance_missing", detail)


def _price_changed(caller: Caller, request: ChangeRequest, error: PriceChanged) -> JSONResponse:
    with transaction_for(caller) as tx:
        service = tx.service(request.service)
        offered = quote_view(quote_change(tx.session, tx.now, service, request.plan, request.cycle, request.quantity))
    return problem(409, error.code, str(error), quote=offered.model_dump(mode="json"))
