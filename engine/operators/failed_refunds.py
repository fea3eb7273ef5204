"""Refunds that failed, in people's hands: what becomes of the money where the catalogue says that a person is asked,
and transfers that were made by hand and came back, which no gateway reports."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy.orm import Session

from domain.lifecycle import RefundStatus
from engine.ledger import postings
from engine.payments.refunds import fail_refund, lock_refund, start_refund
from models.audit import Attribution, record_action
from models.payment import Refund
from models.provider import Provider

Decision = Literal["credit", "again", "sent"]
# Nobody reports what becomes of a transfer that a person makes.
BY_HAND = "manual"


class UnknownRefund(Exception):
    """No such refund of this provider."""

    def __init__(self, refund_id: str) -> None:
        super().__init__(f"There is no refund {refund_id}. `planshift payments list` shows what was refunded.")


class NothingToDecide(Exception):
    """Nobody is asked about this refund."""

    def __init__(self, refund: Refund) -> None:
        super().__init__(f"{refund.id} is {refund.status}, and nothing of it waits for a decision.")


class NotByHand(Exception):
    """Only a person knows of a transfer that a person made."""

    def __init__(self, refund: Refund) -> None:
        super().__init__(
            f"{refund.id} is {refund.status}, by {refund.payment.connection.adapter}."
            " Only a refund that was transferred by hand and has succeeded is reported as failed by a person."
        )


def decide_refund(
    session: Session, now: datetime, provider: Provider, refund_id: str, decision: Decision, attribution: Attribution
) -> Refund:
    """credit: it is the customer's account credit again. again: it is refunded once more by the same way, and the new
    refund is returned. sent: a person has transferred it, and it is theirs no more.

    Raises UnknownRefund, NothingToDecide, NotRefundable.
    """
    refund = required_refund(session, provider, refund_id)
    amount = refund.to_decide
    if not amount:
        raise NothingToDecide(refund)
    refund.to_decide_minor = 0
    post = postings.send_refund_by_hand if decision == "sent" else postings.fail_refund
    post(session, refund, amount, now)
    details = {"decision": decision, "amount": amount.as_json()}
    record_action(session, provider.id, now, "refund.decide", refund.id, attribution, **details)
    if decision == "again":
        return start_refund(session, now, provider, refund.payment_id, amount, attribution)
    return refund


def report_failed(
    session: Session, now: datetime, provider: Provider, refund_id: str, attribution: Attribution
) -> Refund:
    """A transfer that was made by hand came back; told twice, it has failed once. Raises UnknownRefund, NotByHand."""
    refund = required_refund(session, provider, refund_id)
    by_hand = refund.payment.connection.adapter == BY_HAND
    if by_hand and refund.status == RefundStatus.FAILED:
        return refund
    if not by_hand or refund.status != RefundStatus.SUCCEEDED:
        raise NotByHand(refund)
    record_action(session, provider.id, now, "refund.failed", refund.id, attribution)
    fail_refund(session, now, refund, attribution.reason, now, actor=attribution.actor)
    return refund


def required_refund(session: Session, provider: Provider, refund_id: str) -> Refund:
    """Locked. Raises UnknownRefund."""
    found = session.get(Refund, refund_id)
    if found is None or found.provider_id != provider.id:
        raise UnknownRefund(refund_id)
    return lock_refund(session, refund_id)
