"""Which rows have rested too long: the sweep claims them in bounded batches and rings for each.

Claiming moves the row's next ring into the future (machine time), with growing pauses, so two sweeps never ring for
the same row at once and a row that cannot move does not fill the queues.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Interval, and_, cast, func, literal, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from domain.lifecycle import Status
from models.inbox import OPEN_EVENTS, InboxEvent
from models.invoice import Document, Invoice
from models.ledger import LedgerBalance
from models.outbox import OutboxMessage
from models.payment import PaymentAttempt, Refund
from models.plan_change import PlanChange
from models.provider import Provider
from settings import settings

BATCH = 100


@dataclass(frozen=True, slots=True)
class Attention:
    """Ids of the rows to ring for, by what will be done about them: `opening` are changes whose payment was begun at
    the gateway, `closing` attempts to close there, `collections` renewal invoices to ask payment for, `refunds` money
    to send back."""

    changes: list[str]
    expired: list[str]
    closing: list[str]
    opening: list[str]
    events: list[str]
    messages: list[str]
    prints: list[str]
    collections: list[str]
    refunds: list[str]

    @property
    def count(self) -> int:
        return sum(len(getattr(self, name)) for name in self.__dataclass_fields__)


def claim(session: Session) -> Attention:
    """Claims one batch of each kind of resting row."""
    return Attention(
        changes=_claim_changes(session, _has_a_next_step()),
        expired=[*_claim_changes(session, _offer_is_over()), *_unreviewed(session)],
        closing=_claim_attempts(session, "canceling"),
        opening=_changes_of(session, _claim_attempts(session, "creating")),
        events=_claim(session, InboxEvent, InboxEvent.next_at, InboxEvent.status.in_(OPEN_EVENTS)),
        messages=_claim(session, OutboxMessage, OutboxMessage.next_at, OutboxMessage.sent_at.is_(None)),
        prints=_claim(session, Invoice, Invoice.next_print_at, _final_document_is_missing(), "print_rings"),
        collections=uncollected_renewals(session),
        refunds=_claim(session, Refund, Refund.next_ring_at, Refund.status == "sending", "rings"),
    )


def uncollected_renewals(session: Session) -> list[str]:
    """Renewal invoices that were never asked of the gateway, or whose asking was cut off."""
    asked = select(PaymentAttempt.id).where(
        PaymentAttempt.invoice_id == Invoice.id, PaymentAttempt.status != "creating"
    )
    return list(
        session.scalars(
            select(Invoice.id)
            .where(
                Invoice.change_id.is_(None),
                Invoice.settled_at.is_(None),
                Invoice.due_minor > 0,
                ~asked.exists(),
            )
            .order_by(Invoice.id)
            .limit(BATCH)
        )
    )


def _claim_changes(session: Session, condition: ColumnElement[bool]) -> list[str]:
    return _claim(session, PlanChange, PlanChange.next_ring_at, condition, "rings")


def _claim_attempts(session: Session, status: str) -> list[str]:
    return _claim(session, PaymentAttempt, PaymentAttempt.next_ring_at, PaymentAttempt.status == status, "rings")


def _changes_of(session: Session, attempt_ids: list[str]) -> list[str]:
    """The changes that these attempts pay; a renewal's attempt has none."""
    invoices = select(Invoice.change_id).join(PaymentAttempt, PaymentAttempt.invoice_id == Invoice.id)
    return list(session.scalars(invoices.where(PaymentAttempt.id.in_(attempt_ids), Invoice.change_id.is_not(None))))


def _has_a_next_step() -> ColumnElement[bool]:
    """A change that can move on: what awaits payment is rung for only once the money is there,
    what is being applied only when its lease is over."""
    held = (
        select(LedgerBalance.balance_minor)
        .where(
            LedgerBalance.account == "held",
            LedgerBalance.owner == PlanChange.id,
            LedgerBalance.provider_id == PlanChange.provider_id,
        )
        .scalar_subquery()
    )
    total = select(Invoice.total_minor).where(Invoice.change_id == PlanChange.id).scalar_subquery()
    return or_(
        PlanChange.status.in_((Status.REQUESTED, Status.QUOTED, Status.INVOICED, Status.PAID)),
        and_(PlanChange.status == Status.AWAITING_PAYMENT, held >= total),
        and_(
            PlanChange.status == Status.APPLYING,
            or_(PlanChange.lease_until.is_(None), PlanChange.lease_until <= func.clock_timestamp()),
        ),
    )


def _final_document_is_missing() -> ColumnElement[bool]:
    """A numbered invoice without its document; a proforma is printed by the change's own ring."""
    printed = select(Document.id).where(Document.invoice_id == Invoice.id, Document.kind == Invoice.kind)
    return and_(Invoice.number.is_not(None), ~printed.exists())


def _unreviewed(session: Session) -> list[str]:
    """Requests that staff did not look at in time. They rest by design, so nothing is claimed: refusing is one step."""
    clock = func.coalesce(Provider.clock_at, func.clock_timestamp())
    overdue = (
        select(PlanChange.id)
        .join(Provider, Provider.id == PlanChange.provider_id)
        .where(PlanChange.status == Status.AWAITING_REVIEW, PlanChange.review_until <= clock)
    )
    return list(session.scalars(overdue.limit(BATCH)))


def _offer_is_over() -> ColumnElement[bool]:
    clock = (
        select(func.coalesce(Provider.clock_at, func.clock_timestamp()))
        .where(Provider.id == PlanChange.provider_id)
        .scalar_subquery()
    )
    return and_(
        PlanChange.status.in_((Status.QUOTED, Status.INVOICED, Status.AWAITING_PAYMENT)),
        PlanChange.payable_until <= clock,
    )


def _claim(
    session: Session,
    row: Any,
    due: InstrumentedAttribute[datetime | None],
    condition: ColumnElement[bool],
    counter: str | None = None,
) -> list[str]:
    """Rows that were due more than the patience ago; each is due again after a pause that grows with `counter`."""
    patience = _seconds(settings().ring_patience_seconds)
    batch = (
        select(row.id)
        .where(due <= func.clock_timestamp() - patience, condition)
        .order_by(due)
        .limit(BATCH)
        .with_for_update(skip_locked=True, of=row)
    )
    rings = getattr(row, counter) if counter else literal(0)
    pause = func.least(func.power(2, func.least(rings, 20)), settings().ring_pause_max_seconds)
    values: dict[str, Any] = {due.key: func.clock_timestamp() + pause * _seconds(1)}
    if counter:
        values[counter] = rings + 1
    claimed = session.execute(
        update(row)
        .where(row.id.in_(batch))
        .values(values)
        .returning(row.id)
        .execution_options(synchronize_session=False)
    )
    return list(claimed.scalars())


def _seconds(seconds: float) -> ColumnElement[Any]:
    return cast(literal(f"{seconds} seconds"), Interval)
