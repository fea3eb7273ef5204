"""PgBouncer in transaction mode: a connection's next transaction may be another server's."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

from local.stack import Stack
from models.customer import Service
from models.database import (
    LIMITS,
    PooledMigration,
    PooledWithoutLimits,
    engine,
    single_statement,
    snapshot,
    transaction,
)
from models.migrate import migrate
from tests.conftest import environment
from tests.support.play import Play
from tests.support.pooler import SERVERS, pooler

Pooled = tuple[Stack, str]


@pytest.fixture(scope="module")
def behind(own_database: tuple[Stack, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pooled]:
    stack, variables = own_database
    url = variables["PLANSHIFT_DATABASE_URL"]
    with ExitStack() as until:
        pooled = until.enter_context(pooler(tmp_path_factory.mktemp("pooler"), url))
        more = {"PLANSHIFT_DATABASE_URL": pooled, "PLANSHIFT_DATABASE_POOLED": "true"}
        until.enter_context(environment(variables | more))
        yield stack, url
        engine().dispose()


@pytest.fixture
def limited(behind: Pooled) -> Iterator[Stack]:
    """The role has its limits, in the words of docs/scale.md, and the pooler's servers know of them."""
    stack, url = behind
    with environment({"PLANSHIFT_DATABASE_URL": url}):
        _tell_the_role([f"SET {name} = '{value}'" for name, value in LIMITS.items()])
    yield stack
    with environment({"PLANSHIFT_DATABASE_URL": url}):
        _tell_the_role(["RESET ALL"])


def _tell_the_role(words: list[str]) -> None:
    """In this database alone: other tests use the same role. What the pooler has open ends."""
    with engine().connect() as connection:
        role, name = connection.execute(text("SELECT current_user, current_database()")).one()
        for word in words:
            connection.execute(text(f"ALTER ROLE {role} IN DATABASE {name} {word}"))
        # Not autovacuum's workers, which are nobody's and may not be ended.
        others = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = :name AND usename = current_user AND pid <> pg_backend_pid()"
        )
        connection.execute(text(others), {"name": name})
        connection.commit()
    engine().dispose()


def test_a_role_without_limits_is_refused_with_the_words_that_give_them(behind: Pooled) -> None:
    with pytest.raises(PooledWithoutLimits) as refused:
        engine().connect()
    for words in ("statement_timeout = '4s'", "lock_timeout = '3s'", "idle_in_transaction_session_timeout = '20s'"):
        assert f"ALTER ROLE planshift SET {words};" in str(refused.value)


def test_a_migration_wants_postgresql_itself(behind: Pooled) -> None:
    with pytest.raises(PooledMigration):
        migrate()


def test_a_paid_upgrade_behind_a_pooler(limited: Stack) -> None:
    """15 of 31 days of Start for Basic: 339 and the tax are 373 yen; the host is told, and the page is printed."""
    play = Play.of(limited)
    change_id = play.until_paid("start", 373)
    assert play.steps("apply print", change_id)[-1:]
    assert play.change(change_id).status == "applied"
    with transaction() as session:
        assert play.service(session).plan == "start"
    with snapshot() as session:
        assert session.scalar(select(func.count()).select_from(Service)) == 1


def test_no_statement_fails_when_many_share_few_servers(limited: Stack) -> None:
    """Six threads on two servers, each statement often enough to be prepared: 0 of 240 transactions fail."""

    def work(number: int) -> int:
        done = 0
        for round in range(20):
            with transaction() as session:
                answer = session.execute(text("SELECT CAST(:n AS int) + 1"), {"n": round}).scalar_one()
                done += session.execute(select(func.count()).select_from(Service)).scalar_one() >= 0 and answer > round
            with single_statement() as connection:
                done += connection.execute(text("SELECT CAST(:n AS int) + 2"), {"n": round}).scalar_one() > round
        return done

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(work, range(6))) == 240
    with transaction() as session:
        servers = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user"
        assert session.scalar(text(servers)) <= SERVERS


def test_a_statement_that_takes_too_long_is_ended_behind_a_pooler_too(limited: Stack) -> None:
    with transaction() as session:
        found = [session.scalar(text(f"SELECT current_setting('{name}')")) for name in LIMITS]
        assert found == list(LIMITS.values())
    with transaction() as session, pytest.raises(OperationalError, match="statement timeout"):
        session.execute(text("SELECT pg_sleep(30)"))
