"""Step 6: the invoice and how far the change has come, followed live, and taking it back."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.lifecycle import CANCELABLE, LIVE_ATTEMPT, Status
from domain.money import Money
from domain.next_steps import Phase, phase_of
from domain.pricing.quote_values import Quote
from domain.words import sentence
from engine.expiry import NotCancelable, cancel_change
from engine.payments.attempts import owed_again
from models import storage
from models.invoice import Document, Invoice
from models.ledger import paid_from_credit, receivable_of
from models.payment import PaymentAttempt, latest_attempt
from models.plan_change import PlanChange
from models.versions import versions_of
from web.api.streams import EventStream, Seen
from web.places import WAITING_OF_A_CUSTOMER_MAX, waiting_room
from web.portal.pages import page, see
from web.portal.paying import has_led_out, wishes_to_pay
from web.portal.problems import NotFound, NotSignedIn
from web.portal.visit import OfBill, PortalTransaction, RowId, Signed, SignedForm, Visit, transaction_for

router = APIRouter()

Notice = Annotated[str, Query(max_length=40)]
Updates = Annotated[str, Query(max_length=8)]

# How soon a waiting page is fetched again (seconds): for our own steps, and for the customer's payment; when they have
# come back from the checkout, and for money that takes days.
REFRESH_SECONDS = {Phase.WAITING_FOR_US: 2, Phase.WAITING_FOR_PAYMENT: 5}
RETURNED_REFRESH_SECONDS, SLOW_REFRESH_SECONDS = 1, 60


@router.get("/changes/{change_id}")
def show_change(change_id: RowId, visit: OfBill, notice: Notice = "", updates: Updates = "") -> Response:
    """How far the change has come; once there is an invoice, that page shows it."""
    with transaction_for(visit) as tx:
        followed = _followed(tx.session, change_id)
        change = tx.change(change_id)
        invoice = change.invoice
        if invoice is not None:
            return see(f"/invoices/{invoice.id}" + (f"?notice={notice}" if notice.isalpha() else ""))
        return page(tx, "change.html", notice=notice, **_story(tx, change, None, updates), **followed)


@router.get("/invoices/{invoice_id}")
def show_invoice(
    request: Request,
    invoice_id: RowId,
    visit: OfBill,
    notice: Notice = "",
    updates: Updates = "",
    returned: Updates = "",
) -> HTMLResponse:
    """The invoice, and what becomes of the change that it is for. `returned` comes from the gateway's checkout page."""
    with transaction_for(visit) as tx:
        followed = _followed(tx.session, invoice_id)
        invoice = tx.invoice(invoice_id)
        change = tx.session.get_one(PlanChange, invoice.change_id) if invoice.change_id else None
        story = _story(tx, change, invoice, updates, bool(returned))
        wished = wishes_to_pay(request, invoice.change_id or invoice.id) and not returned and updates != "off"
        leads_to = story["pay_url"] if wished else None
        if leads_to:
            story |= {"refresh_seconds": 0}
        answer = page(
            tx,
            "invoice.html",
            invoice=invoice,
            printed=_document(invoice) is not None,
            net=Money(invoice.net_minor, invoice.currency),
            credit_used=Money(-invoice.credit_applied_minor, invoice.currency),
            notice=notice,
            leads_to=leads_to,
            **story,
            **followed,
        )
    if leads_to:
        has_led_out(answer)
    return answer


@router.get("/news/{row_id}")
async def follow(row_id: RowId, visit: OfBill, seen: int = 0, last_event_id: Annotated[int, Header()] = 0) -> Response:
    """Server-Sent Events for the page of a change, or of an invoice without one: whenever there is more to be seen than
    at the version `seen`. The page fetches itself."""
    sent = last_event_id or seen
    now = await run_sync(_news, visit, row_id)
    if now.over and now.version == sent:
        return Response(status_code=204)
    waiting = partial(waiting_room.of, visit.customer, WAITING_OF_A_CUSTOMER_MAX)
    return EventStream(row_id, sent, partial(_news, visit, row_id), waiting)


def _news(visit: Visit, row_id: str) -> Seen:
    """Raises NotFound. Whoever is signed out meanwhile is told once more, by the page that they then fetch."""
    try:
        with transaction_for(visit) as tx:
            version = versions_of(tx.session, [row_id]).get(row_id, 0)
            if row_id.startswith("inv_"):
                invoice = tx.invoice(row_id)
                over = invoice.status != "open" and not _is_being_printed(invoice)
            else:
                over = phase_of(Status(tx.change(row_id).status)) in (Phase.DONE, Phase.ENDED)
    except NotSignedIn:
        return Seen(-1, "", over=True)
    return Seen(version, str(version), over)


def _followed(session: Session, row_id: str) -> dict[str, Any]:
    """What the page's events are of, and the version that it shows. It is asked first: what moves in between is seen
    again, and never missed."""
    if row_id.startswith("inv_"):
        row_id = session.scalar(select(Invoice.change_id).where(Invoice.id == row_id)) or row_id
    return {"followed": row_id, "seen": versions_of(session, [row_id]).get(row_id, 0)}


@router.get("/invoices/{invoice_id}/pdf")
def download_pdf(invoice_id: RowId, visit: OfBill) -> Response:
    """The invoice or credit note once it has its number, until then the proforma."""
    with transaction_for(visit) as tx:
        invoice = tx.invoice(invoice_id)
        document = _document(invoice)
        if document is None:
            raise NotFound()
        name = f"{invoice.number or invoice.id}-{document.kind}.pdf"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "ETag": f'"{document.sha256}"'}
        sha256 = document.sha256
    return Response(storage.get(sha256), media_type="application/pdf", headers=headers)


@router.get("/changes/{change_id}/cancel")
def confirm_cancel(change_id: RowId, visit: Signed) -> Response:
    """Asks once more before a change is taken back."""
    with transaction_for(visit) as tx:
        change = tx.change(change_id)
        if change.status not in CANCELABLE:
            return _too_late(change)
        invoice = tx.invoice(change.invoice.id) if change.invoice else None
        return page(tx, "cancel.html", **_story(tx, change, invoice, "off"))


@router.post("/changes/{change_id}/cancel")
def cancel(change_id: RowId, visit: SignedForm) -> RedirectResponse:
    """Takes back a change that is not paid yet, or one that is scheduled."""
    with transaction_for(visit) as tx:
        change = tx.change(change_id)
        try:
            cancel_change(tx.session, tx.now, change.id, actor="customer")
        except NotCancelable:
            return _too_late(change)
    return see(f"/changes/{change_id}")


def _too_late(change: PlanChange) -> RedirectResponse:
    """One that is canceled already, by a second press or in another tab, is as the customer wants it."""
    return see(f"/changes/{change.id}" + ("" if change.status == Status.CANCELED else "?notice=late"))


def _story(
    tx: PortalTransaction, change: PlanChange | None, invoice: Invoice | None, updates: str, returned: bool = False
) -> dict[str, Any]:
    """What both pages show. A renewal's invoice has no change."""
    attempt = latest_attempt(tx.session, invoice.id) if invoice else None
    refused = attempt is not None and attempt.refused
    again = owed_again(tx.session, invoice) if invoice is not None else None
    to_pay = invoice is not None and (invoice.status == "open" or bool(again))
    on_its_way = attempt is not None and attempt.money_on_its_way and to_pay
    waiting = 0 if refused or on_its_way else _waiting_seconds(_phase(change, invoice), returned)
    slowly = SLOW_REFRESH_SECONDS if on_its_way else 0
    printing = REFRESH_SECONDS[Phase.WAITING_FOR_US] if _is_being_printed(invoice) else 0
    seconds = waiting or slowly or printing
    return {
        "change": change,
        "quote": Quote.from_json(change.quote) if change and change.quote else None,
        "attempt": attempt,
        "payment_refused": sentence(tx.locale, "payment_refused") if refused else "",
        "on_its_way": sentence(tx.locale, "money_on_its_way") if on_its_way else "",
        "pay_url": _pay_url(change, invoice, attempt, again),
        "owed": None if refused else _to_pay_anew(tx, change, invoice, attempt, again),
        "owed_again": again,
        "from_credit": _paid_from_credit(tx, invoice),
        "cancelable": change is not None and change.status in CANCELABLE and tx.visit.bill is None,
        "returned": returned,
        "waiting": bool(waiting),
        "refresh_seconds": 0 if updates == "off" else seconds,
    }


def _paid_from_credit(tx: PortalTransaction, invoice: Invoice | None) -> Money | None:
    if invoice is None:
        return None
    return Money(sum(amount for _, amount in paid_from_credit(tx.session, invoice)), invoice.currency)


def _waiting_seconds(phase: Phase, returned: bool) -> int:
    seconds = REFRESH_SECONDS.get(phase, 0)
    return min(seconds, RETURNED_REFRESH_SECONDS) if returned else seconds


def _document(invoice: Invoice) -> Document | None:
    """The document that counts now, once it is printed: the proforma of an invoice that is paid or void is no longer
    offered."""
    if invoice.voided_at and invoice.number is None:
        return None
    return next((document for document in invoice.documents if document.kind == invoice.document_kind), None)


def _is_being_printed(invoice: Invoice | None) -> bool:
    if invoice is None or invoice.voided_at or invoice.print_error or invoice.document_kind is None:
        return False
    return _document(invoice) is None


def _phase(change: PlanChange | None, invoice: Invoice | None) -> Phase:
    """What the page waits for. Staff take days, so nobody watches the page for them."""
    if change is not None:
        waits_for_staff = change.status in (Status.AWAITING_REVIEW, Status.STUCK)
        return Phase.SCHEDULED if waits_for_staff else phase_of(Status(change.status))
    return Phase.WAITING_FOR_PAYMENT if invoice is not None and invoice.status == "open" else Phase.DONE


def _pay_url(
    change: PlanChange | None, invoice: Invoice | None, attempt: PaymentAttempt | None, again: Money | None
) -> str | None:
    """The checkout page, while it can be paid."""
    awaited = invoice is not None and invoice.status == "open"
    if not again and (not awaited or (change and change.status != Status.AWAITING_PAYMENT)):
        return None
    return attempt.checkout_url if attempt and attempt.status in ("open", "action_required") else None


def _to_pay_anew(
    tx: PortalTransaction,
    change: PlanChange | None,
    invoice: Invoice | None,
    attempt: PaymentAttempt | None,
    again: Money | None,
) -> Money | None:
    """What the customer may pay by a new attempt, since the last one of a renewal's invoice brought nothing, or what
    one brought went back."""
    if again:
        return None if attempt is not None and attempt.status in LIVE_ATTEMPT else again
    if change is not None or invoice is None or invoice.status != "open" or attempt is None:
        return None
    if attempt.money_on_its_way or attempt.status in LIVE_ATTEMPT:
        return None
    return receivable_of(tx.session, invoice)
