"""Which rows are overdue: the sweep claims them in bounded batches, and each is enqueued.

Claiming moves the row's next attempt into the future (machine time), with growing pauses, so two sweeps never enqueue
the same row at once and a row that cannot move does not fill the queues. After `settings.attempts_max` attempts the row
is given up: a dead letter, which stays as it is until a person retries it (operators/dead_letters.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Interval,
    String,
    and_,
    bindparam,
    case,
    cast,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from domain.lifecycle import ACTIVE, EXPIRABLE, Status
from models.customer import Service
from models.inbox import OPEN_EVENTS, InboxEvent
from models.invoice import Document, Invoice
from models.ledger import LedgerBalance
from models.outbox import OutboxMessage
from models.payment import PaymentAttempt, Refund
from models.pending_work import PendingWork, error_text
from models.plan_change import PlanChange
from models.provider import CLOCK, Provider
from settings import settings

BATCH = 200
# How long before a scheduled change a customer is warned that it would not fit.
WARNED_AHEAD_DAYS = 7
# Attempts to make a change `stuck`: more than one, since a message may be lost.
ATTEMPTS_TO_GIVE_UP = 10
# A row that moves on needs fewer attempts.
ATTEMPTS_IN_VAIN = 12


_NEVER = false()
LONGEST_PAUSE = cast(
    bindparam("pause", callable_=lambda: f"{settings().longest_pause_seconds} seconds", type_=String(), unique=True),
    Interval,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkKind:
    """One kind of row with pending work: while it `waits` for a step, or from when it is `due` by its provider's clock
    (whoever uses these conditions joins Provider). `prefix` is that of its ids. `dead_status` is the status of a row
    given up, where it has one of its own; `more_attempts` are those beyond the settings' limit; `put_off` are rows with
    a pause of their own."""

    kind: str
    prefix: str
    row: type[Any]
    waits: ColumnElement[bool] = _NEVER
    due: ColumnElement[bool] = _NEVER
    dead_status: str | None = None
    more_attempts: ColumnElement[int] | int = 0
    put_off: ColumnElement[bool] = _NEVER

    @property
    def has_work(self) -> ColumnElement[bool]:
        """Rows with something left to do."""
        return or_(self.waits, self.due)

    @property
    def dead(self) -> ColumnElement[bool]:
        """Rows that were given up."""
        if self.dead_status is not None:
            of_its_own: ColumnElement[bool] = self.row.status == self.dead_status
            return of_its_own
        return and_(self.has_work, self.row.next_attempt_at.is_(None))

    def overdue(self, patience_seconds: float) -> ColumnElement[bool]:
        """Rows that should have been enqueued by now. Nothing writes down when a date came, so `due` has no patience.
        A time further ahead than any pause was written before the database's clock was set back."""
        now, at = func.clock_timestamp(), self.row.next_attempt_at
        too_far = and_(at > now + LONGEST_PAUSE, not_(self.put_off))
        return or_(
            and_(self.waits, at <= now - seconds(patience_seconds)),
            and_(self.due, at <= now),
            and_(self.has_work, too_far),
        )


@dataclass(frozen=True, slots=True)
class Claimed:
    """Ids of the rows to enqueue, and of those that were given up; the prefix of an id tells its kind."""

    overdue_rows: list[str]
    given_up: list[str]


def claim(session: Session, kinds: Iterable[WorkKind]) -> Claimed:
    """Claims one batch of each kind, and gives up what had too many attempts."""
    claimed = Claimed([], [])
    for work in kinds:
        limit = settings().attempts_max + work.more_attempts
        longest = func.least(func.power(2, func.least(work.row.attempts, 20)), settings().retry_pause_max_seconds)
        pause = longest * (0.75 + 0.25 * func.random())  # as external_call.pause_after has it
        again = {"attempts": work.row.attempts + 1, "next_attempt_at": func.clock_timestamp() + pause * seconds(1)}
        claimed.overdue_rows.extend(_update(session, work, work.row.attempts < limit, again))
        never = {"next_attempt_at": None} | ({"status": work.dead_status} if work.dead_status else {})
        claimed.given_up.extend(_update(session, work, work.row.attempts >= limit, never))
    return claimed


def note_error(session: Session, row: type[PendingWork], row_id: str, error: Exception) -> None:
    """Writes down what a step raised, for the person who will look at the row if it is given up."""
    columns: Any = row
    session.execute(
        update(columns)
        .where(columns.id == row_id, columns.next_attempt_at.is_not(None))
        .values(last_error=error_text(error))
        .execution_options(synchronize_session=False)
    )


def unschedule_if_done(session: Session, invoice_id: str) -> None:
    """After a step of an invoice: it is swept no more if that was the last one."""
    session.flush()
    session.execute(
        update(Invoice)
        .where(Invoice.id == invoice_id, ~INVOICES.waits)
        .values(next_attempt_at=None, attempts=0, last_error=None)
        .execution_options(synchronize_session=False)
    )


def overdue_rows(session: Session, providers: list[str], patience_seconds: float) -> Iterator[tuple[str, str]]:
    """Rows that wait too long, are enqueued in vain or were given up: (id, what is wrong)."""
    for work in WORK_KINDS:
        row = work.row
        since = and_(work.waits, row.next_attempt_at < func.clock_timestamp() - seconds(patience_seconds))
        query = (
            select(row.id, row.next_attempt_at, row.attempts, row.last_error)
            .join(Provider, Provider.id == row.provider_id)
            .where(
                row.provider_id.in_(providers),
                or_(work.dead, since, and_(work.has_work, row.attempts > ATTEMPTS_IN_VAIN)),
            )
            .order_by(row.id)
        )
        for row_id, at, attempts, error in session.execute(query):
            state = "was given up" if at is None else f"is due at {at:%Y-%m-%d %H:%M:%S}"
            yield row_id, f"{work.kind} {state}, after {attempts} attempts; the last error: {error or 'none was seen'}"


def seconds(count: float) -> ColumnElement[Any]:
    return cast(literal(f"{count} seconds"), Interval)


def _update(session: Session, work: WorkKind, which: ColumnElement[bool], values: dict[str, Any]) -> list[str]:
    row = work.row
    batch = (
        select(row.id)
        .join(Provider, Provider.id == row.provider_id)
        .where(work.overdue(settings().sweep_patience_seconds), which)
        .order_by(row.next_attempt_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True, of=row)
    )
    changed = update(row).where(row.id.in_(batch)).values(values).returning(row.id)
    return list(session.scalars(changed.execution_options(synchronize_session=False)))


def _unapplied() -> ColumnElement[bool]:
    """Money is in and the plan is not there; what is being applied only when its lease is over."""
    now, until = func.clock_timestamp(), PlanChange.lease_until
    no_lease_runs = or_(until.is_(None), until <= now, until > now + LONGEST_PAUSE)  # as external_call.lease_runs
    return or_(PlanChange.status == Status.PAID, and_(PlanChange.status == Status.APPLYING, no_lease_runs))


def _has_a_next_step() -> ColumnElement[bool]:
    """A change that can move on: what awaits payment is enqueued only once the money is there."""
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
        PlanChange.status.in_((Status.REQUESTED, Status.QUOTED, Status.INVOICED)),
        and_(PlanChange.status == Status.AWAITING_PAYMENT, held >= total),
        _unapplied(),
    )


def _its_days_are_over() -> ColumnElement[bool]:
    """An offer that was not paid, a request that staff did not look at."""
    return or_(
        and_(PlanChange.status.in_(EXPIRABLE), PlanChange.payable_until <= CLOCK),
        and_(PlanChange.status == Status.AWAITING_REVIEW, PlanChange.review_until <= CLOCK),
    )


def _has_an_unfinished_end() -> ColumnElement[bool]:
    """A numbered invoice without its document, or a renewal's whose payment was never requested."""
    printed = select(Document.id).where(Document.invoice_id == Invoice.id, Document.kind == Invoice.kind)
    requested = select(PaymentAttempt.id).where(PaymentAttempt.invoice_id == Invoice.id)
    unrequested = and_(
        Invoice.change_id.is_(None), Invoice.settled_at.is_(None), Invoice.due_minor > 0, ~requested.exists()
    )
    return and_(Invoice.number.is_not(None), or_(~printed.exists(), unrequested))


def _is_to_renew() -> ColumnElement[bool]:
    """An active service whose period is over and that waits for no change (those that staff look at let it pass), or
    whose scheduled change must be checked."""
    on_its_way = select(PlanChange.id).where(
        PlanChange.service_id == Service.id, PlanChange.status.in_(ACTIVE - {Status.AWAITING_REVIEW})
    )
    # Not by service: these are few, and are looked up once for all services.
    unwarned = select(PlanChange.service_id).where(
        PlanChange.status == Status.SCHEDULED, PlanChange.warned_at.is_(None)
    )
    ahead = CLOCK + seconds(WARNED_AHEAD_DAYS * 86_400)
    over = and_(Service.period_end <= CLOCK, ~on_its_way.exists())
    to_warn = and_(Service.period_end > CLOCK, Service.period_end <= ahead, Service.id.in_(unwarned))
    return and_(Service.status == "active", or_(over, to_warn))


CHANGES = WorkKind(
    kind="change",
    prefix="chg",
    row=PlanChange,
    waits=_has_a_next_step(),
    due=_its_days_are_over(),
    more_attempts=case((PlanChange.status.in_((Status.PAID, Status.APPLYING)), ATTEMPTS_TO_GIVE_UP), else_=0),
)
INVOICES = WorkKind(kind="invoice", prefix="inv", row=Invoice, waits=_has_an_unfinished_end())
# Swept by a scan of their own.
RENEWALS = WorkKind(kind="renewal", prefix="svc", row=Service, due=_is_to_renew())
SWEPT = (
    CHANGES,
    WorkKind(
        kind="payment", prefix="pay", row=PaymentAttempt, waits=PaymentAttempt.status.in_(("creating", "canceling"))
    ),
    WorkKind(kind="refund", prefix="ref", row=Refund, waits=Refund.status == "sending"),
    INVOICES,
    WorkKind(kind="mail", prefix="msg", row=OutboxMessage, waits=OutboxMessage.sent_at.is_(None)),
    WorkKind(
        kind="event",
        prefix="evt",
        row=InboxEvent,
        waits=InboxEvent.status.in_(OPEN_EVENTS),
        dead_status="dead",
        put_off=InboxEvent.status == "retry",
    ),
)
WORK_KINDS = (*SWEPT, RENEWALS)
