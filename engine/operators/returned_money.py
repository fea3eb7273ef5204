"""Staff decide about money that a gateway took back, where the catalogue's policy leaves it to them: it is kept as a
loss, or the customer owes it again. The plan stays either way. Nor does a policy answer for what went back of a change
that has ended, or of a renewal whose service it suspends."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from domain.money import Money
from engine.ledger import postings
from engine.ledger.open_claims import disputed_of
from engine.notifications import notices
from engine.payments import attempts
from models.arrived_credit import note_arrival
from models.audit import Attribution, OperatorAction, record_action
from models.invoice import Invoice
from models.ledger import receivable_of, returned_of
from models.payment import Payment, newest_return
from models.plan_change import PlanChange, active_change, lock_invoice

Decision = Literal["keep", "owe"]
ACTION = "returns.decide"

_NOTHING = "no money of it went back."


class NothingReturned(Exception):
    """There is nothing to decide about."""

    def __init__(self, row_id: str, sentence: str) -> None:
        super().__init__(f"{row_id}: {sentence}")


def decide_returned(
    session: Session, now: datetime, row_id: str, decision: Decision, attribution: Attribution
) -> Money:
    """keep: what went back is lost. owe: it is a receivable of its invoice again, which the next payment or credit for
    it pays, and until then the plan cannot change: a payment is opened, and the customer is told where to pay. `row_id`
    is of the change or of the invoice. Returns the amount; the same decision again is calm.

    Raises NothingReturned, also while a dispute runs, or the change is on its way, forth or back.
    """
    invoice, change = _locked(session, row_id)
    subject = change.id if change is not None else invoice.id
    amount, newest = returned_of(session, invoice), newest_return(session, invoice.id)
    if newest is None:
        raise NothingReturned(row_id, _NOTHING)
    if amount.amount <= 0:
        return _decided_before(session, row_id, subject, newest, decision)
    _check_decidable(session, row_id, invoice, change)
    post = postings.lose_returned if decision == "keep" else postings.owe_returned
    post(session, invoice, amount, now, newest.id)
    details = {"decision": decision, "movement": newest.id, "amount": amount.as_json()}
    record_action(session, invoice.provider_id, now, ACTION, subject, attribution, **details)
    if decision == "owe":
        session.flush()
        _collect(session, now, invoice)
    return amount


def _locked(session: Session, row_id: str) -> tuple[Invoice, PlanChange | None]:
    """The invoice, locked as whatever touches its money does. Raises NothingReturned where there is none."""
    invoice = session.scalar(select(Invoice).where(or_(Invoice.id == row_id, Invoice.change_id == row_id)))
    if invoice is None:
        raise NothingReturned(row_id, _NOTHING)
    change = lock_invoice(session, invoice)
    session.refresh(invoice)
    return invoice, change


def _collect(session: Session, now: datetime, invoice: Invoice) -> None:
    """Credit that is there may pay it as if it came now."""
    attempts.collect_again(session, now, invoice)
    occasion = len(_movements_of(session, invoice.id))
    notices.write(session, invoice, "owed_again", occasion, owed=receivable_of(session, invoice))
    note_arrival(session, invoice.provider_id, invoice.customer_id, invoice.currency)


def _movements_of(session: Session, invoice_id: str) -> list[str]:
    return list(session.scalars(select(Payment.kind).where(Payment.invoice_id == invoice_id)))


def _decided_before(session: Session, row_id: str, subject: str, newest: Payment, decision: Decision) -> Money:
    actions = session.scalars(
        select(OperatorAction).where(OperatorAction.subject == subject, OperatorAction.action == ACTION)
    )
    for action in actions:
        if (action.details["movement"], action.details["decision"]) == (newest.id, decision):
            return Money.from_json(action.details["amount"])
    raise NothingReturned(row_id, "what went back of it is decided already.")


def _check_decidable(session: Session, row_id: str, invoice: Invoice, change: PlanChange | None) -> None:
    """A change that has ended, in whatever way, keeps nobody waiting; nor does a renewal."""
    if disputed_of(session, invoice):
        raise NothingReturned(row_id, "a dispute runs; decide when it is won or lost.")
    if change is None:
        return
    active = active_change(session, change.service_id)
    if active is not None and change.id in (active.id, active.reverses_id):
        raise NothingReturned(row_id, "its plan is on its way; decide when it is applied and not being reversed.")
