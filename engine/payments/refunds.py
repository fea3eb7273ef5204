"""Refunds: an operator or a credit note starts one, the gateway does it, its event confirms it.

It is taken from the customer's spendable credit (or from unmatched money) the moment it is started, so that it cannot
be spent meanwhile, and put back there if the gateway cannot do it. The row, whose id is the idempotency key, is
committed before the gateway is called.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from domain.lifecycle import RefundStatus
from domain.money import Money
from engine.accounts.providers import gateway_account
from engine.jobs.external_call import ExternalStep, retry_at, take_lease
from engine.ledger import postings
from engine.ledger.open_claims import lost_of_payment
from engine.notifications import notices
from gateways.protocol import Account, GatewayError, GatewayRefund, GatewayRefused
from gateways.registry import GATEWAYS
from models.audit import Attribution, record_action
from models.base import new_id
from models.invoice import Invoice
from models.ledger import balance, credit
from models.moves import begin, move
from models.payment import Payment, Refund, failed_movement, record_movement_of
from models.pending_work import MACHINE_NOW
from models.provider import Provider, catalog_of

GATEWAY_COULD_NOT = "The gateway could not refund."


class UnknownPayment(Exception):
    """No such payment of this provider."""

    def __init__(self, payment_id: str) -> None:
        super().__init__(f"There is no payment {payment_id}. See `planshift payments list`.")


class NotRefundable(Exception):
    """The payment cannot be refunded by so much."""


@dataclass(frozen=True, slots=True)
class RefundCall:
    """One request to a gateway to send money back."""

    refund_id: str
    fence: int
    gateway: str
    account: Account
    money_ref: str
    amount: Money


@dataclass(frozen=True, slots=True)
class RefundAnswer:
    """What the gateway says of it, or why it does not; `refused` is a definite no."""

    refund: GatewayRefund | None
    error: str | None = None
    refused: bool = False


def start_refund(
    session: Session,
    now: datetime,
    provider: Provider,
    payment_id: str,
    amount: Money | None,
    attribution: Attribution,
) -> Refund:
    """Refunds all that is left of a payment, or `amount`: the row only, the pipeline calls the gateway.

    Raises UnknownPayment, NotRefundable.
    """
    payment = lock_payment(session, provider, payment_id)
    left = payment.refundable
    wanted = left if amount is None else amount
    if wanted.currency != payment.currency or not 0 < wanted.amount <= left.amount:
        raise NotRefundable(f"{payment.id} can give back {left.major()} {left.currency} at most.")
    refund = new_refund(session, payment, wanted, attribution)
    _check_covered(session, payment, refund)
    begin(session, refund, now, attribution.actor, attribution.reason)
    postings.start_refund(session, refund, now)
    details = {"refund": refund.id, "amount": wanted.as_json()}
    record_action(session, provider.id, now, "payment.refund", payment.id, attribution, **details)
    return refund


def required_payment(session: Session, provider: Provider, payment_id: str) -> Payment:
    """Raises UnknownPayment."""
    payment = session.get(Payment, payment_id)
    if payment is None or payment.provider_id != provider.id or payment.kind != "payment":
        raise UnknownPayment(payment_id)
    return payment


def lock_payment(session: Session, provider: Provider, payment_id: str) -> Payment:
    """The same, locked, to allocate or refund it. Raises UnknownPayment."""
    payment = required_payment(session, provider, payment_id)
    session.refresh(payment, with_for_update={"of": Payment})
    return payment


def begin_refund(session: Session, now: datetime, refund_id: str) -> RefundCall | str:
    refund = lock_refund(session, refund_id)
    if refund.status != RefundStatus.SENDING:
        return refund.status
    fence = take_lease(refund)
    if fence is None:
        return refund.status
    connection = refund.payment.connection
    return RefundCall(
        refund_id=refund.id,
        fence=fence,
        gateway=connection.adapter,
        account=gateway_account(connection),
        money_ref=refund.payment.gateway_object,
        amount=refund.amount,
    )


def perform_refund(call: RefundCall) -> RefundAnswer:
    """The call itself: the same key makes the same refund, however often it is sent."""
    try:
        answer = GATEWAYS[call.gateway].refund(call.account, call.money_ref, call.amount, call.refund_id)
    except GatewayError as error:
        return RefundAnswer(None, str(error))
    except GatewayRefused as error:
        return RefundAnswer(None, str(error), refused=True)
    return RefundAnswer(answer)


def finish_refund(session: Session, now: datetime, call: RefundCall, answer: RefundAnswer) -> str:
    """sending → pending | succeeded | failed, or again later. The gateway's event may have been faster."""
    refund = lock_refund(session, call.refund_id)
    if refund.fence != call.fence or refund.status != RefundStatus.SENDING:
        _keep_name(session, refund, answer)
        return refund.status
    refund.lease_until, refund.error = None, answer.error
    if answer.refund is None and not answer.refused:
        refund.lease_until = refund.next_attempt_at = retry_at(session, refund.attempts)
        session.flush()
        return refund.status
    refund.gateway_ref = answer.refund.gateway_ref if answer.refund is not None else None
    if answer.refund is None or answer.refund.status == "failed":
        fail_refund(session, now, refund, answer.error or GATEWAY_COULD_NOT, now)
        return refund.status
    move(session, refund, "accept", RefundStatus.PENDING, now, actor="gateway")
    if answer.refund.status == "succeeded":
        confirm_refund(session, now, refund, now)
    if failed_movement(session, refund.payment, answer.refund.gateway_ref) is not None:
        # Its failure was reported before we knew its name, and nobody could tell whose it was.
        fail_refund(session, now, refund, GATEWAY_COULD_NOT, now)
    session.flush()
    return refund.status


def _keep_name(session: Session, refund: Refund, answer: RefundAnswer) -> None:
    """Of one whose webhook was faster than the answer: it may fail under this name, weeks later. Where it has failed by
    then, that was recorded as of a refund that somebody made at the gateway."""
    if answer.refund is not None and failed_movement(session, refund.payment, answer.refund.gateway_ref) is None:
        refund.gateway_ref = answer.refund.gateway_ref


def confirm_refund(session: Session, now: datetime, refund: Refund, sent_at: datetime) -> None:
    """The money has left, at `sent_at` by the gateway's time. It is recorded as a movement of its payment, so that a
    sum reported later counts it."""
    record_refund_movement(session, refund, refund.id, "refund", sent_at)
    refund.error = None
    watch_refunds(refund.payment)
    move(session, refund, "succeed", RefundStatus.SUCCEEDED, now, actor="gateway")
    postings.confirm_refund(session, refund, f"clearing:{refund.payment.connection.adapter}", now)
    if refund.source == "credit":
        notices.write(session, refund, "refunded")


def watch_refunds(payment: Payment) -> None:
    """Something was refunded of it, which may come back though no webhook says so: it is fetched now and then for as
    long as its gateway may still return it."""
    returns_for = GATEWAYS[payment.connection.adapter].refund_returns_for
    if returns_for:
        payment.refunds_watched_until = MACHINE_NOW + returns_for


def fail_refund(
    session: Session, now: datetime, refund: Refund, error: str, failed_at: datetime, actor: str = "gateway"
) -> None:
    """The money comes back to where it was taken from, or waits for a person, as the catalogue says; also of a refund
    that had succeeded. Sums that the gateway reports as of before `failed_at` (its own time) may count it."""
    if refund.gateway_ref is not None:
        if refund.status != RefundStatus.SUCCEEDED:
            record_refund_movement(session, refund, refund.id, "refund", failed_at)
        record_refund_movement(session, refund, refund.gateway_ref, "refund_failed", failed_at)
    had_succeeded = refund.status == RefundStatus.SUCCEEDED
    refund.error = error
    move(session, refund, "fail", RefundStatus.FAILED, now, actor=actor, reason=error)
    if had_succeeded:
        postings.reopen_refund(session, refund, f"clearing:{refund.payment.connection.adapter}", now)
    give_back(session, now, refund, refund.amount)


def give_back(session: Session, now: datetime, refund: Refund, amount: Money) -> None:
    """What a failed refund leaves: to where it was taken from, or a person is asked. Money that belonged to nothing is
    shown to operators as before, but for what was lost as it had gone back twice; whatever was a customer's, they and
    the provider's people are notified of."""
    if refund.source != "credit":
        made_good = min(amount, lost_of_payment(session, refund.payment))
        postings.answer_refund(session, refund, [credit("losses", "", made_good)], now)
        postings.fail_refund(session, refund, amount - made_good, now)
        return
    if catalog_of(session, session.get_one(Provider, refund.provider_id)).policies.refund_failed == "ask":
        refund.to_decide_minor = amount.amount
    else:
        postings.fail_refund(session, refund, amount, now)
    for event in ("refund_failed", "refund_failed_for_staff"):
        notices.write(session, refund, event, credit=None if refund.to_decide_minor or not amount else amount)


def record_refund_movement(session: Session, refund: Refund, gateway_object: str, kind: str, at: datetime) -> None:
    """What a refund of ours did to its payment, unless it is recorded already."""
    payment = refund.payment
    outcome = "unmatched" if payment.outcome == "unmatched" else "credit_refund"
    record_movement_of(session, payment, gateway_object, kind, refund.amount, outcome, at)


def new_refund(session: Session, payment: Payment, amount: Money, attribution: Attribution) -> Refund:
    """The row, which is not written yet; it is taken from the customer's credit, or from money that belongs to
    nothing."""
    if payment.outcome == "unmatched" or payment.invoice_id is None:
        source, owner = f"unmatched:{payment.connection.adapter}", ""
    else:
        source, owner = "credit", session.get_one(Invoice, payment.invoice_id).customer_id
    return Refund(
        id=new_id("ref"),
        provider_id=payment.provider_id,
        payment=payment,
        status=RefundStatus.SENDING,
        amount_minor=amount.amount,
        currency=amount.currency,
        source=source,
        owner=owner,
        actor=attribution.actor,
        reason=attribution.reason,
    )


def _check_covered(session: Session, payment: Payment, refund: Refund) -> None:
    available = balance(session, payment.provider_id, refund.source, refund.owner, payment.currency)
    if available < refund.amount:
        raise NotRefundable(
            f"A refund is taken from the customer's credit, which is {available.major()} {available.currency}."
            " What a settled invoice has earned is not credit: take its change back first."
        )


def lock_refund(session: Session, refund_id: str) -> Refund:
    """With its payment, which whoever processes a gateway's event locks first, too, and what that paid."""
    of_refund = select(Payment).join(Refund, Refund.payment_id == Payment.id).where(Refund.id == refund_id)
    session.execute(of_refund.with_for_update(of=Payment)).scalar_one()
    return session.execute(
        select(Refund)
        .where(Refund.id == refund_id)
        .options(joinedload(Refund.payment, innerjoin=True).joinedload(Payment.invoice))
        .with_for_update(of=Refund)
        .execution_options(populate_existing=True)
    ).scalar_one()


refund_payment = ExternalStep(begin_refund, perform_refund, finish_refund, RefundCall)
