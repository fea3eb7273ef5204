"""The pages of services, customers and invoices: what there is, what was printed, mailed and booked."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import HTMLResponse, Response

from engine.ledger.postings import credit_of
from models import storage
from models.customer import Customer, Service
from models.ending import latest_ending
from models.invoice import Invoice, invoice_with_documents
from models.ledger import entries_of_owner, receivable_of, returned_of
from models.moves import moves_of
from models.plan_change import PlanChange
from web.staff.pages import page
from web.staff.parts import SHOWN_MAX, about, attempts_of, newest, payments_for, postings_of
from web.staff.visit import NoSuchRow, RowId, Signed, transaction_for

router = APIRouter()

Notice = Annotated[str, Query(max_length=40)]


@router.get("/services/{service_id}")
def show_service(service_id: RowId, visit: Signed, notice: Notice = "") -> HTMLResponse:
    with transaction_for(visit) as tx:
        service = tx.own(Service, service_id)
        ending = latest_ending(tx.session, service.id)
        values = {
            "service": service,
            "customer": service.customer,
            "price": service.money(service.unit_price_minor * service.quantity),
            "ending": ending,
            "changes": newest(tx, PlanChange, PlanChange.service_id == service.id),
            "invoices": newest(tx, Invoice, Invoice.service_id == service.id),
            "moves": moves_of(tx.session, Service, service.id),
            **about(tx, [service.id], [ending.id] if ending else []),
        }
        return page(tx, "service.html", notice=notice, **values)


@router.get("/customers/{customer_id}")
def show_customer(customer_id: RowId, visit: Signed, notice: Notice = "") -> HTMLResponse:
    with transaction_for(visit) as tx:
        customer = tx.own(Customer, customer_id)
        services = newest(tx, Service, Service.customer_id == customer.id)
        currencies = sorted({service.currency for service in services})
        values = {
            "customer": customer,
            "services": services,
            "credits": [credit_of(tx.session, tx.provider.id, customer.id, currency) for currency in currencies],
            "credit_entries": entries_of_owner(tx.session, tx.provider.id, "credit", customer.id)[:SHOWN_MAX],
            "changes": newest(tx, PlanChange, PlanChange.customer_id == customer.id),
            "invoices": newest(tx, Invoice, Invoice.customer_id == customer.id),
            **about(tx, [customer.id], whose=customer),
        }
        return page(tx, "customer.html", notice=notice, **values)


@router.get("/invoices/{invoice_id}")
def show_invoice(invoice_id: RowId, visit: Signed, notice: Notice = "") -> HTMLResponse:
    with transaction_for(visit) as tx:
        invoice = tx.checked(invoice_with_documents(tx.session, invoice_id))
        attempts = attempts_of(tx, invoice)
        values = {
            "invoice": invoice,
            "customer": invoice.customer,
            "service": invoice.service,
            "theirs": tx.formatter_of(invoice.customer),
            "owed": receivable_of(tx.session, invoice),
            "returned": returned_of(tx.session, invoice),
            "attempts": attempts,
            "payments": payments_for(tx, invoice),
            "postings": postings_of(tx, [invoice.id, *([invoice.change_id] if invoice.change_id else [])]),
            **about(tx, [invoice.id], [attempt.id for attempt in attempts]),
        }
        return page(tx, "invoice.html", notice=notice, **values)


@router.get("/invoices/{invoice_id}/{kind}.pdf")
def show_document(
    invoice_id: RowId, kind: Annotated[str, Path(pattern="^(proforma|invoice|credit_note)$")], visit: Signed
) -> Response:
    """A document as it was printed: its bytes never change."""
    with transaction_for(visit) as tx:
        invoice = tx.checked(invoice_with_documents(tx.session, invoice_id))
        document = next((one for one in invoice.documents if one.kind == kind), None)
        if document is None:
            raise NoSuchRow()
        name, sha256 = f"{invoice.number or invoice.id}-{kind}.pdf", document.sha256
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(storage.get(sha256), media_type="application/pdf", headers=headers)
