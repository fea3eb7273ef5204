"""What operators decide about a change: approve or reject it, try again what is stuck, or take it back."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from domain.lifecycle import Status
from engine.operators.recovery import By, compensation, retry
from engine.review import approve_change, reject_change
from models.plan_change import PlanChange
from tasks.run import outside
from tasks.story import ring, ring_step
from web.api.auth import OpsKey, opened
from web.api.bodies import DecisionBody
from web.api.changes import ChangeId, change_of
from web.api.problems import Problem
from web.api.views import change_view

router = APIRouter(prefix="/v1/plan-changes", tags=["operators"])


@router.post("/{change_id}/approve")
def approve(change_id: ChangeId, body: DecisionBody, who: OpsKey) -> dict[str, Any]:
    """The change goes on as if the catalogue allowed it now, at the price that the customer accepted."""
    with opened(who) as door:
        change = change_of(door, change_id)
        approve_change(door.session, door.now, change.id, body.who, body.why)
        view = change_view(door.session, change)
    ring(change_id)
    return view


@router.post("/{change_id}/reject")
def reject(change_id: ChangeId, body: DecisionBody, who: OpsKey) -> dict[str, Any]:
    """The change is refused; `why` is what the customer reads."""
    with opened(who) as door:
        change = change_of(door, change_id)
        reject_change(door.session, door.now, change.id, body.who, body.why)
        return change_view(door.session, change)


@router.post("/{change_id}/retry", status_code=202)
def retry_plan_change(change_id: ChangeId, body: DecisionBody, who: OpsKey) -> dict[str, Any]:
    """Tries a stuck change again: the host is read first, and told again if it does not show the new plan."""
    with opened(who) as door:
        change = change_of(door, change_id)
        retry(door.session, door.now, change.id, By(body.who, body.why))
        view = change_view(door.session, change)
    ring(change_id)
    return view


@router.post("/{change_id}/compensate")
def compensate_plan_change(change_id: ChangeId, body: DecisionBody, who: OpsKey) -> dict[str, Any]:
    """Takes a stuck change back: the host is told to keep the old plan, the money becomes credit, and a credit note
    is printed. 409 while the host does not show the old plan."""
    with opened(who) as door:
        change_of(door, change_id)
    reached = outside(compensation(By(body.who, body.why)), PlanChange, change_id)
    with opened(who) as door:
        change = change_of(door, change_id)
        if reached is not Status.COMPENSATED:
            raise Problem(409, "not_compensated", change.reason_text or "Another call is under way. Ask again shortly.")
        view = change_view(door.session, change)
    ring_step("plan_change.notify", change_id=change_id)
    return view
