"""What the sandbox page shows of each provider and customer, read from the rows as they are now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.catalog import Catalog, Plan
from domain.lifecycle import ACTIVE, Status
from domain.money import Money
from engine.ledger import postings
from models.customer import Customer, Service
from models.plan_change import PlanChange
from models.provider import Provider, business_now, catalog_of
from web.portal.formatter import PageFormatter

CUSTOMERS_SHOWN = 40
_WORDS = {Status.AWAITING_PAYMENT: "unpaid", Status.AWAITING_REVIEW: "in_review", Status.STUCK: "stuck"}


@dataclass(frozen=True, slots=True)
class CustomerCard:
    """A customer with the first service. `state` is a word that home.html explains; `upgrade` is the largest plan of
    the category, where it is larger and nothing is open; `tight` are smaller plans, each with a limit that is used
    beyond what it has."""

    customer: Customer
    service: Service | None
    change: PlanChange | None
    credit: Money | None
    upgrade: Plan | None
    tight: list[tuple[Plan, str]]

    @property
    def state(self) -> str:
        if self.change is not None:
            is_scheduled = self.change.status == Status.SCHEDULED
            return "scheduled" if is_scheduled else _WORDS.get(Status(self.change.status), "in_progress")
        if self.service is None or self.service.status != "active":
            return self.service.status if self.service else "no_service"
        return "with_credit" if self.credit else "over_limit" if self.tight else "active"

    @property
    def path(self) -> str:
        """The page of the portal on which the story goes on."""
        if self.change is not None and self.change.status != Status.SCHEDULED:
            return f"/changes/{self.change.id}"
        return f"/services/{self.service.id}" if self.service else "/services"


@dataclass(frozen=True, slots=True)
class ProviderCard:
    """A provider, its clock, and its customers by reference."""

    provider: Provider
    catalog: Catalog
    formatter: PageFormatter
    now: datetime
    renewal: datetime | None
    customers: list[CustomerCard]


def provider_card(session: Session, provider: Provider) -> ProviderCard:
    catalog = catalog_of(session, provider)
    query = select(Customer).where(Customer.provider_id == provider.id).order_by(Customer.id).limit(CUSTOMERS_SHOWN)
    cards = [customer_card(session, catalog, customer) for customer in session.scalars(query)]
    now = business_now(session, Provider, provider.id)
    ends = [card.service.period_end for card in cards if card.service and card.service.status == "active"]
    renewal = min((end for end in ends if end > now), default=None)
    return ProviderCard(provider, catalog, PageFormatter(catalog, "en", "en"), now, renewal, cards)


def customer_card(session: Session, catalog: Catalog, customer: Customer) -> CustomerCard:
    service = session.scalar(select(Service).where(Service.customer_id == customer.id).order_by(Service.id).limit(1))
    if service is None:
        return CustomerCard(customer, None, None, None, None, [])
    open_ones = select(PlanChange).where(
        PlanChange.service_id == service.id, PlanChange.status.in_(ACTIVE | {Status.SCHEDULED})
    )
    # The one on its way before the one that is scheduled.
    changes = sorted(session.scalars(open_ones), key=lambda change: change.status == Status.SCHEDULED)
    credit = postings.credit_of(session, customer.provider_id, customer.id, service.currency)
    largest = None if changes or service.status != "active" else _largest(catalog, service)
    tight = _tight(catalog, service)
    return CustomerCard(
        customer, service, changes[0] if changes else None, credit if credit.amount else None, largest, tight
    )


def _largest(catalog: Catalog, service: Service) -> Plan | None:
    own = catalog.plan(service.plan)
    larger = [
        plan for plan in catalog.plans if own and plan.sold and plan.category == own.category and plan.rank > own.rank
    ]
    return max(larger, key=lambda plan: plan.rank, default=None)


def _tight(catalog: Catalog, service: Service) -> list[tuple[Plan, str]]:
    own = catalog.plan(service.plan)
    return [
        (plan, name)
        for plan in catalog.plans
        if own and plan.sold and plan.category == own.category and plan.rank < own.rank
        for name, limit in plan.limits.items()
        if service.usage.get(name, 0) > limit * service.quantity
    ]
