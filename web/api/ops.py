"""What operators decide about a change: approve or reject it, try again what is stuck, or take it back."""

from __future__ import annotations

from fastapi import APIRouter

from domain.lifecycle import Status
from engine.operators.recovery import compensation, retry
from engine.operators.returned_money import decide_returned
from engine.review import approve_change, reject_change
from models.plan_change import PlanChange
from planshift_client import shapes
from tasks.run import external_step
from tasks.story import enqueue, enqueue_task
from web.api.auth import ApiTransaction, transaction_for
from web.api.bodies import ApprovalBody, DecisionBody, ReturnsBody
from web.api.changes import ChangeId, change_of
from web.api.once import OneOperation
from web.api.problems import Problem
from web.api.views import change_view

router = APIRouter(prefix="/v1/plan-changes", tags=["operators"])


@router.post("/{change_id}/approve")
def approve_plan_change(change_id: ChangeId, body: ApprovalBody, operation: OneOperation) -> shapes.PlanChange:
    """The change goes on as if the catalogue allowed it now, at the price that the customer accepted or a lower one."""
    price = body.unit_price.money() if body.unit_price else None

    def act(tx: ApiTransaction) -> shapes.PlanChange:
        change = change_of(tx, change_id)
        approve_change(tx.session, tx.now, change.id, body.attribution, price)
        return change_view(tx.session, change)

    view = operation.once(shapes.PlanChange, act)
    enqueue(change_id)
    return view


@router.post("/{change_id}/reject")
def reject_plan_change(change_id: ChangeId, body: DecisionBody, operation: OneOperation) -> shapes.PlanChange:
    """The change is refused; `reason` is what the customer reads."""

    def act(tx: ApiTransaction) -> shapes.PlanChange:
        change = change_of(tx, change_id)
        reject_change(tx.session, tx.now, change.id, body.attribution)
        return change_view(tx.session, change)

    return operation.once(shapes.PlanChange, act)


@router.post("/{change_id}/retry", status_code=202)
def retry_plan_change(change_id: ChangeId, body: DecisionBody, operation: OneOperation) -> shapes.PlanChange:
    """Tries a stuck change again: the host is read first, and gets the order again if it does not show the new
    plan."""

    def act(tx: ApiTransaction) -> shapes.PlanChange:
        change = change_of(tx, change_id)
        retry(tx.session, tx.now, change.id, body.attribution)
        return change_view(tx.session, change)

    view = operation.once(shapes.PlanChange, act)
    enqueue(change_id)
    return view


@router.post("/{change_id}/returns")
def decide_returns(change_id: ChangeId, body: ReturnsBody, operation: OneOperation) -> shapes.PlanChange:
    """Answers money that a gateway took back: `keep` bears the loss, `owe` makes the customer owe it again. The plan
    stays as it is. 409 while nothing is to be decided. A renewal's is decided at its invoice."""

    def act(tx: ApiTransaction) -> shapes.PlanChange:
        change = change_of(tx, change_id)
        decide_returned(tx.session, tx.now, change.id, body.decision, body.attribution)
        return change_view(tx.session, change)

    return operation.once(shapes.PlanChange, act)


@router.post("/{change_id}/compensate")
def compensate_plan_change(change_id: ChangeId, body: DecisionBody, operation: OneOperation) -> shapes.PlanChange:
    """Takes a stuck change back: the host gets the order to keep the old plan, the money becomes credit, and a
    credit note is printed. 409 while the host does not show the old plan."""
    if (earlier := operation.earlier(shapes.PlanChange)) is not None:
        return earlier
    with transaction_for(operation.caller) as tx:
        change_of(tx, change_id)
    # A crash before the answer is saved does no harm: what is compensated is not compensated again.
    reached = external_step(compensation(body.attribution), PlanChange, change_id)

    def answer(tx: ApiTransaction) -> shapes.PlanChange:
        change = change_of(tx, change_id)
        if reached is not Status.COMPENSATED:
            raise Problem("not_compensated", change.reason_text or "Another call is under way. Ask again shortly.")
        return change_view(tx.session, change)

    view = operation.once(shapes.PlanChange, answer)
    enqueue_task("plan_change.notify", change_id=change_id)
    return view
