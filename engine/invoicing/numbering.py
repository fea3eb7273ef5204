"""Legal numbers: gapless for each provider, kind and year, with dates that never go back."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from models.invoice import Invoice, take_number
from models.provider import Provider, catalog_of


def give_number(session: Session, provider: Provider, invoice: Invoice, now: datetime) -> None:
    """The next number of the provider's series for this kind and year: PREFIX + YEAR-000001, credit notes with CN-."""
    catalog = catalog_of(session, provider)
    on = now.astimezone(ZoneInfo(catalog.timezone)).date()
    count, invoice.numbered_on = take_number(session, provider.id, invoice.kind, on)
    invoice.schedule_now()
    invoice.print_error = None  # another document than the one that failed
    series = "CN-" if invoice.kind == "credit_note" else ""
    invoice.number = f"{catalog.invoice.number_prefix}{series}{on.year}-{count:06d}"
