"""Where a credit goes, in one order for all: what is owed on the invoice that it answers, and what was taken back or
lost of its money; what is owed on the service's other invoices, oldest first; what gateways took back of those and
nobody has paid again; and only the rest can be spent.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.money import Money
from engine.ledger.open_claims import lost_of
from models.invoice import Invoice
from models.ledger import Entry, LedgerEntry, credit


def shared_out(session: Session, note: Invoice, amount: Money, answers: Invoice | None = None) -> list[Entry]:
    """The credit entries for `amount` (zero or more) of a credit note; `answers` is the invoice that it takes back, of
    which what was lost needs no credit either."""
    claims = _claims(session, note.service_id, note.currency)
    if answers is not None:
        claims.append(("losses", answers.id, lost_of(session, answers).amount))
        claims.sort(key=lambda claim: claim[1] != answers.id)  # stable: its own first, the others in their order
    entries, left = [], amount.amount
    for account, owner, claim in claims:
        part = min(left, claim)
        entries.append(credit(account, "" if account == "losses" else owner, Money(part, note.currency)))
        left -= part
    return [*entries, credit("credit", note.customer_id, Money(left, note.currency))]


def spendable(entries: Iterable[Entry], currency: str) -> Money:
    """What of the entries reaches the customer's account credit."""
    return -sum((entry.amount for entry in entries if entry.account == "credit"), Money.zero(currency))


def _claims(session: Session, service_id: str, currency: str) -> list[tuple[str, str, int]]:
    """(account, invoice, amount) of what is owed and of what was returned, each oldest first."""
    total = func.sum(LedgerEntry.amount_minor)
    query = (
        select(LedgerEntry.account, LedgerEntry.owner, total)
        .join(Invoice, Invoice.id == LedgerEntry.owner)
        .where(
            Invoice.service_id == service_id,
            LedgerEntry.account.in_(("receivable", "returned")),
            LedgerEntry.currency == currency,
        )
        .group_by(LedgerEntry.account, LedgerEntry.owner, Invoice.issued_at)
        .having(total > 0)
        .order_by(LedgerEntry.account, Invoice.issued_at, LedgerEntry.owner)  # receivable before returned
    )
    return [(account, owner, int(amount)) for account, owner, amount in session.execute(query)]


def owed_for(session: Session, service_id: str, currency: str) -> Money:
    """All that a credit of the service would pay before any of it could be spent."""
    return Money(sum(amount for _, _, amount in _claims(session, service_id, currency)), currency)
