"""Notices to customers and staff. One is written to the outbox in the transaction of the move it reports, with every
value it needs; mail.py delivers it afterwards."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from domain.catalog import Catalog
from domain.money import Money
from domain.pricing.quote_values import Quote
from models.invoice import invoice_of_change
from models.outbox import write_message
from models.plan_change import PlanChange
from models.provider import catalog_of
from settings import settings

# Who reads it: the customer, except for what only staff can answer.
_FOR_STAFF = frozenset({"review_requested", "money_returned"})


def write(session: Session, change: PlanChange, event: str, **extra: Any) -> None:
    """Adds one notice about a change; the same event of the same change is reported once.

    Events: payment_requested, plan_changed, compensated, scheduled, refused, canceled, expired, superseded, at_risk,
    late_payment_credited, late_payment_used, paid_twice, plan_reversed, review_requested, money_returned.
    """
    session.flush()
    catalog = catalog_of(session, change.provider)
    write_message(
        session,
        {
            "provider_id": change.provider_id,
            "change_id": change.id,
            "event": event,
            "channel": "mail",
            "recipient": _recipient(catalog, change, event),
            "locale": change.customer.locale,
            "values": _values(session, catalog, change) | extra,
        },
    )


def _recipient(catalog: Catalog, change: PlanChange, event: str) -> str:
    if event in _FOR_STAFF:
        return catalog.seller.email or settings().mail_from
    return change.customer.email


def _values(session: Session, catalog: Catalog, change: PlanChange) -> dict[str, Any]:
    zone = ZoneInfo(catalog.timezone)
    quote = Quote.from_json(change.quote) if change.quote else None
    invoice = invoice_of_change(session, change.id)
    return {
        "provider": catalog.name,
        "customer": change.customer.name,
        "service": change.service.ref,
        "from_plan": _plan_name(catalog, change.from_plan),
        "to_plan": _plan_name(catalog, change.target_plan),
        "total": _amount(invoice.due) if invoice else None,
        "payable_until": _local(change.payable_until, zone),
        "effective_on": _local(change.effective_at, zone),
        "renewal_price": _amount(quote.next_renewal.amount) if quote else None,
        "reason": change.reason_text,
        "link": f"{settings().public_url}/portal/changes/{change.id}",
    }


def _plan_name(catalog: Catalog, plan_id: str) -> str:
    plan = catalog.plan(plan_id)
    return plan.name if plan else plan_id


def _amount(money: Money) -> str:
    return f"{money.major()} {money.currency}"


def _local(moment: datetime | None, zone: ZoneInfo) -> str | None:
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z") if moment else None
