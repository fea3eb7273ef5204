"""Double entry: balanced transactions, written once, and guarded balances.

A debit is positive, a credit negative; the entries of a transaction sum to zero per currency, which a deferred
trigger checks again at commit. Entries and transactions are append-only. Balances are kept for the liabilities
that must never be overdrawn: credit, held, refunding, unmatched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    ScalarSelect,
    Select,
    UniqueConstraint,
    bindparam,
    func,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from domain.money import Money
from models.arrived_credit import note_arrival
from models.base import Base, new_id, recorded_at
from models.pending_work import built_once

if TYPE_CHECKING:
    from models.invoice import Invoice


class LedgerTransaction(Base):
    """One business event. (source_kind, source_id) is the exactly-once key: the same event is never posted twice."""

    __tablename__ = "ledger_transactions"
    __table_args__ = (UniqueConstraint("source_kind", "source_id"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("ltx"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    source_kind: Mapped[str]
    source_id: Mapped[str]
    at: Mapped[datetime]
    recorded_at: Mapped[datetime] = recorded_at()

    entries: Mapped[list[LedgerEntry]] = relationship(order_by="LedgerEntry.id", viewonly=True, lazy="raise")


class LedgerEntry(Base):
    """One line of a transaction. `owner` is the customer (credit), the change (held), the invoice
    (receivable) or empty."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        CheckConstraint("amount_minor <> 0", name="amount_not_zero"),
        Index("ix_ledger_entries_account", "provider_id", "account", "owner", "currency"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    transaction_id: Mapped[str] = mapped_column(ForeignKey("ledger_transactions.id"), index=True)
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    account: Mapped[str]
    owner: Mapped[str]
    currency: Mapped[str]
    amount_minor: Mapped[int]


SOMETHING_HELD = "account = 'held' AND balance_minor > 0"


class LedgerBalance(Base):
    """The running balance of a guarded liability (credits less debits)."""

    __tablename__ = "ledger_balances"
    __table_args__ = (
        CheckConstraint("balance_minor >= 0", name="never_overdrawn"),
        Index("ix_ledger_balances_held", "provider_id", "owner", postgresql_where=SOMETHING_HELD),
    )

    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"), primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    balance_minor: Mapped[int]


# The source of what credit pays that arrives while something is open.
PAID_FROM_CREDIT = "paid_from_credit"

GUARDED = ("credit", "held", "refunding", "unmatched")


@dataclass(frozen=True, slots=True)
class Entry:
    account: str
    owner: str
    amount: Money


def debit(account: str, owner: str, amount: Money) -> Entry:
    return Entry(account, owner, amount)


def credit(account: str, owner: str, amount: Money) -> Entry:
    return Entry(account, owner, -amount)


class UnbalancedTransaction(RuntimeError):
    """A program error: the entries do not sum to zero in some currency."""

    def __init__(self, source: str, entries: list[Entry]) -> None:
        super().__init__(f"ledger transaction {source} does not balance: {entries}")


def post(session: Session, provider_id: str, source: tuple[str, str], at: datetime, entries: list[Entry]) -> bool:
    """Writes one transaction; entries of nothing are left out. False if this source was posted before.

    Raises UnbalancedTransaction; the database refuses (IntegrityError) to overdraw a guarded account.
    """
    entries = [entry for entry in entries if entry.amount]
    _check_balanced(source, entries)
    if not entries:
        return False
    values = {
        "id": new_id("ltx"),
        "provider_id": provider_id,
        "source_kind": source[0],
        "source_id": source[1],
        "at": at,
        "accounts": [entry.account for entry in entries],
        "owners": [entry.owner for entry in entries],
        "currencies": [entry.amount.currency for entry in entries],
        "amounts": [entry.amount.amount for entry in entries],
        "guarded": list(GUARDED),
    }
    if not session.scalar(_POST, values):
        return False
    for entry in entries:
        if entry.account == "credit" and entry.amount.amount < 0:
            note_arrival(session, provider_id, entry.owner, entry.amount.currency)
    return True


# One round trip. What is taken from comes first, then the rest by name, so that two sessions agree. An update, as
# PostgreSQL holds the proposed row of an upsert against CHECK even where a row exists; what cannot be taken because
# nothing is there goes the same way as what is given, and CHECK refuses it.
_POST = text("""
WITH posted AS (
    INSERT INTO ledger_transactions (id, provider_id, source_kind, source_id, at)
    VALUES (:id, :provider_id, :source_kind, :source_id, :at)
    ON CONFLICT (source_kind, source_id) DO NOTHING
    RETURNING id, provider_id
), written AS (
    INSERT INTO ledger_entries (transaction_id, provider_id, account, owner, currency, amount_minor)
    SELECT posted.id, provider_id, account, owner, currency, amount
    FROM posted, unnest(CAST(:accounts AS text[]), CAST(:owners AS text[]), CAST(:currencies AS text[]),
                        CAST(:amounts AS bigint[])) WITH ORDINALITY AS entry (account, owner, currency, amount, place)
    ORDER BY place
    RETURNING provider_id, account, owner, currency, amount_minor
), added AS (
    SELECT provider_id, account, owner, currency, -sum(amount_minor)::bigint AS amount
    FROM written
    WHERE split_part(account, ':', 1) = ANY(:guarded)
    GROUP BY provider_id, account, owner, currency
), taken AS (
    UPDATE ledger_balances AS kept SET balance_minor = kept.balance_minor + added.amount
    FROM added
    WHERE added.amount < 0 AND (kept.provider_id, kept.account, kept.owner, kept.currency)
        = (added.provider_id, added.account, added.owner, added.currency)
    RETURNING kept.account, kept.owner, kept.currency
), given AS (
    INSERT INTO ledger_balances AS kept (provider_id, account, owner, currency, balance_minor)
    SELECT provider_id, account, owner, currency, amount FROM added
    WHERE (account, owner, currency) NOT IN (SELECT account, owner, currency FROM taken)
    ORDER BY account, owner
    ON CONFLICT (provider_id, account, owner, currency)
    DO UPDATE SET balance_minor = kept.balance_minor + excluded.balance_minor
)
SELECT EXISTS (SELECT FROM posted)
""")


def balance(session: Session, provider_id: str, account: str, owner: str, currency: str, locked: bool = False) -> Money:
    """The balance of a guarded liability; zero where nothing was ever posted. `locked`: nobody changes it until the
    transaction is over."""
    key = {"provider_id": provider_id, "account": account, "owner": owner, "currency": currency}
    return Money(session.scalar(_balance(locked), key) or 0, currency)


@built_once
def _balance(locked: bool) -> Select[int]:
    query = balance_of(*(bindparam(name) for name in ("provider_id", "account", "owner", "currency")))
    return query.with_for_update() if locked else query


def balance_of(provider_id: Any, account: Any, owner: Any, currency: Any) -> Select[int]:
    """The same as a statement, in minor units; no row where nothing was ever posted."""
    key = {"provider_id": provider_id, "account": account, "owner": owner, "currency": currency}
    return select(LedgerBalance.balance_minor).filter_by(**key)


def entries_of_owner(
    session: Session, provider_id: str, account: str, owner: str
) -> list[tuple[LedgerTransaction, LedgerEntry]]:
    """The entries behind a balance, newest first."""
    rows = session.execute(
        select(LedgerTransaction, LedgerEntry)
        .join(LedgerEntry, LedgerEntry.transaction_id == LedgerTransaction.id)
        .where(LedgerEntry.provider_id == provider_id, LedgerEntry.account == account, LedgerEntry.owner == owner)
        .order_by(LedgerEntry.id.desc())
    )
    return [(transaction, entry) for transaction, entry in rows]


def last_entry_of(session: Session, provider_id: str, account: str, owner: str, currency: str) -> int:
    """The id of the newest entry behind a balance: it grows with everything that is posted there."""
    query = select(func.max(LedgerEntry.id)).where(
        LedgerEntry.provider_id == provider_id,
        LedgerEntry.account == account,
        LedgerEntry.owner == owner,
        LedgerEntry.currency == currency,
    )
    return session.scalar(query) or 0


def paid_from_credit(session: Session, invoice: Invoice) -> list[tuple[datetime, int]]:
    """What credit that arrived later than the bill has paid of it: when, and how much."""
    query = (
        select(LedgerTransaction.at, -LedgerEntry.amount_minor)
        .join(LedgerEntry, LedgerEntry.transaction_id == LedgerTransaction.id)
        .where(LedgerTransaction.source_kind == PAID_FROM_CREDIT, LedgerEntry.provider_id == invoice.provider_id)
        .where(LedgerEntry.account.in_(("held", "receivable")), LedgerEntry.currency == invoice.currency)
        .where(LedgerEntry.owner.in_([one for one in (invoice.id, invoice.change_id) if one]))
    )
    return [(at, int(amount)) for at, amount in session.execute(query.order_by(LedgerTransaction.at))]


def trial_balance(session: Session, provider_id: str) -> dict[str, int]:
    """The sum of all entries per currency, in minor units: all zero, or the books are wrong."""
    rows = session.execute(
        select(LedgerEntry.currency, func.sum(LedgerEntry.amount_minor))
        .where(LedgerEntry.provider_id == provider_id)
        .group_by(LedgerEntry.currency)
    )
    return {currency: int(total) for currency, total in rows}


def _check_balanced(source: tuple[str, str], entries: list[Entry]) -> None:
    sums: dict[str, int] = {}
    for entry in entries:
        sums[entry.amount.currency] = sums.get(entry.amount.currency, 0) + entry.amount.amount
    if any(sums.values()):
        raise UnbalancedTransaction(":".join(source), entries)


def receivable_of(session: Session, invoice: Invoice) -> Money:
    """What is still owed on an invoice, which owns its receivable entries."""
    return receivables_of(session, [invoice])[invoice.id]


def receivables_of(session: Session, invoices: Sequence[Invoice]) -> dict[str, Money]:
    """The same of several invoices of one provider, by id."""
    return _claims_on(session, "receivable", invoices)


def returned_of(session: Session, invoice: Invoice) -> Money:
    """What went back of an invoice's money and is not decided yet."""
    return _claims_on(session, "returned", [invoice])[invoice.id]


def claim_on(account: str, invoice: Any, owner: Any) -> ScalarSelect[int]:
    """The same within a statement, in minor units, of the invoice named by the column `owner`; `invoice` has its
    provider and currency. Null where nothing was posted."""
    query = select(func.sum(LedgerEntry.amount_minor)).where(
        LedgerEntry.provider_id == invoice.provider_id,
        LedgerEntry.account == account,
        LedgerEntry.owner == owner,
        LedgerEntry.currency == invoice.currency,
    )
    return query.scalar_subquery().correlate_except(LedgerEntry)


def _claims_on(session: Session, account: str, invoices: Sequence[Invoice]) -> dict[str, Money]:
    claims = {invoice.id: Money.zero(invoice.currency) for invoice in invoices}
    if not claims:
        return claims
    rows = session.execute(
        select(LedgerEntry.owner, LedgerEntry.currency, func.sum(LedgerEntry.amount_minor))
        .where(
            LedgerEntry.provider_id == invoices[0].provider_id,  # with which the accounts' index begins
            LedgerEntry.account == account,
            LedgerEntry.owner.in_(claims),
        )
        .group_by(LedgerEntry.owner, LedgerEntry.currency)
    )
    for owner, currency, amount in rows:
        if currency == claims[owner].currency:
            claims[owner] = Money(int(amount), currency)
    return claims
