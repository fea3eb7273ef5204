"""The database server is lost in mid-flow. From the base backup and the archived WAL a new one comes up, the broker
is empty, and every change finishes; what happened at the gateway after the last archived moment is fetched again, and
a number that went out after it is never given again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import timedelta

import pytest
from redis import Redis
from sqlalchemy import select, update
from typer.testing import CliRunner

from cli.main import app
from domain.money import Money
from engine.audit.checks import audit_books, providers_to_audit
from engine.payments import reconciliation
from local.folders import temporary_folder
from local.stack import Stack
from models import storage
from models.database import engine, snapshot, transaction
from models.inbox import InboxEvent
from models.invoice import document_of
from models.migrate import migrate
from models.outbox import OutboxMessage
from models.payment import Payment
from models.plan_change import PlanChange
from models.provider import Connection
from settings import settings
from tasks.run import external_step
from tests.chaos.backups import Archived
from tests.conftest import environment
from tests.support.play import Play


@pytest.fixture
def archived(servers: Stack) -> Iterator[Archived]:
    with temporary_folder("restore") as folder:
        archived = Archived(folder)
        own = {"PLANSHIFT_DATABASE_URL": archived.server.url, "PLANSHIFT_DOCUMENT_URL": str(folder / "documents")}
        with environment(dict(os.environ) | own):
            migrate()
            yield archived
            engine().dispose()
        archived.server.stop()


def go_on(play: Play, change_ids: list[str]) -> None:
    """What the sweep would enqueue, until nothing moves: the events of the gateway, then each step."""
    with transaction() as session:
        connection_id = play.gateway(session).id
    for _ in range(3):
        external_step(reconciliation.list_page, Connection, connection_id)
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
    # After the last archived segment: a customer pays, and one change is settled, printed and applied.
    early.press_pay(changes[early.slug])
    go_on(early, [changes[early.slug]])
    assert early.change(changes[early.slug]).status == "applied"
    went_out = document_of_change(early, changes[early.slug])
    late.steps("quote issue", changes[late.slug])

    archived.server.kill()
    new = archived.restore(with_tail)
    with Redis.from_url(settings().require_broker_url()) as broker:
        broker.flushall()
    with environment(dict(os.environ) | {"PLANSHIFT_DATABASE_URL": new.url}):
        try:
            _put_right(early, changes[early.slug], went_out, with_tail)
            _finish(plays, changes)
            _check_numbers_and_money(early, changes[early.slug], went_out, with_tail)
        finally:
            engine().dispose()
            new.stop()


def document_of_change(play: Play, change_id: str) -> str:
    """The digest of the printed invoice, the first of its series."""
    invoice = play.invoice(change_id)
    assert invoice.number == "DNS-2027-000001"
    with transaction() as session:
        document = document_of(session, invoice.id, "invoice")
    assert document is not None
    return document.sha256


def _put_right(early: Play, change_id: str, went_out: str, with_tail: bool) -> None:
    """What docs/backups.md says to run before anything is started, twice: the second time there is nothing to do."""
    status = early.change(change_id).status
    assert status == ("applied" if with_tail else "awaiting_payment"), "what the archive has not is not there"
    gap = {"provider": early.slug, "kind": "invoice", "year": 2027, "first": 1, "last": 1}
    lost = {
        "number": "DNS-2027-000001",
        "issued_on": "2027-07-17",
        "invoice": early.invoice(change_id).id,
        "sha256": went_out,
    }
    for expected in ([] if with_tail else [gap | {"documents": [lost]}], []):
        arguments = ["after-restore", "--actor", "ana", "--reason", "the disk is lost", "--json"]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["gaps"] == expected


def _finish(plays: list[Play], changes: dict[str, str]) -> None:
    early = plays[0]
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


def _check_numbers_and_money(early: Play, change_id: str, went_out: str, with_tail: bool) -> None:
    """15 of 31 days of business for basic: ¥1,331, paid once at the gateway, booked once."""
    invoice = early.invoice(change_id)
    assert invoice.number == ("DNS-2027-000001" if with_tail else "DNS-2027-000002")
    with transaction() as session:
        document = document_of(session, invoice.id, "invoice")
        payments = session.scalars(select(Payment).where(Payment.provider_id == invoice.provider_id)).all()
    assert document is not None
    assert (document.sha256 == went_out) is with_tail
    assert storage.get(went_out), "what the customer has is kept"
    assert [(payment.kind, payment.amount) for payment in payments] == [("payment", Money(1331, "JPY"))]
