"""What is read of a long history (history.py), by its name: lists and pages of the API, the portal and the staff."""

from __future__ import annotations

import secrets

from sqlalchemy import text

from models.database import transaction
from tests.support.large import large_id

MONTHS = 36
MARK = "00"  # of the ids: they are older than what is made from now on
LONG_AGO = "2026-01-01T00:00:00Z"  # in the middle of the months

# By list of the API and its table: what it is asked for. A deep page begins in the middle of all rows.
LISTS: dict[tuple[str, str], tuple[str, ...]] = {
    ("customers", "customers"): ("", "cursor", "email=c17@example.invalid"),
    ("services", "services"): ("", "cursor", "customer=customer-17", "status=past_due", f"since={LONG_AGO}"),
    ("plan-changes", "plan_changes"): (
        *("", "cursor", "customer=customer-17", "service=0017", "status=applied", "status=scheduled"),
        *(f"since={LONG_AGO}", f"until={LONG_AGO}", f"since={LONG_AGO}&cursor"),
    ),
    ("invoices", "invoices"): (
        *("", "cursor", "customer=customer-17", "service=0017", "status=open", "status=settled"),
        *(f"since={LONG_AGO}", f"until={LONG_AGO}", f"since={LONG_AGO}&cursor", "number=DNS-2026-000017"),
    ),
    ("payments", "payments"): ("", "cursor", "unmatched=true"),
    ("webhooks", "inbox_events"): ("", "cursor", "status=processed", "status=dead", "status=attention"),
    ("dead-letters", ""): ("",),
}


def paths() -> dict[str, str]:
    """By group and name, of what is in each history."""
    service, change = large_id("svc", f"{MARK}17"), large_id("chg", f"{MARK}17k0")
    of_invoice = {kind: large_id(kind, f"{MARK}{MONTHS - 1:03}n17") for kind in ("inv", "mny", "evt")}
    api = {}
    for (name, table), queries in LISTS.items():
        for query in queries:
            cursor = f"cursor={_middle(table)}" if "cursor" in query else ""
            api[f"{name} {query}".strip()] = f"/v1/{name}?{query.replace('cursor', cursor)}"
    api |= {
        "a change": f"/v1/plan-changes/{change}",
        "an invoice": f"/v1/invoices/{of_invoice['inv']}",
        "plan options": f"/v1/services/{MARK}17/plan-options",
        "account credit": "/v1/customers/customer-17/balance",
    }
    portal = {
        "services": "/portal/services",
        "a service": f"/portal/services/{service}",
        "plans": f"/portal/services/{service}/change",
        "a change": f"/portal/changes/{change}",
        "an invoice": f"/portal/invoices/{of_invoice['inv']}",
    }
    staff = {
        "what waits": "/staff/",
        "a change": f"/staff/changes/{change}",
        "a service": f"/staff/services/{service}",
        "a customer": f"/staff/customers/{large_id('cus', f'{MARK}17')}",
        "an invoice": f"/staff/invoices/{of_invoice['inv']}",
        "a payment": f"/staff/payments/{of_invoice['mny']}",
        "an event": f"/staff/events/{of_invoice['evt']}",
        "money": "/staff/money",
        "a search": f"/staff/search?q={secrets.token_hex(8)}",
    }
    groups = {"API": api, "portal": portal, "staff": staff}
    return {f"{group}: {name}": path for group, reads in groups.items() for name, path in reads.items()}


def _middle(table: str) -> str:
    with transaction() as session:
        half = session.scalar(text(f"SELECT count(*) / 2 FROM {table}"))
        return str(session.scalar(text(f"SELECT id FROM {table} ORDER BY id OFFSET :half LIMIT 1"), {"half": half}))
