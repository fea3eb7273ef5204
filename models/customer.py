"""Customers and their services, as the provider's host system reports them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    ScalarSelect,
    Select,
    UniqueConstraint,
    and_,
    bindparam,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, declared_attr, joinedload, mapped_column, relationship
from sqlalchemy.orm.util import identity_key

from domain import next_steps
from domain.lifecycle import ACTIVE, OPEN_ENDING, OVER, SERVICE, EndingStatus, ServiceStatus, Status
from domain.money import Money
from domain.periods import AnchorPoint, Period
from models.base import Base, listed, new_id, one_of, recorded_at, searched
from models.moves import Move, WithHistory
from models.pending_work import built_once, fact, given_up_index, session_of, there_is
from models.provider import CLOCK, Provider, UnknownRow, clock_of

if TYPE_CHECKING:
    from models.ending import Ending

# How long before a scheduled change a customer is warned that it would not fit.
WARNED_AHEAD = timedelta(days=7)


class Customer(Base):
    """Who pays. `ref` is the host system's own name for it."""

    __tablename__ = "customers"
    __table_args__ = (
        UniqueConstraint("provider_id", "ref"),
        listed("customers", "provider_id"),
        listed("customers", "provider_id", "email", name="email"),
        searched("customers", "name", "email", "ref"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("cus"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    ref: Mapped[str]
    name: Mapped[str]
    email: Mapped[str]
    country: Mapped[str]
    locale: Mapped[str]
    address: Mapped[list[Any]]
    tax_id: Mapped[str | None]
    tax_exempt: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = recorded_at()


class ServiceMove(Move, Base):
    __tablename__ = "service_moves"

    service_id: Mapped[str] = mapped_column(ForeignKey("services.id"), index=True)


def _has_change(row: Any, statuses: Iterable[Status], warned: bool = True) -> ColumnElement[bool]:
    """Whether a change in one of these statuses is there; with `warned` false, one without a warning."""
    from models.plan_change import PlanChange  # which knows services

    query = select(PlanChange.id).where(PlanChange.service_id == row.id, PlanChange.status.in_(sorted(statuses)))
    return there_is(query if warned else query.where(PlanChange.warned_at.is_(None)))


def _has_scheduled_ending(row: Any) -> ColumnElement[bool]:
    from models.ending import Ending  # which knows services

    query = select(Ending.id).where(Ending.service_id == row.id, Ending.status == EndingStatus.SCHEDULED)
    return there_is(query)


# A period will end and be renewed; or it is renewed no more until a person looks at it.
RENEWING = "next_attempt_at IS NOT NULL AND status = 'active'"
_GIVEN_UP = "next_attempt_at IS NULL AND status = 'active'"


class Service(WithHistory, Base):
    """What the customer has: a plan at the price that was bought, for the running period.

    It renews on `anchor_day` at `anchor_time`, in the provider's zone; `anchor_assumed` says that the day was read off
    a period that was reported. The running period lies `moved_days` later than it was billed for. `reported` is what
    the host may repeat: by field, each value that it was created, resumed or corrected with; null until the next report
    of a service from before this was remembered. `unpaid_import` is what the host system billed for the running period
    and the customer has not paid: {"net", "tax", "pay_url", …}; null where nothing is open there. `generation` grows
    with every change sent to the host, which refuses a lower one. Its pending work is its renewal.
    """

    __tablename__ = "services"
    __table_args__ = (
        one_of("status", ServiceStatus),
        UniqueConstraint("provider_id", "ref"),
        CheckConstraint("period_start < period_end", name="period_runs_forward"),
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("unit_price_minor >= 0", name="price_not_negative"),
        Index("ix_services_renewing", "provider_id", "period_end", postgresql_where=RENEWING),
        given_up_index("services", _GIVEN_UP),
        listed("services", "provider_id"),
        listed("services", "provider_id", "status", name="in_status"),
        listed("services", "provider_id", "created_at", name="created_at"),
        listed("services", "customer_id", name="customer_id"),
        Index("ix_services_of_customer", "customer_id", "ref"),
        searched("services", "ref"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("svc"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"))
    ref: Mapped[str]
    plan: Mapped[str]
    cycle: Mapped[str]
    currency: Mapped[str]
    quantity: Mapped[int] = mapped_column(default=1)
    unit_price_minor: Mapped[int]
    # The discount that was bought with it, as the catalogue defined it then.
    discount: Mapped[dict[str, Any] | None]
    limits: Mapped[dict[str, Any]]
    usage: Mapped[dict[str, Any]] = mapped_column(default=dict)
    period_start: Mapped[datetime]
    period_end: Mapped[datetime]
    anchor_day: Mapped[int]
    anchor_time: Mapped[time]
    anchor_assumed: Mapped[bool]
    moved_days: Mapped[int] = mapped_column(default=0)
    reported: Mapped[dict[str, Any] | None]
    unpaid_import: Mapped[dict[str, Any] | None]
    generation: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = recorded_at()

    # Whose it is: nothing is priced, billed or said of a service without.
    provider: Mapped[Provider] = relationship(lazy="joined", innerjoin=True)
    customer: Mapped[Customer] = relationship(lazy="joined", innerjoin=True)
    # The ending that is to come, or that the host is not told of yet.
    open_ending: Mapped[Ending | None] = relationship(
        primaryjoin=f"and_(Ending.service_id == Service.id, Ending.status.in_({[str(one) for one in OPEN_ENDING]}))",
        viewonly=True,
        uselist=False,
        lazy="raise",
    )

    given_up_where = _GIVEN_UP
    machine = SERVICE
    history = (ServiceMove, "service_id")
    steps = (next_steps.RENEWAL,)

    period_over = fact(lambda row: row.period_end <= clock_of(row))
    # A renewal waits for a change that is about to be applied or to run out; what staff look at lets it pass.
    change_on_its_way = fact(lambda row: _has_change(row, ACTIVE - {Status.AWAITING_REVIEW}))
    # A scheduled change that the customer may have to be warned of.
    warning_due = fact(
        lambda row: and_(
            row.period_end > clock_of(row),
            row.period_end <= clock_of(row) + WARNED_AHEAD,
            _has_change(row, {Status.SCHEDULED}, warned=False),
        )
    )

    ending_scheduled = fact(_has_scheduled_ending)

    def after_move(self, source: str) -> None:
        """A service that is active again is past due again, where it still has an unpaid bill of before."""
        from models.invoice import Invoice  # which knows services

        if self.status == ServiceStatus.ACTIVE:
            open_bills = and_(Invoice.service_id == self.id, Invoice.change_id.is_(None), Invoice.kind == "invoice")
            unpaid = and_(Invoice.settled_at.is_(None), Invoice.voided_at.is_(None))
            look_again = update(Invoice).where(open_bills, unpaid).values(past_due_at=Invoice.due_at)
            session_of(self).execute(look_again.execution_options(synchronize_session=False))

    @property
    def period(self) -> Period:
        return Period(self.period_start, self.period_end)

    @property
    def anchor(self) -> AnchorPoint:
        return AnchorPoint(self.anchor_day, self.anchor_time)

    def run_for(self, period: Period, moved_days: int = 0) -> None:
        """This is the running period from now on."""
        self.period_start, self.period_end, self.moved_days = period.start, period.end, moved_days

    def renew_on(self, anchor: AnchorPoint, assumed: bool = False) -> None:
        self.anchor_day, self.anchor_time, self.anchor_assumed = anchor.day, anchor.at, assumed

    @property
    def scheduled_ending(self) -> Ending | None:
        """The ending that is to come."""
        ending = self.open_ending
        return ending if ending is not None and ending.status == EndingStatus.SCHEDULED else None

    @property
    def is_over(self) -> bool:
        """Canceled or terminated: nothing is billed for it any more."""
        return self.status in OVER

    def money(self, amount_minor: int) -> Money:
        return Money(amount_minor, self.currency)


class OfService:
    """A row of a service comes with it, and so with its provider and its customer, who never change."""

    @declared_attr
    @classmethod
    def service(cls) -> Mapped[Service]:
        return relationship(lazy="joined", innerjoin=True)

    @property
    def provider(self) -> Provider:
        return self.service.provider

    @property
    def customer(self) -> Customer:
        return self.service.customer


def customer_by_ref(session: Session, provider_id: str, ref: str) -> Customer | None:
    return session.scalar(select(Customer).where(Customer.provider_id == provider_id, Customer.ref == ref))


def customer_id_of(provider_id: str, ref: str) -> ScalarSelect[str]:
    """In a statement, the id of the customer that the host system calls this."""
    return select(Customer.id).where(Customer.provider_id == provider_id, Customer.ref == ref).scalar_subquery()


def service_id_of(provider_id: str, ref: str) -> ScalarSelect[str]:
    """In a statement, the id of the service that the host system calls this."""
    return select(Service.id).where(Service.provider_id == provider_id, Service.ref == ref).scalar_subquery()


def service_by_ref(session: Session, provider_id: str, ref: str) -> Service | None:
    """With its open ending."""
    return session.scalar(_with_ending().where(Service.provider_id == provider_id, Service.ref == ref))


def read_service(session: Session, service_id: str) -> Service | None:
    """Afresh, with its open ending."""
    query = _with_ending().where(Service.id == service_id)
    return session.scalar(query.execution_options(populate_existing=True))


def _with_ending() -> Select[Service]:
    return select(Service).options(joinedload(Service.open_ending))


# In a session's info: a session is one transaction, so what it has locked stays locked.
_LOCKED = "rows of locked services"


def lock_and_clock(session: Session, row: Any, row_id: str) -> datetime:
    """The first lock of every step, that of its row's service: whoever holds it wins, the loser finds its guard false.
    Returns the business time. Raises UnknownRow.

    It is a statement of its own: one that has waited for a lock brings the locked row as it is then, but all others as
    they were when it began, such as a balance that the winner has spent.
    """
    locked = session.execute(_locking(row), {"row_id": row_id}).one_or_none()
    if locked is None:
        raise UnknownRow(row_id)
    session.info.setdefault(_LOCKED, set()).update({locked[0], row_id})
    return locked[1]


@built_once
def _locking(row: Any) -> Select[str, datetime]:
    of_row: Any = bindparam("row_id")
    service_id = of_row if row is Service else select(row.service_id).where(row.id == of_row).scalar_subquery()
    query = select(Service.id, CLOCK).join(Provider, Provider.id == Service.provider_id)
    return query.where(Service.id == service_id).with_for_update(of=Service)


def lock_service_of(session: Session, row: Any, row_id: str) -> None:
    """The same, unless this transaction has done so already. Of which service a row is never changes."""
    locked, known = session.info.get(_LOCKED, ()), session.identity_map.get(identity_key(row, row_id))
    if row_id not in locked and (known is None or getattr(known, "service_id", row_id) not in locked):
        lock_and_clock(session, row, row_id)


def lock_service(session: Session, service_id: str) -> Service:
    """Locks a service and reads it afresh, with its open ending. Raises UnknownRow."""
    lock_service_of(session, Service, service_id)
    service = read_service(session, service_id)
    assert service is not None, "it is locked"
    return service
