"""What is next for every state and every combination of its facts, written out and not read from the code's tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from models.arrived_credit import ArrivedCredit
from models.customer import Service
from models.ending import Ending
from models.inbox import InboxEvent
from models.invoice import Invoice
from models.outbox import OutboxMessage
from models.payment import PaymentAttempt, Refund
from models.plan_change import PlanChange

CLASSES: dict[str, Any] = {
    "change": PlanChange,
    "payment": PaymentAttempt,
    "refund": Refund,
    "event": InboxEvent,
    "invoice": Invoice,
    "credit": ArrivedCredit,
    "mail": OutboxMessage,
    "service": Service,
    "ending": Ending,
}

SWEEP, SCAN, RECONCILIATION = "sweep.enqueue_due", "renewals.scan", "payments.reconcile"
# A date brings these, so nobody has to be patient before they are enqueued.
BY_DATE = {"sweep.expire_unpaid", "renewals.run", "endings.run"}

LONG_AGO = datetime.fromisoformat("2020-01-01T00:00:00+00:00")

HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
# A refund that was confirmed and may still come back.
CONFIRMED = {"created_at": -7 * HOUR, "refund": "succeeded", "watched": DAY}


@dataclass(frozen=True)
class Case:
    """A row of CLASSES in `state`. These `facts` are true, the others that matter in this state are false; `expected`
    is what is next by each of the row's tables. `values` are another way to make the facts what they are."""

    row: str
    state: str
    facts: frozenset[str]
    expected: tuple[str, ...]
    by: str
    values: dict[str, Any] = field(compare=False)

    @property
    def tasks(self) -> list[str]:
        return [label for label in self.expected if "." in label]

    @property
    def found_by(self) -> str | None:
        """The task of beat that finds the row; None where no task of ours is next."""
        return self.by if self.tasks else None

    @property
    def mattering(self) -> frozenset[str]:
        """The facts that matter in this state: those that some case of it has."""
        same = (case for case in CASES if (case.row, case.state) == (self.row, self.state))
        return frozenset[str]().union(*(case.facts for case in same))

    @property
    def has_noise(self) -> bool:
        """Whether the row has facts that do not matter in this state."""
        return bool(set(FACTS[self.row]) - self.mattering)

    def __str__(self) -> str:
        ways = ", ".join(f"{name}={_short(value)}" for name, value in self.values.items())
        return " ".join([self.row, self.state, "+".join(sorted(self.facts)), f"({ways})" if ways else ""]).strip()


def _short(value: Any) -> str:
    return f"{value / MINUTE:+g} min" if isinstance(value, timedelta) else str(value)


def _cases(
    row: str, states: str, facts: str, *expected: str, by: str = SWEEP, values: dict[str, Any] | None = None
) -> Iterator[Case]:
    for state in states.split():
        yield Case(row, state, frozenset(facts.split()), expected, by, values or {})


CUSTOMER, DATE, LEASE, CHANGE, ENDING, GATEWAY, OPERATOR, STAFF = (
    f"waits for the {whom}"
    for whom in ("customer", "date", "lease", "plan change", "ending", "gateway", "operator", "staff")
)
# By the provider's clock, or the machine's, from now; `held` and `total` are yen; None: there is none.
TOO_FAR, OF_ANOTHER = {"lease_until": DAY}, {"held": 0, "held_by_another": 373}
TO_WARN_OF = {"scheduled": True, "period_end": 3 * DAY}

CASES: list[Case] = []
for _line in (
    _cases("change", "requested", "", "plan_change.quote"),
    _cases("change", "quoted", "", "plan_change.issue_invoice"),
    _cases("change", "quoted", "", "plan_change.issue_invoice", values={"payable_until": None}),
    _cases("change", "quoted", "", "plan_change.issue_invoice", values={"review_until": -HOUR}),
    _cases("change", "quoted", "deadline_passed", "sweep.expire_unpaid"),
    _cases("change", "quoted", "deadline_passed", "sweep.expire_unpaid", values={"payable_until": timedelta(0)}),
    _cases("change", "invoiced", "", "plan_change.request_payment"),
    _cases("change", "invoiced", "", "plan_change.request_payment", values={"document": None, "numbered": True}),
    _cases("change", "invoiced", "", "plan_change.request_payment", values={"document": None, "due": 0}),
    _cases("change", "invoiced", "proforma_missing", "plan_change.print_invoice"),
    _cases("change", "invoiced", "proforma_missing", "plan_change.print_invoice", values={"document": "invoice"}),
    _cases("change", "invoiced", "deadline_passed", "sweep.expire_unpaid"),
    _cases("change", "invoiced", "deadline_passed proforma_missing", "sweep.expire_unpaid"),
    _cases("change", "invoiced", "covered", "plan_change.settle"),
    _cases("change", "invoiced", "covered", "plan_change.settle", values={"total": 0, "held": 0}),
    _cases("change", "invoiced", "covered proforma_missing", "plan_change.settle"),
    _cases("change", "invoiced", "covered deadline_passed", "plan_change.settle"),
    _cases("change", "invoiced", "covered deadline_passed proforma_missing", "plan_change.settle"),
    _cases("change", "invoiced", "payment_refused", OPERATOR),
    _cases("change", "invoiced", "proforma_missing payment_refused", "plan_change.print_invoice"),
    _cases("change", "invoiced", "deadline_passed payment_refused", "sweep.expire_unpaid"),
    _cases("change", "invoiced", "deadline_passed proforma_missing payment_refused", "sweep.expire_unpaid"),
    *(
        _cases("change", "invoiced", f"covered {more} payment_refused", "plan_change.settle")
        for more in ("", "proforma_missing", "deadline_passed", "deadline_passed proforma_missing")
    ),
    _cases("change", "awaiting_payment", "", CUSTOMER),
    _cases("change", "awaiting_payment", "", CUSTOMER, values={"held": 372}),
    _cases("change", "awaiting_payment", "", CUSTOMER, values=OF_ANOTHER),
    _cases("change", "awaiting_payment", "", CUSTOMER, values={"held_currency": "USD", "held": 373}),
    _cases("change", "awaiting_payment", "deadline_passed", "sweep.expire_unpaid"),
    _cases("change", "awaiting_payment", "covered", "plan_change.settle"),
    _cases("change", "awaiting_payment", "covered", "plan_change.settle", values={"held": 500}),
    _cases("change", "awaiting_payment", "covered deadline_passed", "plan_change.settle"),
    _cases("change", "awaiting_review", "", STAFF),
    _cases("change", "awaiting_review", "", STAFF, values={"payable_until": -HOUR}),
    _cases("change", "awaiting_review", "", STAFF, values={"review_until": None}),
    _cases("change", "awaiting_review", "deadline_passed", "sweep.expire_unpaid"),
    _cases("change", "awaiting_review", "deadline_passed", "sweep.expire_unpaid", values={"payable_until": HOUR}),
    _cases("change", "paid applying", "", "plan_change.apply_plan"),
    _cases("change", "paid applying", "", "plan_change.apply_plan", values={"lease_until": -MINUTE}),
    _cases("change", "paid applying", "", "plan_change.apply_plan", values=TOO_FAR),
    _cases("change", "paid applying", "", "plan_change.apply_plan", values={"spent_attempts": 0}),
    _cases("change", "paid applying", "lease_runs", LEASE),
    _cases("change", "paid applying", "spent", "plan_change.give_up"),
    _cases("change", "paid applying", "spent", "plan_change.give_up", values=TOO_FAR),
    _cases("change", "paid applying", "lease_runs spent", LEASE),
    _cases("change", "scheduled", "", DATE),
    _cases("change", "stuck", "", OPERATOR),
    _cases("change", "applied", "", "done"),
    _cases("change", "refused expired canceled superseded compensated reversed", "", "nothing"),
    _cases("payment", "creating", "", "payments.fetch"),
    _cases("payment", "creating", "", "payments.fetch", values={"lease_until": -MINUTE}),
    _cases("payment", "creating", "", "payments.fetch", values=TOO_FAR),
    _cases("payment", "creating", "lease_runs", LEASE),
    *(_cases("payment", "canceling", f"to_close{more}", "payments.fetch") for more in ("", " poll_due")),
    _cases("payment", "canceling", "to_close", "payments.fetch", values={"lease_until": -MINUTE}),
    _cases("payment", "canceling", "to_close", "payments.fetch", values=TOO_FAR),
    *(
        _cases("payment", "canceling", f"lease_runs{more}", LEASE)
        for more in ("", " to_close", " poll_due", " to_close poll_due")
    ),
    _cases("payment", "canceling", "", GATEWAY),
    _cases("payment", "canceling", "poll_due", "payments.fetch", by=RECONCILIATION),
    _cases("payment", "open action_required", "", CUSTOMER),
    _cases("payment", "open action_required", "", CUSTOMER, values={"created_at": -HOUR, "polled_at": -9 * MINUTE}),
    _cases("payment", "pending", "", GATEWAY),
    _cases("payment", "pending", "", GATEWAY, values={"created_at": -HOUR, "polled_at": -9 * MINUTE}),
    _cases("payment", "open action_required pending", "poll_due", "payments.fetch", by=RECONCILIATION),
    _cases(
        "payment", "open pending", "poll_due", "payments.fetch", by=RECONCILIATION, values={"polled_at": -11 * MINUTE}
    ),
    _cases("payment", "succeeded", "", "nothing"),
    _cases("payment", "succeeded", "", "nothing", values={"created_at": -HOUR}),
    _cases("payment", "succeeded", "", "nothing", values={"created_at": -HOUR, "refund": "succeeded"}),
    _cases("payment", "succeeded", "", "nothing", values={"refund": "pending"}),
    _cases(
        "payment", "succeeded", "", "nothing", values={"created_at": -HOUR, "refund": "pending", "refunded": -MINUTE}
    ),
    _cases(
        "payment",
        "succeeded",
        "",
        "nothing",
        values={"created_at": -HOUR, "refund": "pending", "polled_at": -9 * MINUTE},
    ),
    _cases("payment", "succeeded", "refund_poll_due", "payments.fetch", by=RECONCILIATION),
    _cases("payment", "succeeded", "refund_poll_due", "payments.fetch", by=RECONCILIATION, values=CONFIRMED),
    _cases(
        "payment",
        "succeeded",
        "refund_poll_due",
        "payments.fetch",
        by=RECONCILIATION,
        values=CONFIRMED | {"polled_at": -7 * HOUR},
    ),
    _cases("payment", "succeeded", "", "nothing", values=CONFIRMED | {"polled_at": -5 * HOUR}),
    _cases("payment", "succeeded", "", "nothing", values=CONFIRMED | {"watched": -MINUTE}),
    _cases("payment", "failed", "", "nothing"),
    _cases("payment", "failed", "refused", OPERATOR),
    _cases("payment", "failed", "", "nothing", values={"refused": True, "newer": True}),
    _cases("payment", "failed", "", "nothing", values={"refused": True, "settled": True}),
    _cases("payment", "declined expired canceled", "", "nothing"),
    _cases("refund", "sending", "", "payments.refund"),
    _cases("refund", "sending", "", "payments.refund", values=TOO_FAR),
    _cases("refund", "sending", "lease_runs", LEASE),
    _cases("refund", "pending", "", GATEWAY),
    _cases("refund", "succeeded failed", "", "nothing"),
    _cases("refund", "failed", "undecided", OPERATOR),
    _cases("event", "received parked retry", "", "payments.process_event"),
    _cases("event", "poison dead", "", OPERATOR),
    _cases("event", "processed ignored", "", "nothing"),
    # Two tables, and so two answers: the document's, the collection's.
    _cases("invoice", "unnumbered", "", CHANGE, CHANGE),
    _cases("invoice", "numbered", "", "nothing", "nothing"),
    _cases("invoice", "numbered", "", "nothing", "nothing", values={"asked": False, "settled": True}),
    _cases("invoice", "numbered", "", "nothing", "nothing", values={"asked": False, "due": 0}),
    _cases("invoice", "numbered", "", "nothing", "nothing", values={"asked": False, "of_change": True}),
    _cases("invoice", "numbered", "document_missing", "nothing", "invoices.print"),
    _cases("invoice", "numbered", "document_missing", "nothing", "invoices.print", values={"document": "proforma"}),
    _cases("invoice", "numbered", "uncollected", "invoices.request_payment", "nothing"),
    _cases("invoice", "numbered", "document_missing uncollected", "invoices.request_payment", "invoices.print"),
    _cases("invoice", "void", "", "nothing", "nothing"),
    _cases("credit", "arrived", "", "payments.allocate_credit"),
    _cases("credit", "arrived", "", "payments.allocate_credit", values={"change": "invoiced"}),
    _cases("credit", "arrived", "change_in_preparation", CHANGE),
    _cases("credit", "arrived", "change_in_preparation", CHANGE, values={"change": "quoted"}),
    _cases("credit", "allocated", "", "nothing"),
    _cases("mail", "unsent", "", "outbox.deliver"),
    _cases("mail", "unsent", "", "outbox.deliver", values=TOO_FAR),
    _cases("mail", "unsent", "lease_runs", LEASE),
    _cases("mail", "sent", "", "nothing"),
    _cases("service", "active", "", DATE),
    _cases("service", "active", "", DATE, values={"change": "awaiting_review"}),
    _cases("service", "active", "", DATE, values={"change": "applied"}),
    _cases("service", "active", "", DATE, values={"scheduled": True}),
    _cases("service", "active", "", DATE, values={"scheduled": True, "warned": True, "period_end": 3 * DAY}),
    _cases("service", "active", "", DATE, values={"period_end": 3 * DAY}),
    _cases("service", "active", "warning_due", "renewals.run", by=SCAN),
    _cases("service", "active", "warning_due", "renewals.run", by=SCAN, values={"period_end": 7 * DAY}),
    _cases("service", "active", "period_over", "renewals.run", by=SCAN),
    _cases("service", "active", "period_over", "renewals.run", by=SCAN, values={"period_end": timedelta(0)}),
    _cases("service", "active", "period_over", "renewals.run", by=SCAN, values={"change": "awaiting_review"}),
    _cases("service", "active", "period_over", "renewals.run", by=SCAN, values={"scheduled": True}),
    _cases("service", "active", "change_on_its_way warning_due", "renewals.run", by=SCAN),
    _cases("service", "active", "change_on_its_way", CHANGE),
    _cases("service", "active", "change_on_its_way period_over", CHANGE),
    *(
        _cases("service", "active", "change_on_its_way period_over", CHANGE, values={"change": status})
        for status in ("quoted", "invoiced", "awaiting_payment", "paid", "applying", "stuck")
    ),
    *(
        _cases("service", "active", f"ending_scheduled {others}", ENDING)
        for others in (
            "",
            "warning_due",
            "period_over",
            "change_on_its_way",
            "change_on_its_way warning_due",
            "change_on_its_way period_over",
        )
    ),
    _cases("service", "active", "", DATE, values={"ending": "withdrawn"}),
    _cases("service", "active", "period_over", "renewals.run", by=SCAN, values={"ending": "withdrawn"}),
    _cases("service", "past_due", "", CUSTOMER),
    _cases("service", "past_due", "", CUSTOMER, values=TO_WARN_OF),
    _cases("service", "pending suspended canceled terminated", "", "nothing"),
    _cases("service", "pending suspended canceled terminated", "", "nothing", values=TO_WARN_OF),
    _cases("ending", "scheduled", "date_to_come", DATE),
    _cases("ending", "scheduled", "change_on_its_way date_to_come", DATE),
    _cases("ending", "scheduled", "change_on_its_way", CHANGE),
    _cases("ending", "scheduled", "change_on_its_way", CHANGE, values={"at": "now", "change": "stuck"}),
    _cases("ending", "scheduled", "", "endings.run", by=SCAN),
    _cases("ending", "scheduled", "", "endings.run", by=SCAN, values={"period_end": timedelta(0)}),
    _cases("ending", "scheduled", "", "endings.run", by=SCAN, values={"change": "awaiting_review"}),
    _cases("ending", "scheduled", "", "endings.run", by=SCAN, values={"at": "now", "period_end": 20 * DAY}),
    _cases("ending", "ending", "", "endings.order_host", by=SCAN),
    _cases("ending", "ending", "", "endings.order_host", by=SCAN, values=TOO_FAR),
    _cases("ending", "ending", "lease_runs", LEASE),
    _cases("ending", "ended withdrawn", "", "nothing"),
):
    CASES.extend(_line)

# (row, state, facts) that no row can have, and why.
_OVER = "a change is warned of only before the period is over"

IMPOSSIBLE: dict[tuple[str, str, frozenset[str]], str] = {
    ("service", "active", frozenset({"warning_due", "period_over"})): _OVER,
    ("service", "active", frozenset({"warning_due", "change_on_its_way", "period_over"})): _OVER,
    ("service", "active", frozenset({"ending_scheduled", "warning_due", "period_over"})): _OVER,
    ("service", "active", frozenset({"ending_scheduled", "warning_due", "change_on_its_way", "period_over"})): _OVER,
}

# What makes a fact true, and what makes it false.
DIALS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "covered": ({"held": 373}, {"held": 0}),
    "deadline_passed": ({"payable_until": -HOUR, "review_until": -HOUR}, {"payable_until": HOUR, "review_until": HOUR}),
    "proforma_missing": ({"document": None}, {"document": "proforma"}),
    "spent": ({"spent_attempts": 1}, {"spent_attempts": None}),
    "lease_runs": ({"lease_until": 5 * MINUTE}, {"lease_until": None}),
    "refund_poll_due": ({"created_at": -HOUR, "refund": "pending"}, {"created_at": -MINUTE, "refund": None}),
    "to_close": ({"outlasts": False}, {"outlasts": True}),
    "poll_due": ({"created_at": -HOUR}, {"created_at": -MINUTE}),
    "payment_refused": ({"refused": True}, {"refused": False}),
    "refused": ({"refused": True}, {"refused": False}),
    "undecided": ({"to_decide": 373}, {"to_decide": 0}),
    "document_missing": ({"document": None}, {"document": "invoice"}),
    "uncollected": ({"asked": False}, {"asked": True}),
    "warning_due": ({"scheduled": True, "period_end": 3 * DAY}, {"scheduled": False}),
    "change_on_its_way": ({"change": "requested"}, {"change": None}),
    "change_in_preparation": ({"change": "requested"}, {"change": None}),
    "period_over": ({"period_end": -HOUR}, {"period_end": 20 * DAY}),
    "ending_scheduled": ({"ending": "scheduled"}, {"ending": None}),
    "date_to_come": ({"period_end": 20 * DAY}, {"period_end": -HOUR}),
}

FACTS = {
    "change": ("covered", "deadline_passed", "proforma_missing", "payment_refused", "spent", "lease_runs"),
    "payment": ("refund_poll_due", "poll_due", "to_close", "lease_runs", "refused"),
    "refund": ("lease_runs", "undecided"),
    "event": (),
    "invoice": ("document_missing", "uncollected"),
    "credit": ("change_in_preparation",),
    "mail": ("lease_runs",),
    "service": ("ending_scheduled", "warning_due", "change_on_its_way", "period_over"),
    "ending": ("date_to_come", "change_on_its_way", "lease_runs"),
}
