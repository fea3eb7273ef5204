"""Money at gateways: attempts to collect it, and the movements of money that gateways report."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from domain.money import Money
from models.base import Base, new_id, recorded_at
from models.invoice import Invoice
from models.pending_work import PendingWork
from models.provider import Connection

# creating: the row is committed, the gateway not yet called; canceling: to be closed at the gateway, may still be paid.
LIVE_ATTEMPT = ("creating", "open", "action_required")


class PaymentAttempt(PendingWork, Base):
    """One payment requested from a gateway. The row, whose id is the idempotency key, is committed before the call."""

    __tablename__ = "payment_attempts"
    __table_args__ = (
        Index(
            "uq_payment_attempts_one_live",
            "invoice_id",
            unique=True,
            postgresql_where="status IN ('creating', 'open', 'action_required')",
        ),
        Index("ix_payment_attempts_pending", "next_attempt_at", postgresql_where="next_attempt_at IS NOT NULL"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        UniqueConstraint("connection_id", "gateway_ref"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("pay"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    invoice_id: Mapped[str] = mapped_column(ForeignKey("invoices.id"), index=True)
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    status: Mapped[str] = mapped_column(default="creating")
    amount_minor: Mapped[int]
    currency: Mapped[str]
    gateway_ref: Mapped[str | None]
    checkout_url: Mapped[str | None]
    client_token: Mapped[str | None]
    expires_at: Mapped[datetime]
    error: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    polled_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = recorded_at()

    invoice: Mapped[Invoice] = relationship()
    connection: Mapped[Connection] = relationship()

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class Payment(Base):
    """One movement of money at a gateway; the unique key makes a repeated or reordered event harmless.

    `kind`: payment (money in), refund, dispute, late_failure (money out of the payment `of_payment_id`), dispute_won
    (in again), dispute_lost (it stays out). A refund's key is the total refunded with it, so that order does not
    matter. `outcome` says where the money went, or came from: held, renewal, credited, unmatched; returned,
    credit_refund.
    """

    __tablename__ = "payments"
    __table_args__ = (UniqueConstraint("connection_id", "gateway_object", "kind"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("mny"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"), index=True)
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    gateway_object: Mapped[str]
    kind: Mapped[str]
    of_payment_id: Mapped[str | None] = mapped_column(ForeignKey("payments.id"), index=True)
    attempt_id: Mapped[str | None] = mapped_column(ForeignKey("payment_attempts.id"), index=True)
    invoice_id: Mapped[str | None] = mapped_column(ForeignKey("invoices.id"), index=True)
    amount_minor: Mapped[int]
    currency: Mapped[str]
    outcome: Mapped[str]
    paid_at: Mapped[datetime]
    event_id: Mapped[str | None] = mapped_column(ForeignKey("inbox_events.id"))
    created_at: Mapped[datetime] = recorded_at()

    connection: Mapped[Connection] = relationship()

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class Refund(PendingWork, Base):
    """Money that we send back through the gateway; the id is the idempotency key.

    `status`: sending, sent (the gateway has it, its event will confirm it), succeeded, failed. `source` is the ledger
    account that the money was taken from: credit, or the gateway's unmatched money.
    """

    __tablename__ = "refunds"
    __table_args__ = (
        Index("ix_refunds_pending", "next_attempt_at", postgresql_where="next_attempt_at IS NOT NULL"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("ref"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    payment_id: Mapped[str] = mapped_column(ForeignKey("payments.id"), index=True)
    amount_minor: Mapped[int]
    currency: Mapped[str]
    source: Mapped[str]
    owner: Mapped[str]
    status: Mapped[str] = mapped_column(default="sending")
    gateway_ref: Mapped[str | None]
    actor: Mapped[str]
    reason: Mapped[str]
    error: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = recorded_at()

    payment: Mapped[Payment] = relationship()

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


def live_attempt(session: Session, invoice_id: str) -> PaymentAttempt | None:
    return session.scalar(
        select(PaymentAttempt).where(PaymentAttempt.invoice_id == invoice_id, PaymentAttempt.status.in_(LIVE_ATTEMPT))
    )


def latest_attempt(session: Session, invoice_id: str) -> PaymentAttempt | None:
    return session.scalar(
        select(PaymentAttempt)
        .where(PaymentAttempt.invoice_id == invoice_id)
        .order_by(PaymentAttempt.id.desc())
        .limit(1)
    )


def unresolved_attempts(session: Session, invoice_id: str) -> list[PaymentAttempt]:
    """Attempts that might still bring money: live ones and those being canceled."""
    return list(
        session.scalars(
            select(PaymentAttempt).where(
                PaymentAttempt.invoice_id == invoice_id, PaymentAttempt.status.in_((*LIVE_ATTEMPT, "canceling"))
            )
        )
    )


def movements_of(session: Session, payment: Payment, *kinds: str) -> list[Payment]:
    """What went out of a payment again, and came back into it; oldest first."""
    query = select(Payment).where(Payment.of_payment_id == payment.id, Payment.kind.in_(kinds))
    return list(session.scalars(query.order_by(Payment.id)))


def pending_refund_minor(session: Session, payment: Payment) -> int:
    """How much of a payment is pending in refunds of ours. Locks nothing."""
    query = select(func.coalesce(func.sum(Refund.amount_minor), 0))
    pending = query.where(Refund.payment_id == payment.id, Refund.status.in_(("sending", "sent")))
    return int(session.scalar(pending) or 0)


def pending_refunds(session: Session, payment: Payment) -> list[Refund]:
    """Refunds of ours that the gateway has not confirmed yet, oldest first."""
    query = select(Refund).where(Refund.payment_id == payment.id, Refund.status.in_(("sending", "sent")))
    return list(session.scalars(query.order_by(Refund.id).with_for_update(of=Refund)))
