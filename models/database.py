"""The connection to PostgreSQL and the one `transaction()`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DataError, InternalError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from settings import settings

# More would only make commits smaller: webhooks that wait share the next one.
RECEIVER_CONNECTIONS = 3
# A connection that nobody has used for longer is pinged before it is handed out.
IDLE_SECONDS = 1.0
# What a statement raises when the server, or the connection to it, is gone; an InternalError, when the server cut it in
# the middle of a transaction (idle_in_transaction_session_timeout). Nothing was committed: it may be repeated.
DATABASE_AWAY = (OperationalError, InternalError, PoolTimeout)
# What a value raises that no check of a field has seen, and that the database, an encoding or the calendar cannot hold.
UNSTORABLE = (DataError, UnicodeError, OverflowError)


# Of every connection. statement: a webhook must be answered within 4 s; lock: a waiting step gives its place to others;
# idle: a process that died between two statements must not keep its locks.
LIMITS = {
    "statement_timeout": "4s",
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "20s",
    "timezone": "UTC",
}
# A server that vanished without a word does not hold a thread for minutes: what it does not confirm is given up after
# 4 s, and so is one that only has to answer: it is asked whether it is there after 2 s and after 3 s. Linux by itself
# asks after two hours.
_GIVEN_UP = {
    "connect_timeout": 3,
    "tcp_user_timeout": 4000,  # ms
    "keepalives_idle": 2,
    "keepalives_interval": 1,
}
# The next transaction may be another server's, which knows nothing of a statement that this one has prepared.
_BEHIND_A_POOLER = {"prepare_threshold": None}


class PooledWithoutLimits(Exception):
    """Behind a pooler a connection cannot bring its limits along, so the role must have them."""

    def __init__(self, role: str, missing: list[str]) -> None:
        commands = " ".join(f"ALTER ROLE {role} SET {name} = '{LIMITS[name]}';" for name in missing)
        super().__init__(
            "PLANSHIFT_DATABASE_POOLED is set, and the database's role has not the limits that Planshift needs."
            f" Run this as a superuser, and restart the pooler: {commands}"
        )


class PooledMigration(Exception):
    """A migration is long, and a pooler in transaction mode does not keep what it sets for its session."""

    def __init__(self) -> None:
        super().__init__(
            "Migrations do not run through a pooler: give `planshift migrate` the PLANSHIFT_DATABASE_URL of PostgreSQL"
            " itself, and no PLANSHIFT_DATABASE_POOLED."
        )


@cache
def _engine_of(url: str, pooled: bool, pinged: bool, **more: Any) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,  # an error that is logged names no customer
        connect_args={
            **_GIVEN_UP,
            "application_name": "planshift",
            **(_BEHIND_A_POOLER if pooled else {"options": " ".join(f"-c {one}={LIMITS[one]}" for one in LIMITS)}),
        },
        **more,
    )
    if pooled:
        event.listen(engine, "connect", _check_limits)
    if pinged:
        event.listen(engine, "checkin", _note_use)
        event.listen(engine, "checkout", partial(_ping_idle, engine.dialect))
    # A forked worker must not share its parent's sockets.
    os.register_at_fork(after_in_child=lambda: engine.dispose(close=False))
    return engine


def _note_use(_connection: Any, record: Any) -> None:
    record.info["used_at"] = time.monotonic()


def _ping_idle(dialect: Any, connection: Any, record: Any, _fairy: Any) -> None:
    """A connection that was cut while nobody used it is replaced, not handed out. One that was used a moment ago is
    not asked: under load that would be one round trip more for each transaction."""
    used_at = record.info.get("used_at")
    if used_at is None or time.monotonic() - used_at < IDLE_SECONDS:
        return
    try:
        dialect.do_ping(connection)
    except dialect.dbapi.Error as error:
        raise InvalidatePoolError from error


def _check_limits(connection: Any, _record: Any) -> None:
    """Raises PooledWithoutLimits."""
    names = list(LIMITS)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, " + ", ".join(f"current_setting('{name}')" for name in names))
        role, *values = cursor.fetchone()
    connection.rollback()
    found = dict(zip(names, values, strict=True))
    missing = [name for name in names if (found[name] != "UTC" if name == "timezone" else found[name] == "0")]
    if missing:
        raise PooledWithoutLimits(role, missing)


def engine() -> Engine:
    """The process's engine for PLANSHIFT_DATABASE_URL."""
    pool = {"pool_size": 5, "max_overflow": 15}
    return _engine_of(settings().require_database_url(), settings().database_pooled, pinged=True, **pool)


@contextmanager
def transaction() -> Iterator[Session]:
    """One unit of work: commits at the end, rolls back on an exception. Only tasks and entry points open one."""
    with Session(engine(), expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def single_statement() -> Iterator[Connection]:
    """For the webhook receiver: its one statement is a transaction of its own, committed when it returns.

    Saves the round trips of BEGIN, COMMIT and a ping; so after a server restart a statement may fail once with
    OperationalError, and may be repeated.
    """
    # All are kept: a storm must not open and close a connection for each webhook.
    pool = {"pool_size": RECEIVER_CONNECTIONS, "max_overflow": 0, "pool_timeout": 3}
    more = pool | {"isolation_level": "AUTOCOMMIT"}
    own = _engine_of(settings().require_database_url(), settings().database_pooled, pinged=False, **more)
    with own.connect() as connection:
        yield connection


@contextmanager
def migrating() -> Iterator[Connection]:
    """For migrations: a statement may take hours on a large table, but waits for a lock no longer than others can wait
    behind it. Raises PooledMigration."""
    if settings().database_pooled:
        raise PooledMigration
    own = {"statement_timeout": "0", "lock_timeout": "2s", "idle_in_transaction_session_timeout": "0"}
    with engine().connect() as connection:
        for name, value in own.items():
            connection.execute(text("SELECT set_config(:name, :value, false)"), {"name": name, "value": value})
        connection.commit()
        yield connection
        connection.invalidate()  # its settings go with it


@contextmanager
def snapshot() -> Iterator[Session]:
    """One view of the whole database for a long read: every statement sees the same moment, and nothing is written."""
    with Session(engine(), expire_on_commit=False) as session, session.begin():
        session.connection(execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})
        session.execute(text("SET LOCAL statement_timeout = '10min'"))
        yield session
