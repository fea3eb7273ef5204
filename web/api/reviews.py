"""What staff decide: approve or reject a change that the catalogue leaves to them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from engine.review import approve_change, reject_change
from tasks.story import ring
from web.api.auth import Caller, needs, opened
from web.api.bodies import DecisionBody
from web.api.changes import ChangeId, change_of
from web.api.views import change_view

router = APIRouter(prefix="/v1/plan-changes", tags=["operators"])
OpsKey = Annotated[Caller, Depends(needs("ops"))]


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
