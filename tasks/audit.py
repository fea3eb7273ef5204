"""The nightly check of every invariant. A violation is logged as an error, which operators are called for."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from celery import shared_task

from engine.audit.checks import (
    alert_of,
    audit_books,
    audits_alone,
    compare_hosts,
    host_result,
    providers_to_audit,
    services_to_compare,
)
from engine.audit.documents import BATCH, Reading, Stored, audit_documents, documents_to_read
from models.database import snapshot, transaction
from models.heartbeat import beat, finish
from tasks.story import enqueue_task

log = logging.getLogger(__name__)


# Where reading documents, and asking hosts, begins.
NEWEST, FIRST = "newest", "0"


@shared_task(name="audit.books")
def books() -> str:
    """What the database alone can tell. It may take longer than a broker waits for it, so that its message comes back
    meanwhile: a second copy returns at once."""
    with snapshot() as session:
        if not audits_alone(session):
            return ""
        alert = alert_of(audit_books(session, providers_to_audit(session)))
    _record("audit", alert)
    enqueue_task("audit.documents", before=NEWEST)
    enqueue_task("audit.hosts", after=FIRST)
    return alert


@shared_task(name="audit.documents")
def read_documents(before: str) -> str:
    """One batch of documents, those older than `before`; enqueues the next one. What was found stays until the next
    night."""
    with snapshot() as session:
        batch = documents_to_read(session, providers_to_audit(session), None if before == NEWEST else before)
    reading = Reading(batch)
    alert = alert_of(audit_documents(reading))
    _record_batch("audit_documents", alert, is_last=not batch)
    if batch:
        enqueue_task("audit.documents", before=reading.last_id)
    return alert


def documents(providers: list[str]) -> Iterator[Stored]:
    """Every document of these providers, newest first. No transaction is open while one of them is read from its
    store, and no more than a batch of them is in memory."""
    before: str | None = None
    while True:
        with snapshot() as session:
            batch = documents_to_read(session, providers, before)
        yield from batch
        if len(batch) < BATCH:
            return
        before = batch[-1].document_id


@shared_task(name="audit.hosts")
def hosts(after: str) -> str:
    """One batch of services, those after `after`; enqueues the next one. What a batch found stays until the next
    night."""
    with snapshot() as session:
        expected = services_to_compare(session, providers_to_audit(session), after)
    answers = compare_hosts(expected)
    with transaction() as session:
        alert = alert_of([host_result(session, answers)])
    _record_batch("audit_hosts", alert, is_last=not expected)
    if expected:
        enqueue_task("audit.hosts", after=answers.last_id)
    return alert


def _record(name: str, alert: str) -> None:
    with transaction() as session:
        beat(session, name, alert=alert)
    if alert:
        log.error("the audit found violations: %s", alert)


def _record_batch(name: str, alert: str, is_last: bool) -> None:
    """What a batch found stays; the last one leaves the sign that it came to its end."""
    if alert:
        _record(name, alert)
    if is_last:
        with transaction() as session:
            finish(session, name, since="audit")
