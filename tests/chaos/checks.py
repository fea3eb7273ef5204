"""After any chaos: every story ended once, nothing was lost, nothing happened twice, nothing is overdue."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import func, select

from cli.audit import compare_all_hosts
from engine.audit.checks import InvariantResult, audit_books, providers_to_audit
from engine.audit.documents import audit_documents
from models.database import snapshot
from models.invoice import Document, Invoice
from models.ledger import LedgerTransaction
from models.outbox import OutboxMessage
from models.plan_change import ChangeMove, PlanChange
from models.provider import provider_by_slug
from tasks.audit import documents
from tests.chaos.environment import ChaosStack, wait_for
from tests.chaos.story import StoryRun
from tests.support import loopback
from tests.support.waiting import NotInTime


@dataclass
class Verdict:
    """Sentences, by what went wrong. `repeated_mails` is allowed: the same Message-ID twice."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    repeated_mails: int = 0

    @property
    def holds(self) -> bool:
        return not (self.lost or self.doubled or self.stuck or self.broken)

    def __str__(self) -> str:
        parts = {"lost": self.lost, "doubled": self.doubled, "stuck": self.stuck, "broken": self.broken}
        return "\n".join(f"{name}: {sentence}" for name, found in parts.items() for sentence in found)


def judge(chaos_stack: ChaosStack, story_runs: list[StoryRun]) -> Verdict:
    """Waits until nothing is pending, then checks everything."""
    verdict = Verdict()
    slugs = [story_run.provider.provider for story_run in story_runs]
    try:
        wait_for(lambda: None if violations(slugs) or _unsent(slugs) else True, "all pending work to end", seconds=60)
    except NotInTime:
        verdict.broken += [f"{f.name}: {row.row_id} {row.what}" for f in violations(slugs) for row in f.rows]
    with snapshot() as session:
        providers = [id for slug in slugs for id in providers_to_audit(session, slug)]
    verdict.broken += [f"{f.name}: {row.what}" for f in audit_documents(documents(providers)) for row in f.rows]
    hosts, _ = compare_all_hosts(providers)
    verdict.broken += [f"host: {row.what}" for row in hosts.rows]
    for story_run in story_runs:
        _judge_changes(story_run, verdict)
        _judge_money(story_run, verdict)
        _judge_notices(chaos_stack, story_run, verdict)
        _judge_hosts(story_run, verdict)
    return verdict


def violations(slugs: list[str]) -> list[InvariantResult]:
    """What the audit finds when nothing may be pending for longer than a few seconds."""
    with snapshot() as session:
        providers = [id for slug in slugs for id in providers_to_audit(session, slug)]
        findings = audit_books(session, providers, patience=timedelta(seconds=0))
    return [finding for finding in findings if not finding.holds]


def _unsent(slugs: list[str]) -> int:
    """Notices that are still to be sent: one whose worker died waits for the end of its lease, and is not due."""
    with snapshot() as session:
        providers = [id for slug in slugs for id in providers_to_audit(session, slug)]
        waiting = OutboxMessage.provider_id.in_(providers), OutboxMessage.sent_at.is_(None)
        return session.scalar(select(func.count()).select_from(OutboxMessage).where(*waiting)) or 0


def _judge_changes(story_run: StoryRun, verdict: Verdict) -> None:
    with snapshot() as session:
        provider = provider_by_slug(session, story_run.provider.provider)
        assert provider is not None
        rows = session.execute(
            select(PlanChange.id, PlanChange.status).where(
                PlanChange.provider_id == provider.id, PlanChange.reverses_id.is_(None)
            )
        )
        statuses = {row.id: row.status for row in rows}
        moves = session.execute(
            select(ChangeMove.change_id, ChangeMove.event, ChangeMove.to_status, func.count())
            .join(PlanChange, PlanChange.id == ChangeMove.change_id)
            .where(PlanChange.provider_id == provider.id)
            .group_by(ChangeMove.change_id, ChangeMove.event, ChangeMove.to_status)
            .having(func.count() > 1)
        ).all()
    for change_id, expected in story_run.statuses.items():
        reached = statuses.get(change_id)
        if reached != expected:
            (verdict.stuck if reached == "stuck" else verdict.lost).append(f"{change_id} is {reached}, not {expected}")
    if story_run.statuses:  # a story that did not end is reported already
        more = set(statuses) - set(story_run.statuses)
        verdict.doubled += [f"{change_id}: a request made a second change" for change_id in more]
    verdict.doubled += [f"{row[0]} moved {row[3]} times to {row[2]}" for row in moves if row[1] != "retry"]


def _judge_money(story_run: StoryRun, verdict: Verdict) -> None:
    with snapshot() as session:
        provider = provider_by_slug(session, story_run.provider.provider)
        assert provider is not None
        booked = session.scalar(
            select(func.count()).where(
                LedgerTransaction.provider_id == provider.id, LedgerTransaction.source_kind == "payment"
            )
        )
        invoices = session.scalars(select(Invoice).where(Invoice.provider_id == provider.id)).all()
        documents = session.execute(
            select(Document.invoice_id, Document.kind)
            .join(Invoice, Invoice.id == Document.invoice_id)
            .where(Invoice.provider_id == provider.id)
        ).all()
        made = Counter(invoice.service.ref for invoice in invoices)
    if booked != story_run.payments:
        found = verdict.lost if (booked or 0) < story_run.payments else verdict.doubled
        found.append(f"{story_run.provider.provider}: {story_run.payments} payments were made, {booked} are booked")
    for ref, expected in story_run.invoices.items():
        if made[ref] != expected:
            (verdict.lost if made[ref] < expected else verdict.doubled).append(f"{ref} has {made[ref]} invoices")
    printed = {(row.invoice_id, row.kind) for row in documents}
    for invoice in invoices:
        if invoice.document_kind and not invoice.voided_at and (invoice.id, invoice.document_kind) not in printed:
            verdict.lost.append(f"{invoice.id} has no {invoice.document_kind}")


def _judge_notices(chaos_stack: ChaosStack, story_run: StoryRun, verdict: Verdict) -> None:
    """Each row of the outbox came, under one Message-ID; a crash may repeat a mail, never make a second one of it."""
    with snapshot() as session:
        provider = provider_by_slug(session, story_run.provider.provider)
        assert provider is not None
        rows = session.scalars(select(OutboxMessage).where(OutboxMessage.provider_id == provider.id)).all()
    for address in {row.recipient for row in rows}:
        url = f"{chaos_stack.stack.addresses.mail}/mails"
        mails = loopback.get(url, params={"to": address}).json()
        came = Counter(mail["message_id"].strip("<>").split("@")[0] for mail in mails)
        ours = {row.id for row in rows if row.recipient == address}
        verdict.lost += [f"the mail {id} to {address} did not come" for id in ours - set(came)]
        verdict.repeated_mails += sum(count - 1 for id, count in came.items() if id in ours)


def _judge_hosts(story_run: StoryRun, verdict: Verdict) -> None:
    """One key has one effect: the host carried out each order once, however often it was sent."""
    for ref, plan in story_run.plans.items():
        hosted = story_run.provider.hosted(ref)
        if hosted["plan"] != plan:
            verdict.lost.append(f"{ref} has {hosted['plan']} at the host, not {plan}")
    url = f"{story_run.provider.ready['host']}/_orders/{story_run.provider.provider}"
    orders = loopback.get(url).json()["orders"]
    done = {(order["key"], str(order["order"])) for order in orders if order["status"] == 200}
    for key, count in Counter(key for key, _ in done).items():
        if count > 1:
            verdict.doubled.append(f"the key {key} came with two orders")
