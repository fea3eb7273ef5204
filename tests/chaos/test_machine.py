"""Random interleavings of requests, steps, webhooks, cancels, ticks and crashes, against a simple model: what the
customer paid is earned, held or credit, the host has the plan of the last applied change, and every invariant holds."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, update

from domain.errors import ChangeError
from domain.lifecycle import ENDED
from domain.money import Money
from engine import apply
from engine.audit.checks import audit_books, providers_to_audit
from engine.expiry import NotCancelable, cancel_change
from engine.payments import checkout
from engine.request import ChangeOpen
from local.stack import Stack
from models.database import snapshot, transaction
from models.payment import PaymentAttempt
from models.plan_change import PlanChange
from models.provider import business_now
from tasks.run import local_step
from tests.support.play import NOON_17_JULY, Play

PLANS = ("start", "business")
STEPS = ("quote", "issue", "print", "request_payment", "settle", "apply", "expire")
UNDER_WAY = ("requested", "quoted", "invoiced", "paid", "applying")
# Books alone: what is overdue is the machine's own doing.
NOT_COMPARED = {"nothing_is_overdue", "numbered_invoices_are_printed"}


class Pipeline(RuleBasedStateMachine):
    """One service; the model is the money that came, and the plan that was applied last."""

    stack: Stack

    @initialize()
    def begin(self) -> None:
        self.play = Play.of(self.stack)
        self.now: datetime = NOON_17_JULY
        self.changes: list[str] = []
        self.events: list[str] = []
        self.came = 0

    @rule(plan=st.sampled_from(PLANS), replace=st.booleans())
    def request(self, plan: str, replace: bool) -> None:
        with suppress(ChangeOpen, ChangeError):  # another one is open, or there is nothing to change
            self.changes.append(self.play.request(plan, replace=replace))

    @precondition(lambda self: self.changes)
    @rule(step=st.sampled_from(STEPS), back=st.integers(0, 1))
    def step(self, step: str, back: int) -> None:
        """Any step of any change at any time: at its turn it moves, otherwise it does nothing."""
        self.play.step(step, self.changes[-1 - back % len(self.changes)])

    @precondition(lambda self: self.changes)
    @rule()
    def some_steps(self) -> None:
        self.play.steps("quote issue print request_payment settle apply", self.changes[-1])

    @precondition(lambda self: self.changes)
    @rule(part=st.sampled_from((1, 2)), times=st.integers(1, 2))
    def pay(self, part: int, times: int) -> None:
        """The gateway reports a payment, in part or whole, once or twice under the same key."""
        attempt = self._attempt()
        if attempt is None:
            return
        amount = Money(attempt.amount_minor // part or 1, attempt.currency)
        at = self.now.isoformat().replace("+00:00", "Z")
        for _ in range(times):
            self.events.append(self.play.report(attempt.id, amount, key=f"evt_{attempt.id}", at=at))

    @precondition(lambda self: self.events)
    @rule(back=st.integers(0, 3))
    def process(self, back: int) -> None:
        self.play.process(self.events[-1 - back % len(self.events)])

    @precondition(lambda self: self.changes)
    @rule()
    def cancel(self) -> None:
        try:
            with transaction() as session:
                cancel_change(
                    session, business_now(session, PlanChange, self.changes[-1]), self.changes[-1], "customer"
                )
        except NotCancelable:
            pass

    @precondition(lambda self: self.changes)
    @rule(which=st.sampled_from(("apply", "payment")))
    def crash_in_an_external_call(self, which: str) -> None:
        """The process dies after the call was made and before its outcome is written; then the lease runs out."""
        change_id = self.changes[-1]
        if which == "apply":
            call: Any = local_step(apply.begin_apply, PlanChange, change_id)
            if isinstance(call, apply.ApplyCall):
                apply.perform_apply(call)
        else:
            call = local_step(checkout.begin_change_payment, PlanChange, change_id)
            if isinstance(call, checkout.PaymentCall):
                checkout.perform(call)
        with transaction() as session:
            session.execute(update(PlanChange).values(lease_until=None))
            session.execute(update(PaymentAttempt).values(lease_until=None))

    @rule(hours=st.sampled_from((1, 30, 200)))
    def tick(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        self.play.set_clock(self.now)

    @rule()
    def renew(self) -> None:
        self.play.renew()

    @invariant()
    def every_invariant_holds(self) -> None:
        if not hasattr(self, "play"):
            return
        with snapshot() as session:
            findings = audit_books(session, providers_to_audit(session, self.play.slug), timedelta(hours=1))
        assert {f.name: f.rows for f in findings if not f.holds and f.name not in NOT_COMPARED} == {}

    def teardown(self) -> None:
        """Whatever happened, it comes to an end when all is enqueued: nothing is left half done."""
        if not hasattr(self, "play"):
            return
        for _ in range(3):
            for event_id in self.events:
                self.play.process(event_id)
            for change_id in self.changes:
                self.play.steps("quote issue print request_payment settle apply", change_id)
        for change_id in self.changes:
            status = self.play.change(change_id).status
            assert status in ENDED or status == "awaiting_payment" or self._is_over(change_id), status
        self.every_invariant_holds()

    def _is_over(self, change_id: str) -> bool:
        """An offer that ran out waits until the sweep expires it."""
        until = self.play.change(change_id).payable_until
        return until is not None and until <= self.now

    def _attempt(self) -> PaymentAttempt | None:
        with transaction() as session:
            query = select(PaymentAttempt).where(PaymentAttempt.provider_id == self.play.provider(session).id)
            return session.scalar(query.order_by(PaymentAttempt.id.desc()).limit(1))


@pytest.mark.timeout(600)
def test_random_interleavings(servers: Stack) -> None:
    Pipeline.stack = servers
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    run_state_machine_as_test(
        Pipeline,
        settings=settings(max_examples=12, stateful_step_count=18, deadline=None, suppress_health_check=checks),
    )
