"""The one way to move a row: guarded by its machine's table and by the status that was read, and written down.

Every machine of domain/lifecycle.py with a status column moves here. The row is tried next by what its tables of
domain/next_steps.py say of the status that it comes to. It is written with whatever else the step has changed of it and
with its history, in one statement: neither is there without the other.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import insert, inspect, select
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.sql.dml import ReturningInsert

from domain.lifecycle import Machine
from models.base import recorded_at
from models.pending_work import PendingWork


class Move:
    """The columns of a history: one row for each move; the database refuses to change or delete it. `at` is business
    time."""

    id: Mapped[int] = mapped_column(primary_key=True)
    event: Mapped[str]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]
    reason: Mapped[str | None]
    recorded_at: Mapped[datetime] = recorded_at()


class Moving(PendingWork):
    """A row with a status. It is written only while it has the status that was read; a flush raises StaleDataError if
    somebody moved it although we hold its lock: a program error."""

    if TYPE_CHECKING:
        id: Mapped[str]

    status: Mapped[str] = mapped_column()

    __mapper_args__ = {**PendingWork.__mapper_args__, "version_id_col": status, "version_id_generator": False}  # noqa: RUF012

    machine: ClassVar[Machine]

    def after_move(self, source: str) -> None:
        """What a move from `source` means for other rows; nothing, unless a machine says so."""


class WithHistory(Moving):
    """`history` is the class of the row's moves with the name of their column for its id. `last_move_id` names the last
    of them; null, it has not moved since it was begun, or since this column is there."""

    history: ClassVar[tuple[type[Any], str]]

    last_move_id: Mapped[int | None] = mapped_column()


def begin(session: Session, row: Moving, at: datetime, actor: str = "system", reason: str | None = None) -> None:
    """Inserts a new row with the first one of its history, after what may have made room for it."""
    session.flush()
    session.add(row)
    session.flush()
    if isinstance(row, WithHistory):
        session.execute(_history_row(row, row.machine.begins, None, at, actor, reason))


def move(
    session: Session,
    row: Moving,
    event: str,
    target: str,
    at: datetime,
    actor: str = "system",
    reason: str | None = None,
) -> None:
    """Moves a row that this session has locked, and writes its history: both with the next flush.

    `at` is business time. Raises ImpossibleMove for a move that the machine does not have.
    """
    if inspect(row).attrs.status.history.has_changes():
        session.flush()  # each move with its own row of the history
    source = row.status
    row.machine.check(source, event, target)
    row.status = target
    if any(steps.is_tried(target) for steps in row.steps if steps.state == "status"):
        row.schedule_now()
    else:
        row.unschedule()
    row.after_move(source)
    if isinstance(row, WithHistory):
        written = _history_row(row, event, source, at, actor, reason).cte("written")
        row.last_move_id = select(written.c.id).scalar_subquery()


def moves_of(session: Session, row_class: type[WithHistory], row_id: str) -> list[Any]:
    """A row's history, oldest first."""
    return moves_of_each(session, row_class, [row_id])[row_id]


def moves_of_each(session: Session, row_class: type[WithHistory], row_ids: list[str]) -> dict[str, list[Any]]:
    """The same of several rows, by id."""
    history, column = row_class.history
    found: dict[str, list[Any]] = {row_id: [] for row_id in row_ids}
    query = select(history).where(getattr(history, column).in_(row_ids))
    for one in session.scalars(query.order_by(history.id)):
        found[getattr(one, column)].append(one)
    return found


def _history_row(
    row: WithHistory, event: str, source: str | None, at: datetime, actor: str, reason: str | None
) -> ReturningInsert[Any]:
    history, column = row.history
    values = {"event": event, "from_status": source, "to_status": row.status, "at": at, "actor": actor}
    return insert(history.__table__).values({column: row.id, **values, "reason": reason}).returning(history.id)
