"""Money at gateways: attempts to collect it, and the movements of money that gateways report."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    UniqueConstraint,
    and_,
    bindparam,
    case,
    cast,
    false,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column, raiseload, relationship

from domain import next_steps
from domain.lifecycle import (
    LIVE_ATTEMPT,
    PAYMENT_ATTEMPT,
    REFUND,
    UNCONFIRMED_REFUND,
    UNRESOLVED_ATTEMPT,
    AttemptStatus,
    RefundStatus,
)
from domain.money import Money
from models.base import Base, listed, new_id, one_of, recorded_at
from models.customer import Service
from models.invoice import Invoice
from models.ledger import claim_on
from models.moves import Move, WithHistory
from models.pending_work import MACHINE_NOW, Leased, built_once, fact, given_up_index, pending_index, there_is
from models.provider import Connection

# A webhook has come by then, or will not; a customer who is still at the checkout page loses nothing by our fetching.
POLLED_AFTER = timedelta(minutes=15)
POLLED_EVERY = timedelta(minutes=10)
# A refund that was confirmed seldom comes back, and nobody waits for it: its gateway is spared.
WATCHED_EVERY = timedelta(hours=6)

_ATTEMPT_GIVEN_UP = "status = 'failed' OR next_attempt_at IS NULL AND status IN ('creating', 'canceling')"
_REFUND_GIVEN_UP = "to_decide_minor > 0 OR next_attempt_at IS NULL AND status = 'sending'"
_LIVE = ", ".join(f"'{status}'" for status in sorted(LIVE_ATTEMPT))
# Where reconciliation looks; whoever asks in these words is served by the index on them.
UNRESOLVED = "status IN ({})".format(", ".join(f"'{s}'" for s in sorted(UNRESOLVED_ATTEMPT)))
UNCONFIRMED = "status = 'pending'"


class PaymentAttemptMove(Move, Base):
    __tablename__ = "payment_attempt_moves"

    attempt_id: Mapped[str] = mapped_column(ForeignKey("payment_attempts.id"), index=True)


class RefundMove(Move, Base):
    __tablename__ = "refund_moves"

    refund_id: Mapped[str] = mapped_column(ForeignKey("refunds.id"), index=True)


def _poll_due(row: Any) -> ColumnElement[bool]:
    old = row.created_at <= MACHINE_NOW - POLLED_AFTER
    return and_(old, or_(row.polled_at.is_(None), row.polled_at <= MACHINE_NOW - POLLED_EVERY))


def _unconfirmed_refund(row: Any) -> ColumnElement[bool]:
    """A refund of the attempt's money that the gateway has had for long and not confirmed."""
    refunds = select(Refund.id).join(Payment, Payment.id == Refund.payment_id)
    unconfirmed = and_(Refund.status == RefundStatus.PENDING, Refund.created_at <= MACHINE_NOW - POLLED_AFTER)
    return there_is(refunds.where(Payment.attempt_id == row.id, unconfirmed))


def _watched_refund(row: Any) -> ColumnElement[bool]:
    """What was refunded of the attempt's money may still come back, and it was not fetched for long."""
    payments = select(Payment.id).where(Payment.attempt_id == row.id, Payment.refunds_watched_until > MACHINE_NOW)
    return and_(func.coalesce(row.polled_at, row.created_at) <= MACHINE_NOW - WATCHED_EVERY, there_is(payments))


def _refused(row: Any) -> ColumnElement[bool]:
    """The gateway's definite no is the last word about an invoice that is still to be paid, or to be paid again."""
    newer, invoice = aliased(PaymentAttempt), aliased(Invoice)
    said_no = select(PaymentAttemptMove.id).where(
        PaymentAttemptMove.attempt_id == row.id, PaymentAttemptMove.event == "refuse"
    )
    later = select(newer.id).where(newer.invoice_id == row.invoice_id, newer.id > row.id)
    is_open = and_(invoice.settled_at.is_(None), invoice.voided_at.is_(None))
    awaited = or_(is_open, claim_on("receivable", row, row.invoice_id) > 0)
    to_pay = select(invoice.id).where(invoice.id == row.invoice_id, awaited)
    return and_(row.status == AttemptStatus.FAILED, there_is(said_no), ~there_is(later), there_is(to_pay))


class PaymentAttempt(Leased, WithHistory, Base):
    """One payment requested from a gateway. The row, whose id is the idempotency key, is committed before the call."""

    __tablename__ = "payment_attempts"
    __table_args__ = (
        Index(
            "uq_payment_attempts_one_live",
            "invoice_id",
            unique=True,
            postgresql_where=f"status IN ({_LIVE})",
        ),
        given_up_index("payment_attempts", _ATTEMPT_GIVEN_UP),
        pending_index("payment_attempts"),
        Index(
            "ix_payment_attempts_unresolved",
            text("coalesce(polled_at, created_at)"),
            postgresql_where=UNRESOLVED,
        ),
        one_of("status", AttemptStatus),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        UniqueConstraint("connection_id", "gateway_ref"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("pay"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    invoice_id: Mapped[str] = mapped_column(ForeignKey("invoices.id"), index=True)
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    amount_minor: Mapped[int]
    currency: Mapped[str]
    gateway_ref: Mapped[str | None]
    checkout_url: Mapped[str | None]
    client_token: Mapped[str | None]
    expires_at: Mapped[datetime]
    error: Mapped[str | None]
    # Since when its money is on its way, and until when its bill waits for that (business time; null: it does not).
    pending_since: Mapped[datetime | None]
    pending_until: Mapped[datetime | None]
    # When it failed (the gateway's time): what is reported as of before that is older news.
    failed_at: Mapped[datetime | None]
    # It was to be closed, and the gateway said that its money cannot be stopped.
    outlasts: Mapped[bool] = mapped_column(default=False, server_default=false())
    polled_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = recorded_at()

    invoice: Mapped[Invoice] = relationship(lazy="raise_on_sql")
    connection: Mapped[Connection] = relationship(lazy="raise_on_sql")

    given_up_where = _ATTEMPT_GIVEN_UP
    machine = PAYMENT_ATTEMPT
    history = (PaymentAttemptMove, "attempt_id")
    steps = (next_steps.PAYMENT_ATTEMPT,)

    poll_due = fact(_poll_due)
    # It waits for an operator: engine/operators/dead_letters.py.
    refused = fact(_refused)
    to_close = fact(lambda row: ~row.outlasts)
    refund_poll_due = fact(lambda row: or_(and_(_poll_due(row), _unconfirmed_refund(row)), _watched_refund(row)))

    @property
    def money_on_its_way(self) -> bool:
        """The customer has done their part: to ask them again would charge them twice."""
        canceling = self.status == AttemptStatus.CANCELING and self.pending_since is not None
        return self.status == AttemptStatus.PENDING or canceling

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


def _left_minor(row: Any) -> ColumnElement[int]:
    """Less what went back of it, and what is pending in refunds of ours."""
    movement = aliased(Payment)
    sign = case((movement.kind.in_(WENT_BACK), -1), (movement.kind.in_(CAME_AGAIN), 1), else_=0)
    came_and_went = select(func.coalesce(func.sum(movement.amount_minor * sign), 0))
    pending = select(func.coalesce(func.sum(Refund.amount_minor), 0)).where(
        Refund.payment_id == row.id, Refund.status.in_(sorted(UNCONFIRMED_REFUND))
    )
    gone = came_and_went.where(movement.of_payment_id == row.id)
    return cast(row.amount_minor + gone.scalar_subquery() - pending.scalar_subquery(), BigInteger)


class Payment(Base):
    """One movement of money at a gateway; the unique key makes a repeated or reordered event harmless.

    `kind`: payment (money in), refund, dispute, late_failure (money out of the payment `of_payment_id`), dispute_won
    and refund_failed (in again), dispute_lost (it stays out). A refund's key is the total refunded with it, so that
    order does not matter; that of one that failed is the gateway's name of it. `outcome` says where the money went, or
    came from: held, renewal (any bill that was supplied already), credited, unmatched; returned, credit_refund.
    """

    __tablename__ = "payments"
    __table_args__ = (
        UniqueConstraint("connection_id", "gateway_object", "kind"),
        listed("payments", "provider_id"),
        listed("payments", "provider_id", where="outcome = 'unmatched' AND kind = 'payment'", name="unmatched"),
        Index("ix_payments_event_id", "event_id", postgresql_where="event_id IS NOT NULL"),
        Index("ix_payments_watched", "refunds_watched_until", postgresql_where="refunds_watched_until IS NOT NULL"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("mny"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
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
    # The newest sum that the gateway has reported as refunded of it, and when that was so (the gateway's time).
    refunded_minor: Mapped[int | None]
    refunded_as_of: Mapped[datetime | None]
    # Until when what was refunded of it may come back, as its gateway's adapter says (machine time).
    refunds_watched_until: Mapped[datetime | None]
    event_id: Mapped[str | None] = mapped_column(ForeignKey("inbox_events.id"))
    created_at: Mapped[datetime] = recorded_at()

    connection: Mapped[Connection] = relationship(lazy="joined", innerjoin=True)
    invoice: Mapped[Invoice | None] = relationship(lazy="raise_on_sql")

    left_minor = fact(_left_minor)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def refundable(self) -> Money:
        """What is left at the gateway of money that came in. Nothing is locked, since pages that only read use this,
        too."""
        return Money(max(0, self.left_minor) if self.kind == "payment" else 0, self.currency)


class Refund(Leased, WithHistory, Base):
    """Money that we send back through the gateway; the id is the idempotency key. A refund that somebody made at the
    gateway gets a row, too, when it fails.

    `source` is the ledger account that the money was taken from, and comes back to if the refund fails: credit, or the
    gateway's unmatched money. `to_decide_minor` is what a person is still to decide about after that.
    """

    __tablename__ = "refunds"
    __table_args__ = (
        given_up_index("refunds", _REFUND_GIVEN_UP),
        pending_index("refunds"),
        Index("ix_refunds_gateway_ref", "provider_id", "gateway_ref", postgresql_where="gateway_ref IS NOT NULL"),
        Index("ix_refunds_unconfirmed", "payment_id", postgresql_where=UNCONFIRMED),
        one_of("status", RefundStatus),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("to_decide_minor BETWEEN 0 AND amount_minor", name="to_decide_in_amount"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("ref"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    payment_id: Mapped[str] = mapped_column(ForeignKey("payments.id"), index=True)
    amount_minor: Mapped[int]
    currency: Mapped[str]
    source: Mapped[str]
    owner: Mapped[str]
    gateway_ref: Mapped[str | None]
    actor: Mapped[str]
    reason: Mapped[str]
    error: Mapped[str | None]
    to_decide_minor: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[datetime] = recorded_at()

    payment: Mapped[Payment] = relationship(lazy="joined", innerjoin=True)

    given_up_where = _REFUND_GIVEN_UP
    machine = REFUND
    history = (RefundMove, "refund_id")
    steps = (next_steps.REFUND,)

    # It waits for an operator: engine/operators/failed_refunds.py.
    undecided = fact(lambda row: and_(row.status == RefundStatus.FAILED, row.to_decide_minor > 0))

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def to_decide(self) -> Money:
        return Money(self.to_decide_minor, self.currency)

    @property
    def service(self) -> Service:
        """Of the invoice that was paid; money that belonged to nothing has none."""
        assert self.payment.invoice is not None, "it is asked only of refunds of an invoice's payment"
        return self.payment.invoice.service


def record_movement(
    session: Session, connection_id: str, gateway_object: str, kind: str, **values: Any
) -> Payment | None:
    """Writes one movement of money down; None if it is recorded already."""
    key = {"connection_id": connection_id, "gateway_object": gateway_object, "kind": kind}
    return session.scalars(
        insert(Payment)
        .values(id=new_id("mny"), **key, **values)
        .on_conflict_do_nothing(index_elements=list(key))
        .returning(Payment)
    ).one_or_none()


def record_movement_of(
    session: Session,
    payment: Payment,
    gateway_object: str,
    kind: str,
    amount: Money,
    outcome: str,
    at: datetime,
    event_id: str | None = None,
) -> Payment | None:
    """The same of what a payment's money did after it came in; `at` is the gateway's time."""
    return record_movement(
        session,
        payment.connection_id,
        gateway_object,
        kind,
        provider_id=payment.provider_id,
        of_payment_id=payment.id,
        attempt_id=payment.attempt_id,
        invoice_id=payment.invoice_id,
        amount_minor=amount.amount,
        currency=payment.currency,
        outcome=outcome,
        paid_at=at,
        event_id=event_id,
    )


def live_attempt(session: Session, invoice_id: str) -> PaymentAttempt | None:
    return session.scalar(_attempts_in(LIVE_ATTEMPT), {"invoice_id": invoice_id})


def attempt_on_its_way(session: Session, invoice_id: str) -> PaymentAttempt | None:
    """The attempt whose money is on its way, if there is one."""
    attempts = unresolved_attempts(session, invoice_id)
    return next((attempt for attempt in attempts if attempt.money_on_its_way), None)


def latest_attempt(session: Session, invoice_id: str) -> PaymentAttempt | None:
    return latest_attempts(session, [invoice_id]).get(invoice_id)


def latest_attempts(session: Session, invoice_ids: list[str]) -> dict[str, PaymentAttempt]:
    """By invoice; those that were never asked for have none."""
    attempts = session.scalars(
        select(PaymentAttempt)
        .where(PaymentAttempt.invoice_id.in_(invoice_ids))
        .order_by(PaymentAttempt.invoice_id, PaymentAttempt.id.desc())
        .ext(distinct_on(PaymentAttempt.invoice_id))
    )
    return {attempt.invoice_id: attempt for attempt in attempts}


def refused_among(session: Session, attempts: Iterable[PaymentAttempt]) -> set[str]:
    """The ids of those that are `refused`; asked only of what has failed."""
    failed = [attempt.id for attempt in attempts if attempt.status == AttemptStatus.FAILED]
    if not failed:
        return set()
    return set(session.scalars(select(PaymentAttempt.id).where(PaymentAttempt.id.in_(failed), PaymentAttempt.refused)))


def unresolved_attempts(session: Session, invoice_id: str) -> list[PaymentAttempt]:
    """Attempts that might still bring money: live ones and those being canceled."""
    return list(session.scalars(_attempts_in(UNRESOLVED_ATTEMPT), {"invoice_id": invoice_id}))


@built_once
def _attempts_in(statuses: Collection[AttemptStatus]) -> Select[PaymentAttempt]:
    of_invoice = PaymentAttempt.invoice_id == bindparam("invoice_id")
    return select(PaymentAttempt).where(of_invoice, PaymentAttempt.status.in_(sorted(statuses)))


def movements_of(session: Session, payment: Payment, *kinds: str) -> list[Payment]:
    """What went out of a payment again, and came back into it; oldest first."""
    query = select(Payment).where(Payment.of_payment_id == payment.id, Payment.kind.in_(kinds))
    query = query.options(raiseload("*", sql_only=True))  # what it belongs to is the payment's
    return list(session.scalars(query.order_by(Payment.id)))


# Kinds of movements: money that went back, and such money that came in again.
WENT_BACK = ("refund", "dispute", "late_failure")
CAME_AGAIN = ("refund_failed", "dispute_won")


def newest_return(session: Session, invoice_id: str) -> Payment | None:
    """What went back last of an invoice's money."""
    return newest_returns(session, [invoice_id]).get(invoice_id)


def newest_returns(session: Session, invoice_ids: list[str]) -> dict[str, Payment]:
    """The same of several, by invoice; those of which nothing went back have none."""
    returns = session.scalars(
        select(Payment)
        .where(Payment.invoice_id.in_(invoice_ids), Payment.kind.in_(WENT_BACK))
        .order_by(Payment.invoice_id, Payment.id.desc())
        .ext(distinct_on(Payment.invoice_id))
    )
    return {str(movement.invoice_id): movement for movement in returns}


def gone_minor(session: Session, payment: Payment) -> int:
    """How much of a payment is gone: what went back, less what came in again."""
    out, again = movements_of(session, payment, *WENT_BACK), movements_of(session, payment, *CAME_AGAIN)
    return sum(gone.amount_minor for gone in out) - sum(back.amount_minor for back in again)


def failed_movement(session: Session, payment: Payment, gateway_ref: str) -> Payment | None:
    """That the refund of this name at the gateway has failed, if that is recorded."""
    failures = movements_of(session, payment, "refund_failed")
    return next((failure for failure in failures if failure.gateway_object == gateway_ref), None)


def pending_refunds(session: Session, payment: Payment) -> list[Refund]:
    """Refunds of ours that the gateway has not confirmed yet, oldest first."""
    query = select(Refund).where(Refund.payment_id == payment.id, Refund.status.in_(UNCONFIRMED_REFUND))
    return list(session.scalars(query.order_by(Refund.id).with_for_update(of=Refund)))
