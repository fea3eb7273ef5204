"""A row on a real database for each case of next_cases.py, in a transaction that is never committed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import chain, count
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.money import Money
from domain.next_steps import NextSteps
from engine.jobs import summary, sweep, work_kinds
from engine.payments import reconciliation
from local.stack import Stack
from models import pending_work
from models.arrived_credit import ArrivedCredit
from models.base import new_id
from models.customer import Customer, Service
from models.database import transaction
from models.ending import Ending
from models.inbox import InboxEvent
from models.invoice import Document, Invoice
from models.ledger import credit, debit, post
from models.outbox import OutboxMessage
from models.payment import Payment, PaymentAttempt, PaymentAttemptMove, Refund
from models.pending_work import next_of
from models.plan_change import PlanChange
from models.renewal import Renewal
from settings import settings
from tests.conftest import environment
from tests.steps.next_cases import (
    BY_DATE,
    CLASSES,
    DAY,
    DIALS,
    FACTS,
    HOUR,
    LONG_AGO,
    MINUTE,
    RECONCILIATION,
    SCAN,
    SWEEP,
    Case,
)
from tests.support.play import Play

_WRITTEN_IN_ORDER = (
    *(Customer, Service, PlanChange, Ending, Renewal, Invoice, Document, PaymentAttempt, PaymentAttemptMove, Payment),
    *(Refund, ArrivedCredit, OutboxMessage, InboxEvent),
)


@dataclass(frozen=True)
class Made:
    """The row of a case. In a noisy one the facts that do not matter in its state are true, too."""

    case: Case
    noisy: bool
    row: Any

    def __str__(self) -> str:
        return f"{self.case}{', noisy' if self.noisy else ''}"


class Rows:
    """Makes rows of one provider; `write` inserts them. Nothing is tried but the rows of cases: `next_attempt_at` of
    those is long ago, as if the message was lost, and of all others null."""

    def __init__(self, session: Session, play: Play, real_clock: bool = False) -> None:
        self.session, self.made = session, list[Made]()
        provider = play.provider(session)
        self.provider_id = provider.id
        self.machine: datetime = session.scalar(select(func.clock_timestamp())) or LONG_AGO
        if real_clock:
            provider.clock_at = None
        self.clock = provider.clock_at or self.machine
        query = select(Customer.id).where(Customer.provider_id == provider.id)
        self.customer_id = session.scalars(query).one()
        self.connection_id = play.gateway(session).id
        self._added: list[Any] = []
        self._held: list[tuple[str, Money]] = []
        self._count = count(1)
        self._shared_id: str = self._service().id

    def make(self, case: Case, noisy: bool = False) -> Made:
        values = self._values(case, noisy)
        made = Made(case, noisy, getattr(self, f"_{case.row}")(case.state, values))
        made.row.next_attempt_at = LONG_AGO
        self.made.append(made)
        return made

    def write(self) -> None:
        for table in _WRITTEN_IN_ORDER:
            self.session.add_all(row for row in self._added if type(row) is table)
            self.session.flush()
        for owner, amount in self._held:
            entries = [debit("clearing:standard", "", amount), credit("held", owner, amount)]
            post(self.session, self.provider_id, ("test", f"{owner} {next(self._count)}"), self.clock, entries)
        self._added, self._held = [], []

    def _values(self, case: Case, noisy: bool) -> dict[str, Any]:
        facts = FACTS[case.row]
        values = dict[str, Any]()
        for name in facts:
            values |= DIALS[name][1]
        for name in facts:
            # A row with a task that was tried too often is given up, which is another matter.
            if noisy and name not in case.mattering and not (name == "spent" and case.tasks):
                values |= DIALS[name][0]
        for true in (False, True):
            for name in facts:
                if name in case.mattering and (name in case.facts) is true:
                    values |= DIALS[name][0 if true else 1]
        return values | case.values

    def _add(self, table: Any, prefix: str, **columns: Any) -> Any:
        row = table(id=new_id(prefix), **columns)
        self._added.append(row)
        return row

    def _at(self, values: dict[str, Any], name: str, clock: datetime) -> datetime | None:
        return None if values.get(name) is None else clock + values[name]

    def _service(self, status: str = "active", values: dict[str, Any] | None = None) -> Any:
        values = {"period_end": 20 * DAY} | (values or {})
        service = self._add(
            Service,
            "svc",
            **{"provider_id": self.provider_id, "customer_id": self.customer_id, "ref": f"zone {next(self._count)}"},
            **{"status": status, "plan": "basic", "cycle": "monthly", "currency": "JPY", "unit_price_minor": 500},
            **{"limits": {}, "anchor_day": 1, "anchor_time": time(), "anchor_assumed": True},
            **{"next_attempt_at": None},
            **{"period_start": self.clock - 10 * DAY, "period_end": self._at(values, "period_end", self.clock)},
        )
        if values.get("change"):
            self._plain_change(values["change"], service.id)
        if values.get("scheduled"):
            warned_at = self.clock if values.get("warned") else None
            self._plain_change("scheduled", service.id, warned_at=warned_at, effective_at=service.period_end)
        if values.get("ending"):
            self._plain_ending(values["ending"], service.id)
        return service

    def _plain_ending(self, status: str, service_id: str, **columns: Any) -> Any:
        return self._add(
            Ending,
            "end",
            **{"provider_id": self.provider_id, "customer_id": self.customer_id, "service_id": service_id},
            **{"status": status, "channel": "api", "plan": "basic", "received_at": self.clock},
            **{"idempotency_key": f"key {next(self._count)}", "request_sha256": "", "next_attempt_at": None},
            **{"at": "period_end", **columns},
        )

    def _ending(self, status: str, values: dict[str, Any]) -> Any:
        service = self._service("active", {"period_end": values["period_end"], "change": values["change"]})
        lease_until = self._at(values, "lease_until", self.machine)
        return self._plain_ending(status, service.id, at=values.get("at", "period_end"), lease_until=lease_until)

    def _plain_change(self, status: str, service_id: str | None = None, **columns: Any) -> Any:
        return self._add(
            PlanChange,
            "chg",
            **{"provider_id": self.provider_id, "customer_id": self.customer_id, "status": status, "channel": "api"},
            **{"service_id": service_id or self._service().id, "next_attempt_at": None, "received_at": self.clock},
            **{"idempotency_key": f"key {next(self._count)}", "request_sha256": "", "from_cycle": "monthly"},
            **{"from_plan": "basic", "target_plan": "start", "target_cycle": "monthly", **columns},
        )

    def _change(self, status: str, values: dict[str, Any]) -> Any:
        change = self._plain_change(
            status,
            payable_until=self._at(values, "payable_until", self.clock),
            review_until=self._at(values, "review_until", self.clock),
            lease_until=self._at(values, "lease_until", self.machine),
            attempts=0 if values["spent_attempts"] is None else settings().attempts_max + values["spent_attempts"],
        )
        invoice = self._plain_invoice(
            change.id, values.get("total", 373), values.get("due"), values.get("numbered", False)
        )
        if values["document"]:
            self._document(invoice, values["document"])
        if values["refused"]:
            self._refusal(self._attempt(invoice, "failed"))
        held = Money(values["held"], values.get("held_currency", "JPY"))
        another = Money(values.get("held_by_another", 0), "JPY")
        self._held += [(owner, amount) for owner, amount in ((change.id, held), ("another", another)) if amount]
        return change

    def _plain_invoice(
        self, change_id: str | None = None, total: int = 373, due: int | None = None, numbered: bool = False
    ) -> Any:
        """Of a change, or of a renewal."""
        cause = {"change_id": change_id} if change_id else {"renewal_id": self._renewal().id}
        return self._add(
            Invoice,
            "inv",
            **{
                "provider_id": self.provider_id,
                "customer_id": self.customer_id,
                "service_id": self._shared_id,
                **cause,
            },
            **{"kind": "invoice", "currency": "JPY", "net_minor": total, "tax_minor": 0, "total_minor": total},
            **{"credit_applied_minor": 0, "due_minor": total if due is None else due, "content": {}},
            **{"issued_at": self.clock, "due_at": self.clock, "next_attempt_at": None},
            **{"number": f"N-{next(self._count)}", "numbered_on": date(2027, 7, 17)} if numbered else {},
        )

    def _invoice(self, state: str, values: dict[str, Any]) -> Any:
        of_change = values.get("of_change") or (state == "unnumbered" and values["asked"])
        change_id = self._plain_change("invoiced").id if of_change else None
        invoice = self._plain_invoice(change_id, due=values.get("due"), numbered=state == "numbered")
        invoice.settled_at = self.clock if values.get("settled") else None
        invoice.voided_at = self.clock if state == "void" else None
        if values["document"]:
            self._document(invoice, values["document"])
        if values["asked"]:
            self._attempt(invoice)
        return invoice

    def _renewal(self) -> Any:
        return self._add(
            Renewal,
            "rnw",
            **{"provider_id": self.provider_id, "service_id": self._shared_id, "plan": "basic"},
            **{"period_start": self.clock + next(self._count) * MINUTE, "period_end": self.clock + 20 * DAY},
            **{"renewed_at": self.clock},
        )

    def _document(self, invoice: Any, kind: str) -> Any:
        return self._add(
            Document, "doc", invoice_id=invoice.id, kind=kind, sha256="", size_bytes=1, renderer_version="test"
        )

    def _attempt(self, invoice: Any, status: str = "open", **columns: Any) -> Any:
        return self._add(
            PaymentAttempt,
            "pay",
            **{"provider_id": self.provider_id, "invoice_id": invoice.id, "connection_id": self.connection_id},
            **{"status": status, "amount_minor": 373, "currency": "JPY", "expires_at": self.clock + DAY},
            **{"created_at": self.machine, "next_attempt_at": None, **columns},
        )

    def _refusal(self, attempt: Any) -> None:
        """The gateway's definite no to an attempt."""
        said_no = {"event": "refuse", "from_status": "creating", "to_status": "failed"}
        self._added.append(PaymentAttemptMove(attempt_id=attempt.id, at=self.clock, actor="gateway", **said_no))

    def _payment(self, status: str, values: dict[str, Any]) -> Any:
        ahead = {name: self._at(values, name, self.machine) for name in ("created_at", "polled_at", "lease_until")}
        invoice = self._plain_invoice()
        invoice.settled_at = self.clock if values.get("settled") else None
        attempt = self._attempt(invoice, status, **ahead, outlasts=values["outlasts"])
        if values["refused"]:
            self._refusal(attempt)
        if values.get("newer"):
            self._attempt(invoice, "canceled")
        if values["refund"]:
            created_at = self.machine + values.get("refunded", -HOUR)
            watched = self._at(values, "watched", self.machine)
            self._plain_refund(values["refund"], attempt.id, watched, created_at=created_at)
        return attempt

    def _plain_refund(self, status: str, attempt_id: str, watched_until: datetime | None = None, **columns: Any) -> Any:
        money = {"provider_id": self.provider_id, "amount_minor": 373, "currency": "JPY"}
        payment = self._add(
            Payment,
            "mny",
            **{**money, "connection_id": self.connection_id, "gateway_object": f"object {next(self._count)}"},
            **{"kind": "payment", "attempt_id": attempt_id, "outcome": "credited", "paid_at": self.clock},
            refunds_watched_until=watched_until,
        )
        return self._add(
            Refund,
            "ref",
            **{**money, "payment_id": payment.id, "source": "credit", "owner": self.customer_id, "status": status},
            **{"actor": "ana", "reason": "asked for it", "next_attempt_at": None, **columns},
        )

    def _refund(self, status: str, values: dict[str, Any]) -> Any:
        attempt = self._attempt(self._plain_invoice(), "succeeded")
        lease_until = self._at(values, "lease_until", self.machine)
        return self._plain_refund(status, attempt.id, lease_until=lease_until, to_decide_minor=values["to_decide"])

    def _credit(self, state: str, values: dict[str, Any]) -> Any:
        """Of a customer of its own."""
        number = next(self._count)
        person = {"ref": f"customer {number}", "name": "Example", "email": "a@example.invalid", "country": "JP"}
        customer = self._add(
            Customer, "cus", provider_id=self.provider_id, locale="en", address=[], tax_exempt=False, **person
        )
        if values["change"]:
            service = self._service()
            service.customer_id = customer.id
            self._plain_change(values["change"], service.id)
        arrived_at = self.machine if state == "arrived" else None
        return self._add(
            ArrivedCredit,
            "crd",
            **{"provider_id": self.provider_id, "customer_id": customer.id, "currency": "JPY"},
            arrived_at=arrived_at,
        )

    def _mail(self, state: str, values: dict[str, Any]) -> Any:
        return self._add(
            OutboxMessage,
            "msg",
            **{
                "provider_id": self.provider_id,
                "customer_id": self.customer_id,
                "subject": self._plain_change("applied", self._shared_id).id,
                "event": "applied",
            },
            **{"channel": "mail", "recipient": "zone@example.invalid", "locale": "en", "values": {}},
            **{"sent_at": self.clock if state == "sent" else None},
            **{"lease_until": self._at(values, "lease_until", self.machine)},
        )

    def _event(self, status: str, _: dict[str, Any]) -> Any:
        return self._add(
            InboxEvent,
            "evt",
            **{"provider_id": self.provider_id, "connection_id": self.connection_id, "source": "webhook"},
            **{"event_key": f"key {next(self._count)}", "body": b"{}", "body_sha256": "", "status": status},
            **{"received_at": self.clock},
        )


Labels = dict[str, tuple[str | None, ...]]


@contextmanager
def rows_of(servers: Stack, real_clock: bool = False) -> Iterator[Rows]:
    """Rows of a new provider, gone at the end."""
    play = Play.of(servers)
    with transaction() as session:
        yield Rows(session, play, real_clock)
        session.rollback()


def wrong(expected: dict[Made, Any], got: Callable[[Made], Any]) -> str:
    """Which cases differ, for a message; empty where none does."""
    lines = [f"{made}: {got(made)!r} instead of {value!r}" for made, value in expected.items() if got(made) != value]
    return "\n".join(lines)


@contextmanager
def other_tables(row: type[Any], *steps: NextSteps) -> Iterator[None]:
    """The row class with these tables. Statements are built once from the tables, so they are built again."""
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(row, "steps", steps)
        _forget_statements()
        try:
            yield
        finally:
            _forget_statements()


def _forget_statements() -> None:
    for built in (
        *vars(pending_work).values(),
        *vars(summary).values(),
        *vars(sweep).values(),
        *vars(work_kinds).values(),
        *vars(reconciliation).values(),
    ):
        if hasattr(built, "cache_clear"):
            built.cache_clear()


def labels(rows: Rows) -> Labels:
    """What is next by every table of every row, as the row classes' `steps` say it now."""
    found: Labels = {}
    for name in CLASSES:
        found |= labels_of(rows, name)
    return found


def labels_of(rows: Rows, name: str) -> Labels:
    row, ids = CLASSES[name], [made.row.id for made in rows.made if made.case.row == name]
    query = select(row.id, *(next_of(row, table) for table in row.steps)).where(row.id.in_(ids))
    return {row_id: tuple(of_tables) for row_id, *of_tables in rows.session.execute(query)}


@contextmanager
def undone(session: Session) -> Iterator[None]:
    """What is done here leaves no trace."""
    savepoint = session.begin_nested()
    yield
    savepoint.rollback()


def finders(session: Session, row: Any = None) -> Callable[[Made], list[str]]:
    """Which of beat's tasks claim a row now; asked of one class, or of all of them."""
    with undone(session):
        by_sweep = _all_claimed(session, [work for work in work_kinds.SWEPT if row in (None, work.row)])
        by_scan = _all_claimed(session, [work for work in work_kinds.SCANNED if row in (None, work.row)])
        fetched = list(chain.from_iterable(iter(lambda: reconciliation.claim_due(session).attempts, [])))
    found = {
        SWEEP: by_sweep.overdue_rows,
        SCAN: by_scan.overdue_rows,
        RECONCILIATION: fetched,
        "given up": by_sweep.given_up + by_scan.given_up,
    }
    return lambda made: sorted(task for task, ids in found.items() if made.row.id in ids)


def _all_claimed(session: Session, kinds: list[work_kinds.WorkKind]) -> sweep.Claimed:
    """Batch after batch: other tests leave rows in this database, and each provider has but a share of a batch."""
    whole = sweep.Claimed()
    for batch in iter(lambda: sweep.claim(session, kinds), sweep.Claimed()):
        whole.overdue_rows.extend(batch.overdue_rows)
        whole.given_up.extend(batch.given_up)
    return whole


def finder_of(made: Made) -> list[str]:
    return [made.case.found_by] if made.case.found_by else []


def waits_for_nobody(case: Case) -> bool:
    return case.found_by == RECONCILIATION or bool(BY_DATE & set(case.tasks))


@contextmanager
def endless_patience() -> Iterator[None]:
    """The sweep gives every message a hundred years to arrive."""
    with environment(dict(os.environ) | {"PLANSHIFT_SWEEP_PATIENCE_SECONDS": "3155760000"}):
        yield
