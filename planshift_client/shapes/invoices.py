"""Invoices and their documents."""

from __future__ import annotations

from typing import Any

from planshift_client.shapes.base import Instant, Money, Shape, told


class Document(Shape):
    """A printed document; its bytes never change."""

    kind: str = told("proforma, invoice or credit_note.", "invoice")
    sha256: str = told("Of its bytes; the ETag.", "9f86d081")
    url: str = told("Where the PDF is.", "/v1/invoices/inv_01k9f3/documents/invoice/pdf")


class InvoiceSummary(Shape):
    """An invoice without its lines."""

    id: str = told("Ours.", "inv_01k9f3")
    number: str | None = told("The legal number; null until it is earned.", "DNS-2027-000001")
    kind: str = told("invoice or credit_note.", "invoice")
    status: str = told("open, settled or void.", "settled")
    total: Money = told("With tax; negative on a credit note.", {"amount": 1331, "currency": "JPY"})
    amount_due: Money = told("What is still to be paid.", {"amount": 0, "currency": "JPY"})
    documents: list[Document] = told("Oldest first.")


class Invoice(InvoiceSummary):
    """A frozen copy of what is owed, by whom, and why."""

    customer: str = told("The customer's `ref`.", "acme")
    service: str = told("The service's `ref`.", "zone-1")
    plan_change: str | None = told("The change that it is for; null for a renewal.", "chg_01k9f3")
    title: str = told("As printed.", "Plan change")
    currency: str = told("ISO 4217 code.", "JPY")
    net: Money = told("Without tax.", {"amount": 1210, "currency": "JPY"})
    tax: Money = told("Of all rates.", {"amount": 121, "currency": "JPY"})
    rounding: Money = told("After tax.", {"amount": 0, "currency": "JPY"})
    credit_applied: Money = told("Account credit that paid a part.", {"amount": 0, "currency": "JPY"})
    lines: list[dict[str, Any]] = told("As printed, taxes last.", {"description": "Business (monthly)"})
    issued_at: Instant = told("Business time.", "2027-07-17T03:00:00Z")
    due_at: Instant = told("Pay by then.", "2027-07-24T03:00:00Z")
    settled_at: Instant | None = told("When its money was there.", "2027-07-17T03:05:00Z")
    checkout_url: str | None = told("Where it can be paid now.", "https://pay.example/c/1")
