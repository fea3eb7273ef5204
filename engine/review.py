"""Staff decide about a change that the catalogue leaves to them."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from domain.lifecycle import Event, Status
from domain.money import Money
from domain.words import sentence
from engine.notifications import notices
from models.audit import Attribution, record_action
from models.moves import move
from models.plan_change import PlanChange, lock_change
from models.provider import catalog_of


class NotInReview(Exception):
    """Only a change that awaits review can be approved or rejected."""

    def __init__(self, change: PlanChange) -> None:
        super().__init__(f"{change.id} is {change.status}; only a change that is awaiting_review can be decided.")


class PriceNotAgreeable(Exception):
    """Staff may agree to less than the catalogue's price, in the service's currency, for another plan or cycle."""


def ask_staff(session: Session, now: datetime, change: PlanChange, event: Event, reason: str | None = None) -> None:
    """→ awaiting_review, for the days that the catalogue gives; customer and staff are told."""
    change.review_until = now + timedelta(days=catalog_of(session, change.provider).policies.staff_review_days)
    move(session, change, event, Status.AWAITING_REVIEW, now, reason=reason)
    for notice in ("review_asked", "review_requested"):
        notices.write(session, change, notice)


def approve_change(
    session: Session, now: datetime, change_id: str, attribution: Attribution, unit_price: Money | None = None
) -> Status:
    """awaiting_review → requested: it is priced again as of now, and goes the way of every change. `unit_price` is what
    one unit costs this service instead of the catalogue's price, now and at each renewal.

    Approved twice is approved. Raises NotInReview, PriceNotAgreeable.
    """
    change = lock_change(session, change_id)
    if change.status != Status.AWAITING_REVIEW:
        agreed = unit_price is None or unit_price.amount == change.approved_unit_minor
        if change.approved_by is not None and agreed:
            return change.lifecycle_status
        raise NotInReview(change)
    if unit_price is not None:
        _agree(session, now, change, unit_price, attribution)
    change.approved_by, change.approved_at = attribution.actor, now
    change.approved_unit_minor = unit_price.amount if unit_price is not None else None
    change.reason = change.reason_text = change.reason_details = None
    move(session, change, Event.APPROVE, Status.REQUESTED, now, actor=attribution.operator, reason=attribution.reason)
    return Status.REQUESTED


def list_price(session: Session, change: PlanChange) -> Money | None:
    """What the catalogue asks for one unit of the target; None where it does not sell it, or the service has the plan
    in this cycle and keeps the price that it bought."""
    service = change.service
    if (change.target_plan, change.target_cycle) == (service.plan, service.cycle):
        return None
    return catalog_of(session, change.provider).price(change.target_plan, change.target_cycle, service.currency)


def _agree(session: Session, now: datetime, change: PlanChange, price: Money, attribution: Attribution) -> None:
    """The customer accepted the catalogue's price: more than that would be asked of them anew."""
    most = list_price(session, change)
    if most is None:
        raise PriceNotAgreeable(f"{change.id} has no price to agree about: the service keeps its own.")
    if price.currency != most.currency or not 0 <= price.amount <= most.amount:
        raise PriceNotAgreeable(f"A unit costs {most} in the catalogue, which was accepted; agree to that or to less.")
    details = {"unit_price": price.as_json(), "instead_of": most.as_json()}
    record_action(session, change.provider_id, now, "change.price", change.id, attribution, **details)


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
