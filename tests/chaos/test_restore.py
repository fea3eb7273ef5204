"""The database server is lost in mid-flow. From the base backup and the archived WAL a new one comes up, the broker
is empty, and every change finishes; the gateway is asked again for what happened after the last archived moment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta

import pytest
from redis import Redis
from sqlalchemy import select, update

from engine import asking
from engine.audit import audit_books, providers_to_audit
from local.folders import temporary_folder
from local.stack import Stack
from models.database import engine, snapshot, transaction
from models.inbox import InboxEvent
from models.migrate import migrate
from models.outbox import OutboxMessage
from models.plan_change import PlanChange
from models.provider import Connection
from settings import settings
from tasks.run import outside
from tests.chaos.backups import Archived
from tests.conftest import environment
from tests.steps.play import Play


@pytest.fixture
def archived(servers: Stack) -> Iterator[Archived]:
    with temporary_folder("restore") as folder:
        archived = Archived(folder)
        with environment(dict(os.environ) | {"PLANSHIFT_DATABASE_URL": archived.server.url}):
            migrate()
            yield archived
            engine().dispose()
        archived.server.stop()


def go_on(play: Play, change_ids: list[str]) -> None:
    """What the sweep would ring for, until nothing moves: the events of the gateway, then each step."""
    with transaction() as session:
        connection_id = play.gateway(session).id
    for _ in range(3):
        outside(asking.list_events, Connection, connection_id)
        with transaction() as session:
            query = select(InboxEvent.id).where(InboxEvent.provider_id == play.provider(session).id)
            events = session.scalars(query.where(InboxEvent.status != "processed")).all()
        for event_id in events:
            play.process(event_id)
        for change_id in change_ids:
            play.steps("quote issue print request_payment settle apply print", change_id)
    for change_id in change_ids:
        play.deliver_mails(change_id)


@pytest.mark.parametrize("with_tail", [True, False], ids=["old disk at hand", "archive alone"])
def test_restored_and_everything_finishes(archived: Archived, servers: Stack, with_tail: bool) -> None:
    plays = [Play.of(servers) for _ in range(3)]
    early, paying, late = plays
    changes = {early.slug: early.until_awaiting_payment("business")}
    archived.back_up()
    changes[paying.slug] = paying.until_awaiting_payment("start")
    changes[late.slug] = late.request("start")
    archived.archive_all()
    # After the last archived segment: a customer pays, and one change is settled and applied.
    early.press_pay(changes[early.slug])
    go_on(early, [changes[early.slug]])
    assert early.change(changes[early.slug]).status == "applied"
    late.steps("quote issue", changes[late.slug])

    archived.server.kill()
    new = archived.restore(with_tail)
    with Redis.from_url(settings().require_broker_url()) as broker:
        broker.flushall()
    with environment(dict(os.environ) | {"PLANSHIFT_DATABASE_URL": new.url}):
        try:
            _check(plays, changes, with_tail)
        finally:
            engine().dispose()
            new.stop()


def _check(plays: list[Play], changes: dict[str, str], with_tail: bool) -> None:
    early = plays[0]
    status = early.change(changes[early.slug]).status
    assert status == ("applied" if with_tail else "awaiting_payment"), "what the archive has not is not there"
    with transaction() as session:
        session.execute(update(PlanChange).values(lease_until=None))
        session.execute(update(OutboxMessage).values(lease_until=None))
    for play in plays:
        go_on(play, [changes[play.slug]])
        if play is not early:
            play.press_pay(changes[play.slug])
            go_on(play, [changes[play.slug]])
        assert play.change(changes[play.slug]).status == "applied"
    with snapshot() as session:
        for play in plays:
            findings = audit_books(session, providers_to_audit(session, play.slug), timedelta(hours=1))
            assert {f.name: f.rows for f in findings if not f.holds} == {}
