"""Invoices, their documents, and the account credit that pays them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from domain.lifecycle import InvoiceStatus
from engine.ledger import postings
from engine.payments.attempts import start_invoice_attempt
from models import storage
from models.customer import Service, customer_id_of, service_id_of
from models.invoice import Invoice, document_of, in_status, invoice_with_documents
from models.ledger import entries_of_owner
from planshift_client import shapes
from tasks.story import enqueue_task
from web.api.auth import AnyKeyOrToken, ApiTransaction, transaction_for
from web.api.fields import Ref, Text
from web.api.host import PathRef
from web.api.pages import During, Page, page_of, paged
from web.api.problems import Problem
from web.api.views import invoice_view, invoice_views, ledger_view, money_view

router = APIRouter(prefix="/v1", tags=["invoices"])
InvoiceId = Annotated[str, Path(max_length=64, pattern=r"^inv_[0-9a-z]+$", description="The invoice's id.")]

_BINARY = {"type": "string", "format": "binary"}


@router.get("/invoices")
def list_invoices(
    caller: AnyKeyOrToken,
    page: Annotated[Page, Depends(paged("inv"))],
    during: During,
    customer: Annotated[Ref | None, Query(description="Only of the customer with this `ref`.")] = None,
    service: Annotated[Ref | None, Query(description="Only of the service with this `ref`.")] = None,
    status: Annotated[InvoiceStatus | None, Query(description="Only in this status.")] = None,
    number: Annotated[Text | None, Query(description="Only the one with this legal number.")] = None,
) -> shapes.Listed[shapes.Invoice]:
    """The provider's invoices, newest first; those that end unpaid are `void` and have no number.

    `since` and `until` are about when they were issued.
    """
    with transaction_for(caller) as tx:
        at = [*caller.only_own(Invoice.customer_id), *during.of(Invoice.issued_at)]
        query = select(Invoice).where(Invoice.provider_id == tx.provider.id, *at)
        if number is not None:
            query = query.where(Invoice.number == number)
        if status is not None:
            query = query.where(in_status(status))
        if customer is not None:
            query = query.where(Invoice.customer_id == customer_id_of(tx.provider.id, customer))
        if service is not None:
            query = query.where(Invoice.service_id == service_id_of(tx.provider.id, service))
        query, order = query.options(selectinload(Invoice.documents)), during.order(Invoice.issued_at)
        return page_of(tx.session, query, Invoice, page, lambda rows: invoice_views(tx.session, rows), order)


@router.get("/invoices/{invoice_id}")
def get_invoice(invoice_id: InvoiceId, caller: AnyKeyOrToken) -> shapes.Invoice:
    """One invoice with its lines and documents."""
    with transaction_for(caller) as tx:
        return invoice_view(tx.session, invoice_of(tx, invoice_id))


@router.post("/invoices/{invoice_id}/payments", status_code=202)
def create_invoice_payment(invoice_id: InvoiceId, caller: AnyKeyOrToken) -> shapes.Invoice:
    """A new attempt at what is still owed on a renewal's invoice, after the one before it was declined, ran out or its
    money did not come, and on any whose payment went back and is owed again; its checkout page appears in the
    invoice."""
    with transaction_for(caller) as tx:
        invoice = invoice_of(tx, invoice_id)
        start_invoice_attempt(tx.session, tx.now, invoice)
        view = invoice_view(tx.session, invoice)
    enqueue_task("invoices.request_payment", invoice_id=invoice_id)
    return view


@router.get("/invoices/{invoice_id}/pdf", status_code=307, response_class=RedirectResponse)
def get_newest_document(invoice_id: InvoiceId, caller: AnyKeyOrToken) -> RedirectResponse:
    """Redirects to the newest document: the invoice or credit note, until then the proforma."""
    with transaction_for(caller) as tx:
        invoice = invoice_of(tx, invoice_id)
        documents = invoice.documents
    if not documents and invoice.print_error:
        raise Problem("document_failed", "The document could not be made; we are looking at it.")
    if not documents:
        raise Problem("not_printed_yet", "The document is being printed. Ask again in a moment.")
    return RedirectResponse(f"/v1/invoices/{invoice_id}/documents/{documents[-1].kind}/pdf", 307)


@router.get(
    "/invoices/{invoice_id}/documents/{kind}/pdf",
    response_class=Response,
    responses={200: {"description": "The PDF.", "content": {"application/pdf": {"schema": _BINARY}}}},
)
def get_document(
    invoice_id: InvoiceId,
    kind: Annotated[Literal["proforma", "invoice", "credit_note"], Path(description="Which document.")],
    caller: AnyKeyOrToken,
    if_none_match: Annotated[str | None, Header(max_length=500, description="The ETag that you have.")] = None,
) -> Response:
    """The PDF. Its bytes never change; the ETag is their sha256."""
    with transaction_for(caller) as tx:
        invoice = invoice_of(tx, invoice_id)
        document = document_of(tx.session, invoice.id, kind)
        if document is None:
            raise Problem("no_such_document", f"Invoice {invoice_id} has no {kind} document.")
        headers = {"ETag": f'"{document.sha256}"', "Cache-Control": "private, max-age=31536000, immutable"}
        if if_none_match and document.sha256 in if_none_match:
            return Response(status_code=304, headers=headers)
        headers["Content-Disposition"] = f'inline; filename="{invoice.number or invoice.id}-{kind}.pdf"'
        sha256 = document.sha256
    return Response(storage.get(sha256), media_type="application/pdf", headers=headers)


@router.get("/customers/{ref}/balance")
def get_balance(ref: PathRef, caller: AnyKeyOrToken) -> shapes.Balance:
    """Account credit that can be spent, per currency in which the customer has a service."""
    with transaction_for(caller) as tx:
        customer = tx.customer(ref)
        currencies = tx.session.scalars(select(Service.currency).where(Service.customer_id == customer.id).distinct())
        credit = [
            money_view(postings.credit_of(tx.session, tx.provider.id, customer.id, currency))
            for currency in sorted(currencies)
        ]
        return shapes.Balance(customer=ref, credit=credit)


@router.get("/customers/{ref}/ledger")
def get_credit_ledger(ref: PathRef, caller: AnyKeyOrToken) -> shapes.CreditLedger:
    """The entries behind the account credit, newest first."""
    with transaction_for(caller) as tx:
        customer = tx.customer(ref)
        rows = entries_of_owner(tx.session, tx.provider.id, "credit", customer.id)
        return shapes.CreditLedger(customer=ref, items=ledger_view(rows))


def invoice_of(tx: ApiTransaction, invoice_id: str) -> Invoice:
    """The caller's own. Raises Problem."""
    invoice = invoice_with_documents(tx.session, invoice_id)
    if invoice is None or not tx.owns(invoice):
        raise Problem("unknown_invoice", f"There is no invoice {invoice_id}.")
    return invoice
