"""One plan change: where it stands, what is next, how its price was made, what was booked and mailed, who did what."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from domain.lifecycle import MEANINGS
from domain.money import Money
from domain.next_steps import decisions
from domain.pricing.quote_values import Quote
from engine.review import list_price
from models.ledger import returned_of
from models.moves import moves_of
from models.plan_change import PlanChange, change_with_invoice
from web.api.views import work_view
from web.staff.pages import page
from web.staff.parts import about, attempts_of, postings_of
from web.staff.visit import RowId, Signed, StaffTransaction, transaction_for

router = APIRouter()

Notice = Annotated[str, Query(max_length=40)]


@router.get("/changes/{change_id}")
def show_change(change_id: RowId, visit: Signed, notice: Notice = "") -> HTMLResponse:
    """All that is known of a change, and what may be decided about it."""
    with transaction_for(visit) as tx:
        change = tx.checked(change_with_invoice(tx.session, change_id))
        return page(tx, "change.html", notice=notice, **change_values(tx, change))


def change_values(tx: StaffTransaction, change: PlanChange) -> dict[str, Any]:
    invoice = change.invoice
    ids = [change.id, *([invoice.id] if invoice else [])]
    attempts = attempts_of(tx, invoice)
    return {
        "change": change,
        "customer": change.customer,
        "service": change.service,
        "invoice": invoice,
        "theirs": tx.formatter_of(change.customer),
        "meaning": MEANINGS[change.lifecycle_status],
        "work": work_view(tx.session, change),
        "decisions": decisions(change.lifecycle_status),
        "quote": Quote.from_json(change.quote) if change.quote else None,
        "settled": Quote.from_json(change.settled_quote) if change.settled_quote else None,
        "attempts": attempts,
        "list_price": list_price(tx.session, change),
        "returned": returned_of(tx.session, invoice) if invoice else Money.zero(change.service.currency),
        "moves": moves_of(tx.session, PlanChange, change.id),
        "postings": postings_of(tx, ids),
        **about(tx, ids, [attempt.id for attempt in attempts]),
    }
