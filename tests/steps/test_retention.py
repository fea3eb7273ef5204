"""What grows for ever is kept for so many days; what money, law or an operator stands on is kept for good."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from domain.lifecycle import InboxStatus
from domain.money import Money
from engine.audit.checks import audit_books
from engine.jobs import retention
from engine.jobs.retention import ContentsDeleted
from engine.notifications import notices
from engine.offers import quote_change
from engine.operators.mails import send_again
from engine.operators.replay import replay_event
from local.stack import Stack
from models.audit import Attribution
from models.database import snapshot, transaction
from models.inbox import InboxEvent
from models.invoice import Document, StoredQuote
from models.outbox import OutboxMessage
from models.plan_change import lock_change
from models.rejected import RejectedMessage, keep_rejected
from settings import settings
from tasks.retention import delete_old
from tests.support.play import NOON_17_JULY, Play

WHEN: dict[Any, tuple[str, Callable[[], int]]] = {
    InboxEvent: ("recorded_at", lambda: settings().keep_event_bodies_days),
    OutboxMessage: ("sent_at", lambda: settings().keep_mails_days),
    StoredQuote: ("created_at", lambda: settings().keep_quotes_days),
    RejectedMessage: ("recorded_at", lambda: settings().keep_rejected_days),
}
BECAUSE = Attribution("ana", "it is not there")


@pytest.fixture
def play(servers: Stack) -> Play:
    return Play.of(servers)


def is_as_old(row: Any, *which: Any, more: timedelta = timedelta(minutes=1)) -> None:
    """These rows are as old as the setting says, and a little more."""
    column, days = WHEN[row]
    age = timedelta(days=days()) + more
    with transaction() as session:
        session.execute(update(row).where(*which).values({column: func.clock_timestamp() - age}))


def event_of(play: Play) -> InboxEvent:
    with transaction() as session:
        return session.scalars(select(InboxEvent).where(InboxEvent.connection_id == play.gateway(session).id)).one()


def test_what_a_gateway_sent_is_deleted_and_the_same_event_stays_the_same(play: Play) -> None:
    change_id = play.until_awaiting_payment("start")
    told = (play.attempts(change_id)[-1].id, Money(373, "JPY"), "payment.succeeded", "evt_1")
    play.process(play.report(*told))
    before, ours = event_of(play), InboxEvent.id == event_of(play).id
    is_as_old(InboxEvent, ours, more=-timedelta(minutes=1))
    delete_old()
    assert event_of(play).body == before.body, "a minute too young"
    is_as_old(InboxEvent, ours)
    delete_old()
    after = event_of(play)
    assert (after.body, after.body_sha256, after.status) == (b"", before.body_sha256, "processed")
    play.report(*told)
    assert (event_of(play).deliveries, event_of(play).conflicting) == (2, False)
    with transaction() as session, pytest.raises(ContentsDeleted, match=f"^{after.id} can no longer be repeated"):
        replay_event(session, NOON_17_JULY, play.provider(session), after.id, BECAUSE)
    assert play.step("settle", change_id) == "paid"
    with snapshot() as session:
        assert [found for found in audit_books(session, [play.provider(session).id]) if not found.holds] == []


def test_an_event_that_is_not_decided_keeps_its_body(play: Play) -> None:
    play.until_paid()
    ours = InboxEvent.id == event_of(play).id
    is_as_old(InboxEvent, ours)
    for status in sorted(set(InboxStatus) - {InboxStatus.PROCESSED, InboxStatus.IGNORED}):
        with transaction() as session:
            session.execute(update(InboxEvent).where(ours).values(status=status))
        delete_old()
        assert event_of(play).body, status


def test_a_mail_that_was_sent_loses_its_words_and_is_not_sent_a_second_time(play: Play) -> None:
    change_id = play.until_paid()
    assert play.steps("apply print", change_id)
    play.deliver_mails(change_id)
    about = OutboxMessage.subject == change_id
    with transaction() as session:
        mails = session.scalars(select(OutboxMessage).where(about)).all()
        assert len(mails) > 1
        assert all(mail.recipient for mail in mails)
        session.execute(update(OutboxMessage).where(OutboxMessage.id == mails[0].id).values(sent_at=None))
    is_as_old(OutboxMessage, about, OutboxMessage.sent_at.is_not(None))
    delete_old()
    with transaction() as session:
        found = select(OutboxMessage).where(about).order_by(OutboxMessage.sent_at.nulls_first())
        unsent, *sent = session.scalars(found)
        assert "" not in (unsent.recipient, unsent.values), "it is still to be sent"
        assert {(mail.recipient, str(mail.values)) for mail in sent} == {("", "{}")}
        with pytest.raises(ContentsDeleted):
            send_again(session, NOON_17_JULY, play.provider(session), sent[0].id, BECAUSE)
    with transaction() as session:
        notices.write(session, lock_change(session, change_id), sent[0].event)
    with transaction() as session:
        assert session.scalar(select(func.count()).where(about)) == len(mails)


def test_a_quote_that_nobody_took_is_deleted_and_one_that_was_taken_is_looked_at_once(play: Play) -> None:
    with transaction() as session:
        asked = [quote_change(session, NOON_17_JULY, play.service(session), plan, "monthly") for plan in ("start",) * 3]
        taken, old, young = [quote.id for quote in asked]
    change_id = play.request("start", quote=taken)
    assert play.steps("quote issue print", change_id) == "invoiced"
    is_as_old(StoredQuote, StoredQuote.id.in_([taken, old]))
    looked_at = [delete_old()["quotes"] for _ in range(2)]
    assert looked_at == [2, 0]
    with transaction() as session:
        left = session.scalars(select(StoredQuote.id).where(StoredQuote.id.in_([taken, old, young]))).all()
        assert set(left) == {taken, young}
        pages = select(func.count()).select_from(Document).where(Document.invoice_id == play.invoice(change_id).id)
        assert session.scalar(pages) == 1


def test_messages_that_were_refused_are_deleted_in_batches(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    with transaction() as session:
        for number in range(5):
            keep_rejected(session, {"number": number}, f"{play.slug} says nothing")
    ours = RejectedMessage.reason.startswith(play.slug)
    is_as_old(RejectedMessage, ours)
    assert [delete_old()["rejected messages"] for _ in range(4)] == [2, 2, 1, 0]
    with transaction() as session:
        assert session.scalar(select(func.count()).where(ours)) == 0
