"""Staff decide about money that a gateway took back, where the catalogue's policy leaves it to them: it is kept as a
loss, or the customer owes it again. The plan stays either way."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.lifecycle import Status
from domain.money import Money
from engine.ledger import postings
from engine.notifications import notices
from engine.payments import attempts
from models.audit import Attribution, OperatorAction, record_action
from models.invoice import Invoice
from models.ledger import returned_of
from models.payment import Payment, newest_return
from models.plan_change import PlanChange, active_change, lock_change

Decision = Literal["keep", "owe"]
ACTION = "returns.decide"


class NothingReturned(Exception):
    """There is nothing to decide about."""

    def __init__(self, change_id: str, sentence: str) -> None:
        super().__init__(f"{change_id}: {sentence}")


def decide_returned(
    session: Session, now: datetime, change_id: str, decision: Decision, attribution: Attribution
) -> Money:
    """keep: what went back is lost. owe: it is a receivable of the change's invoice again, which the next payment or
    credit for it pays, and until then the plan cannot change: a payment is opened, and the customer is told where to
    pay. Returns the amount; the same decision again is calm.

    Raises NothingReturned, also while a dispute runs or the plan is on its way back.
    """
    change = lock_change(session, change_id)
    invoice = change.invoice
    newest = newest_return(session, invoice.id) if invoice is not None else None
    if invoice is None or newest is None:
        raise NothingReturned(change_id, "no money of it went back.")
    amount = returned_of(session, invoice)
    if amount.amount <= 0:
        return _decided_before(session, change, newest, decision, invoice.currency)
    _check_decidable(session, change, invoice)
    post = postings.lose_returned if decision == "keep" else postings.owe_returned
    post(session, invoice, amount, now, newest.id)
    details = {"decision": decision, "movement": newest.id, "amount": amount.as_json()}
    record_action(session, change.provider_id, now, ACTION, change.id, attribution, **details)
    if decision == "owe":
        session.flush()
        attempts.collect_again(session, now, invoice)
        occasion = len(_movements_of(session, invoice.id))
        notices.write(session, invoice, "owed_again", occasion, owed=attempts.owed_again(session, invoice))
    return amount


def _movements_of(session: Session, invoice_id: str) -> list[str]:
    return list(session.scalars(select(Payment.kind).where(Payment.invoice_id == invoice_id)))


def _decided_before(session: Session, change: PlanChange, newest: Payment, decision: Decision, currency: str) -> Money:
    actions = session.scalars(
        select(OperatorAction).where(OperatorAction.subject == change.id, OperatorAction.action == ACTION)
    )
    for action in actions:
        if (action.details["movement"], action.details["decision"]) == (newest.id, decision):
            return Money(action.details["amount"]["amount"], currency)
    raise NothingReturned(change.id, "what went back of it is decided already.")


def _check_decidable(session: Session, change: PlanChange, invoice: Invoice) -> None:
    kinds = _movements_of(session, invoice.id)
    if kinds.count("dispute") > kinds.count("dispute_won") + kinds.count("dispute_lost"):
        raise NothingReturned(change.id, "a dispute runs; decide when it is won or lost.")
    active = active_change(session, change.service_id)
    if change.status != Status.APPLIED or (active is not None and active.reverses_id == change.id):
        raise NothingReturned(change.id, "its plan is on its way; decide when it is applied and not being reversed.")
