"""Step 1 and the last step: the list of services, and one service with its billing information."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.fit import Excess, over_limits
from domain.lifecycle import ACTIVE, Status
from domain.money import Money
from engine.ledger.postings import credit_of
from engine.payments.owed import owed_of
from models.customer import Service
from models.ending import latest_ending
from models.invoice import Invoice
from models.moves import moves_of_each
from models.payment import PaymentAttempt, attempt_on_its_way
from models.plan_change import PlanChange
from web.portal.pages import page, see
from web.portal.plan_cards import Price, limits_of, price_now
from web.portal.visit import PortalTransaction, RowId, Signed, transaction_for

router = APIRouter()

# A page stays below 60 kB, which are sent as they are (docs/api.md).
SERVICES_ON_A_PAGE = 20
ROWS_SHOWN = 12

Shown = TypeVar("Shown", Invoice, PlanChange)


@dataclass(frozen=True, slots=True)
class ServiceCard:
    """A service, what it costs, and its open changes: `active` is on its way, `scheduled` waits for the renewal."""

    service: Service
    price: Price
    active: PlanChange | None
    scheduled: PlanChange | None
    # What the scheduled plan is too small for today: by limit.
    outgrown: dict[str, Excess]
    # The active change is paid, and its money takes days.
    on_its_way: bool

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


@dataclass(frozen=True, slots=True)
class Bill:
    """An invoice of which something is owed; its payment may be on its way."""

    invoice: Invoice
    owed: Money
    on_its_way: bool


@router.get("/services/{service_id}")
def show_service(
    service_id: RowId,
    visit: Signed,
    notice: Annotated[str, Query(max_length=40)] = "",
    older: Annotated[int, Query(ge=0, le=1_000)] = 0,
) -> HTMLResponse:
    """One service: what it is, what it costs, how much of it is used, its newest invoices and changes; `older` turns
    so many pages back."""
    with transaction_for(visit) as tx:
        service = tx.service(service_id)
        [card] = cards_of(tx, [service])
        invoices = _newest(tx.session, Invoice, service_id, older)
        changes = _newest(tx.session, PlanChange, service_id, older)
        histories = moves_of_each(tx.session, PlanChange, [change.id for change in changes])
        return page(
            tx,
            "service.html",
            card=card,
            blocked=card.blocked(tx.now),
            ending=latest_ending(tx.session, service_id),
            bills=_bills(tx.session, service),
            limits=limits_of(service, service.limits),
            credit=credit_of(tx.session, tx.provider.id, tx.customer.id, service.currency),
            invoices=invoices[:ROWS_SHOWN],
            changes=changes[:ROWS_SHOWN],
            last_moves={change_id: moves[-1] for change_id, moves in histories.items()},
            older=older,
            more=max(len(invoices), len(changes)) > ROWS_SHOWN,
            notice=notice,
        )


def _newest(session: Session, row: type[Shown], service_id: str, older: int) -> list[Shown]:
    """A page of them, and one more where there is another page."""
    query = select(row).where(row.service_id == service_id).order_by(row.id.desc())
    return list(session.scalars(query.offset(older * ROWS_SHOWN).limit(ROWS_SHOWN + 1)))


def _bills(session: Session, service: Service) -> list[Bill]:
    return [
        Bill(invoice, owed, attempt_on_its_way(session, invoice.id) is not None)
        for invoice, owed in owed_of(session, service)
    ]


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
    paying = _on_their_way(tx.session, list(active.values()))
    return [_card(tx, service, active.get(service.id), scheduled.get(service.id), paying) for service in services]


def _on_their_way(session: Session, changes: list[PlanChange]) -> set[str]:
    """The ids of those whose payment is on its way."""
    waiting = [change.id for change in changes if change.status == Status.AWAITING_PAYMENT]
    if not waiting:
        return set()
    query = select(PaymentAttempt, Invoice.change_id).join(Invoice, Invoice.id == PaymentAttempt.invoice_id)
    attempts = session.execute(query.where(Invoice.change_id.in_(waiting)))
    return {change_id for attempt, change_id in attempts if change_id and attempt.money_on_its_way}


def _card(
    tx: PortalTransaction,
    service: Service,
    active: PlanChange | None,
    scheduled: PlanChange | None,
    paying: set[str],
) -> ServiceCard:
    plan = tx.catalog.plan(scheduled.target_plan) if scheduled else None
    quantity = scheduled.target_quantity if scheduled else None
    outgrown = over_limits(plan, quantity or service.quantity, service.usage) if plan else {}
    on_its_way = active is not None and active.id in paying
    return ServiceCard(service, price_now(tx, service), active, scheduled, outgrown, on_its_way)
