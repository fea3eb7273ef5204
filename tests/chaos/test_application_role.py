"""The role that web and workers use in production may do their work and may not rewrite history."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from cli.main import app
from domain.money import Money
from local.stack import Stack
from models.database import engine, transaction
from models.roles import BadRoleName, append_only_tables, grant_application_role
from tests.conftest import environment
from tests.support.play import Play


@pytest.fixture
def as_application(servers: Stack) -> Iterator[Stack]:
    """The steps below run as a new role that `planshift migrate --application-role` was given."""
    role, password = f"app_{secrets.token_hex(4)}", secrets.token_hex(16)
    with transaction() as session:
        session.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'"))
    assert CliRunner().invoke(app, ["migrate", "--application-role", role]).exit_code == 0
    url = make_url(servers.addresses.database).set(username=role, password=password)
    with environment(dict(os.environ) | {"PLANSHIFT_DATABASE_URL": url.render_as_string(hide_password=False)}):
        yield servers
        engine().dispose()


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


def test_what_is_history(servers: Stack) -> None:
    with transaction() as session:
        tables = set(append_only_tables(session))
    assert tables >= {"catalogs", "documents", "ledger_entries", "ledger_transactions", "plan_change_moves"}


def test_a_name_that_is_none(servers: Stack) -> None:
    with pytest.raises(BadRoleName), transaction() as session:
        grant_application_role(session, 'x"; DROP TABLE invoices; --')
