"""The role that web and workers use in production may do their work and may not rewrite history."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from cli.main import app
from domain.money import Money
from local.stack import Stack
from models.database import engine, transaction
from models.roles import BadRoleName, append_only_tables, grant_application_role
from tests.conftest import environment
from tests.support.pages import ROOT
from tests.support.play import Play


@pytest.fixture
def as_application(servers: Stack) -> Iterator[Stack]:
    """The steps below run as docker-compose.yml has it: in a database with the roles of deploy/roles.sql, which the
    owner has migrated, as the application."""
    mark, password = secrets.token_hex(4), secrets.token_hex(16)
    named = {"database": f"prod_{mark}", "owner": f"owner_{mark}", "app": f"app_{mark}"}
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = '60s'"))  # a copy of a database's files, not a query of ours
        connection.execute(text(f"CREATE DATABASE {named['database']}"))
        connection.invalidate()  # its settings go with it
    url = make_url(servers.addresses.database).set(database=named["database"])
    with as_user(url), transaction() as session:
        session.execute(text(roles_for(named, password)))
    with as_user(url.set(username=named["owner"], password=password)):
        assert CliRunner().invoke(app, ["migrate", "--application-role", named["app"]]).exit_code == 0
    with as_user(url.set(username=named["app"], password=password)):
        yield servers


@contextmanager
def as_user(url: URL) -> Iterator[None]:
    variables = {"PLANSHIFT_DATABASE_URL": url.render_as_string(hide_password=False)}
    with environment(dict(os.environ) | variables):
        try:
            yield
        finally:
            engine().dispose()


def roles_for(named: dict[str, str], password: str) -> str:
    """deploy/roles.sql with its values, as psql would put them in."""
    script = (ROOT / "deploy/roles.sql").read_text(encoding="utf-8")
    script = re.sub(r":'(\w+)_password'", f"'{password}'", script)
    return re.sub(r':"(\w+)"', lambda found: named[found[1]], script)


def test_a_whole_story_runs_as_the_application(as_application: Stack) -> None:
    play = Play.of(as_application)
    change_id = play.until_awaiting_payment("start")
    play.process(play.report(play.attempts(change_id)[-1].id, Money(373, "JPY")))
    assert play.steps("settle apply print", change_id) == "applied"
    play.deliver_mails(change_id)


def test_history_is_out_of_its_reach(as_application: Stack) -> None:
    with transaction() as session:
        tables = append_only_tables(session)
    for table in tables:
        for rewrite in ("DELETE FROM", "TRUNCATE", "DROP TABLE"):
            with pytest.raises(DBAPIError, match=r"permission denied|must be owner"), transaction() as session:
                session.execute(text(f"{rewrite} {table}"))
        with pytest.raises(DBAPIError, match="permission denied"), transaction() as session:
            session.execute(text(f"UPDATE {table} SET id = id"))
        with pytest.raises(DBAPIError, match="must be owner"), transaction() as session:
            session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))


FORBIDDEN = (
    "DROP TABLE plan_changes",
    "ALTER TABLE plan_changes ADD COLUMN x int",
    "CREATE TABLE x (y int)",
    "CREATE TEMPORARY TABLE x (y int)",
    "CREATE SCHEMA x",
    "DROP TRIGGER ledger_entries_balance ON ledger_entries",
    "CREATE INDEX x ON plan_changes (id)",
    "TRUNCATE plan_changes",
    "UPDATE alembic_version SET version_num = '0001'",
    "CREATE ROLE x",
    "CREATE DATABASE x",
    "COPY plan_changes TO PROGRAM 'true'",
    "SELECT pg_read_file('/etc/passwd')",
    "ALTER SYSTEM SET fsync = off",
)


def test_the_schema_and_the_server_are_out_of_its_reach(as_application: Stack) -> None:
    for statement in FORBIDDEN:
        refused = pytest.raises(DBAPIError, match=r"permission denied|must be owner|must be superuser")
        with refused, engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(statement))


def test_what_is_history(servers: Stack) -> None:
    with transaction() as session:
        tables = set(append_only_tables(session))
    assert tables >= {"catalogs", "documents", "ledger_entries", "ledger_transactions", "plan_change_moves"}


def test_a_name_that_is_none(servers: Stack) -> None:
    with pytest.raises(BadRoleName), transaction() as session:
        grant_application_role(session, 'x"; DROP TABLE invoices; --')
