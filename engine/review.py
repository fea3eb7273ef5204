"""Staff decide about a change that the catalogue leaves to them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from domain.lifecycle import Event, Status
from domain.words import sentence
from engine.notifications import notices
from models.audit import Attribution
from models.moves import move
from models.plan_change import PlanChange, lock_change


class NotInReview(Exception):
    """Only a change that awaits review can be approved or rejected."""

    def __init__(self, change: PlanChange) -> None:
        super().__init__(f"{change.id} is {change.status}; only a change that is awaiting_review can be decided.")


def approve_change(session: Session, now: datetime, change_id: str, attribution: Attribution) -> Status:
    """awaiting_review → requested: it is priced again as of now, and goes the way of every change.

    Approved twice is approved. Raises NotInReview.
    """
    change = lock_change(session, change_id)
    if change.status != Status.AWAITING_REVIEW:
        if change.approved_by is not None:
            return change.lifecycle_status
        raise NotInReview(change)
    change.approved_by, change.approved_at = attribution.actor, now
    change.reason = change.reason_text = change.reason_details = None
    move(session, change, Event.APPROVE, Status.REQUESTED, now, actor=attribution.operator, reason=attribution.reason)
    return Status.REQUESTED


def reject_change(session: Session, now: datetime, change_id: str, attribution: Attribution) -> Status:
    """awaiting_review → refused; the customer reads why. Raises NotInReview."""
    change = lock_change(session, change_id)
    if change.status != Status.AWAITING_REVIEW:
        raise NotInReview(change)
    _refuse(session, now, change, attribution.operator, "rejected_by_staff", attribution.reason)
    return Status.REFUSED


def refuse_unreviewed(session: Session, now: datetime, change_id: str) -> Status:
    """A request that nobody looked at in the days that the catalogue gives is refused rather than left open."""
    change = lock_change(session, change_id)
    if change.status != Status.AWAITING_REVIEW or not change.deadline_passed:
        return change.lifecycle_status
    text = sentence(change.customer.locale, "refused_review_too_old")
    _refuse(session, now, change, "system", "review_too_old", text)
    return Status.REFUSED


def _refuse(session: Session, now: datetime, change: PlanChange, actor: str, code: str, text: str) -> None:
    change.reason, change.reason_text = code, text
    move(session, change, Event.REJECT, Status.REFUSED, now, actor=actor, reason=text)
    notices.write(session, change, "refused")
