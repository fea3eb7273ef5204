"""planshift doctor finds what is wrong, says what to do, and goes on checking."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Barrier, Thread

import pytest
from redis import Redis
from sqlalchemy import select, text, update
from starlette.testclient import TestClient
from typer.testing import CliRunner

from cli.main import app
from domain.money import Money
from engine.audit.watch import troubles
from local.stack import Stack
from models.base import WrongSecretKey
from models.database import transaction
from models.heartbeat import AUDITS, Heartbeat, beat
from models.inbox import keep_refused
from settings import settings
from tests.conftest import METRICS_KEY, Running, environment
from tests.support.play import Play
from tests.support.waiting import until
from web.app import create_app
from worker.app import QUEUES
from worker.entry import SIGN_OF_LIFE

METRICS = {"Authorization": f"Bearer {METRICS_KEY}"}
SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="


def diagnose() -> tuple[int, dict[str, list[str]]]:
    """The exit code, and the sentences by grade."""
    result = CliRunner().invoke(app, ["doctor", "--json"])
    found: dict[str, list[str]] = {"ok": [], "warning": [], "bad": []}
    for one in json.loads(result.stdout):
        found[one["grade"]].append(f"{one['about']}: {one['sentence']}")
    return result.exit_code, found


@pytest.fixture
def healthy(own_database: tuple[Stack, dict[str, str]]) -> Iterator[Stack]:
    stack, variables = own_database
    with environment(variables):
        with transaction() as session:
            beat(session, "sweep")
            for name in AUDITS:
                beat(session, name, alert="")
            for queue in QUEUES:
                beat(session, f"queue:{queue}")
        yield stack


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
        for name in AUDITS:
            beat(session, name, alert=f"something of {name}: 1")
    code, found = diagnose()
    assert code == 1
    assert found["bad"][0].startswith("beat:")
    assert found["bad"][1:] == [f"audit: It found violations: something of {name}: 1" for name in AUDITS]


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


@pytest.mark.parametrize(
    ("seconds", "grade", "sentence"),
    [
        (1, "ok", "entry: 7 messages of frontends wait to be carried over."),
        (70, "bad", "entry: `planshift entry` was last seen 70 s ago; what frontends send waits. Start it again."),
    ],
)
def test_frontends_whose_requests_nobody_carries_over(
    healthy: Stack, monkeypatch: pytest.MonkeyPatch, seconds: int, grade: str, sentence: str
) -> None:
    monkeypatch.setattr("worker.entry.time.time", lambda: 1_800_000_000.0)
    with Redis.from_url(settings().require_broker_url()) as broker:
        broker.set(SIGN_OF_LIFE, json.dumps({"at": 1_800_000_000.0 - seconds, "waiting": 7}))
        try:
            _, found = diagnose()
        finally:
            broker.delete(SIGN_OF_LIFE)
    assert sentence in found[grade]


def test_a_queue_that_no_worker_takes_from(healthy: Stack) -> None:
    with transaction() as session:
        silent = Heartbeat.name == "queue:outside"
        session.execute(update(Heartbeat).where(silent).values(at=Heartbeat.at - timedelta(minutes=1)))
    code, found = diagnose()
    assert code == 1
    assert found["bad"] == ["outside: No worker takes from outside. Start `planshift worker --queues outside`."]
    with TestClient(create_app()) as client:
        assert (
            'planshift_trouble{kind="no_worker",subject="outside"} 1.0' in client.get("/metrics", headers=METRICS).text
        )


def test_hosts_that_answer_with_errors_are_asked_side_by_side(healthy: Stack) -> None:
    """Each answers only while the other one is asked, too, and each provider is told of its own."""
    both_asked = Barrier(2)
    statuses = (502, 504)
    with ExitStack() as running:
        urls = [running.enter_context(_failing(status, both_asked)) for status in statuses]
        plays = [Play.of(healthy) for _ in urls]
        with transaction() as session:
            for play, url in zip(plays, urls, strict=True):
                own = {"u": url, "p": play.provider(session).id}
                move = text("UPDATE connections SET base_url = :u WHERE kind = 'host' AND provider_id = :p")
                session.execute(move, own)
        code, found = diagnose()
    with transaction() as session:
        back = {"u": urls, "h": healthy.addresses.host}
        session.execute(text("UPDATE connections SET base_url = :h WHERE base_url = ANY(:u)"), back)
    assert code == 1
    assert set(found["bad"]) == {
        f"{play.slug}: The host at {url} answers with {status}."
        for play, url, status in zip(plays, urls, statuses, strict=True)
    }


@contextmanager
def _failing(status: int, together: Barrier) -> Iterator[str]:
    """A host that answers with this status once all others are asked; its address."""

    class Failing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            together.wait(2)
            self.send_error(status)

    with HTTPServer(("127.0.0.1", 0), Failing) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_gateway_whose_webhooks_are_all_refused(healthy: Stack) -> None:
    play = Play.of(healthy)
    with transaction() as session:
        connection = play.gateway(session).id
        values: dict[str, str | bytes] = {"reason": "no signature fits", "headers": "", "body_start": b"{}"}
        keep_refused(session, connection, 0, values)
    sentence = f"{play.slug}: Webhooks of standard are refused, and none was believed since: no signature fits"
    assert any(sentence in warning for warning in diagnose()[1]["warning"])
    change_id = play.until_awaiting_payment("start")
    play.process(play.report(play.attempts(change_id)[-1].id, Money(373, "JPY")))
    assert not any(sentence in warning for warning in diagnose()[1]["warning"])


def test_another_secret_key_than_the_one_that_encrypted(healthy: Stack) -> None:
    play = Play.of(healthy)
    with environment(dict(os.environ) | {"PLANSHIFT_SECRET_KEY": "another"}), TestClient(create_app()) as client:
        code, found = diagnose()
        with transaction() as session:
            watched = {one.kind: one.sentence for one in troubles(session, ())}
        ready = client.get("/readyz")
        webhook = client.post(f"/webhooks/standard/{play.slug}", content=b"{}")
        host = CliRunner().invoke(app, ["connect", "host", play.slug, "--url", "http://h.invalid", "--secret", SECRET])
    assert code == 1
    assert any("is not the key that encrypted" in sentence for sentence in found["bad"])
    assert "is not the key that encrypted" in watched["secret_key"], "the metrics and the log say it, too"
    assert (ready.status_code, ready.json()["code"]) == (503, "wrong_secret_key")
    assert (webhook.status_code, webhook.json()["code"]) == (503, "wrong_secret_key")
    assert isinstance(host.exception, WrongSecretKey)


def test_a_real_worker_says_which_queues_it_takes_from(running: Running) -> None:
    def alive() -> bool | None:
        with transaction() as session:
            names = session.scalars(
                select(Heartbeat.name).where(Heartbeat.at > text("clock_timestamp() - interval '30 s'"))
            )
            return {f"queue:{queue}" for queue in QUEUES} <= set(names) or None

    until(alive, "a sign of life for every queue", 40)
