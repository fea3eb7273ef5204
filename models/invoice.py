"""Quotes, invoices, their documents, and the gapless number series."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    UniqueConstraint,
    and_,
    case,
    false,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship, selectinload
from sqlalchemy.sql.dml import ReturningInsert

from domain import next_steps
from domain.lifecycle import INVOICE, InvoiceStatus
from domain.money import Money
from domain.next_steps import PaperState
from models.base import Base, listed, new_id, recorded_at
from models.customer import OfService
from models.pending_work import PendingWork, built_once, fact, given_up_index, pending_index, there_is


class StoredQuote(Base):
    """A quote that was shown to somebody, as it was shown. `priced_at` is business time. `taken`: a request has
    accepted it, and so it is never deleted; known once engine/jobs/retention.py has looked."""

    __tablename__ = "quotes"
    __table_args__ = (Index("ix_quotes_created_at", "created_at", postgresql_where="NOT taken"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("qt"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    service_id: Mapped[str] = mapped_column(ForeignKey("services.id"), index=True)
    catalog_id: Mapped[str] = mapped_column(ForeignKey("catalogs.id"))
    priced_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    document: Mapped[dict[str, Any]]
    taken: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime] = recorded_at()


def _uncollected(row: Any) -> ColumnElement[bool]:
    from models.payment import PaymentAttempt  # which knows invoices

    asked = select(PaymentAttempt.id).where(PaymentAttempt.invoice_id == row.id)
    return and_(row.change_id.is_(None), row.settled_at.is_(None), row.due_minor > 0, ~there_is(asked))


# One that is finished has no attempts; one that was given up has. A page that cannot be printed is a person's.
_GIVEN_UP = "next_attempt_at IS NULL AND attempts > 0 OR print_error IS NOT NULL AND voided_at IS NULL"
_OPEN = "settled_at IS NULL AND voided_at IS NULL"


class Invoice(OfService, PendingWork, Base):
    """A frozen copy of what is owed, by whom, and why. It gets its legal number when it is settled
    (a renewal's invoice, which is supplied before payment, when it is issued); until then its document is a proforma.

    `kind` is invoice or credit_note. `content` holds lines, parties and terms as they were; amounts are minor units.
    """

    __tablename__ = "invoices"
    __table_args__ = (
        CheckConstraint("net_minor + tax_minor + rounding_minor = total_minor", name="adds_up"),
        CheckConstraint("credit_applied_minor >= 0 AND due_minor >= 0", name="no_negative_due"),
        CheckConstraint("(number IS NULL) = (numbered_on IS NULL)", name="number_has_a_date"),
        CheckConstraint("number IS NULL OR voided_at IS NULL", name="numbered_is_never_void"),
        CheckConstraint("settled_at IS NULL OR voided_at IS NULL", name="settled_is_never_void"),
        CheckConstraint("num_nonnulls(change_id, renewal_id, corrects_id, ending_id) = 1", name="one_cause"),
        Index(
            "ix_invoices_remind_at", "provider_id", "remind_at", postgresql_where=f"remind_at IS NOT NULL AND {_OPEN}"
        ),
        Index("ix_invoices_past_due_at", "provider_id", "past_due_at", postgresql_where="past_due_at IS NOT NULL"),
        given_up_index("invoices", _GIVEN_UP),
        pending_index("invoices"),
        listed("invoices", "provider_id"),
        listed("invoices", "provider_id", where=_OPEN, name="open"),
        listed("invoices", "provider_id", where="voided_at IS NOT NULL", name="void"),
        listed("invoices", "provider_id", "issued_at", name="issued_at"),
        Index("ix_invoices_number", "provider_id", text("lower(number)")),
        listed("invoices", "customer_id", name="customer_id"),
        listed("invoices", "service_id", name="service_id"),
        UniqueConstraint("provider_id", "kind", "number"),
        UniqueConstraint("corrects_id", "kind"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("inv"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"))
    service_id: Mapped[str] = mapped_column(ForeignKey("services.id"))
    change_id: Mapped[str | None] = mapped_column(ForeignKey("plan_changes.id"), unique=True)
    renewal_id: Mapped[str | None] = mapped_column(ForeignKey("renewals.id"), unique=True)
    # The invoice that this one corrects: its opposite, or what stands in its place.
    corrects_id: Mapped[str | None] = mapped_column(ForeignKey("invoices.id"))
    # The ending at once whose credit note it is.
    ending_id: Mapped[str | None] = mapped_column(ForeignKey("endings.id"), unique=True)
    kind: Mapped[str]
    currency: Mapped[str]
    net_minor: Mapped[int]
    tax_minor: Mapped[int]
    # After tax, where the total alone is rounded (EN 16931 BT-114).
    rounding_minor: Mapped[int] = mapped_column(default=0)
    total_minor: Mapped[int]
    credit_applied_minor: Mapped[int]
    due_minor: Mapped[int]
    content: Mapped[dict[str, Any]]
    issued_at: Mapped[datetime]
    due_at: Mapped[datetime]
    number: Mapped[str | None]
    numbered_on: Mapped[date | None]
    # When the customer is reminded next, in business time, and how often that has happened.
    remind_at: Mapped[datetime | None]
    # When its service becomes past due (business time); null once that was looked at, until it is active again.
    past_due_at: Mapped[datetime | None]
    reminders: Mapped[int] = mapped_column(default=0, server_default="0")
    settled_at: Mapped[datetime | None]
    voided_at: Mapped[datetime | None]
    # Why the document that should exist cannot be printed; a person is asked, and nothing waits for it.
    print_error: Mapped[str | None]
    # Null until it has its number: a proforma is printed by the change's own canvas.
    next_attempt_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = recorded_at()

    given_up_where = _GIVEN_UP
    steps = (next_steps.INVOICE_COLLECTION, next_steps.INVOICE_DOCUMENT)
    by_date = fact(lambda row: row.renewal_id.is_not(None))
    paper_state = fact(
        lambda row: case(
            (row.voided_at.is_not(None), PaperState.VOID.value),
            (row.number.is_(None), PaperState.UNNUMBERED.value),
            else_=PaperState.NUMBERED.value,
        )
    )
    document_missing = fact(
        lambda row: and_(
            row.print_error.is_(None),
            ~there_is(select(Document.id).where(Document.invoice_id == row.id, Document.kind == row.kind)),
        )
    )
    unprintable = fact(lambda row: and_(row.print_error.is_not(None), row.voided_at.is_(None)))
    # A renewal's invoice that was never asked of the gateway.
    uncollected = fact(_uncollected)

    documents: Mapped[list[Document]] = relationship(order_by="Document.id", viewonly=True, lazy="raise")

    @property
    def total(self) -> Money:
        return Money(self.total_minor, self.currency)

    @property
    def rounding(self) -> Money:
        """What the total was rounded by, after tax."""
        return Money(self.rounding_minor, self.currency)

    @property
    def due(self) -> Money:
        """What remains to be paid after account credit."""
        return Money(self.due_minor, self.currency)

    @property
    def status(self) -> InvoiceStatus:
        if self.voided_at:
            return InvoiceStatus.VOID
        return InvoiceStatus.SETTLED if self.settled_at else InvoiceStatus.OPEN

    def settle(self, at: datetime) -> None:
        """Its money is there. Raises ImpossibleMove for one that is not open."""
        INVOICE.check(self.status, "settle", InvoiceStatus.SETTLED)
        self.settled_at, self.past_due_at = at, None

    def void(self, at: datetime) -> None:
        """It is never to be paid. Raises ImpossibleMove for one that is not open."""
        INVOICE.check(self.status, "void", InvoiceStatus.VOID)
        self.voided_at, self.past_due_at = at, None

    @property
    def document_kind(self) -> str | None:
        """The document that should exist now: a proforma is printed only where there is something to pay."""
        if self.number is not None:
            return self.kind
        return "proforma" if self.due_minor > 0 else None


class Document(Base):
    """A printed document. Its bytes are in models/storage.py under their digest and never change; `renderer_version`
    is the version that printed them and prints them again."""

    __tablename__ = "documents"
    __table_args__ = (UniqueConstraint("invoice_id", "kind"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("doc"))
    invoice_id: Mapped[str] = mapped_column(ForeignKey("invoices.id"))
    kind: Mapped[str]
    sha256: Mapped[str]
    size_bytes: Mapped[int]
    renderer_version: Mapped[str]
    created_at: Mapped[datetime] = recorded_at()


class NumberSeries(Base):
    """The last number given, per provider, kind and year; the row's lock makes numbers gapless and dates monotone."""

    __tablename__ = "number_series"

    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    last_number: Mapped[int]
    last_on: Mapped[date]


class NumberGap(Base):
    """Numbers `first` to `last` of a series that nobody gets again: they went out before a restore that does not know
    them. `documents` are the digests of those that were found in the store, `at` is business time."""

    __tablename__ = "number_gaps"
    __table_args__ = (
        CheckConstraint("1 <= first AND first <= last", name="has_numbers"),
        UniqueConstraint("provider_id", "kind", "year", "first"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("gap"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    kind: Mapped[str]
    year: Mapped[int]
    first: Mapped[int]
    last: Mapped[int]
    actor: Mapped[str]
    reason: Mapped[str]
    documents: Mapped[list[Any]]
    at: Mapped[datetime]
    recorded_at: Mapped[datetime] = recorded_at()


def take_number(session: Session, provider_id: str, kind: str, on: date) -> tuple[int, date]:
    """The next number of the year's series and its date, never before the date of the number before it."""
    first = {"provider_id": provider_id, "kind": kind, "year": on.year, "last_number": 1, "last_on": on}
    row = session.execute(_taking_number(), first).one()
    return row.last_number, row.last_on


@built_once
def _taking_number() -> ReturningInsert[Any]:
    table: Any = NumberSeries.__table__
    statement = insert(table)
    following = {
        "last_number": table.c.last_number + 1,
        "last_on": func.greatest(table.c.last_on, statement.excluded.last_on),
    }
    key = ["provider_id", "kind", "year"]
    return statement.on_conflict_do_update(index_elements=key, set_=following).returning(*table.c)


def skip_numbers(
    session: Session, provider_id: str, kind: str, year: int, through: int, on: date
) -> tuple[int, int] | None:
    """Moves a series past the number `through` (1 or more), which is dated `on`, under the row's lock.

    Returns the first and the last number that nobody gets now; None if the series is past it already.
    """
    key = {"provider_id": provider_id, "kind": kind, "year": year}
    session.execute(insert(NumberSeries).values(**key, last_number=0, last_on=on).on_conflict_do_nothing())
    series = session.get_one(NumberSeries, key, with_for_update=True, populate_existing=True)
    if series.last_number >= through:
        return None
    first = series.last_number + 1
    series.last_number, series.last_on = through, max(series.last_on, on)
    session.flush()
    return first, through


def invoice_with_documents(session: Session, invoice_id: str) -> Invoice | None:
    query = select(Invoice).where(Invoice.id == invoice_id).options(joinedload(Invoice.documents))
    return session.scalars(query).unique().one_or_none()


def invoices_of_changes(session: Session, change_ids: list[str]) -> list[Invoice]:
    """Those that there are, with their documents."""
    query = select(Invoice).where(Invoice.change_id.in_(change_ids)).options(selectinload(Invoice.documents))
    return list(session.scalars(query))


def in_status(status: InvoiceStatus) -> ColumnElement[bool]:
    """As `Invoice.status` says of one row."""
    void, settled = Invoice.voided_at.is_not(None), Invoice.settled_at.is_not(None)
    if status is InvoiceStatus.OPEN:
        return and_(~void, ~settled)
    return void if status is InvoiceStatus.VOID else settled


def document_of(session: Session, invoice_id: str, kind: str) -> Document | None:
    return session.scalar(select(Document).where(Document.invoice_id == invoice_id, Document.kind == kind))
