"""A payment is requested from the gateway, and fetched to see how it stands.

The attempt's row is there first (attempts.py). What the gateway answers about money goes through the inbox like a
webhook: there is one way in for money.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.lifecycle import PAYMENT_ATTEMPT, AttemptStatus, Event, InvoiceStatus, Status
from engine.accounts.providers import gateway_account
from engine.jobs.external_call import ExternalStep, retry_at, take_lease
from engine.jobs.sweep import unschedule_if_done
from engine.notifications import notices
from engine.payments.attempts import new_attempt
from engine.payments.inbox_store import store_fetched
from gateways.protocol import Account, GatewayError, GatewayPayment, GatewayRefused, NotAtGateway, PaymentRequest
from gateways.registry import GATEWAYS
from models.customer import lock_and_clock
from models.invoice import Invoice
from models.moves import move
from models.payment import PaymentAttempt, live_attempt
from models.pending_work import facts_of
from models.plan_change import PlanChange, lock_change
from models.provider import Connection
from settings import settings

_FETCHED = (
    AttemptStatus.OPEN,
    AttemptStatus.ACTION_REQUIRED,
    AttemptStatus.PENDING,
    AttemptStatus.CANCELING,
    AttemptStatus.SUCCEEDED,
)


@dataclass(frozen=True, slots=True)
class PaymentCall:
    """One request to a gateway about one attempt, which pays the change's invoice or, None, a renewal's. `gateway_ref`
    is what the gateway called it, if it has answered."""

    attempt_id: str
    change_id: str | None
    fence: int
    gateway: str
    account: Account
    request: PaymentRequest
    gateway_ref: str | None
    cancel: bool


@dataclass(frozen=True, slots=True)
class PaymentAnswer:
    """How the payment stands, or why the gateway does not say: `refused` is a definite no, `unknown` one to a payment
    that the gateway does not know. `retry_after` (seconds) is the pause that it asked for."""

    payment: GatewayPayment | None
    error: str | None = None
    refused: bool = False
    unknown: bool = False
    retry_after: float | None = None


def begin_change_payment(session: Session, now: datetime, change_id: str) -> PaymentCall | Status:
    """For a change: once its proforma is printed, opens the invoice's attempt, or takes up one that was begun."""
    change = lock_change(session, change_id)
    invoice = change.invoice
    if (
        change.status not in (Status.INVOICED, Status.AWAITING_PAYMENT)
        or invoice is None
        or change.payable_until is None
    ):
        return Status(change.status)
    facts = (PlanChange.deadline_passed, PlanChange.proforma_missing, PlanChange.payment_refused)
    late, unprinted, refused = facts_of(change, *facts)
    if invoice.due_minor == 0 or late or unprinted:
        return Status(change.status)
    attempt = live_attempt(session, invoice.id)
    if attempt is None and change.status == Status.INVOICED and not refused:
        attempt = new_attempt(session, now, invoice, invoice.due, change.payable_until)
    return _call_for(session, attempt, AttemptStatus.CREATING) or Status(change.status)


def begin_invoice_payment(session: Session, now: datetime, invoice_id: str) -> PaymentCall | str:
    """For a renewal's invoice: opens its attempt, once, or takes up one that was begun; that of any invoice which is
    owed again, too. An offer's is a change's."""
    invoice = session.execute(select(Invoice).where(Invoice.id == invoice_id).with_for_update(of=Invoice)).scalar_one()
    if invoice.change_id is not None and invoice.status is InvoiceStatus.OPEN:
        return invoice.status
    attempt = live_attempt(session, invoice.id)
    if attempt is None and invoice.uncollected:
        attempt = new_attempt(session, now, invoice, invoice.due, invoice.due_at)
    unschedule_if_done(session, invoice.id)
    return _call_for(session, attempt, AttemptStatus.CREATING) or (attempt.status if attempt else invoice.status)


def begin_fetch(session: Session, now: datetime, attempt_id: str) -> PaymentCall | str:
    """Fetches how an attempt stands at the gateway; one that was only begun is opened there, one that is to be closed
    is closed there first. A paid one is fetched when a refund of it was not confirmed."""
    attempt = session.get_one(PaymentAttempt, attempt_id)
    if attempt.status == AttemptStatus.CREATING:
        invoice = session.get_one(Invoice, attempt.invoice_id)
        if invoice.change_id is None or invoice.status is not InvoiceStatus.OPEN:
            return begin_invoice_payment(session, now, attempt.invoice_id)
        return begin_change_payment(session, now, invoice.change_id)
    attempt = _lock_attempt(session, attempt_id)
    return _call_for(session, attempt, *_FETCHED) or attempt.status


def perform(call: PaymentCall) -> PaymentAnswer:
    """The call itself. A payment whose name at the gateway we never learned is opened again: same key, same payment."""
    gateway = GATEWAYS[call.gateway]
    try:
        if call.gateway_ref is None:
            payment = gateway.create(call.account, call.request)
        else:
            payment = gateway.fetch(call.account, call.gateway_ref)
        if call.cancel and payment.status in ("open", "action_required"):
            payment = gateway.cancel(call.account, payment.gateway_ref)
    except GatewayError as error:
        return PaymentAnswer(None, str(error), retry_after=error.retry_after)
    except GatewayRefused as error:
        return PaymentAnswer(None, str(error), refused=True, unknown=isinstance(error, NotAtGateway))
    return PaymentAnswer(payment)


def finish_change_payment(session: Session, now: datetime, call: PaymentCall, answer: PaymentAnswer) -> Status:
    """The attempt is open at the gateway: invoiced → awaiting_payment, and the customer is notified where to pay."""
    assert call.change_id is not None, "a change's attempt pays a change's invoice"
    change = lock_change(session, call.change_id)
    attempt = _record_answer(session, now, call, answer)
    if attempt is not None and attempt.gateway_ref and change.status == Status.INVOICED:
        move(session, change, Event.REQUEST_PAYMENT, Status.AWAITING_PAYMENT, now)
        notices.write(session, change, "payment_requested")
    return Status(change.status)


def finish_fetch(session: Session, now: datetime, call: PaymentCall, answer: PaymentAnswer) -> str:
    """The attempt as the gateway knows it; a change whose attempt is open from now on awaits its payment."""
    if call.change_id is None:
        return finish_payment(session, now, call, answer)
    return finish_change_payment(session, now, call, answer)


def finish_payment(session: Session, now: datetime, call: PaymentCall, answer: PaymentAnswer) -> str:
    """For a renewal's invoice: only the attempt is written."""
    attempt = _record_answer(session, now, call, answer)
    return attempt.status if attempt is not None else "overtaken"


def _record_answer(session: Session, now: datetime, call: PaymentCall, answer: PaymentAnswer) -> PaymentAttempt | None:
    """Writes what the gateway answered, if the fence is still ours; None if somebody else has taken over."""
    attempt = _lock_attempt(session, call.attempt_id)
    if attempt.fence != call.fence:
        return None
    attempt.lease_until = None
    attempt.error = answer.error
    if answer.payment is not None:
        _take_over(session, now, attempt, answer.payment)
    elif answer.refused:
        _end_refused(session, now, attempt, answer)
    else:
        # The lease is kept for the pause between two tries, so that an early message finds it taken.
        pause_over = retry_at(session, attempt.attempts, asked_seconds=answer.retry_after)
        attempt.lease_until = attempt.next_attempt_at = pause_over
    session.flush()
    return attempt


def _end_refused(session: Session, now: datetime, attempt: PaymentAttempt, answer: PaymentAnswer) -> None:
    """A definite no: what was never opened, or is not known any more, has failed. Where the gateway only will not talk
    to us about a payment that it holds, nobody tries again until a person has mended that: it is a dead letter."""
    if attempt.gateway_ref is None or answer.unknown:
        if (attempt.status, "refuse", AttemptStatus.FAILED) in PAYMENT_ATTEMPT.moves:
            move(session, attempt, "refuse", AttemptStatus.FAILED, now, actor="gateway", reason=answer.error)
    else:
        attempt.unschedule()


def _take_over(session: Session, now: datetime, attempt: PaymentAttempt, payment: GatewayPayment) -> None:
    attempt.gateway_ref = payment.gateway_ref
    attempt.checkout_url = payment.checkout_url or attempt.checkout_url
    attempt.client_token = payment.client_token or attempt.client_token
    if payment.status not in ("open", "action_required"):
        store_fetched(session, now, attempt, payment)
    elif payment.status == "action_required" and attempt.status in (AttemptStatus.CREATING, AttemptStatus.OPEN):
        move(session, attempt, "require_action", AttemptStatus.ACTION_REQUIRED, now, actor="gateway")
    elif attempt.status == AttemptStatus.CREATING:
        move(session, attempt, "open", AttemptStatus.OPEN, now, actor="gateway")
    if payment.status == "pending" and attempt.status == AttemptStatus.CANCELING:
        attempt.pending_since = attempt.pending_since or now
        attempt.outlasts = True
        attempt.unschedule()


def _lock_attempt(session: Session, attempt_id: str) -> PaymentAttempt:
    return session.execute(
        select(PaymentAttempt)
        .where(PaymentAttempt.id == attempt_id)
        .with_for_update(of=PaymentAttempt)
        .execution_options(populate_existing=True)
    ).scalar_one()


def _call_for(session: Session, attempt: PaymentAttempt | None, *statuses: str) -> PaymentCall | None:
    """The call to make for an attempt in one of these statuses, with its lease taken; None if there is none to make."""
    if attempt is None or attempt.status not in statuses:
        return None
    fence = take_lease(attempt)
    if fence is None:
        return None
    connection = session.get_one(Connection, attempt.connection_id)
    invoice = session.get_one(Invoice, attempt.invoice_id)
    return PaymentCall(
        attempt_id=attempt.id,
        change_id=invoice.change_id,
        fence=fence,
        gateway=connection.adapter,
        account=gateway_account(connection),
        request=PaymentRequest(
            reference=attempt.id,
            amount=attempt.amount,
            description=invoice.content["title"],
            return_url=f"{settings().public_url}/portal/invoices/{invoice.id}?returned=yes",
            expires_at=attempt.expires_at,
            webhook_url=f"{settings().public_url}/webhooks/{connection.adapter}/{connection.account}",
        ),
        gateway_ref=attempt.gateway_ref,
        cancel=attempt.status == AttemptStatus.CANCELING,
    )


request_payment = ExternalStep(begin_change_payment, perform, finish_change_payment, PaymentCall, opens=lock_and_clock)
request_invoice_payment = ExternalStep(begin_invoice_payment, perform, finish_payment, PaymentCall)
fetch_payment = ExternalStep(begin_fetch, perform, finish_fetch, PaymentCall)
