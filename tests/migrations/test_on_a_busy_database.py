"""Migrations run while the database is written and read: no request fails for them, and none waits for as long as a
request may. From version 0060 on: since then a migration is made for that."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from alembic import command
from sqlalchemy import text

from models import migrate as migrating
from models.database import LIMITS, transaction
from models.migrate import alembic_config, migrate

TABLES = ("services", "plan_changes", "invoices", "payment_attempts", "outbox_messages", "inbox_events", "quotes")
# What a step does: the service first, then what is its.
STEP = [f"UPDATE {table} SET provider_id = provider_id WHERE id = (SELECT min(id) FROM {table})" for table in TABLES]
PAGE = [f"SELECT count(provider_id) FROM {table}" for table in TABLES]


def connected() -> psycopg.Connection[Any]:
    """As a process of ours, with its limits."""
    limits = " ".join(f"-c {name}={value}" for name, value in LIMITS.items())
    url = os.environ["PLANSHIFT_DATABASE_URL"].replace("postgresql+psycopg", "postgresql")
    return psycopg.connect(url, options=limits, prepare_threshold=None)


@contextmanager
def repeated(statements: list[str], done: list[int], failed: list[Exception]) -> Iterator[None]:
    """A thread that has these statements in one transaction after another, until the block ends."""
    over = threading.Event()

    def work() -> None:
        with connected() as connection:
            while not over.is_set():
                try:
                    with connection.transaction():
                        for statement in statements:
                            connection.execute(statement.encode())
                    done.append(1)
                except psycopg.Error as error:
                    failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.fixture
def at_0060(before: None) -> None:
    command.upgrade(alembic_config(), "0060")


def version() -> str:
    with transaction() as session:
        return str(session.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def test_steps_and_pages_go_on_while_the_schema_changes(at_0060: None) -> None:
    steps, pages, failed = list[int](), list[int](), list[Exception]()
    with repeated(STEP, steps, failed), repeated(PAGE, pages, failed):
        migrate()
    assert version() > "0075"
    assert failed == []
    assert min(len(steps), len(pages)) > 10


def test_a_migration_that_cannot_have_its_lock_lets_others_pass_and_comes_again(
    at_0060: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody reads for longer than a migration waits; meanwhile pages are read all the same."""
    pauses, pages, failed = list[float](), list[int](), list[Exception]()
    reader = connected()
    reader.execute(b"SELECT count(*) FROM plan_changes")

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        reader.close()

    monkeypatch.setattr(migrating, "time", Paused(pause))
    with repeated(PAGE, pages, failed):
        migrate()
    assert pauses == [migrating.PAUSE_SECONDS]
    assert failed == []
    assert version() > "0075"


class Paused:
    """The module `time`, as far as a migration uses it."""

    def __init__(self, sleep: Callable[[float], None]) -> None:
        self.sleep = sleep
