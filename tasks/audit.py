"""The nightly look at every promise. What is broken is logged as an error, which operators are called for."""

from __future__ import annotations

import logging

from celery import shared_task

from engine.audit.checks import (
    alert_of,
    ask_hosts,
    audit_books,
    host_finding,
    providers_to_audit,
    questions_for_hosts,
)
from engine.audit.documents import audit_documents, documents_to_read
from models.database import snapshot, transaction
from models.heartbeat import beat
from tasks.story import ring_step

log = logging.getLogger(__name__)


@shared_task(name="audit.books")
def books() -> str:
    with snapshot() as session:
        providers = providers_to_audit(session)
        findings = audit_books(session, providers)
        stored = documents_to_read(session, providers)
    alert = alert_of([*findings, *audit_documents(stored)])
    _tell("audit", alert)
    ring_step("audit.hosts", after="0")
    return alert


@shared_task(name="audit.hosts")
def hosts(after: str) -> str:
    """One batch of services; rings for the next one."""
    with snapshot() as session:
        questions = questions_for_hosts(session, providers_to_audit(session), after)
    answers = ask_hosts(questions)
    with transaction() as session:
        alert = alert_of([host_finding(session, answers)])
    _tell("audit_hosts", alert)
    if questions:
        ring_step("audit.hosts", after=answers.last_id)
    return alert


def _tell(name: str, alert: str) -> None:
    with transaction() as session:
        beat(session, name, alert=alert)
    if alert:
        log.error("the audit found broken promises: %s", alert)
