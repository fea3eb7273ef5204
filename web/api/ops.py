"""What operators do about a change that is stuck: try again, or take it back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import StringConstraints

from domain.lifecycle import Status
from engine.recovery import By, compensation, retry
from models.plan_change import PlanChange
from tasks.run import outside
from tasks.story import ring, ring_step
from web.api.auth import Caller, Door, needs, opened
from web.api.bodies import Body
from web.api.problems import Problem
from web.api.views import change_view

router = APIRouter(prefix="/v1/plan-changes", tags=["operators"])
OpsKey = Annotated[Caller, Depends(needs("ops"))]
ChangeId = Annotated[str, Path(max_length=64, pattern=r"^chg_[0-9a-z]+$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class RecoveryBody(Body):
    """Kept in the change's history."""

    who: Words
    why: Words

    def by(self) -> By:
        return By(self.who, self.why)


@router.post("/{change_id}/retry", status_code=202)
def retry_plan_change(change_id: ChangeId, body: RecoveryBody, who: OpsKey) -> dict[str, Any]:
    """Tries a stuck change again: the host is read first, and told again if it does not show the new plan."""
    with opened(who) as door:
        change = _own(door, change_id)
        retry(door.session, door.now, change.id, body.by())
        view = change_view(door.session, change)
    ring(change_id)
    return view


@router.post("/{change_id}/compensate")
def compensate_plan_change(change_id: ChangeId, body: RecoveryBody, who: OpsKey) -> dict[str, Any]:
    """Takes a stuck change back: the host is told to keep the old plan, the money becomes credit, and a credit note
    is printed. 409 while the host does not show the old plan."""
    with opened(who) as door:
        _own(door, change_id)
    reached = outside(compensation(body.by()), PlanChange, change_id)
    with opened(who) as door:
        change = _own(door, change_id)
        if reached is not Status.COMPENSATED:
            raise Problem(409, "not_compensated", change.reason_text or "Another call is under way. Ask again shortly.")
        view = change_view(door.session, change)
    ring_step("plan_change.notify", change_id=change_id)
    return view


def _own(door: Door, change_id: str) -> PlanChange:
    change = door.session.get(PlanChange, change_id)
    if change is None or change.provider_id != door.provider.id:
        raise Problem(404, "unknown_plan_change", f"There is no plan change {change_id}.")
    return change
