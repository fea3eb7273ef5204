"""What several pages show of a row: its mails, what staff did about it, its payments, and what was booked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select, union
from sqlalchemy.orm import joinedload, selectinload

from engine.operators.dead_letters import dead_rows
from models.audit import OperatorAction
from models.customer import Customer
from models.invoice import Invoice
from models.ledger import LedgerEntry, LedgerTransaction
from models.outbox import OutboxMessage
from models.payment import Payment, PaymentAttempt, Refund
from web.staff.visit import StaffTransaction

# A page shows so many of each, the newest first.
SHOWN_MAX = 50
# The accounts whose owner is a change or an invoice.
_OWNED = ("held", "receivable", "returned")


def about(
    tx: StaffTransaction, ids: list[str], parts: Iterable[str] = (), whose: Customer | None = None
) -> dict[str, Any]:
    """The mails about these rows, or all of a customer's; what staff did to rows, mails and `parts`; and which of them
    were given up, with what went wrong last."""
    meant = OutboxMessage.subject.in_(ids) if whose is None else OutboxMessage.customer_id == whose.id
    mails = newest(tx, OutboxMessage, meant)
    all_ids = [*ids, *parts, *(mail.id for mail in mails)]
    actions = (
        select(OperatorAction)
        .where(OperatorAction.provider_id == tx.provider.id, OperatorAction.subject.in_(all_ids))
        .order_by(OperatorAction.id.desc())
    )
    dead = dead_rows(tx.session, tx.provider.id, all_ids)
    return {
        "mails": mails,
        "actions": list(tx.session.scalars(actions.limit(SHOWN_MAX))),
        "given_up": {row.id: error or "" for _, row, error in dead},
    }


def attempts_of(tx: StaffTransaction, invoice: Invoice | None) -> list[PaymentAttempt]:
    """What gateways were asked to collect for an invoice, the newest first."""
    if invoice is None:
        return []
    query = select(PaymentAttempt).where(PaymentAttempt.invoice_id == invoice.id).order_by(PaymentAttempt.id.desc())
    with_gateway = query.options(joinedload(PaymentAttempt.connection, innerjoin=True))
    return list(tx.session.scalars(with_gateway.limit(SHOWN_MAX)))


def payments_for(tx: StaffTransaction, invoice: Invoice) -> list[Payment]:
    """Money that moved for an invoice, in its order."""
    query = select(Payment).where(Payment.invoice_id == invoice.id).order_by(Payment.id)
    return list(tx.session.scalars(query.limit(SHOWN_MAX)))


def refunds_of(tx: StaffTransaction, payment: Payment) -> list[Refund]:
    query = select(Refund).where(Refund.payment_id == payment.id).order_by(Refund.id)
    return list(tx.session.scalars(query.limit(SHOWN_MAX)))


def postings_of(tx: StaffTransaction, ids: list[str]) -> list[LedgerTransaction]:
    """What was booked for these rows, in its order: whatever is held for them, owed on them, or was posted of them."""
    owned = select(LedgerEntry.transaction_id).where(
        LedgerEntry.provider_id == tx.provider.id, LedgerEntry.account.in_(_OWNED), LedgerEntry.owner.in_(ids)
    )
    posted_of = select(LedgerTransaction.id).where(LedgerTransaction.source_id.in_(ids))
    query = select(LedgerTransaction).where(
        LedgerTransaction.provider_id == tx.provider.id, LedgerTransaction.id.in_(union(owned, posted_of))
    )
    query = query.options(selectinload(LedgerTransaction.entries)).order_by(LedgerTransaction.id)
    return list(tx.session.scalars(query.limit(2 * SHOWN_MAX)))


def newest(tx: StaffTransaction, row: type[Any], which: Any) -> list[Any]:
    """The newest rows of a class that are as `which` says."""
    return list(tx.session.scalars(select(row).where(which).order_by(row.id.desc()).limit(SHOWN_MAX)))
