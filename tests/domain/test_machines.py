"""The tables of what may move and what is next, asked as the rest of the program asks them."""

import pytest

from domain import next_steps
from domain.lifecycle import (
    INBOX_EVENT,
    PLAN_CHANGE,
    AttemptStatus,
    ImpossibleMove,
    InboxStatus,
    Status,
)
from domain.next_steps import RECONCILIATION, Phase, decisions, ends_canvas, next_actions, phase_of

B, S = InboxStatus, Status


def test_an_operator_has_any_event_processed_again() -> None:
    for status in (B.PROCESSED, B.IGNORED, B.POISON, B.DEAD, B.PARKED, B.RETRY):
        INBOX_EVENT.check(status, "replay", B.RECEIVED)
    for status in (B.PROCESSED, B.IGNORED, B.POISON, B.DEAD):
        with pytest.raises(ImpossibleMove, match=f"^no move {status} --process--> processed of a inbox event "):
            INBOX_EVENT.check(status, "process", B.PROCESSED)


@pytest.mark.parametrize(
    ("status", "history", "wrong"),
    [
        (B.PROCESSED, [(None, "receive", B.RECEIVED), (B.RECEIVED, "process", B.PROCESSED)], None),
        (B.RECEIVED, [(None, "process", B.RECEIVED)], "there is no move None --process--> received"),
        (B.PROCESSED, [(None, "receive", B.PROCESSED)], "there is no move None --receive--> processed"),
        (B.DEAD, [(None, "receive", B.RECEIVED)], "the history ends at received, the status is dead"),
        (
            B.PROCESSED,
            [(None, "receive", B.RECEIVED), (B.PARKED, "process", B.PROCESSED)],
            "a move from parked follows the status received",
        ),
        (B.DEAD, [(None, "known", B.DEAD)], None),
        (
            B.DEAD,
            [(None, "receive", B.RECEIVED), (B.RECEIVED, "known", B.DEAD)],
            "there is no move received --known--> dead",
        ),
    ],
)
def test_a_history_is_held_against_the_table(
    status: InboxStatus, history: list[tuple[str | None, str | None, str | None]], wrong: str | None
) -> None:
    assert INBOX_EVENT.broken_step(status, history) == wrong


def test_a_change_begins_with_its_request() -> None:
    assert PLAN_CHANGE.broken_step(S.REQUESTED, [(None, "request", S.REQUESTED)]) is None
    assert PLAN_CHANGE.broken_step(S.REQUESTED, [(None, "quote", S.REQUESTED)]) is not None


@pytest.mark.parametrize(
    ("status", "payable", "owed_again", "actions"),
    [
        (S.REQUESTED, True, False, ("cancel",)),
        (S.AWAITING_PAYMENT, True, False, ("pay", "cancel")),
        (S.AWAITING_PAYMENT, False, False, ("cancel",)),
        (S.SCHEDULED, True, False, ("cancel",)),
        (S.APPLIED, True, False, ()),
        (S.APPLIED, True, True, ("pay",)),
        (S.APPLIED, False, True, ()),
        (S.PAID, True, False, ()),
    ],
)
def test_what_a_customer_may_do(status: Status, payable: bool, owed_again: bool, actions: tuple[str, ...]) -> None:
    assert next_actions(status, payable, owed_again) == actions


def test_what_a_customer_waits_for() -> None:
    phases = {
        S.QUOTED: Phase.WAITING_FOR_US,
        S.AWAITING_REVIEW: Phase.WAITING_FOR_US,
        S.STUCK: Phase.WAITING_FOR_US,
        S.AWAITING_PAYMENT: Phase.WAITING_FOR_PAYMENT,
        S.SCHEDULED: Phase.SCHEDULED,
        S.APPLIED: Phase.DONE,
        S.EXPIRED: Phase.ENDED,
    }
    assert {status: phase_of(status) for status in phases} == phases


def test_where_a_canvas_ends() -> None:
    """Where nothing is left to do before somebody pays or decides; an applied change is still printed and told."""
    ends = {status for status in S if ends_canvas(status)}
    assert {S.AWAITING_PAYMENT, S.AWAITING_REVIEW, S.SCHEDULED, S.STUCK, S.REFUSED, S.EXPIRED, S.CANCELED} <= ends
    assert not ends & {S.REQUESTED, S.QUOTED, S.INVOICED, S.PAID, S.APPLYING, S.APPLIED}


def test_the_tasks_that_may_be_next() -> None:
    changes, attempts = next_steps.PLAN_CHANGE, next_steps.PAYMENT_ATTEMPT
    assert changes.tasks(S.QUOTED) == ("sweep.expire_unpaid", "plan_change.issue_invoice")
    assert changes.tasks(S.SCHEDULED) == ()
    assert set(changes.tasks()) > {"plan_change.issue_invoice", "plan_change.apply_plan", "plan_change.give_up"}
    for status in AttemptStatus:
        polled = status in {
            AttemptStatus.OPEN,
            AttemptStatus.ACTION_REQUIRED,
            AttemptStatus.PENDING,
            AttemptStatus.CANCELING,
            AttemptStatus.SUCCEEDED,
        }
        assert attempts.tasks(status, RECONCILIATION) == (("payments.fetch",) if polled else ())


def test_who_is_waited_for() -> None:
    assert next_steps.PLAN_CHANGE.waits_for({"staff"}) == {S.AWAITING_REVIEW}
    assert next_steps.PLAN_CHANGE.waits_for({"operator"}) == {S.INVOICED, S.STUCK}
    assert next_steps.PLAN_CHANGE.is_tried(S.PAID)
    assert not next_steps.PLAN_CHANGE.is_tried(S.SCHEDULED)
    # what is open is fetched now and then, which is no try
    assert next_steps.PAYMENT_ATTEMPT.is_tried(AttemptStatus.CREATING)
    assert not next_steps.PAYMENT_ATTEMPT.is_tried(AttemptStatus.OPEN)


def test_what_staff_may_decide() -> None:
    assert decisions(S.AWAITING_REVIEW) == ("approve", "reject", "cancel")
    assert decisions(S.STUCK) == ("retry", "compensate")
    assert decisions(S.APPLIED) == ()
