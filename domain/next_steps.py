"""What is next: for every machine an ordered table of (state, fact) → a step, whom it waits for, or nothing.

The first row that matches wins. A fact is an attribute of the same name in `models/`, written once and evaluated by
the database. Whatever asks what is next reads these tables: the canvases' tails, what the sweep claims, when a moved
row is tried next, the phases that customers see, and docs/next-steps.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

from domain.lifecycle import (
    CANCELABLE,
    ENDED,
    UNDECIDED,
    AttemptStatus,
    EndingStatus,
    Event,
    InboxStatus,
    RefundStatus,
    ServiceStatus,
    Status,
)
from domain.lifecycle import PLAN_CHANGE as CHANGE_MACHINE

SWEEP, SCAN, RECONCILIATION = "sweep.enqueue_due", "renewals.scan", "payments.reconcile"

Whom = Literal["customer", "staff", "operator", "gateway", "plan change", "ending", "date", "lease"]


@dataclass(frozen=True, slots=True)
class Step:
    """The task that comes next. `found_by` is beat's task that enqueues it where the message was lost; `by_date`: a
    date has come, so there never was a message and there is nothing to be patient for."""

    task: str
    found_by: str = SWEEP
    by_date: bool = False

    @property
    def label(self) -> str:
        return self.task


@dataclass(frozen=True, slots=True)
class Waits:
    """Nothing of ours is next: somebody else moves the row, or the date in the column `until` does."""

    whom: Whom
    until: str | None = None

    @property
    def label(self) -> str:
        return f"waits for the {self.whom}"


class End(StrEnum):
    """Nothing is next any more. `done`: as it was wanted, and the rest of its canvas prints and notifies."""

    DONE = "done"
    NOTHING = "nothing"

    @property
    def label(self) -> str:
        return self.value


Next = Step | Waits | End


class NextRule(NamedTuple):
    """In one of these states, if the fact holds (None: always), this is next."""

    states: frozenset[str]
    fact: str | None
    next: Next


class MessageState(StrEnum):
    """Where a notification stands: `sent_at` says so."""

    UNSENT = "unsent"
    SENT = "sent"


class CreditState(StrEnum):
    """Where account credit that came stands: `arrived_at` says so."""

    ARRIVED = "arrived"
    ALLOCATED = "allocated"


class PaperState(StrEnum):
    """Whether an invoice has its legal number: until then its plan change has its proforma printed."""

    UNNUMBERED = "unnumbered"
    NUMBERED = "numbered"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class NextSteps:
    """The table of one machine. `state` is the attribute of the row that holds its state; `rules` cover every state."""

    machine: str
    states: type[StrEnum]
    state: str
    rules: tuple[NextRule, ...]

    def of(self, state: str) -> tuple[Next, ...]:
        """All that may be next in a state, in order."""
        return tuple(rule.next for rule in self.rules if state in rule.states)

    def tasks(self, state: str | None = None, found_by: str | None = None) -> tuple[str, ...]:
        """The tasks that may be next, in any state or in this one, found by any of beat's tasks or by this one."""
        steps = (rule.next for rule in self.rules if state is None or state in rule.states)
        wanted = (step for step in steps if isinstance(step, Step) and found_by in (None, step.found_by))
        return tuple(dict.fromkeys(step.task for step in wanted))

    def waits_for(self, whom: Collection[str]) -> frozenset[str]:
        """The states in which a row may wait for one of these."""
        rules = [rule for rule in self.rules if isinstance(rule.next, Waits) and rule.next.whom in whom]
        return frozenset(state for rule in rules for state in rule.states)

    def is_tried(self, state: str) -> bool:
        """Whether a row that comes to this state is tried by the sweep, or the scan, until it moves on."""
        return any(isinstance(step, Step) and step.found_by != RECONCILIATION for step in self.of(state))


def _rule(states: str | Iterable[str], fact: str | None, next_: Next) -> NextRule:
    return NextRule(frozenset([states] if isinstance(states, StrEnum) else states), fact, next_)


S = Status

PLAN_CHANGE = NextSteps(
    "plan change",
    Status,
    "status",
    (
        _rule(S.REQUESTED, None, Step("plan_change.quote")),
        _rule({S.INVOICED, S.AWAITING_PAYMENT}, "covered", Step("plan_change.settle")),
        _rule(
            {S.QUOTED, S.INVOICED, S.AWAITING_PAYMENT, S.AWAITING_REVIEW},
            "deadline_passed",
            Step("sweep.expire_unpaid", by_date=True),
        ),
        _rule(S.QUOTED, None, Step("plan_change.issue_invoice")),
        _rule(S.INVOICED, "proforma_missing", Step("plan_change.print_invoice")),
        _rule(S.INVOICED, "payment_refused", Waits("operator")),
        _rule(S.INVOICED, None, Step("plan_change.request_payment")),
        _rule(S.AWAITING_PAYMENT, None, Waits("customer", until="payable_until")),
        _rule(S.AWAITING_REVIEW, None, Waits("staff", until="review_until")),
        _rule({S.PAID, S.APPLYING}, "lease_runs", Waits("lease", until="lease_until")),
        _rule({S.PAID, S.APPLYING}, "spent", Step("plan_change.give_up")),
        _rule({S.PAID, S.APPLYING}, None, Step("plan_change.apply_plan")),
        _rule(S.SCHEDULED, None, Waits("date", until="effective_at")),
        _rule(S.STUCK, None, Waits("operator")),
        _rule(S.APPLIED, None, End.DONE),
        _rule(ENDED - {S.APPLIED}, None, End.NOTHING),
    ),
)

A = AttemptStatus
_POLLED = {A.OPEN, A.ACTION_REQUIRED, A.PENDING, A.CANCELING}

PAYMENT_ATTEMPT = NextSteps(
    "payment attempt",
    AttemptStatus,
    "status",
    (
        _rule({A.CREATING, A.CANCELING}, "lease_runs", Waits("lease", until="lease_until")),
        _rule(A.CREATING, None, Step("payments.fetch")),
        _rule(A.CANCELING, "to_close", Step("payments.fetch")),
        # Webhooks may never come: what stays open is fetched now and then, and so is money that cannot be stopped.
        _rule(_POLLED, "poll_due", Step("payments.fetch", RECONCILIATION, by_date=True)),
        _rule(A.SUCCEEDED, "refund_poll_due", Step("payments.fetch", RECONCILIATION, by_date=True)),
        _rule({A.OPEN, A.ACTION_REQUIRED}, None, Waits("customer")),
        _rule({A.PENDING, A.CANCELING}, None, Waits("gateway")),
        _rule(A.FAILED, "refused", Waits("operator")),
        _rule({A.SUCCEEDED, A.FAILED, A.DECLINED, A.EXPIRED, A.CANCELED}, None, End.NOTHING),
    ),
)

R = RefundStatus

REFUND = NextSteps(
    "refund",
    RefundStatus,
    "status",
    (
        _rule(R.SENDING, "lease_runs", Waits("lease", until="lease_until")),
        _rule(R.SENDING, None, Step("payments.refund")),
        _rule(R.PENDING, None, Waits("gateway")),
        _rule(R.FAILED, "undecided", Waits("operator")),
        _rule({R.SUCCEEDED, R.FAILED}, None, End.NOTHING),
    ),
)

B = InboxStatus

INBOX_EVENT = NextSteps(
    "inbox event",
    InboxStatus,
    "status",
    (
        _rule(UNDECIDED, None, Step("payments.process_event")),
        _rule({B.POISON, B.DEAD}, None, Waits("operator")),
        _rule({B.PROCESSED, B.IGNORED}, None, End.NOTHING),
    ),
)

INVOICE_DOCUMENT = NextSteps(
    "invoice document",
    PaperState,
    "paper_state",
    (
        _rule(PaperState.UNNUMBERED, None, Waits("plan change")),
        _rule(PaperState.NUMBERED, "document_missing", Step("invoices.print")),
        _rule({PaperState.NUMBERED, PaperState.VOID}, None, End.NOTHING),
    ),
)

# A renewal's invoice is asked of the gateway, whether or not its page could be printed.
INVOICE_COLLECTION = NextSteps(
    "invoice collection",
    PaperState,
    "paper_state",
    (
        _rule(PaperState.UNNUMBERED, None, Waits("plan change")),
        _rule(PaperState.NUMBERED, "uncollected", Step("invoices.request_payment")),
        _rule({PaperState.NUMBERED, PaperState.VOID}, None, End.NOTHING),
    ),
)

# What is being priced takes the credit that it finds; only then it is known what is open.
ARRIVED_CREDIT = NextSteps(
    "arrived credit",
    CreditState,
    "state",
    (
        _rule(CreditState.ARRIVED, "change_in_preparation", Waits("plan change")),
        _rule(CreditState.ARRIVED, None, Step("payments.allocate_credit")),
        _rule(CreditState.ALLOCATED, None, End.NOTHING),
    ),
)

OUTBOX_MESSAGE = NextSteps(
    "outbox message",
    MessageState,
    "state",
    (
        _rule(MessageState.UNSENT, "lease_runs", Waits("lease", until="lease_until")),
        _rule(MessageState.UNSENT, None, Step("outbox.deliver")),
        _rule(MessageState.SENT, None, End.NOTHING),
    ),
)

V = ServiceStatus

RENEWAL = NextSteps(
    "renewal",
    ServiceStatus,
    "status",
    (
        # A period that a service ends with is not renewed, and nobody is warned of what will not come.
        _rule(V.ACTIVE, "ending_scheduled", Waits("ending")),
        _rule(V.ACTIVE, "warning_due", Step("renewals.run", SCAN, by_date=True)),
        _rule(V.ACTIVE, "change_on_its_way", Waits("plan change")),
        _rule(V.ACTIVE, "period_over", Step("renewals.run", SCAN, by_date=True)),
        _rule(V.ACTIVE, None, Waits("date", until="period_end")),
        # It is caught up when it is paid, or active again.
        _rule(V.PAST_DUE, None, Waits("customer")),
        _rule({V.PENDING, V.SUSPENDED, V.CANCELED, V.TERMINATED}, None, End.NOTHING),
    ),
)

N = EndingStatus

ENDING = NextSteps(
    "ending",
    EndingStatus,
    "status",
    (
        _rule(N.SCHEDULED, "date_to_come", Waits("date", until="ends_at")),
        # What is settled is applied first; what is unpaid has run out by the period's end.
        _rule(N.SCHEDULED, "change_on_its_way", Waits("plan change")),
        _rule(N.SCHEDULED, None, Step("endings.run", SCAN, by_date=True)),
        _rule(N.ENDING, "lease_runs", Waits("lease", until="lease_until")),
        _rule(N.ENDING, None, Step("endings.order_host", SCAN)),
        _rule({N.ENDED, N.WITHDRAWN}, None, End.NOTHING),
    ),
)

TABLES = (
    PLAN_CHANGE,
    PAYMENT_ATTEMPT,
    REFUND,
    INBOX_EVENT,
    INVOICE_DOCUMENT,
    INVOICE_COLLECTION,
    ARRIVED_CREDIT,
    OUTBOX_MESSAGE,
    RENEWAL,
    ENDING,
)


class Phase(StrEnum):
    """What a customer needs to know of a plan change."""

    WAITING_FOR_US = "waiting_for_us"
    WAITING_FOR_PAYMENT = "waiting_for_payment"
    SCHEDULED = "scheduled"
    DONE = "done"
    ENDED = "ended"


_PHASES: dict[object, Phase] = {
    "customer": Phase.WAITING_FOR_PAYMENT,
    "date": Phase.SCHEDULED,
    End.DONE: Phase.DONE,
    End.NOTHING: Phase.ENDED,
}


def phase_of(status: Status) -> Phase:
    """What the customer is waiting for, if anything: by what is next where no fact says otherwise."""
    usual = PLAN_CHANGE.of(status)[-1]
    return _PHASES.get(usual.whom if isinstance(usual, Waits) else usual, Phase.WAITING_FOR_US)


def next_actions(status: Status, payable: bool = True, owed_again: bool = False) -> tuple[str, ...]:
    """What a frontend may offer the customer now, as names of the routes below /v1/plan-changes/{id}. Nobody is asked
    to pay whose money is on its way, or whose payment the gateway has refused: then it is not `payable`. `owed_again`:
    the payment went back, and the plan stays."""
    to_pay = owed_again or phase_of(status) is Phase.WAITING_FOR_PAYMENT
    pay = ("pay",) if to_pay and payable else ()
    return (*pay, "cancel") if status in CANCELABLE else pay


# Of those whom a row may wait for, the provider's own people.
PEOPLE: tuple[Whom, ...] = ("staff", "operator")
WAITS_FOR_PEOPLE = tuple(Waits(whom).label for whom in PEOPLE)

_DECISIONS = (Event.APPROVE, Event.REJECT, Event.RETRY, Event.COMPENSATE, Event.CANCEL)


def decisions(status: Status) -> tuple[str, ...]:
    """What staff may decide about a plan change now, as names of the routes below /v1/plan-changes/{id}."""
    events = {event for source, event, _ in CHANGE_MACHINE.moves if source == status}
    return tuple(decision.value for decision in _DECISIONS if decision in events)


def ends_canvas(status: Status) -> bool:
    """Whether a canvas ends early at this status: no step of ours is next, until somebody or some date moves it."""
    usual = PLAN_CHANGE.of(status)[-1]
    return not isinstance(usual, Step) and usual is not End.DONE
