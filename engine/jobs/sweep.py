"""Which rows are overdue: the sweep claims them in bounded batches, and each is enqueued.

What is next for a row the tables of domain/next_steps.py say; here is when it is tried, and paths.py says where to
look. Claiming writes down when the row's message is sent and moves its next attempt into the future (machine time),
with growing pauses, so two sweeps never enqueue the same row at once and a row that cannot move does not fill the
queues. A row whose message still waits in its queue is let alone. After `settings.attempts_max` attempts the row is
given up: a dead letter, which stays as it is until a person retries it (operators/dead_letters.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    DateTime,
    Integer,
    Update,
    and_,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from domain.next_steps import Step
from engine.jobs.paths import Path
from engine.jobs.work_kinds import INVOICES, WorkKind
from models.invoice import Invoice
from models.pending_work import MACHINE_NOW, PendingWork, built_once, error_text, is_next, pause, setting
from models.provider import Moment, moment, tenants
from settings import settings

BATCH = 200
_ATTEMPTS_MAX = setting(lambda: settings().attempts_max)


@dataclass(frozen=True, slots=True)
class Queue:
    """What is known of the queue that a task's messages wait in: how many more it should hold, and when the one that
    has waited longest was sent (None: none waits, or nobody knows). `oldest_by_date` is the same of the queue that
    messages of what a date brought wait in instead."""

    room: int = BATCH
    oldest: datetime | None = None
    oldest_by_date: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """Ids of the rows to enqueue, and of those that were given up; the prefix of an id tells its kind."""

    overdue_rows: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Due:
    """A path on which some providers may have overdue rows, and what time it was for them."""

    work: WorkKind
    path: Path
    now: Moment


def claim(session: Session, kinds: Iterable[WorkKind]) -> Claimed:
    """Claims one batch of each kind of work, and gives up what had too many attempts."""
    claimed = Claimed()
    for one in due(session, kinds):
        for step in one.work.steps(one.path):
            claim_step(session, one, step, Queue(), claimed)
    return claimed


def due(session: Session, kinds: Iterable[WorkKind]) -> list[Due]:
    """The paths with rows whose time has come: two statements, which find nothing when there is nothing to do."""
    kinds = tuple(kinds)
    now = moment(session)
    if not (kinds and now.tenants):
        return []
    places = list(_places(kinds))
    found: dict[int, set[str]] = {}
    for place, tenant in session.execute(_looking(kinds), _times(now)):
        found.setdefault(place, set()).add(tenant)
    return [Due(*places[place], now.only(found[place])) for place in sorted(found)]


def claim_step(session: Session, due: Due, step: Step, queue: Queue, claimed: Claimed) -> None:
    """Claims rows for which this step is next, at most as many as its queue has room for; each provider has its share.
    Adds them to `claimed`."""
    limit = max(0, min(BATCH, queue.room))
    share = -(-limit // len(due.now.tenants))
    values = _times(due.now) | {"limit": limit, "share": share}
    for name, oldest in (("still_queued", queue.oldest), ("still_queued_by_date", queue.oldest_by_date)):
        values[name] = oldest - _patience() if oldest else due.now.machine
    for row_id, given_up in session.execute(_claiming(due.work, due.path, step), values):
        (claimed.given_up if given_up else claimed.overdue_rows).append(row_id)


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
    session.execute(_unscheduling(), {"invoice_id": invoice_id})


@built_once
def _unscheduling() -> Update:
    done = update(Invoice).where(Invoice.id == bindparam("invoice_id"), not_(INVOICES.has_work))
    nothing_left = done.values(next_attempt_at=None, attempts=0, last_error=None)
    return nothing_left.execution_options(synchronize_session=False)


def _places(kinds: tuple[WorkKind, ...]) -> Iterator[tuple[WorkKind, Path]]:
    for work in kinds:
        for path in work.paths:
            yield work, path


def _patience() -> timedelta:
    return timedelta(seconds=settings().sweep_patience_seconds)


def _times(now: Moment) -> dict[str, Any]:
    return {
        "tenants": now.tenants,
        "clocks": now.clocks,
        "now": now.machine,
        "patient": now.machine - _patience(),
        "too_far": now.machine + timedelta(seconds=settings().longest_pause_seconds),
    }


def _time(name: str) -> ColumnElement[datetime]:
    return bindparam(name, type_=DateTime(timezone=True))


def _come(work: WorkKind, path: Path) -> ColumnElement[bool]:
    """Whether a row's time has come. Nothing writes down when a date came, so those have no patience. A time further
    ahead than any pause was written before the database's clock was set back."""
    at = work.row.next_attempt_at
    near, far = at <= _time("now" if path.by_date else "patient"), and_(at > _time("too_far"), not_(work.put_off))
    return or_(near, far) if path.far is None else far if path.far else near


@built_once
def _looking(kinds: tuple[WorkKind, ...]) -> CompoundSelect[Any]:
    """The places at which providers have rows whose time has come; whether a step is next for them is not asked."""
    looks = []
    for place, (work, path) in enumerate(_places(kinds)):
        tenant = tenants()
        first = (
            select(literal(1).label("one"))
            .select_from(work.row)
            .where(path.among(tenant.c.id, tenant.c.clock), _come(work, path))
            .order_by(path.order)
            .limit(1)
            .lateral("first")
        )
        looks.append(
            select(literal_column(str(place), Integer), tenant.c.id).select_from(
                tenant.join(first, literal_column("true"))
            )
        )
    return union_all(*looks)


@built_once
def _claiming(work: WorkKind, path: Path, step: Step) -> ReturningUpdate[Any]:
    row, tenant = work.row, tenants()
    tried = row.attempts
    sent_at = case((tried == 0, row.next_attempt_at), else_=func.coalesce(row.enqueued_at, row.next_attempt_at))
    # No date has sent a message before the first attempt. One of the future was sent before the clock was set back.
    waits_since = case((row.by_date, _time("still_queued_by_date")), else_=_time("still_queued"))
    not_queued = or_(sent_at < waits_since, sent_at > _time("now"), and_(tried == 0, literal(step.by_date)))
    overdue = (
        select(row.id)
        .where(path.among(tenant.c.id, tenant.c.clock), _come(work, path), not_queued, is_next(row, step))
        .order_by(path.order)
        .limit(bindparam("share", type_=Integer))
        .with_for_update(skip_locked=True, of=row)
        .lateral("overdue")
    )
    whole = select(overdue.c.id).select_from(tenant.join(overdue, literal_column("true")))
    batch = whole.limit(bindparam("limit", type_=Integer)).cte("batch")
    spent = tried >= _ATTEMPTS_MAX + work.more_attempts
    values: dict[str, Any] = {
        "attempts": case((spent, tried), else_=tried + 1),
        "next_attempt_at": case((spent, None), else_=MACHINE_NOW + pause(tried)),
        "enqueued_at": case((spent, row.enqueued_at), else_=MACHINE_NOW),
    }
    if work.dead_status is not None:
        values["status"] = case((spent, work.dead_status), else_=row.status)
    changed = update(row).where(row.id == batch.c.id).values(values)
    return changed.returning(row.id, row.next_attempt_at.is_(None)).execution_options(synchronize_session=False)
