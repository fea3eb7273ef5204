"""What customers were billed for time of their services, and what of it was taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, Select, bindparam, cast, func, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from models.base import Base, new_id, recorded_at
from models.invoice import Invoice
from models.pending_work import built_once
from models.resumption import moved_days_since


class StoredItem(Base):
    """A charge for the time `covers`, a part of the full period `period` that ends with it. Append-only.

    `kind` is charge (a line of an invoice of ours) or import (what the host system says was billed before us).
    `covers` may end before its period where the service went out meanwhile: it was billed afterwards, and is over.
    Both lie `moved_days` later than the calendar has them, and later still by what was moved since (resumptions).
    `unit_price_minor` is that of a unit for the full period, before the discount. `fraction` and `change_day` are those
    it was billed by, null where all of its time was. `at` is business time.
    """

    __tablename__ = "billed_items"
    __table_args__ = (
        CheckConstraint("kind IN ('charge', 'import')", name="kind_is_known"),
        CheckConstraint("(kind = 'charge') = (invoice_id IS NOT NULL AND line IS NOT NULL)", name="charge_has_a_line"),
        CheckConstraint("period_start <= covers_start AND covers_start < covers_end", name="covers_its_period"),
        CheckConstraint("units > 0 AND net_minor >= 0 AND tax_minor >= 0", name="not_negative"),
        CheckConstraint("net_minor + tax_minor = gross_minor", name="adds_up"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("itm"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    service_id: Mapped[str] = mapped_column(ForeignKey("services.id"), index=True)
    invoice_id: Mapped[str | None] = mapped_column(ForeignKey("invoices.id"), index=True)
    line: Mapped[int | None]
    kind: Mapped[str]
    plan: Mapped[str]
    cycle: Mapped[str]
    units: Mapped[int]
    unit_price_minor: Mapped[int]
    discount: Mapped[dict[str, Any] | None]
    covers_start: Mapped[datetime]
    covers_end: Mapped[datetime]
    moved_days: Mapped[int] = mapped_column(default=0)
    period_start: Mapped[datetime]
    period_end: Mapped[datetime]
    fraction: Mapped[str | None]
    change_day: Mapped[str | None]
    currency: Mapped[str]
    net_minor: Mapped[int]
    tax_code: Mapped[str | None]
    tax_rate_millionths: Mapped[int]
    tax_included: Mapped[bool]
    tax_minor: Mapped[int]
    gross_minor: Mapped[int]
    at: Mapped[datetime]
    recorded_at: Mapped[datetime] = recorded_at()


class StoredItemBalance(Base):
    """What no take-back has yet. Kept by triggers on the two tables; the checks refuse to take back more than was
    billed."""

    __tablename__ = "billed_item_balances"
    __table_args__ = (
        CheckConstraint("units_left >= 0", name="units_not_overdrawn"),
        CheckConstraint("net_left_minor >= 0", name="net_not_overdrawn"),
        CheckConstraint("tax_left_minor >= 0", name="tax_not_overdrawn"),
    )

    item_id: Mapped[str] = mapped_column(ForeignKey("billed_items.id"), primary_key=True)
    units_left: Mapped[int]
    net_left_minor: Mapped[int]
    tax_left_minor: Mapped[int]


class StoredTakeBack(Base):
    """Units of an item with what is given back for them, at the item's own rate; of no worth where the item is only
    closed. Append-only. `from_at` is where the time given back starts, `at` is business time.

    `cause` is change, reversal, compensation, correction or ending.
    """

    __tablename__ = "take_backs"
    __table_args__ = (
        CheckConstraint(
            "cause IN ('change', 'reversal', 'compensation', 'correction', 'ending')", name="cause_is_known"
        ),
        CheckConstraint("units >= 0 AND net_minor >= 0 AND tax_minor >= 0", name="not_negative"),
        Index("ix_take_backs_invoice_id", "invoice_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("tkb"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    item_id: Mapped[str] = mapped_column(ForeignKey("billed_items.id"), index=True)
    invoice_id: Mapped[str | None] = mapped_column(ForeignKey("invoices.id"))
    line: Mapped[int | None]
    units: Mapped[int]
    net_minor: Mapped[int]
    tax_minor: Mapped[int]
    from_at: Mapped[datetime]
    cause: Mapped[str]
    at: Mapped[datetime]
    recorded_at: Mapped[datetime] = recorded_at()

    item: Mapped[StoredItem] = relationship(lazy="raise")


def open_items_of(session: Session, service_id: str, now: datetime) -> list[tuple[StoredItem, StoredItemBalance, int]]:
    """What can still be taken back of time after `now`, with what is left of it and by how many days it was moved since
    it was billed, oldest first."""
    rows = session.execute(_open_items(), {"service_id": service_id, "now": now})
    return [(item, left, int(days)) for item, left, days in rows]


@built_once
def _open_items() -> Select[StoredItem, StoredItemBalance, int]:
    moved_days = moved_days_since(StoredItem.service_id, StoredItem.at)
    covers_end = StoredItem.covers_end + func.make_interval(0, 0, 0, cast(moved_days, Integer))
    still_open = (covers_end > bindparam("now"), StoredItemBalance.units_left > 0)
    return (
        select(StoredItem, StoredItemBalance, moved_days)
        .join(StoredItemBalance)
        .where(StoredItem.service_id == bindparam("service_id"), *still_open)
        .order_by(StoredItem.recorded_at, StoredItem.id)
        .execution_options(populate_existing=True)
    )


def items_of_invoice(session: Session, invoice_id: str) -> list[StoredItem]:
    """The charges for time of an invoice."""
    query = select(StoredItem).where(StoredItem.invoice_id == invoice_id)
    return list(session.scalars(query.order_by(StoredItem.recorded_at, StoredItem.id)))


def take_backs_of_invoice(session: Session, invoice_id: str) -> list[StoredTakeBack]:
    """What an invoice took back, with the items."""
    query = select(StoredTakeBack).where(StoredTakeBack.invoice_id == invoice_id)
    query = query.options(joinedload(StoredTakeBack.item, innerjoin=True))
    return list(session.scalars(query.order_by(StoredTakeBack.recorded_at, StoredTakeBack.id)))


def is_taken_back(session: Session, item_ids: list[str]) -> bool:
    """Whether anything of these items was taken back, or closed, already."""
    return session.scalar(select(StoredTakeBack.id).where(StoredTakeBack.item_id.in_(item_ids)).limit(1)) is not None


def numbers_of_items(session: Session, item_ids: list[str]) -> list[str]:
    """The legal numbers of the invoices that charged these items, in their order; imports have none of ours."""
    query = (
        select(Invoice.number)
        .join(StoredItem, StoredItem.invoice_id == Invoice.id)
        .where(StoredItem.id.in_(item_ids), Invoice.number.is_not(None))
        .distinct()
        .order_by(Invoice.number)
    )
    return [number for number in session.scalars(query) if number]
