"""The host system of a test's provider, which reports its service; and what is billed for it, in local days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from domain.periods import Period
from engine.host_reports import ServiceReport, Taken, put_service
from models.database import transaction
from models.invoice import Invoice
from models.provider import Provider, business_now
from tests.support.play import AUGUST, JULY, Play


def tokyo(text: str) -> datetime:
    """An instant of local time, such as 2027-07-20 12:00."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC) - timedelta(hours=9)


REPORT: dict[str, Any] = {
    "customer": "customer",
    "plan": "basic",
    "cycle": "monthly",
    "currency": "JPY",
    "period_start": JULY,
    "period_end": AUGUST,
}


def report(play: Play, status: str, on: str | None = None, **changes: Any) -> Taken:
    """The host reports the service, at this local time."""
    if on is not None:
        play.set_clock(tokyo(on))
    with transaction() as session:
        provider = play.provider(session)
        now = business_now(session, Provider, provider.id)
        plan = changes.pop("plan", play.service(session).plan)
        values = REPORT | {"status": status, "plan": plan} | changes
        return put_service(session, now, provider, play.service_ref, ServiceReport(**values))


def renew_all(play: Play) -> None:
    while play.renew().more_due:
        pass


def bills(play: Play) -> list[tuple[str, str, int]]:
    """Of each renewal's invoice: the local days from which and to which it bills, and its total."""
    with transaction() as session:
        query = select(Invoice).where(Invoice.service_id == play.service(session).id, Invoice.renewal_id.is_not(None))
        invoices = session.scalars(query.order_by(Invoice.id)).all()
        spans = [(Period.from_json(invoice.content["supply"]), invoice.total_minor) for invoice in invoices]
    return [(local_day(span.start), local_day(span.end), total) for span, total in spans]


def local_day(moment: datetime) -> str:
    return (moment + timedelta(hours=9)).date().isoformat()
