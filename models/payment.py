"""Money from outside: attempts to collect it, the inbox of gateway events, and the payments that came of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from domain.money import Money
from models.base import Base, new_id, recorded_at
from models.invoice import Invoice
from models.provider import Connection

# creating: the row is committed, the gateway not yet asked; canceling: to be closed at the gateway, may still be paid.
LIVE_ATTEMPT = ("creating", "open", "action_required")


class PaymentAttempt(Base):
    """One payment asked of a gateway. The row, whose id is the idempotency key, is committed before the call."""

    __tablename__ = "payment_attempts"
    __table_args__ = (
        Index(
            "uq_payment_attempts_one_live",
            "invoice_id",
            unique=True,
            postgresql_where="status IN ('creating', 'open', 'action_required')",
        ),
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
    expires_at: Mapped[datetime]
    error: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    next_ring_at: Mapped[datetime | None] = mapped_column(server_default=func.clock_timestamp())
    rings: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = recorded_at()

    invoice: Mapped[Invoice] = relationship()
    connection: Mapped[Connection] = relationship()

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class InboxEvent(Base):
    """What a gateway told us (or what we asked it: `source` fetch), written down before anything is done about it.

    `status`: received, parked (no match yet), processed, ignored, poison, dead. `received_at` is business time.
    """

    __tablename__ = "inbox_events"
    __table_args__ = (
        UniqueConstraint("connection_id", "event_key"),
        Index("ix_inbox_events_due", "next_at", postgresql_where="next_at IS NOT NULL"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("evt"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    source: Mapped[str]
    event_key: Mapped[str]
    body: Mapped[bytes]
    body_sha256: Mapped[str]
    conflicting: Mapped[bool] = mapped_column(default=False)
    deliveries: Mapped[int] = mapped_column(default=1)
    status: Mapped[str] = mapped_column(default="received")
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime | None] = mapped_column(server_default=func.clock_timestamp())
    error: Mapped[str | None]
    received_at: Mapped[datetime]
    recorded_at: Mapped[datetime] = recorded_at()

    connection: Mapped[Connection] = relationship()


class Payment(Base):
    """One movement of money at a gateway; the unique key makes a repeated or reordered event harmless."""

    __tablename__ = "payments"
    __table_args__ = (UniqueConstraint("connection_id", "gateway_object", "kind"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("mny"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    gateway_object: Mapped[str]
    kind: Mapped[str]
    attempt_id: Mapped[str | None] = mapped_column(ForeignKey("payment_attempts.id"))
    invoice_id: Mapped[str | None] = mapped_column(ForeignKey("invoices.id"), index=True)
    amount_minor: Mapped[int]
    currency: Mapped[str]
    outcome: Mapped[str]
    paid_at: Mapped[datetime]
    event_id: Mapped[str] = mapped_column(ForeignKey("inbox_events.id"))
    created_at: Mapped[datetime] = recorded_at()

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
