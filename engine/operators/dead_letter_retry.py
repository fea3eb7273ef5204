"""Another attempt for a dead letter, once what was in its way is mended."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from domain.lifecycle import AttemptStatus, RefundStatus
from engine.jobs.work_kinds import NoPendingWork, work_kind_of
from engine.notifications.notices import address_again
from engine.operators.dead_letters import dead, error_of
from engine.operators.failed_refunds import decide_refund
from engine.operators.replay import replay_event
from engine.payments.attempts import NothingToPay, attempt_after_refusal
from models.audit import Attribution, record_action
from models.inbox import InboxEvent
from models.invoice import Invoice
from models.outbox import OutboxMessage
from models.payment import PaymentAttempt, Refund
from models.provider import Provider


class NotADeadLetter(Exception):
    """Only a row that was given up can be retried."""

    def __init__(self, row_id: str) -> None:
        super().__init__(
            f"{row_id} is no dead letter. `planshift dead-letters list` shows them all;"
            " a change that is stuck is tried again by `planshift changes retry`."
        )


def retry_dead_letter(
    session: Session, now: datetime, row_id: str, attribution: Attribution, provider_id: str | None = None
) -> str:
    """An operator gives a dead letter all its attempts again; a refused payment is asked for anew. Returns the id of
    the row that the caller enqueues. Raises NotADeadLetter."""
    try:
        work = work_kind_of(row_id)
    except NoPendingWork as error:
        raise NotADeadLetter(row_id) from error
    wanted = dead(work, work.row.id, provider_id).where(work.row.id == row_id)
    if session.scalar(wanted.with_for_update(of=work.row)) is None:
        raise NotADeadLetter(row_id)
    row = session.get_one(work.row, row_id, populate_existing=True)
    if isinstance(row, InboxEvent):
        replay_event(session, now, session.get_one(Provider, row.provider_id), row_id, attribution)
        return row_id
    details = {"kind": work.kind, "attempts": row.attempts, "error": error_of(row)}
    record_action(session, row.provider_id, now, "dead_letter.retry", row_id, attribution, **details)
    if isinstance(row, PaymentAttempt) and row.status == AttemptStatus.FAILED:
        return _ask_again(session, now, row)
    if isinstance(row, Refund) and row.status == RefundStatus.FAILED:
        provider = session.get_one(Provider, row.provider_id)
        return decide_refund(session, now, provider, row.id, "again", attribution).id
    if isinstance(row, OutboxMessage):
        address_again(session, row)
    if isinstance(row, Invoice):
        row.print_error = None
        if row.number is None and row.change_id is not None:
            session.flush()
            return row.change_id  # its proforma is printed by the change, which may have moved on
    row.schedule_now()
    session.flush()
    return row_id


def _ask_again(session: Session, now: datetime, attempt: PaymentAttempt) -> str:
    try:
        return attempt_after_refusal(session, now, attempt).id
    except NothingToPay as error:
        raise NotADeadLetter(attempt.id) from error
