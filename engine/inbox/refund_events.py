"""Refunds as gateways report them: sums, in any order, of which a part may come back weeks later.

A sum is compared with what is recorded as refunded and had not failed by the gateway's instant of that sum, so that
only what is new is recorded. A failure has the gateway's name of its refund. Of a refund of ours that is one row; of
one that somebody made at the gateway it is as much as the gateway no longer counts as refunded.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.lifecycle import EXPIRABLE, RefundStatus
from domain.money import Money
from engine.inbox.reports import ReturnReport
from engine.inbox.return_postings import claims_of, post_return, record_return
from engine.ledger import postings
from engine.payments import refunds
from engine.payments.owed import settle_covered
from models.audit import Attribution
from models.moves import begin, move
from models.payment import Payment, Refund, failed_movement, movements_of, pending_refunds


def refunded(session: Session, now: datetime, report: ReturnReport) -> list[str]:
    """A refund succeeded, after which so much is refunded in all."""
    refunded_minor = report.gateway_event.amount.amount
    _keep_sum(report, refunded_minor)
    return _record_new(session, now, report, refunded_minor, report.at, succeeded=report.name)


def refund_failed(session: Session, now: datetime, report: ReturnReport, last_attempt: bool) -> list[str] | None:
    """A refund failed, whether it had succeeded or not. None while nobody can tell whether it is one of ours, as we
    wait for the gateway's answer to it; at the last attempt it is recorded by its name, and our refund will find it."""
    payment, changes = report.payment, list[str]()
    ours = select(Refund).where(Refund.payment_id == payment.id)
    refund = session.scalar(ours.where(Refund.gateway_ref == report.name).with_for_update(of=Refund))
    unnamed = ours.where(Refund.gateway_ref.is_(None), Refund.status == RefundStatus.SENDING)
    if refund is None and not last_attempt and session.scalar(unnamed.limit(1)) is not None:
        return None
    if refund is None:
        changes = _failed_at_gateway(session, now, report)
    elif refund.status != RefundStatus.FAILED:
        refunds.fail_refund(session, now, refund, refunds.GATEWAY_COULD_NOT, report.at)
    told = report.gateway_event.refunded
    if told is not None:
        _keep_sum(report, told)
    newest, as_of = payment.refunded_minor, payment.refunded_as_of
    if newest is not None and as_of is not None and (as_of > report.at or told is not None):
        # Another refund may have taken its place in the sum.
        changes += _record_new(session, now, report, newest, as_of)
    return changes


def _keep_sum(report: ReturnReport, refunded_minor: int) -> None:
    payment = report.payment
    if payment.refunded_as_of is None or report.at >= payment.refunded_as_of:
        payment.refunded_minor, payment.refunded_as_of = refunded_minor, report.at


def _record_new(
    session: Session,
    now: datetime,
    report: ReturnReport,
    refunded_minor: int,
    as_of: datetime,
    succeeded: str | None = None,
) -> list[str]:
    """What is new in a sum confirms refunds of ours first, the one that `succeeded` before all; the rest was refunded
    at the gateway by somebody."""
    payment = report.payment
    failures = movements_of(session, payment, "refund_failed")
    # A refund succeeds before it fails, whatever the clocks say.
    failed = [failure for failure in failures if failure.paid_at <= as_of and failure.gateway_object != succeeded]
    new = refunded_minor - _sum(movements_of(session, payment, "refund")) + _sum(failed)
    for refund in sorted(pending_refunds(session, payment), key=lambda refund: refund.gateway_ref != succeeded):
        if refund.amount_minor <= new or (succeeded is not None and refund.gateway_ref == succeeded):
            refunds.confirm_refund(session, now, refund, as_of)
            new -= refund.amount_minor
    if new <= 0:
        return []
    refunds.watch_refunds(payment)
    amount = Money(new, payment.currency)
    key = f"{report.gateway_event.gateway_ref}:{refunded_minor}" + (f":{len(failures)}" if failures else "")
    movement = record_return(session, report, "refund", amount, key)
    return post_return(session, now, movement, report, final=True) if movement else []


def _failed_at_gateway(session: Session, now: datetime, report: ReturnReport) -> list[str]:
    """Of a refund that we did not make, as much comes back as the gateway no longer counts: it may never have been
    reported, or another refund has taken its place in the sum."""
    event, payment, amount = report.gateway_event, report.payment, report.gateway_event.amount
    if not amount or failed_movement(session, payment, report.name) is not None:
        return []
    counted = event.refunded or 0
    if payment.refunded_as_of is not None and payment.refunded_as_of > report.at:
        counted = payment.refunded_minor or 0
    known = _sum(movements_of(session, payment, "refund")) - _sum(movements_of(session, payment, "refund_failed"))
    back = Money(max(0, min(amount.amount, known - counted)), payment.currency)
    if amount != back:
        record_return(session, report, "refund", amount - back)
    record_return(session, report, "refund_failed", amount)
    return _bring_back(session, now, report, back) if back else []


def _bring_back(session: Session, now: datetime, report: ReturnReport, back: Money) -> list[str]:
    """The refund gets a row, so that people see it and may have to decide about it."""
    payment, change = report.payment, report.change
    refund = refunds.new_refund(session, payment, back, Attribution("gateway", "It was made at the gateway."))
    refund.gateway_ref, refund.error = report.name, refunds.GATEWAY_COULD_NOT
    begin(session, refund, now, "gateway", refund.reason)
    move(session, refund, "succeed", RefundStatus.SUCCEEDED, now, actor="gateway")
    move(session, refund, "fail", RefundStatus.FAILED, now, actor="gateway", reason=refund.error)
    postings.reopen_refund(session, refund, report.clearing, now)
    claims = claims_of(session, report, back)
    answered = postings.answer_refund(session, refund, claims, now)
    refunds.give_back(session, now, refund, back - answered)
    if payment.invoice is not None:
        settle_covered(session, now, payment.invoice.service)
    if change is None or change.status not in EXPIRABLE:
        return []
    change.schedule_now()
    return [change.id]


def _sum(movements: list[Payment]) -> int:
    return sum(movement.amount_minor for movement in movements)
