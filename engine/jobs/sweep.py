"""Which rows are overdue: the sweep claims them in bounded batches, and each is enqueued.

What is next for a row the tables of domain/next_steps.py say; here is when it is tried. Claiming moves the row's next
attempt into the future (machine time), with growing pauses, so two sweeps never enqueue the same row at once and a row
that cannot move does not fill the queues. After `settings.attempts_max` attempts the row is given up: a dead letter,
which stays as it is until a person retries it (operators/dead_letters.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, case, false, not_, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from domain.lifecycle import InboxStatus, Status
from domain.next_steps import SCAN, SWEEP
from models.customer import Service
from models.ending import Ending
from models.inbox import InboxEvent
from models.invoice import Invoice
from models.outbox import OutboxMessage
from models.payment import PaymentAttempt, Refund
from models.pending_work import (
    LONGEST_PAUSE,
    MACHINE_NOW,
    PendingWork,
    built_once,
    error_text,
    has_task,
    pause,
    seconds,
    setting,
)
from models.plan_change import PlanChange
from settings import settings

BATCH = 200
_NEVER = false()
_PATIENCE = setting(lambda: settings().sweep_patience_seconds) * seconds(1)
_ATTEMPTS_MAX = setting(lambda: settings().attempts_max)
# Attempts to make a change `stuck`: more than one, since a message may be lost.
ATTEMPTS_TO_GIVE_UP = 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WorkKind:
    """One kind of row with pending work, found by one of beat's tasks. `prefix` is that of its ids. `dead_status` is
    the status of a row given up, where it has one of its own; `more_attempts` are those beyond the settings' limit;
    `put_off` are rows with a pause of their own, `refused` those that somebody else said a definite no to."""

    kind: str
    prefix: str
    row: type[Any]
    found_by: str = SWEEP
    dead_status: str | None = None
    more_attempts: ColumnElement[int] | int = 0
    put_off: ColumnElement[bool] = _NEVER
    refused: SQLColumnExpression[bool] = _NEVER

    @property
    def has_work(self) -> ColumnElement[bool]:
        """Rows for which a step is next."""
        return or_(*(has_task(self.row, self.found_by, by_date) for by_date in (False, True)))

    @property
    def dead(self) -> ColumnElement[bool]:
        """Rows that were given up, or refused."""
        if self.dead_status is not None:
            of_its_own: ColumnElement[bool] = self.row.status == self.dead_status
            return of_its_own
        return or_(and_(self.row.next_attempt_at.is_(None), self.has_work), self.refused)

    @property
    def overdue(self) -> ColumnElement[bool]:
        """Rows that should have been enqueued by now. Nothing writes down when a date came, so those have no patience.
        A time further ahead than any pause was written before the database's clock was set back."""
        at = self.row.next_attempt_at
        too_far = and_(at > MACHINE_NOW + LONGEST_PAUSE, not_(self.put_off))
        return or_(
            and_(at <= MACHINE_NOW - _PATIENCE, has_task(self.row, self.found_by, by_date=False)),
            and_(at <= MACHINE_NOW, has_task(self.row, self.found_by, by_date=True)),
            and_(too_far, self.has_work),
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
        claimed.overdue_rows.extend(session.scalars(_enqueueing(work)))
        claimed.given_up.extend(session.scalars(_giving_up(work)))
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
        .where(Invoice.id == invoice_id, not_(INVOICES.has_work))
        .values(next_attempt_at=None, attempts=0, last_error=None)
        .execution_options(synchronize_session=False)
    )


@built_once
def _enqueueing(work: WorkKind) -> ReturningUpdate[tuple[str]]:
    tried = work.row.attempts
    again = {"attempts": tried + 1, "next_attempt_at": MACHINE_NOW + pause(tried)}
    return _updating(work, tried < _ATTEMPTS_MAX + work.more_attempts, again)


@built_once
def _giving_up(work: WorkKind) -> ReturningUpdate[tuple[str]]:
    never = {"next_attempt_at": None} | ({"status": work.dead_status} if work.dead_status else {})
    return _updating(work, work.row.attempts >= _ATTEMPTS_MAX + work.more_attempts, never)


def _updating(work: WorkKind, which: ColumnElement[bool], values: dict[str, Any]) -> ReturningUpdate[tuple[str]]:
    row = work.row
    batch = (
        select(row.id)
        .where(work.overdue, which)
        .order_by(row.next_attempt_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True, of=row)
    )
    changed = update(row).where(row.id.in_(batch)).values(values).returning(row.id)
    return changed.execution_options(synchronize_session=False)


CHANGES = WorkKind(
    kind="change",
    prefix="chg",
    row=PlanChange,
    more_attempts=case((PlanChange.status.in_((Status.PAID, Status.APPLYING)), ATTEMPTS_TO_GIVE_UP), else_=0),
)
INVOICES = WorkKind(kind="invoice", prefix="inv", row=Invoice, refused=Invoice.unprintable)
ENDINGS = WorkKind(kind="ending", prefix="end", row=Ending, found_by=SCAN)
RENEWALS = WorkKind(kind="renewal", prefix="svc", row=Service, found_by=SCAN)
SWEPT = (
    CHANGES,
    WorkKind(kind="payment", prefix="pay", row=PaymentAttempt, refused=PaymentAttempt.refused),
    WorkKind(kind="refund", prefix="ref", row=Refund, refused=Refund.undecided),
    INVOICES,
    WorkKind(kind="mail", prefix="msg", row=OutboxMessage),
    WorkKind(
        kind="event",
        prefix="evt",
        row=InboxEvent,
        dead_status=InboxStatus.DEAD,
        put_off=InboxEvent.status == InboxStatus.RETRY,
    ),
)
# What beat looks for by dates of services.
SCANNED = (RENEWALS, ENDINGS)
WORK_KINDS = (*SWEPT, *SCANNED)


class NoPendingWork(Exception):
    """A row of this kind is never tried."""

    def __init__(self, row_id: str) -> None:
        super().__init__(f"{row_id} is no row with steps of its own; its id begins with another prefix.")


def work_kind_of(row_id: str) -> WorkKind:
    """The kind of a row, by its id. Raises NoPendingWork for what is never tried."""
    for work in WORK_KINDS:
        if row_id.startswith(f"{work.prefix}_"):
            return work
    raise NoPendingWork(row_id)
