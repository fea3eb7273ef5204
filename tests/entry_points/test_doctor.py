"""planshift doctor finds what is wrong, says what to do, and goes on checking."""

from __future__ import annotations

import json
import os
from datetime import timedelta

import pytest
from redis import Redis
from sqlalchemy import text, update
from typer.testing import CliRunner

from cli.main import app
from local.stack import Stack
from models.database import transaction
from models.heartbeat import Heartbeat, beat
from settings import settings
from tests.conftest import environment
from tests.support.play import Play


def diagnose() -> tuple[int, dict[str, list[str]]]:
    """The exit code, and the sentences by grade."""
    result = CliRunner().invoke(app, ["doctor", "--json"])
    found: dict[str, list[str]] = {"ok": [], "warning": [], "bad": []}
    for one in json.loads(result.stdout):
        found[one["grade"]].append(f"{one['about']}: {one['sentence']}")
    return result.exit_code, found


@pytest.fixture
def healthy(servers: Stack) -> Stack:
    with transaction() as session:
        beat(session, "sweep")
        beat(session, "audit", alert="")
    return servers


def test_a_healthy_installation(healthy: Stack) -> None:
    code, found = diagnose()
    assert (code, found["bad"]) == (0, [])
    assert any("The schema is at version" in sentence for sentence in found["ok"])


def test_a_broker_that_drops_messages(healthy: Stack) -> None:
    with Redis.from_url(settings().require_broker_url()) as broker:
        broker.config_set("maxmemory-policy", "allkeys-lru")
        try:
            code, found = diagnose()
        finally:
            broker.config_set("maxmemory-policy", "noeviction")
    assert code == 1
    assert found["bad"] == ["broker: maxmemory-policy is allkeys-lru: messages may be dropped. Set noeviction."]


def test_beat_that_sleeps_and_an_audit_that_found_something(healthy: Stack) -> None:
    with transaction() as session:
        session.execute(
            update(Heartbeat).where(Heartbeat.name == "sweep").values(at=Heartbeat.at - timedelta(minutes=5))
        )
        beat(session, "audit", alert="trial_balance: 1")
    code, found = diagnose()
    assert code == 1
    assert [sentence.split(":")[0] for sentence in found["bad"]] == ["beat", "audit"]


def test_an_old_schema(healthy: Stack) -> None:
    with transaction() as session:
        newest = session.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    try:
        code, found = diagnose()
    finally:
        with transaction() as session:
            session.execute(text("UPDATE alembic_version SET version_num = :newest"), {"newest": newest})
    assert code == 1
    assert "Run `planshift migrate`" in found["bad"][0]


def test_a_host_that_is_away(healthy: Stack) -> None:
    play = Play.of(healthy)
    with transaction() as session:
        session.execute(
            text("UPDATE connections SET base_url = 'http://127.0.0.1:9' WHERE kind = 'host' AND provider_id = :p"),
            {"p": play.provider(session).id},
        )
    code, found = diagnose()
    assert code == 1
    assert any("The host at http://127.0.0.1:9 does not answer" in sentence for sentence in found["bad"])
    with transaction() as session:
        session.execute(
            text("UPDATE connections SET base_url = :u WHERE base_url = 'http://127.0.0.1:9'"),
            {"u": healthy.addresses.host},
        )


def test_without_a_broker_the_rest_is_checked(healthy: Stack) -> None:
    with environment(dict(os.environ) | {"PLANSHIFT_BROKER_URL": "redis://127.0.0.1:9/0"}):
        code, found = diagnose()
    assert code == 1
    assert len(found["bad"]) == 1
    assert found["bad"][0].startswith("broker: Could not be looked at")
    assert any(sentence.startswith("beat:") for sentence in found["ok"])
