"""The audit of a long history: every row is looked at, and no more than a batch of them is in memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
from sqlalchemy import event, text

import tasks.audit
from engine.audit import documents as document_checks
from engine.audit.checks import NAMED_MAX, audit_books, providers_to_audit
from engine.audit.documents import audit_documents
from local.stack import Stack
from models.database import engine, snapshot, transaction
from models.heartbeat import Heartbeat, beat
from tasks.audit import documents
from tests.conftest import environment
from tests.support.play import Play

# Documents whose bytes are in no store: each of them is a violation.
LOST = 4_000
MEGABYTE = 1_000_000
T = TypeVar("T")
HISTORY = (
    """INSERT INTO renewals (id, provider_id, service_id, plan, period_start, period_end, renewed_at)
    SELECT 'rnw_a' || n, provider_id, id, plan, period_start - n * interval '30 days',
        period_end - n * interval '30 days', period_start - n * interval '30 days'
    FROM services, generate_series(1, :count) n WHERE id = :service""",
    """INSERT INTO invoices (id, provider_id, customer_id, service_id, renewal_id, kind, currency, net_minor, tax_minor,
        total_minor, credit_applied_minor, due_minor, content, issued_at, due_at, number, numbered_on, settled_at,
        rounding_minor)
    SELECT 'inv' || substr(r.id, 4), r.provider_id, s.customer_id, s.id, r.id, 'invoice', 'JPY', 500, 50, 550, 0, 550,
        '{}', r.renewed_at, r.renewed_at, r.id, CAST(r.renewed_at AS date), r.renewed_at, 0
    FROM renewals r JOIN services s ON s.id = r.service_id WHERE s.id = :service""",
    """INSERT INTO documents (id, invoice_id, kind, sha256, size_bytes, renderer_version)
    SELECT 'doc' || substr(id, 4), id, 'invoice', repeat('0', 64), 1, 'test' FROM invoices
    WHERE service_id = :service AND renewal_id IS NOT NULL""",
)


@pytest.fixture(scope="module")
def _long(own_database: tuple[Stack, dict[str, str]]) -> Iterator[tuple[Play, dict[str, str]]]:
    stack, variables = own_database
    with environment(variables):
        play = Play.of(stack)
        play.until_paid("start", 373)
        with transaction() as session:
            values = {"service": play.service(session).id, "count": LOST}
            for statement in HISTORY:
                session.execute(text(statement), values)
        yield play, variables


@pytest.fixture
def long(_long: tuple[Play, dict[str, str]]) -> Iterator[Play]:
    play, variables = _long
    with environment(variables):
        yield play


def _peak(do: Callable[[], T]) -> tuple[T, int]:
    """What it returns, and how many bytes it had in use at once at most."""
    tracemalloc.start()
    try:
        return do(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _provider(play: Play) -> str:
    with transaction() as session:
        return play.provider(session).id


def test_every_document_is_read_a_batch_at_a_time(long: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """4,001 documents, of which the proforma of the one upgrade is in its store: 4,000 are lost, and twenty of them are
    named."""
    monkeypatch.setattr(document_checks, "PRINTED_AGAIN", 0)  # the rows of this history print nothing
    provider = _provider(long)
    results, bytes_ = _peak(lambda: audit_documents(documents([provider])))
    lost = {result.name: result.count for result in results}
    assert lost == {"documents_are_as_printed": LOST, "documents_print_again": 0}
    assert [len(result.rows) for result in results] == [NAMED_MAX, 0]
    assert bytes_ < 3 * MEGABYTE


def test_each_batch_goes_on_where_the_last_one_ended(long: Play) -> None:
    stored = [one.document_id for one in documents([_provider(long)])]
    assert len(stored) == LOST + 1
    assert stored == sorted({*stored}, reverse=True), "newest first, each once"


def test_what_is_violated_is_counted_and_not_held(long: Play) -> None:
    """Of the 4,000 invoices none has lines, number or postings as it should; twenty of each are named, and the database
    sends no more."""
    sent = list[int]()

    def note(_connection: Any, cursor: Any, *_: Any) -> None:
        sent.append(cursor.rowcount)

    with snapshot() as session:
        providers = providers_to_audit(session)
        event.listen(engine(), "after_cursor_execute", note)
        results = audit_books(session, providers)
        event.remove(engine(), "after_cursor_execute", note)
    found = {result.name: (result.count, len(result.rows)) for result in results if result.count}
    assert found["invoices_add_up"] == found["settled_invoices_are_earned"] == (LOST, NAMED_MAX)
    assert max(sent) == NAMED_MAX


class Night:
    """Documents as the tasks of one night read them, each where the one before stopped: `alerts` are their findings."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with transaction() as session:
            beat(session, "audit", alert="")  # the books were read first
        self.waiting = ["newest"]
        self.alerts: list[str] = []
        monkeypatch.setattr(tasks.audit, "enqueue_task", lambda _, before: self.waiting.append(before))
        monkeypatch.setattr(document_checks, "PRINTED_AGAIN", 0)

    def run(self, most: int = 100) -> list[str]:
        while self.waiting and len(self.alerts) < most:
            self.alerts.append(tasks.audit.read_documents(self.waiting.pop()))
        return self.alerts

    @property
    def lost(self) -> int:
        return sum(
            int(alert.split(",")[0].removeprefix("documents_are_as_printed: ")) for alert in self.alerts if alert
        )


def test_the_nights_tasks_read_every_document(long: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """4,001 documents, 500 in a task."""
    night = Night(monkeypatch)
    assert len(night.run()) == 10, "the last one finds none"
    assert (night.lost, night.waiting) == (LOST, [])
    with transaction() as session:
        assert "documents_are_as_printed" in session.get_one(Heartbeat, "audit_documents").details["alert"]
    monkeypatch.setattr(tasks.audit, "audit_documents", lambda reading: [*map(str, reading)][:0])
    next_night = Night(monkeypatch)  # in which none is missing
    next_night.run(most=9)
    with transaction() as session:
        assert session.get_one(Heartbeat, "audit_documents").details["alert"] != "", "it has not come to its end"
    next_night.run()
    with transaction() as session:
        assert session.get_one(Heartbeat, "audit_documents").details["alert"] == ""


def test_a_slow_store_ends_no_task(long: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is time for one document in each task: the next one has the one behind it."""
    monkeypatch.setattr(document_checks, "SECONDS", 0)
    night = Night(monkeypatch)
    newest = [one.document_id for one, _ in zip(documents([_provider(long)]), range(5), strict=False)]
    read = list[str]()
    for count in range(1, 6):
        night.run(most=count)
        read += night.waiting
    assert read == newest
