"""Payment attempts: their rows, of which an invoice has one live at a time.

An attempt's id is the idempotency key, and is committed before checkout.py calls the gateway.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from domain.lifecycle import PAYABLE, AttemptStatus, InvoiceStatus, Status
from domain.money import Money
from engine.accounts.providers import required_connection
from engine.jobs.external_call import machine_time
from engine.ledger import postings
from models.base import new_id
from models.invoice import Invoice
from models.ledger import receivable_of, receivables_of
from models.moves import begin, move
from models.payment import PaymentAttempt, attempt_on_its_way, latest_attempt, live_attempt, unresolved_attempts
from models.plan_change import PlanChange, lock_change, lock_invoice

# A bill that is due already is open at the gateway for so long, and one that is owed again, of which nobody thinks.
_OPEN_AT_LEAST, _OWED_AGAIN_FOR = timedelta(days=1), timedelta(days=14)


class AttemptOpen(Exception):
    """The invoice has a live payment attempt already."""

    def __init__(self, attempt: PaymentAttempt) -> None:
        super().__init__(f"Payment {attempt.id} is still open. Pay at {attempt.checkout_url or 'its checkout page'}.")


class MoneyOnItsWay(Exception):
    """The customer has paid already, and the money takes its time."""

    def __init__(self, attempt: PaymentAttempt) -> None:
        super().__init__(
            f"A payment of {attempt.amount.major()} {attempt.currency} is on its way ({attempt.id})."
            " A second one would be charged as well; wait for what becomes of the first."
        )


class NothingToPay(Exception):
    """The change, or the renewal's invoice, does not wait for a payment."""

    def __init__(self, row: PlanChange | Invoice) -> None:
        super().__init__(f"{row.id} is {row.status}; only what awaits payment can be paid.")


class PaymentRefused(Exception):
    """The gateway has refused this payment for good: an operator has to see to it before it can be paid."""

    def __init__(self, attempt: PaymentAttempt) -> None:
        super().__init__(f"The gateway refused {attempt.id}: {attempt.error} An operator has to see to it first.")


def start_attempt(session: Session, now: datetime, change_id: str) -> PaymentAttempt:
    """A new attempt at what is still owed, after a decline or a payment that went back: the row only, the pipeline
    calls the gateway.

    Raises NothingToPay, PaymentRefused, AttemptOpen, MoneyOnItsWay.
    """
    change = lock_change(session, change_id)
    invoice = change.invoice
    if invoice is not None and owed_again(session, invoice):
        return start_invoice_attempt(session, now, invoice)
    if change.status != Status.AWAITING_PAYMENT or invoice is None or change.deadline_passed:
        raise NothingToPay(change)
    _check_free(session, invoice)
    return _attempt_at_change(session, now, invoice, change)


def start_invoice_attempt(session: Session, now: datetime, invoice: Invoice) -> PaymentAttempt:
    """The same for a renewal's invoice, after its attempt was declined, has run out, or its money did not come; and for
    any whose money went back and is owed again.

    Raises NothingToPay, PaymentRefused, AttemptOpen, MoneyOnItsWay.
    """
    change = lock_invoice(session, invoice)
    if change is None:  # with a change its invoice was read
        session.refresh(invoice)
    again = bool(owed_again(session, invoice))
    of_renewal = change is None and invoice.status is InvoiceStatus.OPEN
    if not (again or of_renewal):
        raise NothingToPay(change or invoice)
    _check_free(session, invoice)
    return (_attempt_at_debt if again else _attempt_at_renewal)(session, now, invoice)


def collect_again(session: Session, now: datetime, invoice: Invoice) -> None:
    """What is owed again is asked for in one sum, also where a part of it was asked for before; while a payment of it
    is on its way nobody is asked."""
    if attempt_on_its_way(session, invoice.id) is None:
        close_attempts(session, now, invoice)
        _attempt_at_debt(session, now, invoice)


def owed_again(session: Session, invoice: Invoice) -> Money:
    """What is owed of an invoice that was settled, or ended unpaid, since its money went back."""
    return owed_again_of_each(session, [invoice])[invoice.id]


def owed_again_of_each(session: Session, invoices: Sequence[Invoice]) -> dict[str, Money]:
    """The same of several invoices of one provider, by id."""
    owed = receivables_of(session, [one for one in invoices if one.status is not InvoiceStatus.OPEN])
    zeros = {one.id: Money.zero(one.currency) for one in invoices}
    return {invoice_id: max(owed.get(invoice_id, zero), zero) for invoice_id, zero in zeros.items()}


def attempt_after_refusal(session: Session, now: datetime, refused: PaymentAttempt) -> PaymentAttempt:
    """An operator has mended what the gateway said no to: a new attempt at what is owed, with a key of its own.

    Raises NothingToPay.
    """
    invoice = session.get_one(Invoice, refused.invoice_id)
    change = lock_invoice(session, invoice)
    if owed_again(session, invoice):
        return _attempt_at_debt(session, now, invoice)
    if change is None:
        return _attempt_at_renewal(session, now, invoice)
    if change.status not in PAYABLE or change.deadline_passed:
        raise NothingToPay(change)
    return _attempt_at_change(session, now, invoice, change)


def _check_free(session: Session, invoice: Invoice) -> None:
    """Raises PaymentRefused, AttemptOpen, MoneyOnItsWay."""
    if (on_its_way := attempt_on_its_way(session, invoice.id)) is not None:
        raise MoneyOnItsWay(on_its_way)
    if (existing := live_attempt(session, invoice.id)) is not None:
        raise AttemptOpen(existing)
    if (latest := latest_attempt(session, invoice.id)) is not None and latest.refused:
        raise PaymentRefused(latest)


def _attempt_at_change(session: Session, now: datetime, invoice: Invoice, change: PlanChange) -> PaymentAttempt:
    """At what is not held for it yet. Raises NothingToPay."""
    owed = invoice.total - postings.held_for(session, change, invoice.currency)
    if change.payable_until is None or owed.amount <= 0:
        raise NothingToPay(change)
    return new_attempt(session, now, invoice, owed, change.payable_until)


def _attempt_at_renewal(session: Session, now: datetime, invoice: Invoice) -> PaymentAttempt:
    """At what is still owed. Raises NothingToPay."""
    owed = receivable_of(session, invoice)
    if owed.amount <= 0:
        raise NothingToPay(invoice)
    return new_attempt(session, now, invoice, owed, max(invoice.due_at, now + _OPEN_AT_LEAST))


def _attempt_at_debt(session: Session, now: datetime, invoice: Invoice) -> PaymentAttempt:
    return new_attempt(session, now, invoice, receivable_of(session, invoice), now + _OWED_AGAIN_FOR)


def new_attempt(
    session: Session, now: datetime, invoice: Invoice, amount: Money, payable_until: datetime
) -> PaymentAttempt:
    """Raises NotConnected.

    The gateway knows the world's clock only, so a sandbox's deadline is given as the same time from now.
    """
    connection = required_connection(session, invoice.provider_id, "gateway")
    attempt = PaymentAttempt(
        id=new_id("pay"),
        provider_id=invoice.provider_id,
        invoice=invoice,
        connection=connection,
        status=AttemptStatus.CREATING,
        amount_minor=amount.amount,
        currency=amount.currency,
        expires_at=machine_time(session) + (payable_until - now),
    )
    begin(session, attempt, now)
    return attempt


def close_attempts(session: Session, now: datetime, invoice: Invoice, but: str | None = None) -> list[PaymentAttempt]:
    """Marks the attempts that could still bring money, `but` the one that has brought it; the task payments.fetch
    closes them at the gateway."""
    attempts = unresolved_attempts(session, invoice.id)
    for attempt in attempts:
        if attempt.status != AttemptStatus.CANCELING and attempt.id != but:
            move(session, attempt, "close", AttemptStatus.CANCELING, now)
    return attempts
