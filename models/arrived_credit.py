"""Account credit that has arrived, and of which nobody has looked yet whether it pays something that is open."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, UniqueConstraint, case, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from domain import next_steps
from domain.lifecycle import Status
from domain.next_steps import CreditState
from models.base import Base, new_id, recorded_at
from models.customer import Customer, Service
from models.pending_work import MACHINE_NOW, PendingWork, fact, given_up_index, pending_index, there_is
from models.provider import Provider

_GIVEN_UP = "next_attempt_at IS NULL AND arrived_at IS NOT NULL"


def _change_in_preparation(row: Any) -> ColumnElement[bool]:
    """Its quote will reserve credit, or has; what it leaves open is known once it is invoiced."""
    from models.plan_change import PlanChange  # which knows the ledger

    query = select(PlanChange.id).join(Service, Service.id == PlanChange.service_id)
    priced = query.where(PlanChange.status.in_((Status.REQUESTED, Status.QUOTED)))
    return there_is(priced.where(Service.customer_id == row.customer_id))


class ArrivedCredit(PendingWork, Base):
    """One row for each customer and currency. `arrived_at` (machine time) is when credit has come last; null: it was
    allocated since, and what nothing wanted can be spent."""

    __tablename__ = "arrived_credits"
    __table_args__ = (
        UniqueConstraint("provider_id", "customer_id", "currency"),
        pending_index("arrived_credits"),
        given_up_index("arrived_credits", _GIVEN_UP),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("crd"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"), index=True)
    currency: Mapped[str]
    arrived_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = recorded_at()

    provider: Mapped[Provider] = relationship(lazy="joined", innerjoin=True)
    customer: Mapped[Customer] = relationship(lazy="joined", innerjoin=True)

    given_up_where = _GIVEN_UP
    steps = (next_steps.ARRIVED_CREDIT,)
    state = fact(
        lambda row: case((row.arrived_at.is_not(None), CreditState.ARRIVED.value), else_=CreditState.ALLOCATED.value)
    )
    change_in_preparation = fact(_change_in_preparation)


def note_arrival(session: Session, provider_id: str, customer_id: str, currency: str) -> None:
    """Has the sweep see what the customer's credit pays. The row is locked last, after every balance."""
    arrived = {"arrived_at": MACHINE_NOW, "next_attempt_at": MACHINE_NOW, "attempts": 0, "last_error": None}
    key = {"provider_id": provider_id, "customer_id": customer_id, "currency": currency}
    session.execute(
        insert(ArrivedCredit)
        .values(id=new_id("crd"), **key, **arrived)
        .on_conflict_do_update(index_elements=list(key), set_=arrived)
    )
