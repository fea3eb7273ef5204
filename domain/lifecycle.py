"""The life of a plan change: its statuses, the moves between them, and what each status means to a reader.

A status is a recovery point: it names the step that comes next. A move that is not in `MOVES` does not exist;
`models.plan_change.move` refuses it and the history is checked against the same table.
"""

from __future__ import annotations

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


class Event(StrEnum):
    """What moved it."""

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


class Phase(StrEnum):
    """What a customer needs to know of a status."""

    WAITING_FOR_US = "waiting_for_us"
    WAITING_FOR_PAYMENT = "waiting_for_payment"
    SCHEDULED = "scheduled"
    DONE = "done"
    ENDED = "ended"


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
# A canvas ends early here: nothing is left to do until somebody or some date moves the change again.
CANVAS_ENDS = frozenset(ENDED - {S.APPLIED}) | {S.SCHEDULED, S.AWAITING_REVIEW, S.STUCK}

MOVES: frozenset[tuple[Status, Event, Status]] = frozenset(
    {
        (S.REQUESTED, E.QUOTE, S.QUOTED),
        (S.REQUESTED, E.QUOTE, S.SCHEDULED),
        (S.REQUESTED, E.QUOTE, S.AWAITING_REVIEW),
        (S.REQUESTED, E.QUOTE, S.REFUSED),
        (S.REQUESTED, E.REVERSE, S.PAID),  # the system's own reversal: nothing to review, nothing to pay
        (S.AWAITING_REVIEW, E.APPROVE, S.REQUESTED),
        (S.AWAITING_REVIEW, E.REJECT, S.REFUSED),
        (S.QUOTED, E.ISSUE, S.INVOICED),
        (S.INVOICED, E.REQUEST_PAYMENT, S.AWAITING_PAYMENT),
        (S.INVOICED, E.SETTLE, S.PAID),
        (S.AWAITING_PAYMENT, E.SETTLE, S.PAID),
        (S.PAID, E.APPLY, S.APPLYING),
        (S.APPLYING, E.APPLY, S.APPLIED),
        (S.APPLYING, E.APPLY, S.STUCK),
        # No attempt came to its end, and the fault is not the host's: a person decides.
        (S.PAID, E.GIVE_UP, S.STUCK),
        (S.APPLYING, E.GIVE_UP, S.STUCK),
        (S.STUCK, E.RETRY, S.APPLYING),
        (S.STUCK, E.RETRY, S.APPLIED),
        (S.STUCK, E.COMPENSATE, S.COMPENSATED),
        (S.SCHEDULED, E.RENEWAL, S.APPLYING),
        (S.SCHEDULED, E.RENEWAL, S.REFUSED),
        (S.SCHEDULED, E.RENEWAL, S.AWAITING_REVIEW),
        (S.SCHEDULED, E.SUPERSEDE, S.SUPERSEDED),
        (S.APPLIED, E.REVERSE, S.REVERSED),
    }
    | {(source, E.CANCEL, S.CANCELED) for source in CANCELABLE}
    | {(source, E.EXPIRE, S.EXPIRED) for source in EXPIRABLE}
    | {(source, E.SUPERSEDE, S.SUPERSEDED) for source in UNPAID}
)

_PHASES: dict[Status, Phase] = {
    S.AWAITING_PAYMENT: Phase.WAITING_FOR_PAYMENT,
    S.SCHEDULED: Phase.SCHEDULED,
    S.APPLIED: Phase.DONE,
}


class ImpossibleMove(RuntimeError):
    """A program error: the lifecycle does not have this move."""

    def __init__(self, source: Status, event: Event, target: Status) -> None:
        super().__init__(f"no move {source} --{event}--> {target} in the lifecycle (domain/lifecycle.py)")


def check_move(source: Status, event: Event, target: Status) -> None:
    """Raises ImpossibleMove unless the lifecycle has this move."""
    if (source, event, target) not in MOVES:
        raise ImpossibleMove(source, event, target)


def phase_of(status: Status) -> Phase:
    """What the customer is waiting for, if anything."""
    if status in _PHASES:
        return _PHASES[status]
    return Phase.ENDED if status in ENDED else Phase.WAITING_FOR_US


def next_actions(status: Status) -> tuple[str, ...]:
    """What a frontend may offer the customer now, as names of the routes below /v1/plan-changes/{id}."""
    actions: list[str] = []
    if status is S.AWAITING_PAYMENT:
        actions.append("pay")
    if status in CANCELABLE:
        actions.append("cancel")
    return tuple(actions)
