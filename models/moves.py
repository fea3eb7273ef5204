"""The one way to move a row: guarded by its machine's table and by the status that was read, and written down.

Every machine of domain/lifecycle.py with a status column moves here. The row is tried next by what its tables of
domain/next_steps.py say of the status that it comes to.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.orm.attributes import set_committed_value

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
    """A row with a status. `history` is the class of its moves with the name of their column for its id; None where
    no history is kept (the inbox: each event is its own record)."""

    if TYPE_CHECKING:
        id: Mapped[str]
        status: Mapped[str]

    machine: ClassVar[Machine]
    history: ClassVar[tuple[type[Any], str] | None] = None

    def after_move(self, source: str) -> None:
        """What a move from `source` means for other rows; nothing, unless a machine says so."""


class LostRace(RuntimeError):
    """Somebody moved the row although we held its lock: a program error."""

    def __init__(self, row_id: str, source: str) -> None:
        super().__init__(f"{row_id} is no longer {source}, although it is locked")


def begin(session: Session, row: Moving, at: datetime, actor: str = "system", reason: str | None = None) -> None:
    """Inserts a new row with the first one of its history."""
    session.add(row)
    session.flush()
    _write(session, row, row.machine.begins, None, at, actor, reason)


def move(
    session: Session,
    row: Moving,
    event: str,
    target: str,
    at: datetime,
    actor: str = "system",
    reason: str | None = None,
) -> None:
    """Moves a row that this session has locked, and writes its history.

    `at` is business time. Raises ImpossibleMove for a move that the machine does not have, and LostRace if the row is
    no longer in the status that was read: the caller's transaction must not commit.
    """
    source = row.status
    row.machine.check(source, event, target)
    session.flush()
    table: Any = type(row)
    tried = any(steps.is_tried(target) for steps in row.steps if steps.state == "status")
    values = {"attempts": 0, "last_error": None, "next_attempt_at": func.clock_timestamp() if tried else None}
    moved = session.execute(
        update(table)
        .where(table.id == row.id, table.status == source)
        .values(status=target, **values)
        .returning(table.status, table.attempts, table.last_error, table.next_attempt_at)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if moved is None:
        raise LostRace(row.id, source)
    for name, value in moved._mapping.items():
        set_committed_value(row, name, value)
    row.after_move(source)
    _write(session, row, event, source, at, actor, reason)


def moves_of(session: Session, row_class: type[Moving], row_id: str) -> list[Any]:
    """A row's history, oldest first."""
    return moves_of_each(session, row_class, [row_id])[row_id]


def moves_of_each(session: Session, row_class: type[Moving], row_ids: list[str]) -> dict[str, list[Any]]:
    """The same of several rows, by id."""
    assert row_class.history is not None, "this machine keeps a history"
    history, column = row_class.history
    found: dict[str, list[Any]] = {row_id: [] for row_id in row_ids}
    query = select(history).where(getattr(history, column).in_(row_ids))
    for one in session.scalars(query.order_by(history.id)):
        found[getattr(one, column)].append(one)
    return found


def _write(
    session: Session, row: Moving, event: str, source: str | None, at: datetime, actor: str, reason: str | None
) -> None:
    if row.history is None:
        return
    history, column = row.history
    values = {"event": event, "from_status": source, "to_status": row.status, "at": at, "actor": actor}
    session.add(history(**{column: row.id}, **values, reason=reason))
    session.flush()
