"""The audit of a long history: every row is looked at, and no more than a batch of them is in memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
from sqlalchemy import event, text

from engine.audit import documents as document_checks
from engine.audit.checks import NAMED_MAX, audit_books, providers_to_audit
from engine.audit.documents import audit_documents
from local.stack import Stack
from models.database import engine, snapshot, transaction
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
