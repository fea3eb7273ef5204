"""Rows in every state, for the tests of what is next; and years of them, for the tests of what they cost."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from local.stack import Stack
from models.customer import Customer
from models.database import engine, transaction
from models.migrate import migrate
from tests.conftest import environment
from tests.steps.next_cases import CASES
from tests.steps.next_rows import Rows, rows_of
from tests.support.large import unhurried, write_history
from tests.support.play import NOON_17_JULY, Play


@pytest.fixture
def rows(servers: Stack) -> Iterator[Rows]:
    """A quiet row for each case, and a noisy one."""
    with rows_of(servers) as made:
        for case in CASES:
            made.make(case)
            if case.has_noise:
                made.make(case, noisy=True)
        made.write()
        yield made


# Of one provider, and of another whose rows are newer: a list that reads by their age alone reads them all.
SERVICES, RENEWALS = 1_000, 6
OTHERS, THEIR_RENEWALS = 400, 5


@pytest.fixture(scope="module")
def _large(_servers: tuple[Stack, dict[str, str]]) -> Iterator[tuple[Play, dict[str, str]]]:
    """A database of its own, so that no other test waits for it."""
    stack, variables = _servers
    url = variables["PLANSHIFT_DATABASE_URL"]
    name = f"large_{secrets.token_hex(6)}"
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    variables = variables | {"PLANSHIFT_DATABASE_URL": f"{url.rpartition('/')[0]}/{name}"}
    with environment(variables):
        migrate()
        play, other = Play.of(stack), Play.of(stack)
        with transaction() as session:
            _fill(session, play, "a", SERVICES, RENEWALS)
            _fill(session, other, "b", OTHERS, THEIR_RENEWALS)
        unhurried("VACUUM ANALYZE")
        yield play, variables
        engine().dispose()


def _fill(session: Session, play: Play, mark: str, services: int, renewals: int) -> None:
    provider = play.provider(session)
    customer = session.scalars(select(Customer.id).where(Customer.provider_id == provider.id)).one()
    ids = {"provider": provider.id, "customer": customer, "connection": play.gateway(session).id}
    counts = {"services": services, "renewals": renewals}
    write_history(session, ids | counts | {"clock": NOON_17_JULY, "mark": mark})


@pytest.fixture
def large(_large: tuple[Play, dict[str, str]]) -> Iterator[Play]:
    play, variables = _large
    with environment(variables):
        yield play
