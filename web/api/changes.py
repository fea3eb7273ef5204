"""Plan changes: ask for one, watch it, pay it, cancel it."""

from __future__ import annotations

import re
import time
from typing import Annotated, Any

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import JSONResponse
from sqlalchemy import select

from domain.lifecycle import RESTING, Phase, Status
from engine.accounts.services import required_service
from engine.expiry import cancel_change
from engine.offers import quote_change
from engine.payments.attempts import start_attempt
from engine.request import ChangeRequest, PriceChanged, request_change
from models.customer import Service
from models.plan_change import PlanChange
from tasks.story import ring, ring_step
from web.api.auth import AnyKey, Caller, Door, opened
from web.api.bodies import PlanChangeBody
from web.api.pages import Paged, page_of
from web.api.problems import Problem, problem
from web.api.views import attempt_view, change_view, quote_view

router = APIRouter(prefix="/v1/plan-changes", tags=["plan changes"])
ChangeId = Annotated[str, Path(max_length=64, pattern=r"^chg_[0-9a-z]+$")]

LONGEST_WAIT_SECONDS = 30
LOOK_EVERY_SECONDS = 0.1


@router.post("", status_code=202)
def create_plan_change(
    body: PlanChangeBody,
    who: AnyKey,
    idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
) -> JSONResponse:
    """Asks for a change. 202 with its Location: the pipeline takes it from here.

    The same Idempotency-Key and body are answered in the same way again.
    """
    key = _bare(idempotency_key)
    _check_acceptance(body, who)
    request = ChangeRequest(
        service=body.service,
        plan=body.plan,
        cycle=body.cycle,
        quote=body.quote,
        accept_total=body.accept_total.money() if body.accept_total else None,
        replace=body.replace,
        note=body.note,
    )
    try:
        with opened(who) as door:
            change, repeated = request_change(door.session, door.now, door.provider, key, request, "http")
            if change.answer is None:
                change.answer = change_view(door.session, change)
    except PriceChanged as error:
        return _price_changed(who, request, error)
    if not repeated:
        ring(change.id)
    headers = {"Location": f"/v1/plan-changes/{change.id}"}
    if repeated:
        headers["Idempotency-Replayed"] = "true"
    return JSONResponse(change.answer, 202, headers=headers)


@router.get("")
def list_plan_changes(
    who: AnyKey,
    page: Paged,
    service: Annotated[str | None, Query()] = None,
    status: Annotated[Status | None, Query()] = None,
    idempotency_key: Annotated[str | None, Query()] = None,
) -> dict[str, Any]:
    """The provider's plan changes, newest first."""
    with opened(who) as door:
        query = select(PlanChange).where(PlanChange.provider_id == door.provider.id)
        if service is not None:
            query = query.join(Service, Service.id == PlanChange.service_id).where(Service.ref == service)
        if status is not None:
            query = query.where(PlanChange.status == status)
        if idempotency_key is not None:
            query = query.where(PlanChange.idempotency_key == idempotency_key)
        return page_of(door.session, query, PlanChange, page, lambda change: change_view(door.session, change))


@router.get("/{change_id}")
async def get_plan_change(
    change_id: ChangeId, who: AnyKey, prefer: Annotated[str | None, Header(max_length=100)] = None
) -> dict[str, Any]:
    """One plan change. `Prefer: wait=20` answers when it has moved on, or after that many seconds."""
    view = await run_sync(_look, who, change_id)
    deadline = time.monotonic() + _seconds_to_wait(prefer)
    first = view["status"]
    while _may_move_soon(view, first) and time.monotonic() < deadline:
        await anyio.sleep(LOOK_EVERY_SECONDS)
        view = await run_sync(_look, who, change_id)
    return view


@router.post("/{change_id}/cancel")
def cancel_plan_change(change_id: ChangeId, who: AnyKey) -> dict[str, Any]:
    """Cancels a change that is not paid yet, or one that is scheduled."""
    with opened(who) as door:
        change = change_of(door, change_id)
        cancel_change(door.session, door.now, change.id, actor="operator" if "ops" in who.scopes else "customer")
        return change_view(door.session, change)


@router.post("/{change_id}/payments", status_code=202)
def create_payment(change_id: ChangeId, who: AnyKey) -> dict[str, Any]:
    """A new attempt after a decline, for what is still owed; its checkout page appears in the plan change."""
    with opened(who) as door:
        change = change_of(door, change_id)
        attempt = start_attempt(door.session, door.now, change.id)
        view = attempt_view(attempt, change.lifecycle_status)
    ring_step("plan_change.request_payment", change_id=change_id)
    return view


def change_of(door: Door, change_id: str) -> PlanChange:
    """The caller's own change, or 404."""
    change = door.session.get(PlanChange, change_id)
    if change is None or change.provider_id != door.provider.id:
        raise Problem(404, "unknown_plan_change", f"There is no plan change {change_id}.")
    return change


def _look(who: Caller, change_id: str) -> dict[str, Any]:
    with opened(who) as door:
        return change_view(door.session, change_of(door, change_id))


def _may_move_soon(view: dict[str, Any], first_status: str) -> bool:
    """Worth waiting for: our own steps, and, while nothing has moved yet, the customer's payment."""
    if view["phase"] == Phase.WAITING_FOR_US:
        return view["status"] not in RESTING
    return bool(view["phase"] == Phase.WAITING_FOR_PAYMENT and view["status"] == first_status)


def _seconds_to_wait(prefer: str | None) -> float:
    found = re.search(r"\bwait=(\d{1,4})\b", prefer or "")
    return min(int(found[1]), LONGEST_WAIT_SECONDS) if found else 0


def _bare(key: str | None) -> str:
    """The key with or without the quotes of a structured header string."""
    bare = (key or "").strip()
    if len(bare) >= 2 and bare[0] == bare[-1] == '"':
        bare = bare[1:-1]
    if not bare:
        detail = "Send an Idempotency-Key header: a new one for each request, the same one when you repeat it."
        raise Problem(400, "idempotency_key_missing", detail)
    return bare


def _check_acceptance(body: PlanChangeBody, who: Caller) -> None:
    if who.scopes == {"frontend"} and body.quote is None and body.accept_total is None:
        detail = "Send `quote` (the id of the quote that the customer accepted) or `accept_total`."
        raise Problem(422, "acceptance_missing", detail)


def _price_changed(who: Caller, request: ChangeRequest, error: PriceChanged) -> JSONResponse:
    with opened(who) as door:
        service = required_service(door.session, door.provider, request.service)
        offered = quote_view(quote_change(door.session, door.now, service, request.plan, request.cycle))
    return problem(409, error.code, str(error), quote=offered)
