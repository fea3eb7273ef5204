"""Step 6: the invoice and how far the change has come, paying, paying again, and taking it back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from domain.lifecycle import CANCELABLE, LIVE_ATTEMPT, Status
from domain.money import Money
from domain.next_steps import Phase, phase_of
from domain.pricing.quote_values import Quote
from domain.words import sentence
from engine.expiry import NotCancelable, cancel_change
from engine.payments.attempts import AttemptOpen, NothingToPay, owed_again, start_attempt, start_invoice_attempt
from models import storage
from models.invoice import Document, Invoice, invoice_of_change
from models.ledger import receivable_of
from models.payment import PaymentAttempt, latest_attempt
from models.plan_change import PlanChange
from tasks.story import enqueue_task
from web.portal.pages import page, see
from web.portal.problems import NotFound
from web.portal.visit import PortalTransaction, RowId, Signed, SignedForm, transaction_for

router = APIRouter()

Notice = Annotated[str, Query(max_length=40)]
Updates = Annotated[str, Query(max_length=8)]

# How soon a waiting page is fetched again (seconds): for our own steps, and for the customer's payment.
SLOW_REFRESH_SECONDS = 60  # money that takes days
REFRESH_SECONDS = {Phase.WAITING_FOR_US: 2, Phase.WAITING_FOR_PAYMENT: 5}


@router.get("/changes/{change_id}")
def show_change(change_id: RowId, visit: Signed, notice: Notice = "", updates: Updates = "") -> Response:
    """How far the change has come; once there is an invoice, that page shows it."""
    with transaction_for(visit) as tx:
        change = tx.change(change_id)
        invoice = invoice_of_change(tx.session, change.id)
        if invoice is not None:
            return see(f"/invoices/{invoice.id}" + (f"?notice={notice}" if notice.isalpha() else ""))
        return page(tx, "change.html", notice=notice, **_story(tx, change, None, updates))


@router.get("/invoices/{invoice_id}")
def show_invoice(
    invoice_id: RowId, visit: Signed, notice: Notice = "", updates: Updates = "", returned: Updates = ""
) -> HTMLResponse:
    """The invoice, and what becomes of the change that it is for. `returned` comes from the gateway's checkout page."""
    with transaction_for(visit) as tx:
        invoice = tx.invoice(invoice_id)
        change = tx.session.get_one(PlanChange, invoice.change_id) if invoice.change_id else None
        return page(
            tx,
            "invoice.html",
            invoice=invoice,
            printed=_document(invoice) is not None,
            net=Money(invoice.net_minor, invoice.currency),
            credit_used=Money(-invoice.credit_applied_minor, invoice.currency),
            notice=notice,
            **_story(tx, change, invoice, updates, bool(returned)),
        )


@router.get("/invoices/{invoice_id}/pdf")
def download_pdf(invoice_id: RowId, visit: Signed) -> Response:
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


@router.post("/changes/{change_id}/payments")
def pay_again(change_id: RowId, visit: SignedForm) -> RedirectResponse:
    """A new attempt after a decline; one that is open already is shown."""
    try:
        with transaction_for(visit) as tx:
            start_attempt(tx.session, tx.now, tx.change(change_id).id)
    except (AttemptOpen, NothingToPay):
        return see(f"/changes/{change_id}")
    enqueue_task("plan_change.request_payment", change_id=change_id)
    return see(f"/changes/{change_id}")


@router.post("/invoices/{invoice_id}/payments")
def pay_invoice_again(invoice_id: RowId, visit: SignedForm) -> RedirectResponse:
    """The same for a renewal's invoice, and for any that is owed again."""
    try:
        with transaction_for(visit) as tx:
            start_invoice_attempt(tx.session, tx.now, tx.invoice(invoice_id))
    except (AttemptOpen, NothingToPay):
        return see(f"/invoices/{invoice_id}")
    enqueue_task("invoices.request_payment", invoice_id=invoice_id)
    return see(f"/invoices/{invoice_id}")


@router.get("/changes/{change_id}/cancel")
def confirm_cancel(change_id: RowId, visit: Signed) -> Response:
    """Asks once more before a change is taken back."""
    with transaction_for(visit) as tx:
        change = tx.change(change_id)
        if change.status not in CANCELABLE:
            return see(f"/changes/{change_id}?notice=late")
        return page(tx, "cancel.html", **_story(tx, change, invoice_of_change(tx.session, change.id), "off"))


@router.post("/changes/{change_id}/cancel")
def cancel(change_id: RowId, visit: SignedForm) -> RedirectResponse:
    """Takes back a change that is not paid yet, or one that is scheduled."""
    try:
        with transaction_for(visit) as tx:
            cancel_change(tx.session, tx.now, tx.change(change_id).id, actor="customer")
    except NotCancelable:
        return see(f"/changes/{change_id}?notice=late")
    return see(f"/changes/{change_id}")


def _story(
    tx: PortalTransaction, change: PlanChange | None, invoice: Invoice | None, updates: str, returned: bool = False
) -> dict[str, Any]:
    """What both pages show. A renewal's invoice has no change."""
    attempt = latest_attempt(tx.session, invoice.id) if invoice else None
    refused = attempt is not None and attempt.refused
    again = owed_again(tx.session, invoice) if invoice is not None else None
    to_pay = invoice is not None and (invoice.status == "open" or bool(again))
    on_its_way = attempt is not None and attempt.money_on_its_way and to_pay
    waiting = 0 if refused or on_its_way else REFRESH_SECONDS.get(_phase(change, invoice), 0)
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
        "owed": _to_pay_anew(tx, change, invoice, attempt, again),
        "owed_again": again,
        "cancelable": change is not None and change.status in CANCELABLE,
        "returned": returned,
        "waiting": bool(waiting),
        "refresh_seconds": 0 if updates == "off" else seconds,
    }


def _document(invoice: Invoice) -> Document | None:
    """The document that counts now, once it is printed: a paid invoice's proforma is no longer offered."""
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
    if change is not None or invoice is None or invoice.status != "open" or attempt is None or attempt.refused:
        return None
    if attempt.money_on_its_way or attempt.status in LIVE_ATTEMPT:
        return None
    return receivable_of(tx.session, invoice)
