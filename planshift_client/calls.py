"""The calls of the API: each a value that says what to send and what comes back. Clients send them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from planshift_client import shapes

Answer = TypeVar("Answer")
Json = Mapping[str, Any]
Effective = Literal["period_end", "now"]


@dataclass(frozen=True)
class Call(Generic[Answer]):
    """One request. Sent again it is the same request: what writes is idempotent, by its reference or by its key."""

    answer: type[Answer]
    method: str
    path: str
    query: Json = field(default_factory=dict)
    body: Json | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def put_customer(
    ref: str,
    *,
    name: str,
    email: str,
    country: str,
    locale: str = "en",
    address: Sequence[str] = (),
    tax_id: str | None = None,
    tax_exempt: bool = False,
) -> Call[shapes.Customer]:
    """Creates or updates a customer; needs a `host` key."""
    body = {
        "name": name,
        "email": email,
        "country": country,
        "locale": locale,
        "address": list(address),
        "tax_id": tax_id,
        "tax_exempt": tax_exempt,
    }
    return Call(shapes.Customer, "PUT", f"/v1/customers/{ref}", body=body)


def get_customer(ref: str) -> Call[shapes.Customer]:
    """One customer."""
    return Call(shapes.Customer, "GET", f"/v1/customers/{ref}")


def put_service(
    ref: str,
    *,
    customer: str,
    plan: str,
    cycle: str,
    currency: str,
    period_start: datetime,
    period_end: datetime,
    status: str = "active",
    **more: Any,
) -> Call[shapes.ReportedService]:
    """Creates a service or takes over its status; needs a `host` key. `more`: quantity, paid, billing, anchor_day, …"""
    body = {
        "customer": customer,
        "plan": plan,
        "cycle": cycle,
        "currency": currency,
        "status": status,
        "period_start": period_start.isoformat(),
        "period_end": period_end.isoformat(),
        **more,
    }
    return Call(shapes.ReportedService, "PUT", f"/v1/services/{ref}", body=body)


def put_usage(ref: str, usage: Mapping[str, int]) -> Call[shapes.Service]:
    """How much of each limit is used; needs a `host` key."""
    return Call(shapes.Service, "PUT", f"/v1/services/{ref}/usage", body=dict(usage))


def get_service(ref: str) -> Call[shapes.Service]:
    """One service."""
    return Call(shapes.Service, "GET", f"/v1/services/{ref}")


def list_services(**filters: Any) -> Call[shapes.Listed[shapes.Service]]:
    """Newest first. Filters: customer, status, since, until; limit and cursor."""
    return Call(shapes.Listed[shapes.Service], "GET", "/v1/services", query=filters)


def list_plans(locale: str = "en") -> Call[shapes.AllOf[shapes.Plan]]:
    """The catalogue's plans."""
    return Call(shapes.AllOf[shapes.Plan], "GET", "/v1/plans", query={"locale": locale})


def get_plan_options(ref: str) -> Call[shapes.PlanOptions]:
    """What a service may change to, and why not to the rest."""
    return Call(shapes.PlanOptions, "GET", f"/v1/services/{ref}/plan-options")


def create_quote(service: str, plan: str, cycle: str, quantity: int | None = None) -> Call[shapes.Quote]:
    """Prices a change; nothing is charged."""
    return Call(shapes.Quote, "POST", "/v1/quotes", body=_wanted(service, plan, cycle, quantity))


def preview_cancellation(service: str, at: Effective = "period_end") -> Call[shapes.CancellationPreview]:
    """What ending a service would give back, lose and cancel; nothing is ended."""
    path = f"/v1/services/{service}/cancellations/preview"
    return Call(shapes.CancellationPreview, "GET", path, query={"at": at})


def create_cancellation(
    service: str,
    at: Effective = "period_end",
    *,
    accept_credit: shapes.Money | None = None,
    idempotency_key: str | None = None,
) -> Call[shapes.Cancellation]:
    """Ends a service at the end of its period, or at once for the credit that was shown."""
    body = {"at": at, "accept_credit": accept_credit.model_dump() if accept_credit else None}
    headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
    path = f"/v1/services/{service}/cancellations"
    return Call(shapes.Cancellation, "POST", path, body=body, headers=headers)


def list_cancellations(service: str) -> Call[shapes.AllOf[shapes.Cancellation]]:
    """A service's endings, newest first."""
    return Call(shapes.AllOf[shapes.Cancellation], "GET", f"/v1/services/{service}/cancellations")


def withdraw_cancellation(service: str) -> Call[shapes.Cancellation]:
    """Takes an ending back that has not happened yet."""
    return Call(shapes.Cancellation, "DELETE", f"/v1/services/{service}/cancellations")


def create_plan_change(
    service: str,
    plan: str,
    cycle: str,
    quantity: int | None = None,
    *,
    quote: str | None = None,
    accept_total: shapes.Money | None = None,
    replace: bool = False,
    note: str | None = None,
    idempotency_key: str | None = None,
) -> Call[shapes.PlanChange]:
    """Asks for a change at a price that was accepted: a quote's id, or the total due today.

    Without a key the call makes one of its own; keep the call, or give a key, to repeat it from another process.
    """
    body = _wanted(service, plan, cycle, quantity) | {
        "quote": quote,
        "accept_total": accept_total.model_dump() if accept_total else None,
        "replace": replace,
        "note": note,
    }
    headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
    return Call(shapes.PlanChange, "POST", "/v1/plan-changes", body=body, headers=headers)


def get_plan_change(
    change_id: str, *, wait_seconds: int = 0, expand: Literal["quote"] | None = None
) -> Call[shapes.PlanChange]:
    """One plan change; with `wait_seconds` it is answered when it has moved on, or after that long (30 at most)."""
    headers = {"Prefer": f"wait={wait_seconds}"} if wait_seconds else {}
    return Call(shapes.PlanChange, "GET", f"/v1/plan-changes/{change_id}", query={"expand": expand}, headers=headers)


def list_plan_changes(**filters: Any) -> Call[shapes.Listed[shapes.PlanChange]]:
    """Newest first. Filters: customer, service, status, idempotency_key, since, until; limit and cursor."""
    return Call(shapes.Listed[shapes.PlanChange], "GET", "/v1/plan-changes", query=filters)


def cancel_plan_change(change_id: str) -> Call[shapes.PlanChange]:
    """Takes back a change that is not paid yet, or one that is scheduled."""
    return Call(shapes.PlanChange, "POST", f"/v1/plan-changes/{change_id}/cancel")


def create_payment_attempt(change_id: str) -> Call[shapes.PaymentAttempt]:
    """A new attempt after a decline."""
    return Call(shapes.PaymentAttempt, "POST", f"/v1/plan-changes/{change_id}/payments")


def get_payment_attempt(attempt_id: str) -> Call[shapes.AttemptDetail]:
    """One payment attempt: what it is for, and what came of it."""
    return Call(shapes.AttemptDetail, "GET", f"/v1/payment-attempts/{attempt_id}")


def get_invoice(invoice_id: str) -> Call[shapes.Invoice]:
    """One invoice."""
    return Call(shapes.Invoice, "GET", f"/v1/invoices/{invoice_id}")


def list_invoices(**filters: Any) -> Call[shapes.Listed[shapes.Invoice]]:
    """Newest first. Filters: customer, service, status, number, since, until; limit and cursor."""
    return Call(shapes.Listed[shapes.Invoice], "GET", "/v1/invoices", query=filters)


def get_pdf(document: shapes.Document) -> Call[bytes]:
    """A document's bytes; they never change."""
    return Call(bytes, "GET", document.url)


def get_balance(customer: str) -> Call[shapes.Balance]:
    """Account credit that can be spent."""
    return Call(shapes.Balance, "GET", f"/v1/customers/{customer}/balance")


def get_credit_ledger(customer: str) -> Call[shapes.CreditLedger]:
    """The entries behind a balance."""
    return Call(shapes.CreditLedger, "GET", f"/v1/customers/{customer}/ledger")


def create_portal_session(
    customer: str, *, return_url: str | None = None, flow: Mapping[str, str] | None = None, locale: str | None = None
) -> Call[shapes.PortalSession]:
    """A signed link into the portal; needs a `host` key. `flow` has a service, and with it a plan, and a cycle."""
    body = {"customer": customer, "return_url": return_url, "flow": flow, "locale": locale}
    return Call(shapes.PortalSession, "POST", "/v1/portal-sessions", body=body)


def create_customer_token(customer: str) -> Call[shapes.CustomerToken]:
    """A short-lived token for a customer's own browser; needs a `host` key."""
    return Call(shapes.CustomerToken, "POST", "/v1/customer-tokens", body={"customer": customer})


def put_test_clock(now: datetime) -> Call[shapes.TestClock]:
    """Sets a sandbox provider's clock."""
    return Call(shapes.TestClock, "PUT", "/v1/test-clock", body={"now": now.isoformat()})


def _wanted(service: str, plan: str, cycle: str, quantity: int | None) -> dict[str, Any]:
    return {"service": service, "plan": plan, "cycle": cycle, "quantity": quantity}
