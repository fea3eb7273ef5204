"""Billed items and take-backs: written in the transaction that posts the money, read by everything that gives credit.

A bill makes items of its charges for time and takes back of those before it. Undone, it is mirrored: each of its
charges is taken back whole, each of its take-backs becomes an item again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from domain.catalog import Discount
from domain.periods import Period, moved
from domain.pricing import billed
from domain.pricing.billed import BilledItem, Opened
from domain.pricing.modes import ChangeDay, Fraction
from models.base import new_id
from models.billed_item import (
    StoredItem,
    StoredItemBalance,
    StoredTakeBack,
    is_taken_back,
    items_of_invoice,
    open_items_of,
    take_backs_of_invoice,
)
from models.customer import Service
from models.invoice import Invoice
from models.provider import catalog_of
from models.resumption import days_moved_since


class LaterBill(Exception):
    """A later bill has taken back what this one charged, so that it cannot simply be undone."""

    def __init__(self, invoice: Invoice) -> None:
        super().__init__(f"invoice {invoice.number or invoice.id} is not the service's last bill any more.")


def open_items(session: Session, service: Service) -> tuple[BilledItem, ...]:
    """What a change of the service can take back, oldest first."""
    rows = open_items_of(session, service.id, service.period_start)
    tz = _timezone(session, service) if any(days for *_, days in rows) else ""
    return tuple(value_of(item, left).later(days, tz) if days else value_of(item, left) for item, left, days in rows)


def write_opened(
    session: Session, service: Service, invoice: Invoice | None, opened: Iterable[Opened], at: datetime
) -> None:
    """The items of a bill; without an invoice they are what the host system billed before us."""
    for one in opened:
        session.add(_row_of(service, invoice, one.item, one.line if invoice else None, at))


def write_taken(session: Session, invoice: Invoice, taken: Iterable[billed.TakeBack], cause: str, at: datetime) -> None:
    """The take-backs of a bill. With the next flush the database refuses (IntegrityError) what exceeds an item."""
    for one in taken:
        session.add(_take_back(invoice.provider_id, invoice, one, cause, at))


def close(session: Session, provider_id: str, taken: Iterable[billed.TakeBack], cause: str, at: datetime) -> None:
    """Take-backs for which nothing is given, and no credit note written: the items are closed."""
    for one in taken:
        session.add(_take_back(provider_id, None, one, cause, at))
    session.flush()


def undo(session: Session, service: Service, undone: Invoice, note: Invoice, cause: str, at: datetime) -> None:
    """Mirrors the bill `undone` by its credit note. Raises LaterBill."""
    if not is_last_bill(session, undone):
        raise LaterBill(undone)
    charged, taken = items_of_invoice(session, undone.id), take_backs_of_invoice(session, undone.id)
    for item in charged:
        whole = billed.TakeBack(item.id, item.units, item.net_minor, item.tax_minor, item.covers_start, item.line)
        session.add(_take_back(note.provider_id, note, whole, cause, at))
    for back in taken:
        session.add(_item_again(session, service, note, back, at))
    session.flush()


def is_last_bill(session: Session, invoice: Invoice) -> bool:
    """Whether nothing of what the invoice charged was taken back, or closed, by a later one."""
    charged = items_of_invoice(session, invoice.id)
    return not is_taken_back(session, [item.id for item in charged])


def value_of(item: StoredItem, left: StoredItemBalance) -> BilledItem:
    """The row as the domain prices it."""
    return BilledItem(
        id=item.id,
        plan=item.plan,
        cycle=item.cycle,
        units=item.units,
        unit_price=item.unit_price_minor,
        covers=Period(item.covers_start, item.covers_end),
        of_period=Period(item.period_start, item.period_end),
        net=item.net_minor,
        tax=item.tax_minor,
        tax_code=item.tax_code,
        tax_percent=_percent(item.tax_rate_millionths),
        tax_included=item.tax_included,
        discount=Discount.model_validate(item.discount) if item.discount else None,
        moved_days=item.moved_days,
        fraction=Fraction(item.fraction) if item.fraction else None,
        change_day=ChangeDay(item.change_day) if item.change_day else None,
        units_left=left.units_left,
        net_left=left.net_left_minor,
        tax_left=left.tax_left_minor,
    )


def _row_of(service: Service, invoice: Invoice | None, item: BilledItem, line: int | None, at: datetime) -> StoredItem:
    return StoredItem(
        id=new_id("itm"),
        provider_id=service.provider_id,
        service_id=service.id,
        invoice_id=invoice.id if invoice else None,
        line=line,
        kind="charge" if invoice else "import",
        plan=item.plan,
        cycle=item.cycle,
        units=item.units,
        unit_price_minor=item.unit_price,
        discount=item.discount.model_dump(mode="json") if item.discount else None,
        covers_start=item.covers.start,
        covers_end=item.covers.end,
        period_start=item.of_period.start,
        period_end=item.of_period.end,
        moved_days=item.moved_days,
        fraction=item.fraction,
        change_day=item.change_day,
        currency=service.currency,
        net_minor=item.net,
        tax_code=item.tax_code,
        tax_rate_millionths=_millionths(item.tax_percent),
        tax_included=item.tax_included,
        tax_minor=item.tax,
        gross_minor=item.net + item.tax,
        at=at,
    )


def _take_back(
    provider_id: str, invoice: Invoice | None, one: billed.TakeBack, cause: str, at: datetime
) -> StoredTakeBack:
    return StoredTakeBack(
        provider_id=provider_id,
        item_id=one.item,
        invoice_id=invoice.id if invoice else None,
        line=one.line,
        units=one.units,
        net_minor=one.net,
        tax_minor=one.tax,
        from_at=one.from_at,
        cause=cause,
        at=at,
    )


_KEPT = (
    "plan",
    "cycle",
    "unit_price_minor",
    "discount",
    "fraction",
    "change_day",
    "currency",
    "tax_code",
    "tax_rate_millionths",
    "tax_included",
)


def _item_again(session: Session, service: Service, note: Invoice, back: StoredTakeBack, at: datetime) -> StoredItem:
    """What a take-back took, with the terms, tax and span that it had; moved as the service's time was since."""
    was, tz = back.item, _timezone(session, service)
    days, since = (days_moved_since(session, service.id, one.at) for one in (was, back))
    return StoredItem(
        **{name: getattr(was, name) for name in _KEPT},
        provider_id=was.provider_id,
        service_id=service.id,
        invoice_id=note.id,
        line=back.line if back.line is not None else 0,
        kind="charge",
        units=back.units,
        covers_start=max(moved(back.from_at, since, tz), moved(was.covers_start, days, tz)),
        covers_end=moved(was.covers_end, days, tz),
        period_start=moved(was.period_start, days, tz),
        period_end=moved(was.period_end, days, tz),
        moved_days=was.moved_days + days,
        net_minor=back.net_minor,
        tax_minor=back.tax_minor,
        gross_minor=back.net_minor + back.tax_minor,
        at=at,
    )


def _timezone(session: Session, service: Service) -> str:
    return catalog_of(session, service.provider).timezone


def _millionths(percent: str) -> int:
    """ "8.25" per cent as 82500; a catalogue's percentages have at most four decimals."""
    whole, _, decimals = percent.partition(".")
    return int(whole + decimals.ljust(4, "0"))


def _percent(millionths: int) -> str:
    """The reverse, without zeros at the end."""
    text = f"{millionths // 10_000}.{millionths % 10_000:04}"
    return text.rstrip("0").rstrip(".")
