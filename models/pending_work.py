"""What a row has that the sweep tries until it moves on: the next attempt, how many there were, the last error; and
what is next for it, which the tables of domain/next_steps.py say by the facts of the row."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, TypeVar

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FetchedValue,
    Float,
    Index,
    Interval,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    false,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, Session, column_property, declared_attr, mapped_column, object_session

from domain.next_steps import NextRule, NextSteps, Step
from settings import settings

# Of an error's text so much is kept.
ERROR_MAX = 2_000

MACHINE_NOW: Any = func.clock_timestamp()


_Build = TypeVar("_Build", bound=Callable[..., Any])


def built_once(build: _Build) -> _Build:
    """Of what is long and executed often: one statement or expression for each of its arguments."""
    return typing.cast(_Build, cache(build))


def seconds(count: float) -> ColumnElement[Any]:
    """An interval."""
    return cast(literal(f"{count} seconds"), Interval)


def setting(read: Callable[[], float]) -> ColumnElement[Any]:
    """A setting in a statement, as it stands when the statement is executed."""
    return bindparam(None, callable_=read, type_=Float(), unique=True)


# Where the sweep looks, unless a table has more to say.
PENDING = "next_attempt_at IS NOT NULL"


def pending_index(table: str, where: str = PENDING) -> Index:
    return Index(f"ix_{table}_pending", "provider_id", "next_attempt_at", postgresql_where=where)


def given_up_index(table: str, where: str) -> Index:
    """Whoever asks for dead letters in these words is served by it."""
    return Index(f"ix_{table}_given_up", "id", postgresql_where=where)


# A time further ahead was written before the database's clock was set back.
LONGEST_PAUSE = setting(lambda: settings().longest_pause_seconds) * seconds(1)


def pause(attempts: Any, first_seconds: float = 1.0, longest_seconds: float | None = None) -> Any:
    """How long to wait after so many attempts, as SQL: `first_seconds`, doubled with each one up to the longest pause
    (that of the settings unless given), up to a quarter less, so that what failed together does not come back
    together."""
    longest = setting(lambda: longest_seconds or settings().retry_pause_max_seconds)
    doubled = literal(first_seconds) * func.power(2.0, func.least(attempts, 20))
    return func.least(doubled, longest) * (0.75 + 0.25 * func.random()) * seconds(1)


def fact(expression: Callable[[Any], ColumnElement[Any]]) -> hybrid_property[Any]:
    """A fact about a row, written once: of the class it is SQL, and of a row what the database says of it now."""

    @built_once
    def query(row: type[Any]) -> Select[Any]:
        return select(expression(row)).where(row.id == bindparam("row_id"))

    def of_row(self: Any) -> Any:
        return session_of(self).scalar(query(type(self)), {"row_id": self.id})

    return hybrid_property(of_row).expression(expression)


def facts_of(row: Any, *facts: Any) -> tuple[Any, ...]:
    """What the database says of a row now, for several facts of its class in one statement."""
    return tuple(session_of(row).execute(select(*facts).where(type(row).id == row.id)).one())


def session_of(row: Any) -> Session:
    """Of a row that is in one."""
    session = object_session(row)
    assert session is not None, "only a row in a session knows others"
    return session


def there_is(query: Select[Any]) -> ColumnElement[bool]:
    """EXISTS, asked of each row by an index. Without its OFFSET the planner may read the whole table instead, once, to
    look into that."""
    return query.offset(0).exists()


class PendingWork:
    """`next_attempt_at` is machine time; null, nobody tries: nothing is left to do, or the row was given up.
    `attempts` counts what the sweep has enqueued since the row last moved, and `enqueued_at` is when it last did so
    (machine time; while `attempts` is 0, it is of an earlier move). `last_error` is what a step raised last.
    `steps` are the tables that say what is next; `by_date` is whether a date brought the row here, so that nobody waits
    for them at a screen."""

    # An expression that is written comes back with the statement that wrote it.
    __mapper_args__: ClassVar[dict[str, Any]] = {"eager_defaults": True}

    steps: ClassVar[tuple[NextSteps, ...]]
    # What the index says of rows that may have been given up: all those that were, and few besides.
    given_up_where: ClassVar[str]
    by_date = fact(lambda row: false())

    next_attempt_at: Mapped[datetime | None] = mapped_column(
        server_default=func.clock_timestamp(), server_onupdate=FetchedValue()
    )
    enqueued_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    last_error: Mapped[str | None]

    def schedule_now(self) -> None:
        """The row has moved on: all its attempts are there again."""
        self.next_attempt_at, self.attempts, self.last_error = MACHINE_NOW, 0, None

    def unschedule(self) -> None:
        """Nothing is left to try."""
        self.next_attempt_at, self.attempts, self.last_error = None, 0, None


class Leased:
    """A row whose external call one worker makes at a time, until its lease is over (machine time)."""

    # Inserted as null, so that it is not asked for afterwards.
    lease_until: Mapped[datetime | None] = mapped_column(default=lambda: None, server_onupdate=FetchedValue())
    fence: Mapped[int] = mapped_column(default=0)

    @declared_attr
    @classmethod
    def lease_runs(cls) -> Mapped[bool]:
        """As of when the row was read. A lease that would run for longer than any does was written before the
        database's clock was set back (a failover to a slow clock); it counts as over, and the fence keeps its holder
        out."""
        until = cls.lease_until
        return column_property(func.coalesce(and_(until > MACHINE_NOW, until <= MACHINE_NOW + LONGEST_PAUSE), False))


@built_once
def next_of(row: type[PendingWork], table: NextSteps) -> ColumnElement[Any]:
    """What is next by one of the row's tables, as SQL: the label of the first rule that matches."""
    return _first_match(row, table, lambda rule: rule.next.label)


@built_once
def next_labels(row: type[Any]) -> Select[Any]:
    """Of the rows `row_ids`: the id, whether a date brought it, and what is next for it by each of its tables."""
    labels = (next_of(row, table) for table in row.steps)
    ids: Any = bindparam("row_ids", type_=ARRAY(String))
    return select(row.id, row.by_date.label("by_date"), *labels).where(row.id == func.any(ids))


def tasks_among(row: type[PendingWork], labels: Iterable[str]) -> list[str]:
    """Which of the `next_labels` of a row are tasks, one of each of its tables at the most."""
    return [label for table, label in zip(row.steps, labels, strict=True) if label in table.tasks()]


@built_once
def has_task(row: type[PendingWork], found_by: str, by_date: bool) -> ColumnElement[bool]:
    """Whether a step that this task of beat finds is next: one that a date brings, or another. By the rule that
    matches, since a task may be next by rules that different tasks of beat find."""

    def is_found(rule: NextRule) -> bool:
        step = rule.next
        return isinstance(step, Step) and (step.found_by, step.by_date) == (found_by, by_date)

    tables = [table for table in row.steps if any(is_found(rule) for rule in table.rules)]
    return or_(false(), *(_first_match(row, table, is_found) for table in tables))


@built_once
def is_next(row: type[PendingWork], step: Step) -> ColumnElement[bool]:
    """Whether this step is next, by any of the row's tables that has it."""
    tables = [table for table in row.steps if any(rule.next == step for rule in table.rules)]
    return or_(false(), *(_first_match(row, table, lambda rule: rule.next == step) for table in tables))


def _first_match(
    row: type[PendingWork], table: NextSteps, value: Callable[[NextRule], str | bool]
) -> ColumnElement[Any]:
    """The value of the first rule that matches; the rules cover every state."""
    whens = []
    for rule in table.rules:
        state: ColumnElement[bool] = getattr(row, table.state).in_(sorted(rule.states))
        whens.append((and_(state, getattr(row, rule.fact)) if rule.fact else state, literal(value(rule))))
    return case(*whens)


def error_text(error: Exception) -> str:
    """The exception as `Type: text`. A database names the values of a row in its details: they stay behind."""
    text = str(error)
    if isinstance(error, DBAPIError):
        diagnosis = getattr(error.orig, "diag", None)
        text = getattr(diagnosis, "message_primary", None) or type(error.orig).__name__
    return f"{type(error).__name__}: {text}"[:ERROR_MAX]
