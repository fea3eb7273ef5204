"""What an invoice's documents say besides number, dates and totals, frozen into its row as JSON."""

from __future__ import annotations

from typing import Any

from domain.catalog import Catalog, in_language
from domain.money import Money
from domain.periods import Period
from domain.pricing.quote_values import PlanTerms, QuoteLine
from domain.pricing.terms import Buyer
from domain.tax import treatment
from domain.words import document_locale, sentence
from models.customer import Customer
from models.invoice import Invoice

# What a document says of one price: other where a change is settled for another than its proforma asked.
RESTATED = ("lines", "taxes", "supply", "next_renewal", "notes", "corrects")
_AMOUNTS = ("net_minor", "tax_minor", "rounding_minor", "total_minor", "credit_applied_minor", "due_minor")


def proforma_of(invoice: Invoice) -> dict[str, Any]:
    """What a proforma said, kept when its invoice is settled for another price: a printed document never changes."""
    return {key: invoice.content.get(key) for key in RESTATED} | amounts_of(invoice)


def amounts_of(invoice: Invoice) -> dict[str, int]:
    """The row's amounts by their names, in minor units."""
    return {key: getattr(invoice, key) for key in _AMOUNTS}


def frozen_content(
    catalog: Catalog,
    customer: Customer,
    *,
    lines: tuple[QuoteLine, ...],
    before: PlanTerms | None,
    after: PlanTerms,
    supply: Period,
    next_renewal: dict[str, Any] | None,
    notes: list[str],
) -> dict[str, Any]:
    """Everything a document says besides its number, dates and totals; JSON, in the customer's language."""
    locale = document_locale(customer.locale)
    return {
        "title": f"{before.plan_name} → {after.plan_name}" if before else after.plan_name,
        "locale": locale,
        "timezone": catalog.timezone,
        "seller": catalog.seller.model_dump(mode="json"),
        "buyer": {
            "name": customer.name,
            "address": customer.address,
            "country": customer.country,
            "tax_id": customer.tax_id,
            "email": customer.email,
        },
        "before": _plan(catalog, before, locale) if before else None,
        "after": _plan(catalog, after, locale),
        **_taxed_lines(catalog, customer, lines, locale),
        "supply": supply.as_json(),
        "next_renewal": next_renewal,
        "notes": notes,
        "payment_instructions": in_language(catalog.invoice.payment_instructions, locale)
        if catalog.invoice.payment_instructions
        else None,
        "colour": catalog.invoice.colour,
        "logo": catalog.invoice.logo,
    }


def opposite_content(invoice: Invoice) -> dict[str, Any]:
    """What answers an invoice: every amount the other way round, and the number that it corrects."""
    content = invoice.content
    return content | {
        "lines": [_opposite(line) for line in content["lines"]],
        "taxes": [_opposite(tax) for tax in content["taxes"]],
        "next_renewal": None,
        "payment_instructions": None,
        "corrects": invoice.number,
    }


def _taxed_lines(
    catalog: Catalog, customer: Customer, lines: tuple[QuoteLine, ...], locale: str
) -> dict[str, list[dict[str, Any]]]:
    """The lines and the taxes. Beside a rate, lines without tax have one of their own, of nothing (EN 16931 BG-23)."""
    taxes = [_tax(catalog, line, locale) for line in lines if line.kind == "tax"]
    shown = [line.as_json() for line in lines if line.kind != "tax"]
    untaxed = [line for line in shown if line["percent"] is None]
    if not taxes or not untaxed:
        return {"lines": shown, "taxes": taxes}
    base = sum(line["amount"]["amount"] for line in untaxed)
    currency = untaxed[0]["amount"]["currency"]
    kind = treatment(catalog, Buyer(customer.country, customer.tax_id, locale, customer.tax_exempt))
    none = {
        "code": None,
        "label": sentence(locale, "untaxed"),
        "percent": "0",
        "base": {"amount": base, "currency": currency},
        "amount": {"amount": 0, "currency": currency},
        "category": {"exempt": "E", "reverse_charge": "AE"}.get(kind, "Z"),
        "reason": None if kind == "taxed" else sentence(locale, kind),
    }
    named = [line if line["percent"] is not None else line | {"percent": "0"} for line in shown]
    return {"lines": named, "taxes": [*taxes, none]}


def _tax(catalog: Catalog, line: QuoteLine, locale: str) -> dict[str, Any]:
    """The tax line, with the rate's name alone: the page prints its percentage and base in columns of their own."""
    rate = next((rate for rate in catalog.tax.rates if rate.code == line.code), None)
    return line.as_json() | {"label": in_language(rate.label, locale) if rate else line.description}


def _plan(catalog: Catalog, terms: PlanTerms, locale: str) -> dict[str, Any]:
    cycle = catalog.cycles.get(terms.cycle)
    return {
        "plan": terms.plan_name,
        "cycle": in_language(cycle.label, locale) if cycle else terms.cycle,
        "price": terms.price.as_json(),
    }


def _opposite(line: dict[str, Any]) -> dict[str, Any]:
    amounts = {name: (-Money.from_json(line[name])).as_json() for name in ("amount", "base") if line.get(name)}
    return line | amounts
