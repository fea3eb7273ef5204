"""What may move: the states of every machine and the moves between them.

A status is a recovery point: together with the facts of its row it names what comes next (domain/next_steps.py). A
move that is not in its machine's table does not exist: `models.moves.move` refuses it, the database refuses a status
that no enum has, and the nightly audit holds the histories against the same tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """Where a plan change stands."""

    REQUESTED = "requested"
    QUOTED = "quoted"
    INVOICED = "invoiced"
    AWAITING_PAYMENT = "awaiting_payment"
    PAID = "paid"
    APPLYING = "applying"
    APPLIED = "applied"
    SCHEDULED = "scheduled"
    AWAITING_REVIEW = "awaiting_review"
    REFUSED = "refused"
    EXPIRED = "expired"
    CANCELED = "canceled"
    SUPERSEDED = "superseded"
    STUCK = "stuck"
    COMPENSATED = "compensated"
    REVERSED = "reversed"


# What each status means, for pages and for `planshift changes show`.
MEANINGS = {
    Status.REQUESTED: "written down, the caller has its answer",
    Status.QUOTED: "rule and price are frozen, account credit is reserved",
    Status.INVOICED: "lines and parties are frozen, the proforma is printed",
    Status.AWAITING_PAYMENT: "a checkout page is open at the gateway; no worker waits",
    Status.PAID: "the invoice has its number, the money is earned",
    Status.APPLYING: "the host has been called, or is about to be",
    Status.APPLIED: "the host shows the plan",
    Status.SCHEDULED: "promised for the end of the period",
    Status.AWAITING_REVIEW: "the catalogue leaves the answer to staff",
    Status.REFUSED: "not allowed, does not fit, or the price was another; the reason is in the row",
    Status.EXPIRED: "not paid in time; the old plan was never touched",
    Status.CANCELED: "taken back before it was paid, or the service is no longer active",
    Status.SUPERSEDED: "a newer change took its place",
    Status.STUCK: "paid, and the host said no or nothing for too long, or no step of ours came to its end",
    Status.COMPENSATED: "was stuck, and given up with a credit note",
    Status.REVERSED: "was applied, and taken back because the money went back",
}


class AttemptStatus(StrEnum):
    """Where one payment asked of a gateway stands. `pending`: the customer has done his part, the money is on its
    way; `canceling`: to be closed at the gateway, and it may still be paid."""

    CREATING = "creating"
    OPEN = "open"
    ACTION_REQUIRED = "action_required"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DECLINED = "declined"
    EXPIRED = "expired"
    CANCELING = "canceling"
    CANCELED = "canceled"


class RefundStatus(StrEnum):
    """Where money that we send back stands. `pending`: the gateway has it and will confirm it."""

    SENDING = "sending"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class InboxStatus(StrEnum):
    """Where an event of a gateway stands. `parked`: no payment of ours matches it yet; `retry`: it could not be
    processed; `poison`: authentic and without sense; `dead`: tried too often."""

    RECEIVED = "received"
    PARKED = "parked"
    RETRY = "retry"
    PROCESSED = "processed"
    IGNORED = "ignored"
    POISON = "poison"
    DEAD = "dead"


class ServiceStatus(StrEnum):
    """What the host says of a service; `past_due` is ours: a renewal was not paid."""

    PENDING = "pending"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    SUSPENDED = "suspended"
    CANCELED = "canceled"
    TERMINATED = "terminated"


# In service: what is had in these is billed.
IN_SERVICE = frozenset({ServiceStatus.ACTIVE, ServiceStatus.PAST_DUE})


class ResumptionOutcome(StrEnum):
    """What became of the period of a service that is back: it goes on, the next one begins where it is back, its rest
    is given back as time, or the host said which one runs."""

    KEPT = "kept"
    RESTARTED = "restarted"
    EXTENDED = "extended"
    REPORTED = "reported"


class EndingStatus(StrEnum):
    """Where the ending of a service stands. `scheduled`: it has a date and can be taken back; `ending`: the service is
    canceled here, and the host is told."""

    SCHEDULED = "scheduled"
    ENDING = "ending"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"


class InvoiceStatus(StrEnum):
    """Whether an invoice still waits for its money: two dates of its row say so."""

    OPEN = "open"
    SETTLED = "settled"
    VOID = "void"


class Event(StrEnum):
    """What moved a plan change."""

    REQUEST = "request"
    QUOTE = "quote"
    ISSUE = "issue"
    PRINT = "print"
    REQUEST_PAYMENT = "request_payment"
    DECLINE = "decline"
    SETTLE = "settle"
    APPLY = "apply"
    GIVE_UP = "give_up"
    CANCEL = "cancel"
    EXPIRE = "expire"
    SUPERSEDE = "supersede"
    RENEWAL = "renewal"
    APPROVE = "approve"
    REJECT = "reject"
    RETRY = "retry"
    COMPENSATE = "compensate"
    REVERSE = "reverse"


Move = tuple[str, str, str]

# How a history begins that is younger than its row.
KNOWN = "known"


class ImpossibleMove(RuntimeError):
    """A program error: somebody asked for a move that the machine does not have."""

    def __init__(self, machine: str, source: str, event: str, target: str) -> None:
        super().__init__(f"no move {source} --{event}--> {target} of a {machine} (domain/lifecycle.py)")


@dataclass(frozen=True, slots=True)
class Machine:
    """`moves` are (from, event, to); a row begins with `begins`, in one of `initial`."""

    name: str
    states: type[StrEnum]
    begins: str
    initial: frozenset[str]
    moves: frozenset[Move]

    def check(self, source: str, event: str, target: str) -> None:
        """Raises ImpossibleMove unless the machine has this move."""
        if (source, event, target) not in self.moves:
            raise ImpossibleMove(self.name, source, event, target)

    def broken_step(self, status: str, history: Iterable[tuple[str | None, str | None, str | None]]) -> str | None:
        """What is wrong with a history of (from, event, to) that must end at `status`; None if nothing is."""
        at: str | None = None
        for source, event, target in history:
            if source != at:
                return f"a move from {source} follows the status {at}"
            begins = source is None and (event == KNOWN or (event == self.begins and target in self.initial))
            if not begins and (source, event, target) not in self.moves:
                return f"there is no move {source} --{event}--> {target}"
            at = target
        return None if at == status else f"the history ends at {at}, the status is {status}"


def _moves(sources: Iterable[str], event: str, target: str) -> frozenset[Move]:
    return frozenset((source, event, target) for source in sources)


S, E = Status, Event

# The changes that hold the one active place a service has; `scheduled` has a place of its own.
ACTIVE = frozenset(
    {S.REQUESTED, S.QUOTED, S.INVOICED, S.AWAITING_PAYMENT, S.AWAITING_REVIEW, S.PAID, S.APPLYING, S.STUCK}
)
# Before the money is settled nothing has happened that a customer could not take back.
UNPAID = frozenset({S.REQUESTED, S.QUOTED, S.INVOICED, S.AWAITING_PAYMENT, S.AWAITING_REVIEW})
CANCELABLE = UNPAID | {S.SCHEDULED}
PAYABLE = frozenset({S.INVOICED, S.AWAITING_PAYMENT})
EXPIRABLE = frozenset({S.QUOTED, S.INVOICED, S.AWAITING_PAYMENT})
# A renewal waits for these: the plan is about to change and the money is in.
SETTLED_UNAPPLIED = frozenset({S.PAID, S.APPLYING, S.STUCK})
ENDED = frozenset({S.APPLIED, S.REFUSED, S.EXPIRED, S.CANCELED, S.SUPERSEDED, S.COMPENSATED, S.REVERSED})

PLAN_CHANGE = Machine(
    "plan change",
    Status,
    begins=E.REQUEST,
    initial=frozenset({S.REQUESTED, S.REFUSED}),
    moves=frozenset(
        {
            (S.REQUESTED, E.QUOTE, S.QUOTED),
            (S.REQUESTED, E.QUOTE, S.SCHEDULED),
            (S.REQUESTED, E.QUOTE, S.AWAITING_REVIEW),
            (S.REQUESTED, E.QUOTE, S.REFUSED),
            (S.REQUESTED, E.REVERSE, S.PAID),  # the system's own way back: nothing to ask, nothing to pay
            (S.AWAITING_REVIEW, E.APPROVE, S.REQUESTED),
            (S.AWAITING_REVIEW, E.REJECT, S.REFUSED),
            (S.QUOTED, E.ISSUE, S.INVOICED),
            (S.INVOICED, E.REQUEST_PAYMENT, S.AWAITING_PAYMENT),
            (S.INVOICED, E.SETTLE, S.PAID),
            (S.AWAITING_PAYMENT, E.SETTLE, S.PAID),
            (S.PAID, E.APPLY, S.APPLYING),
            (S.APPLYING, E.APPLY, S.APPLIED),
            (S.APPLYING, E.APPLY, S.STUCK),
            # No try of ours came to its end: not the host, we are in the way, and a person decides.
            (S.PAID, E.GIVE_UP, S.STUCK),
            (S.APPLYING, E.GIVE_UP, S.STUCK),
            (S.STUCK, E.RETRY, S.APPLYING),
            (S.STUCK, E.COMPENSATE, S.COMPENSATED),
            (S.SCHEDULED, E.RENEWAL, S.APPLYING),
            (S.SCHEDULED, E.RENEWAL, S.REFUSED),
            (S.SCHEDULED, E.RENEWAL, S.AWAITING_REVIEW),
            (S.APPLIED, E.REVERSE, S.REVERSED),
        }
    )
    | _moves(CANCELABLE, E.CANCEL, S.CANCELED)
    | _moves(EXPIRABLE, E.EXPIRE, S.EXPIRED)
    | _moves(CANCELABLE, E.SUPERSEDE, S.SUPERSEDED),
)

A = AttemptStatus

# An invoice has one live attempt at a time.
LIVE_ATTEMPT = frozenset({A.CREATING, A.OPEN, A.ACTION_REQUIRED, A.PENDING})
# Attempts that might still bring money.
UNRESOLVED_ATTEMPT = LIVE_ATTEMPT | {A.CANCELING}
_WITHOUT_MONEY = frozenset({A.FAILED, A.DECLINED, A.EXPIRED, A.CANCELED})

PAYMENT_ATTEMPT = Machine(
    "payment attempt",
    AttemptStatus,
    begins="begin",
    initial=frozenset({A.CREATING}),
    moves=frozenset({(A.CREATING, "open", A.OPEN)})
    | _moves({A.CREATING, A.OPEN}, "require_action", A.ACTION_REQUIRED)
    # At some gateways a payer who was declined may take another means for the same payment.
    | _moves({A.CREATING, A.OPEN, A.ACTION_REQUIRED, A.FAILED}, "pend", A.PENDING)
    | _moves(UNRESOLVED_ATTEMPT, "fail", A.FAILED)
    # The gateway's definite no: it will not open the payment, or does not know it any more.
    | _moves(UNRESOLVED_ATTEMPT, "refuse", A.FAILED)
    | _moves(UNRESOLVED_ATTEMPT, "decline", A.DECLINED)
    | _moves(UNRESOLVED_ATTEMPT, "expire", A.EXPIRED)
    | _moves(UNRESOLVED_ATTEMPT, "cancel", A.CANCELED)
    | _moves(LIVE_ATTEMPT, "close", A.CANCELING)
    # Money that came is never denied, whatever we thought of the attempt before.
    | _moves(UNRESOLVED_ATTEMPT | _WITHOUT_MONEY, "succeed", A.SUCCEEDED),
)

R = RefundStatus

# Refunds that the gateway has not confirmed yet.
UNCONFIRMED_REFUND = frozenset({R.SENDING, R.PENDING})

REFUND = Machine(
    "refund",
    RefundStatus,
    begins="begin",
    initial=frozenset({R.SENDING}),
    moves=frozenset({(R.SENDING, "accept", R.PENDING)})
    | _moves(UNCONFIRMED_REFUND, "succeed", R.SUCCEEDED)
    # Banks say so weeks later, too.
    | _moves(UNCONFIRMED_REFUND | {R.SUCCEEDED}, "fail", R.FAILED),
)

B = InboxStatus

# Not decided yet: no offer expires while one of them is about it.
UNDECIDED = frozenset({B.RECEIVED, B.PARKED, B.RETRY})
_DECIDED = frozenset({B.PROCESSED, B.IGNORED, B.POISON, B.DEAD})

INBOX_EVENT = Machine(
    "inbox event",
    InboxStatus,
    begins="receive",
    initial=frozenset({B.RECEIVED}),
    moves=_moves(UNDECIDED, "process", B.PROCESSED)
    | _moves(UNDECIDED, "ignore", B.IGNORED)
    | _moves(UNDECIDED, "reject", B.POISON)
    | _moves(UNDECIDED, "put_off", B.PARKED)
    | _moves(UNDECIDED, "put_off", B.RETRY)
    | _moves(UNDECIDED, "give_up", B.DEAD)
    # An operator has it processed again, or an unsigned one says again that something has happened.
    | _moves(UNDECIDED | _DECIDED, "replay", B.RECEIVED),
)

V = ServiceStatus

# A service that is over: nothing is billed for it, and nothing of it changes.
OVER = frozenset({V.CANCELED, V.TERMINATED})

SERVICE = Machine(
    "service",
    ServiceStatus,
    begins="report",
    initial=frozenset(V),
    moves=frozenset({(V.ACTIVE, "miss_payment", V.PAST_DUE), (V.PAST_DUE, "pay", V.ACTIVE)})
    | frozenset((source, "report", target) for source in V for target in V if source is not target)
    | _moves({V.PENDING, V.ACTIVE, V.PAST_DUE}, "suspend", V.SUSPENDED)
    | _moves(frozenset(V) - OVER, "end", V.CANCELED),
)

N = EndingStatus

# A service has one of these at a time.
OPEN_ENDING = frozenset({N.SCHEDULED, N.ENDING})

ENDING = Machine(
    "ending",
    EndingStatus,
    begins="request",
    initial=frozenset({N.SCHEDULED}),
    moves=frozenset(
        {
            (N.SCHEDULED, "withdraw", N.WITHDRAWN),
            (N.SCHEDULED, "end", N.ENDING),
            (N.ENDING, "confirm", N.ENDED),
        }
    )
    # The host says by itself that the service is over.
    | _moves(OPEN_ENDING, "report", N.ENDED),
)

INVOICE = Machine(
    "invoice",
    InvoiceStatus,
    begins="issue",
    initial=frozenset({InvoiceStatus.OPEN, InvoiceStatus.SETTLED}),
    moves=frozenset(
        {
            (InvoiceStatus.OPEN, "settle", InvoiceStatus.SETTLED),
            (InvoiceStatus.OPEN, "void", InvoiceStatus.VOID),
        }
    ),
)

MACHINES = (PLAN_CHANGE, PAYMENT_ATTEMPT, REFUND, INBOX_EVENT, SERVICE, ENDING, INVOICE)
