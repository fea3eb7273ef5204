"""A plan change, its history, and the one way to move it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    UniqueConstraint,
    and_,
    bindparam,
    case,
    func,
    select,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, raiseload, relationship
from sqlalchemy.orm.attributes import set_committed_value

from domain import next_steps
from domain.lifecycle import ACTIVE, PLAN_CHANGE, AttemptStatus, ServiceStatus, Status
from domain.money import Money
from domain.pricing.quote_values import Quote
from models.base import Base, listed, new_id, one_of, recorded_at
from models.customer import OfService, Service, lock_service, lock_service_of
from models.invoice import Document, Invoice
from models.ledger import LedgerBalance
from models.moves import Move, WithHistory
from models.payment import PaymentAttempt
from models.pending_work import Leased, built_once, fact, given_up_index, pending_index, setting, there_is
from models.provider import clock_of
from models.renewal import Renewal
from settings import settings


def _in(*statuses: Status) -> str:
    listed = ", ".join(f"'{status}'" for status in sorted(statuses))
    return f"status IN ({listed})"


# Where the sweep looks. A step of ours is next by itself; a date ends what is offered, or in review; a customer is to
# be warned. Whoever asks in these words is served by the index on them.
IN_HAND = "next_attempt_at IS NOT NULL AND " + _in(
    Status.REQUESTED, Status.QUOTED, Status.INVOICED, Status.PAID, Status.APPLYING
)
OFFERED = "next_attempt_at IS NOT NULL AND " + _in(Status.QUOTED, Status.INVOICED, Status.AWAITING_PAYMENT)
IN_REVIEW = "next_attempt_at IS NOT NULL AND status = 'awaiting_review'"
UNWARNED = "status = 'scheduled' AND warned_at IS NULL"
_GIVEN_UP = "next_attempt_at IS NULL AND " + _in(*ACTIVE - {Status.STUCK})


def _renewed_with(row: Any) -> ColumnElement[bool]:
    return there_is(select(Renewal.id).where(Renewal.service_id == row.service_id, Renewal.change_id == row.id))


def _covered(row: Any) -> ColumnElement[bool]:
    held = select(LedgerBalance.balance_minor).where(
        LedgerBalance.provider_id == row.provider_id,
        LedgerBalance.account == "held",
        LedgerBalance.owner == row.id,
        LedgerBalance.currency == Invoice.currency,
    )
    reached = Invoice.total_minor <= func.coalesce(held.scalar_subquery().correlate_except(LedgerBalance), 0)
    return there_is(select(Invoice.id).where(Invoice.change_id == row.id, reached))


def _proforma_missing(row: Any) -> ColumnElement[bool]:
    printed = select(Document.id).where(Document.invoice_id == Invoice.id, Document.kind == "proforma")
    to_pay = select(Invoice.id).where(Invoice.change_id == row.id, Invoice.number.is_(None), Invoice.due_minor > 0)
    return there_is(to_pay.where(Invoice.print_error.is_(None), ~there_is(printed)))


def _payment_refused(row: Any) -> ColumnElement[bool]:
    attempts = select(PaymentAttempt.id).join(Invoice, Invoice.id == PaymentAttempt.invoice_id)
    return there_is(attempts.where(Invoice.change_id == row.id, PaymentAttempt.refused))


def _deadline_passed(row: Any) -> ColumnElement[bool]:
    """Its clock stands still while money is on its way."""
    waits = (
        select(PaymentAttempt.id)
        .join(Invoice, Invoice.id == PaymentAttempt.invoice_id)
        .where(
            Invoice.change_id == row.id,
            PaymentAttempt.status.in_((AttemptStatus.PENDING, AttemptStatus.CANCELING)),
            PaymentAttempt.pending_until > clock_of(PaymentAttempt),
        )
    )
    until = case((row.status == Status.AWAITING_REVIEW, row.review_until), else_=row.payable_until)
    return and_(func.coalesce(until <= clock_of(row), False), ~there_is(waits))


class ChangeMove(Move, Base):
    __tablename__ = "plan_change_moves"

    change_id: Mapped[str] = mapped_column(ForeignKey("plan_changes.id"), index=True)


class PlanChange(OfService, Leased, WithHistory, Base):
    """A request and everything that came of it. The status is the recovery point: it names the step that is next."""

    __tablename__ = "plan_changes"
    __table_args__ = (
        one_of("status", Status),
        UniqueConstraint("provider_id", "idempotency_key"),
        # The database allows one active and one scheduled change for a service.
        Index("uq_plan_changes_one_active", "service_id", unique=True, postgresql_where=_in(*ACTIVE)),
        Index("uq_plan_changes_one_scheduled", "service_id", unique=True, postgresql_where="status = 'scheduled'"),
        pending_index("plan_changes", IN_HAND),
        Index("ix_plan_changes_offers", "provider_id", "payable_until", postgresql_where=OFFERED),
        Index("ix_plan_changes_reviews", "provider_id", "review_until", postgresql_where=IN_REVIEW),
        Index("ix_plan_changes_unwarned", "provider_id", "effective_at", postgresql_where=UNWARNED),
        given_up_index("plan_changes", _GIVEN_UP),
        listed("plan_changes", "provider_id"),
        listed("plan_changes", "provider_id", "status", name="in_status"),
        listed("plan_changes", "provider_id", "received_at", name="received_at"),
        listed("plan_changes", "customer_id", name="customer_id"),
        listed("plan_changes", "service_id", name="service_id"),
        Index(
            "ix_plan_changes_accepted_quote_id", "accepted_quote_id", postgresql_where="accepted_quote_id IS NOT NULL"
        ),
        Index("ix_plan_changes_stuck", "provider_id", postgresql_where="status = 'stuck'"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("chg"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    service_id: Mapped[str] = mapped_column(ForeignKey("services.id"))
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"))

    # The request, and the answer that a repeated request gets again.
    idempotency_key: Mapped[str]
    request_sha256: Mapped[str]
    answer: Mapped[dict[str, Any] | None]
    channel: Mapped[str]
    note: Mapped[str | None]
    received_at: Mapped[datetime]
    from_plan: Mapped[str]
    from_cycle: Mapped[str]
    target_plan: Mapped[str]
    target_cycle: Mapped[str]
    # Null keeps the service's.
    target_quantity: Mapped[int | None]
    accepted_quote_id: Mapped[str | None] = mapped_column(ForeignKey("quotes.id"))
    accepted_total_minor: Mapped[int | None]
    # Of a system change: the applied change that it reverses, because the payment of that one was returned.
    reverses_id: Mapped[str | None] = mapped_column(ForeignKey("plan_changes.id"), unique=True)

    # The offer: the frozen quote, and until when it can be paid.
    kind: Mapped[str | None]
    quote: Mapped[dict[str, Any] | None]
    # What it was settled for, where it was paid on a later day than it was priced for; else the quote.
    settled_quote: Mapped[dict[str, Any] | None]
    payable_until: Mapped[datetime | None]
    effective_at: Mapped[datetime | None]
    review_until: Mapped[datetime | None]
    approved_by: Mapped[str | None]
    # Business time: an approved change is priced as of then.
    approved_at: Mapped[datetime | None]
    # The price of one unit that staff agreed to with it, in minor units; null: the catalogue's.
    approved_unit_minor: Mapped[int | None]
    warned_at: Mapped[datetime | None]

    # Why it ended where it did.
    reason: Mapped[str | None]
    reason_text: Mapped[str | None]
    reason_details: Mapped[dict[str, Any] | None]

    # The external call that applies the plan: its lease and fence, and what the host is sent.
    generation: Mapped[int | None]
    apply_round: Mapped[int] = mapped_column(default=1)
    apply_attempts: Mapped[int] = mapped_column(default=0)

    created_at: Mapped[datetime] = recorded_at()

    invoice: Mapped[Invoice | None] = relationship(lazy="raise")

    given_up_where = _GIVEN_UP
    machine = PLAN_CHANGE
    history = (ChangeMove, "change_id")
    steps = (next_steps.PLAN_CHANGE,)

    by_date = fact(_renewed_with)
    # Whether what is held for the change reaches its invoice's total: also true of one that has nothing to pay.
    covered = fact(_covered)
    # An offer that was not paid, or a request that staff did not look at, has had its time.
    deadline_passed = fact(_deadline_passed)
    proforma_missing = fact(_proforma_missing)
    # The gateway will not open its payment, and a person must see to that.
    payment_refused = fact(_payment_refused)
    # Whether a paid change has been enqueued as often as the settings allow.
    spent = fact(lambda row: row.attempts > setting(lambda: settings().attempts_max))

    def after_move(self, source: str) -> None:
        """A change that frees its service's place lets the renewal go on that may have waited for it."""
        if source in ACTIVE and self.status not in ACTIVE and self.service.status == ServiceStatus.ACTIVE:
            self.service.schedule_now()

    @property
    def lifecycle_status(self) -> Status:
        return Status(self.status)

    @property
    def summary(self) -> str:
        """What an operator reads in lists: no personal data."""
        return f"{self.provider.slug}: {self.move_text}"

    @hybrid_property
    def move_text(self) -> str:
        """From which plan to which; of the class it is SQL."""
        return self.from_plan + " → " + self.target_plan + " (" + self.target_cycle + ")"

    @property
    def apply_key(self) -> str:
        """The host's idempotency key: a new one only when an operator retries after a definite no, or after the host
        was ordered back."""
        return f"{self.id}:apply:{self.apply_round}"

    def billed_quote(self) -> Quote:
        """What was settled, or will be. Raises KeyError where it was never priced."""
        return Quote.from_json(self.settled_quote or self.quote or {})

    def accepted_total(self) -> Money | None:
        if self.accepted_total_minor is None:
            return None
        return Money(self.accepted_total_minor, self.service.currency)


def lock_change(session: Session, change_id: str) -> PlanChange:
    """Locks the service, then the change, and reads both afresh, with whose they are, what the service ends by and the
    change's invoice. Raises UnknownRow."""
    lock_service_of(session, PlanChange, change_id)
    change = session.scalars(_locking(), {"change_id": change_id}).one()
    if change.invoice is not None:
        set_committed_value(change.invoice, "service", change.service)  # which is read once
    return change


@built_once
def _locking() -> Select[PlanChange]:
    return (
        select(PlanChange)
        .where(PlanChange.id == bindparam("change_id"))
        .options(joinedload(PlanChange.service, innerjoin=True).joinedload(Service.open_ending))
        .options(joinedload(PlanChange.invoice).raiseload(Invoice.service, sql_only=True))
        .with_for_update(of=PlanChange)
        .execution_options(populate_existing=True)
    )


def change_with_invoice(session: Session, change_id: str) -> PlanChange | None:
    return session.scalar(select(PlanChange).where(PlanChange.id == change_id).options(joinedload(PlanChange.invoice)))


def lock_invoice(session: Session, invoice: Invoice) -> PlanChange | None:
    """The locks of everything that touches an invoice's money: the service first, then the change if it has one."""
    if invoice.change_id is not None:
        return lock_change(session, invoice.change_id)
    lock_service(session, invoice.service_id)
    return None


def active_change(session: Session, service_id: str) -> PlanChange | None:
    return session.scalar(_changes_in(ACTIVE), {"service_id": service_id})


def scheduled_change(session: Session, service_id: str) -> PlanChange | None:
    return session.scalar(_changes_in((Status.SCHEDULED,)), {"service_id": service_id})


@built_once
def _changes_in(statuses: Collection[Status]) -> Select[PlanChange]:
    of_service = PlanChange.service_id == bindparam("service_id")
    changes = select(PlanChange).where(of_service, PlanChange.status.in_(sorted(statuses)))
    return changes.options(raiseload(PlanChange.service, sql_only=True))  # who asks has the service
