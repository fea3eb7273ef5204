"""What the pages tell operators to type, on real servers: the SQL, and the broker user of a frontend."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError
from sqlalchemy import text

from local.stack import Stack
from models.database import transaction
from tests.docs.celery_example import run_celery_example
from tests.support.pages import NAMES, blocks, spans

# One process starts the servers for all of these.

PASSWORD = "CHOOSE-A-LONG-PASSWORD"
[USER] = blocks("docs/broker-acl.md", "text")


def queries(name: str) -> list[str]:
    """What a superuser does to roles is no query: tests/steps/test_behind_a_pooler.py does that."""
    found = [re.sub("--.*", "", query).strip() for block in blocks(name, "sql") for query in block.split(";")]
    return [query for query in found if query and not query.startswith("ALTER ROLE planshift_app SET ")]


@pytest.mark.parametrize("name", [name for name in NAMES if queries(name)])
def test_each_query_is_one_that_the_schema_answers(servers: Stack, name: str) -> None:
    for query in queries(name):
        with transaction() as session:
            session.execute(text(f"EXPLAIN {query}"))


def test_what_contributing_says_that_the_database_refuses_is_in_the_database(servers: Stack) -> None:
    named = {span for span in spans("CONTRIBUTING.md") if re.fullmatch(r"uq_\w+|ledger_\w+|never_overdrawn", span)}
    named |= {span.removeprefix("*") for span in spans("CONTRIBUTING.md") if re.fullmatch(r"\*_\w+", span)}
    assert len(named) >= 5
    with transaction() as session:
        objects = (
            "SELECT relname FROM pg_class UNION SELECT conname FROM pg_constraint UNION SELECT tgname FROM pg_trigger"
        )
        found = session.scalars(text(objects)).all()
    # The name of a constraint has its table's before it.
    assert {name for name in named if not any(f"_{one}".endswith(f"_{name.lstrip('_')}") for one in found)} == set()


def command(client: Redis, *words: str) -> Any:
    return client.execute_command(*words)  # type: ignore[no-untyped-call]


@pytest.fixture
def broker(servers: Stack) -> Iterator[Redis]:
    """The broker as its owner sees it, with the page's user added for the time of a test."""
    owner = Redis.from_url(servers.addresses.broker)
    _, name, *rights = USER.split()
    command(owner, "ACL", "SETUSER", name, *rights)
    try:
        yield owner
    finally:
        command(owner, "ACL", "DELUSER", name)
        owner.delete("requests")
        owner.close()


def url_of_the_frontend(servers: Stack) -> str:
    return re.sub(r"//:[^@]+@", f"//shop:{PASSWORD}@", servers.addresses.broker)


def test_the_readmes_frontend_sends_as_this_user(
    servers: Stack, broker: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANSHIFT_BROKER_URL", url_of_the_frontend(servers))
    run_celery_example()
    assert broker.llen("requests") == 1
    assert command(broker, "ACL", "LOG") == [], "nothing that the client sends is refused"


@pytest.mark.parametrize(
    "typed",
    [
        "LPUSH pipeline x",
        "LRANGE requests 0 -1",
        "BRPOP requests 1",
        "RPOP requests",
        "DEL requests",
        "LLEN requests",
        "SMEMBERS _kombu.binding.requests",
        "SADD _kombu.binding.requests x",
        "PUBLISH /0.celery.pidbox x",
        "SUBSCRIBE /0.celeryev/worker.heartbeat",
        "HGETALL unacked",
        "KEYS *",
        "FLUSHALL",
        "CONFIG GET requirepass",
        "ACL LIST",
        "EVAL return 0",
        "MONITOR",
    ],
)
def test_everything_else_is_refused(servers: Stack, broker: Redis, typed: str) -> None:
    with Redis.from_url(url_of_the_frontend(servers)) as frontend, pytest.raises(NoPermissionError):
        command(frontend, *typed.split())


def test_the_two_other_forms_of_the_user_say_the_same() -> None:
    _, name, *rights = USER.split()
    [setuser] = [block for block in blocks("docs/broker-acl.md", "sh") if "SETUSER" in block]
    typed = setuser.replace("\\\n", " ").replace("'", "").split("SETUSER ")[1].split()
    assert typed == [name, *rights]
    [yaml] = blocks("docs/broker-acl.md", "yaml")
    words = [line.strip().removeprefix("- ").strip('"') for line in yaml.splitlines()]
    assert words[:2] == ["--user", name]
    assert words[4:] == rights[2:]
