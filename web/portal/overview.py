"""Step 1 and the last step: the list of services, and one service with its billing information."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import select

from domain.lifecycle import ACTIVE, Status
from engine.ledger.postings import credit_of
from models.customer import Service
from models.ending import latest_ending
from models.invoice import Invoice
from models.plan_change import PlanChange
from web.portal.pages import page, see
from web.portal.plan_cards import Price, limits_of, price_now
from web.portal.visit import PortalTransaction, RowId, Signed, transaction_for

router = APIRouter()

SERVICES_ON_A_PAGE = 50
INVOICES_SHOWN = CHANGES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class ServiceCard:
    """A service, what it costs, and its open changes: `active` is on its way, `scheduled` waits for the renewal."""

    service: Service
    price: Price
    active: PlanChange | None
    scheduled: PlanChange | None

    def blocked(self, now: datetime) -> str | None:
        """Why Upgrade / Downgrade may not be used at this moment, if so; service.html has the words."""
        if self.service.status != "active":
            return "past_due" if self.service.status == "past_due" else "not_active"
        if self.active is not None:
            return "change_open"
        return "period_ended" if now >= self.service.period_end else None


@router.get("/")
def home(visit: Signed) -> RedirectResponse:
    """The portal begins with the list."""
    return see("/services")


@router.get("/services")
def list_services(visit: Signed, after: Annotated[str, Query(max_length=128)] = "") -> HTMLResponse:
    """The customer's services by reference; `after` is the last one of the page before."""
    with transaction_for(visit) as tx:
        query = select(Service).where(Service.customer_id == tx.customer.id, Service.ref > after.replace("\0", ""))
        services = list(tx.session.scalars(query.order_by(Service.ref).limit(SERVICES_ON_A_PAGE + 1)))
        cards = cards_of(tx, services[:SERVICES_ON_A_PAGE])
        more = cards[-1].service.ref if len(services) > SERVICES_ON_A_PAGE else None
        return page(tx, "services.html", cards=cards, more=more, after=after)


@router.get("/services/{service_id}")
def show_service(service_id: RowId, visit: Signed, notice: Annotated[str, Query(max_length=40)] = "") -> HTMLResponse:
    """One service: what it is, what it costs, how much of it is used, its invoices and changes."""
    with transaction_for(visit) as tx:
        [card] = cards_of(tx, [tx.service(service_id)])
        ending = latest_ending(tx.session, service_id)
        query = select(Invoice).where(Invoice.service_id == service_id).order_by(Invoice.id.desc())
        invoices = list(tx.session.scalars(query.limit(INVOICES_SHOWN)))
        changes = select(PlanChange).where(PlanChange.service_id == service_id).order_by(PlanChange.id.desc())
        return page(
            tx,
            "service.html",
            card=card,
            blocked=card.blocked(tx.now),
            ending=ending,
            invoices=invoices,
            unpaid=[bill for bill in invoices if bill.status == "open" and bill.due_minor and bill.renewal_id],
            changes=list(tx.session.scalars(changes.limit(CHANGES_SHOWN))),
            limits=limits_of(card.service, card.service.limits),
            credit=credit_of(tx.session, tx.provider.id, tx.customer.id, card.service.currency),
            notice=notice,
        )


def cards_of(tx: PortalTransaction, services: list[Service]) -> list[ServiceCard]:
    """The services with their open changes, in one query."""
    query = select(PlanChange).where(
        PlanChange.service_id.in_([service.id for service in services]),
        PlanChange.status.in_(ACTIVE | {Status.SCHEDULED}),
    )
    active: dict[str, PlanChange] = {}
    scheduled: dict[str, PlanChange] = {}
    for change in tx.session.scalars(query):
        (scheduled if change.status == Status.SCHEDULED else active)[change.service_id] = change
    return [
        ServiceCard(service, price_now(tx, service), active.get(service.id), scheduled.get(service.id))
        for service in services
    ]
