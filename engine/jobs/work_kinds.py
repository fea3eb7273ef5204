"""The kinds of rows that have pending work, and on which paths it is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, ColumnElement, SQLColumnExpression, and_, case, false, literal_column, or_

from domain.lifecycle import InboxStatus, Status
from domain.next_steps import SCAN, SWEEP, Step
from engine.jobs.paths import CHANGE_PATHS, ENDING_PATHS, RENEWAL_PATHS, Path, pending_paths
from models.arrived_credit import ArrivedCredit
from models.customer import Service
from models.ending import Ending
from models.inbox import InboxEvent
from models.invoice import Invoice
from models.outbox import OutboxMessage
from models.payment import PaymentAttempt, Refund
from models.pending_work import has_task
from models.plan_change import PlanChange

_NEVER = false()
# Attempts to make a change `stuck`: more than one, since a message may be lost.
ATTEMPTS_TO_GIVE_UP = 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WorkKind:
    """One kind of row with pending work, found by one of beat's tasks on its paths. `prefix` is that of its ids.
    `dead_status` is the status of a row given up, where it has one of its own; `more_attempts` are those beyond the
    settings' limit; `put_off` are rows with a pause of their own, `refused` those that somebody else said a definite no
    to."""

    kind: str
    prefix: str
    row: type[Any]
    paths: tuple[Path, ...]
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
        """Rows that were given up, or refused. Asked of their ids alone: the words of the index name no table."""
        among: ColumnElement[bool] = literal_column(f"({self.row.given_up_where})", Boolean)
        if self.dead_status is not None:
            return and_(among, self.row.status == self.dead_status)
        return and_(among, or_(and_(self.row.next_attempt_at.is_(None), self.has_work), self.refused))

    def steps(self, path: Path) -> list[Step]:
        """What a path leads to."""
        steps = dict.fromkeys(rule.next for table in self.row.steps for rule in table.rules)
        return [
            step
            for step in steps
            if isinstance(step, Step)
            and step.found_by == self.found_by
            and (path.far is True or step.by_date == path.by_date)
            and path.task in (None, step.task)
        ]


CHANGES = WorkKind(
    kind="change",
    prefix="chg",
    row=PlanChange,
    paths=CHANGE_PATHS,
    more_attempts=case((PlanChange.status.in_((Status.PAID, Status.APPLYING)), ATTEMPTS_TO_GIVE_UP), else_=0),
)
INVOICES = WorkKind(
    kind="invoice", prefix="inv", row=Invoice, paths=pending_paths(Invoice), refused=Invoice.unprintable
)
ENDINGS = WorkKind(kind="ending", prefix="end", row=Ending, paths=ENDING_PATHS, found_by=SCAN)
RENEWALS = WorkKind(kind="renewal", prefix="svc", row=Service, paths=RENEWAL_PATHS, found_by=SCAN)
SWEPT = (
    CHANGES,
    WorkKind(
        kind="payment",
        prefix="pay",
        row=PaymentAttempt,
        paths=pending_paths(PaymentAttempt),
        refused=PaymentAttempt.refused,
    ),
    WorkKind(kind="refund", prefix="ref", row=Refund, paths=pending_paths(Refund), refused=Refund.undecided),
    INVOICES,
    WorkKind(kind="credit", prefix="crd", row=ArrivedCredit, paths=pending_paths(ArrivedCredit)),
    WorkKind(kind="mail", prefix="msg", row=OutboxMessage, paths=pending_paths(OutboxMessage)),
    WorkKind(
        kind="event",
        prefix="evt",
        row=InboxEvent,
        paths=pending_paths(InboxEvent),
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
