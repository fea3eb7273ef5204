"""Money that comes after its offer has ended is credit; where the catalogue says so, the change is made from it.

The change is requested again at today's price, in the customer's name and only if the late payment alone covers it:
nobody is charged a cent more than what they sent for just this change.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from domain.errors import ChangeError
from domain.lifecycle import Status
from engine.offers import price_for
from engine.request import ChangeOpen, ChangeRequest, PriceChanged, request_change
from models.payment import Payment
from models.plan_change import PlanChange
from models.provider import catalog_of


def change_from_late_money(session: Session, now: datetime, change: PlanChange, payment: Payment) -> str | None:
    """The id of the new change that the credited payment pays for; None where it stays credit.

    The payment is credit already, and the quote reserves it like any other.
    """
    if catalog_of(session, change.provider).policies.late_money != "change" or change.status != Status.EXPIRED:
        return None  # who has taken it back, or asked for something else, is not given it
    service = change.service
    if (service.plan, service.cycle) != (change.from_plan, change.from_cycle):
        return None
    try:
        quote = price_for(session, now, service, change.target_plan, change.target_cycle, change.target_quantity)
        if quote.timing != "now" or quote.total > payment.amount or quote.total_due_today:
            return None
        request = ChangeRequest(
            service=service.ref,
            plan=change.target_plan,
            cycle=change.target_cycle,
            quantity=change.target_quantity,
            accept_total=quote.total_due_today,
            note=f"paid late: {payment.id} for {change.id}",
        )
        newer, _ = request_change(session, now, change.provider, f"late:{payment.id}", request, "system")
    except (ChangeError, ChangeOpen, PriceChanged):
        return None
    return newer.id
