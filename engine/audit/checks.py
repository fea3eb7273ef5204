"""Whether every invariant holds: the ledger, the documents, each change's history, and what the hosts really have.

`audit_books` reads one snapshot of the database. The hosts are read without a transaction, and what a host says
counts only if its service has not moved on meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from domain.lifecycle import OVER, SETTLED_UNAPPLIED
from engine.accounts.providers import connected_host
from engine.audit.billed_checks import credit_violations
from engine.audit.ending_checks import ENDINGS
from engine.audit.ledger_checks import CHECKS
from models.customer import Service
from models.ending import Ending
from models.payment import PaymentAttempt, Refund
from models.plan_change import PlanChange
from models.provider import Provider
from provisioners.protocol import Host, ProvisionerRefused, ProvisionerUnknown
from provisioners.registry import PROVISIONERS

# A page names so many violations of each invariant; `count` says how many there are.
NAMED_MAX = 20

# Longer than the longest lease, pause and sweep of a healthy day.
PATIENCE = timedelta(minutes=15)

HISTORY = "history_is_a_path"
CREDITS = "credits_are_what_was_billed"
MOVING = (PlanChange, PaymentAttempt, Refund, Service, Ending)
HOSTS = "hosts_have_the_plan"


@dataclass(frozen=True, slots=True)
class Violation:
    """A row that violates an invariant."""

    row_id: str
    what: str


@dataclass(frozen=True, slots=True)
class InvariantResult:
    """One invariant and how many rows violate it; `rows` names the first of them."""

    name: str
    invariant: str
    count: int
    rows: list[Violation]

    @property
    def holds(self) -> bool:
        return self.count == 0


@dataclass(frozen=True, slots=True)
class Report:
    """Every invariant with its violations. `services_compared` counts the services whose host was read."""

    findings: list[InvariantResult]
    services_compared: int = 0

    @property
    def holds(self) -> bool:
        return all(finding.holds for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        return {
            "holds": self.holds,
            "services_compared": self.services_compared,
            "invariants": [asdict(f) for f in self.findings],
        }


def providers_to_audit(session: Session, slug: str | None = None) -> list[str]:
    """Ids of all providers, or of the one of that name."""
    query = select(Provider.id).order_by(Provider.id)
    return list(session.scalars(query.where(Provider.slug == slug) if slug else query))


def audits_alone(session: Session) -> bool:
    """Whether no other transaction audits the books; none does then, until this one ends. Behind a pooler only a lock
    of the transaction is sure to be given back."""
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended("audit.books", 0)))))


def audit_books(session: Session, providers: list[str], patience: timedelta = PATIENCE) -> list[InvariantResult]:
    """Every invariant that the database alone can check. Wants one snapshot (`models.database.snapshot`)."""
    values = {"providers": providers, "patience": patience, "named_max": NAMED_MAX}
    findings = []
    for check in (*CHECKS, ENDINGS):
        # However many are violated, the database counts them and sends those that are named.
        counted = f"SELECT *, count(*) OVER () AS violations FROM ({check.sql}) AS violated LIMIT :named_max"
        found = session.execute(text(counted), values).all()
        rows = [Violation(str(row.row_id), row.what) for row in found]
        findings.append(InvariantResult(check.name, check.invariant, found[0].violations if found else 0, rows))
    invariant = "each credit is what was billed for the time that it gives back, and stands in the rows of its items"
    credits = (Violation(*row) for row in credit_violations(session, providers))
    findings.append(result_of(CREDITS, invariant, credits))
    invariant = "a history is a path of its machine and ends at the status of its row"
    violations = (row for machine in MOVING for row in _history_violations(session, providers, machine))
    findings.append(result_of(HISTORY, invariant, violations))
    return findings


@dataclass(slots=True)
class Tally:
    """Counts violations of an invariant as they are found, and keeps the first of them."""

    name: str
    invariant: str
    count: int = 0
    rows: list[Violation] = field(default_factory=list)

    def add(self, row_id: str, wrong: str | None) -> None:
        """`wrong`: what is wrong with the row, if anything."""
        if wrong is None:
            return
        self.count += 1
        if len(self.rows) < NAMED_MAX:
            self.rows.append(Violation(row_id, wrong))

    def result(self) -> InvariantResult:
        return InvariantResult(self.name, self.invariant, self.count, self.rows)


def result_of(name: str, invariant: str, rows: Iterable[Violation]) -> InvariantResult:
    """An invariant with the rows that violate it."""
    tally = Tally(name, invariant)
    for row in rows:
        tally.add(row.row_id, row.what)
    return tally.result()


def _history_violations(session: Session, providers: list[str], machine: Any) -> Iterator[Violation]:
    history, column = machine.history
    query = (
        select(machine.id, machine.status, history.from_status, history.event, history.to_status)
        .outerjoin(history, getattr(history, column) == machine.id)
        .where(machine.provider_id.in_(providers))
        .order_by(machine.id, history.id)
        .execution_options(yield_per=1000)
    )
    for (row_id, status), rows in groupby(session.execute(query), key=lambda row: (row[0], row[1])):
        wrong = machine.machine.broken_step(status, [tuple(row[2:]) for row in rows])
        if wrong:
            yield Violation(row_id, wrong)


@dataclass(frozen=True, slots=True)
class ExpectedService:
    """What the host should say of a service."""

    service_id: str
    provisioner: str
    host: Host
    ref: str
    plan: str
    limits: dict[str, Any]
    generation: int


@dataclass(slots=True)
class HostComparison:
    """Where the hosts differ: what was expected, and the sentence. `last_id` is the last service that was compared:
    there may have been no time for all of them."""

    compared: int = 0
    last_id: str = ""
    wrong: list[tuple[ExpectedService, str]] = field(default_factory=list)


def services_to_compare(
    session: Session, providers: list[str], after: str = "", limit: int = 500
) -> list[ExpectedService]:
    """One batch of services that a host got an order for and no change is being applied to, by id after `after`."""
    moving = select(PlanChange.service_id).where(PlanChange.status.in_(SETTLED_UNAPPLIED))
    services = session.scalars(
        select(Service)
        .where(
            Service.provider_id.in_(providers),
            Service.generation > 0,
            Service.status.not_in(OVER),  # its host may have forgotten it
            Service.id > after,
            Service.id.not_in(moving),
        )
        .order_by(Service.id)
        .limit(limit)
    )
    connected = {id: host for id in providers if (host := connected_host(session, id)) is not None}
    return [
        ExpectedService(
            service.id, *connected[service.provider_id], service.ref, service.plan, service.limits, service.generation
        )
        for service in services
        if service.provider_id in connected
    ]


def compare_hosts(services: list[ExpectedService], seconds: float = 30.0) -> HostComparison:
    """Reads from each host what each service has, for at most so long. No session: hosts are somebody else's network.

    A host that does not answer is not called again in the same batch.
    """
    comparison, unreachable, deadline = HostComparison(), set[str](), time.monotonic() + seconds
    for expected in services:
        if time.monotonic() > deadline:
            break
        comparison.last_id = expected.service_id
        if expected.host.account in unreachable:
            continue
        comparison.compared += 1
        try:
            wrong = _difference(expected)
        except (ProvisionerUnknown, ProvisionerRefused) as error:
            unreachable.add(expected.host.account)
            wrong = f"{expected.ref}: the host does not say: {error}"
        if wrong:
            comparison.wrong.append((expected, wrong))
    return comparison


def _difference(expected: ExpectedService) -> str | None:
    """What is wrong, if anything. Raises ProvisionerUnknown, ProvisionerRefused."""
    hosted = PROVISIONERS[expected.provisioner].read(expected.host, expected.ref)
    if hosted is None:
        return f"{expected.ref}: the host does not know it, here it has {expected.plan}"
    # A lower generation is one that a refused order took with it; a higher one was not given by us.
    if (hosted.plan, hosted.limits) != (expected.plan, expected.limits) or hosted.generation > expected.generation:
        return (
            f"{expected.ref}: the host says {hosted.plan} {hosted.limits} generation {hosted.generation},"
            f" here it has {expected.plan} {expected.limits} generation {expected.generation}"
        )
    return None


def host_result(session: Session, comparison: HostComparison) -> InvariantResult:
    """Where the hosts differ, for services without a newer order since they were read."""
    still = {
        service.id: (service.plan, service.generation)
        for service in session.scalars(
            select(Service).where(Service.id.in_([expected.service_id for expected, _ in comparison.wrong]))
        )
    }
    rows = (
        Violation(expected.service_id, wrong)
        for expected, wrong in comparison.wrong
        if still.get(expected.service_id) == (expected.plan, expected.generation)
    )
    return result_of(HOSTS, "the host gives each service the plan that stands here", rows)


def alert_of(findings: list[InvariantResult]) -> str:
    """One line for an alert: what is violated, with the first row of each; empty if everything holds."""
    violated = [finding for finding in findings if not finding.holds]
    return "; ".join(f"{f.name}: {f.count}, first {f.rows[0].row_id} ({f.rows[0].what})" for f in violated)
