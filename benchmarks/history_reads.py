"""What is read of a long history (history.py), by its name: lists and pages of the API, the portal and the staff."""

from __future__ import annotations

import secrets

from sqlalchemy import text

from models.database import transaction
from tests.support.large import large_id

MARK = "00"  # of the ids: they are older than what is made from now on

# By list of the API, its table and the time that it may be sorted by: what it is asked for. In the middle of all rows
# begin a deep page, CURSOR, and a time, THEN.
LISTS: dict[tuple[str, str, str], tuple[str, ...]] = {
    ("customers", "customers", ""): ("", "cursor=CURSOR", "email=c17@example.invalid"),
    ("services", "services", "created_at"): (
        *("", "cursor=CURSOR", "customer=customer-17", "status=past_due", "since=THEN"),
    ),
    ("plan-changes", "plan_changes", "received_at"): (
        *("", "cursor=CURSOR", "customer=customer-17", "service=0017", "status=applied", "status=scheduled"),
        *("since=THEN", "until=THEN", "since=2000-01-01T00:00:00Z&cursor=CURSOR"),
    ),
    ("invoices", "invoices", "issued_at"): (
        *("", "cursor=CURSOR", "customer=customer-17", "service=0017", "status=open", "status=settled"),
        *("since=THEN", "until=THEN", "since=2000-01-01T00:00:00Z&cursor=CURSOR", "number=NUMBER"),
    ),
    ("payments", "payments", ""): ("", "cursor=CURSOR", "unmatched=true"),
    ("webhooks", "inbox_events", ""): ("", "cursor=CURSOR", "status=processed", "status=dead", "status=attention"),
}


def paths(renewals: int) -> dict[str, str]:
    """By group and name, of what is in a history of so many renewals of each service."""
    service, change = large_id("svc", f"{MARK}17"), large_id("chg", f"{MARK}17k0")
    of_invoice = {kind: large_id(kind, f"{MARK}{renewals - 1:03}n17") for kind in ("inv", "mny", "evt")}
    number = _one("SELECT number FROM invoices WHERE id = :id", id=of_invoice["inv"])
    api = {}
    for (name, table, time), queries in LISTS.items():
        values = {"CURSOR": _middle(table, "id"), "NUMBER": number, "THEN": _middle(table, time) if time else ""}
        for query in queries:
            asked = query
            for word, value in values.items():
                asked = asked.replace(word, value)
            api[f"{name} {query}".strip()] = f"/v1/{name}?{asked}"
    api |= {
        "dead letters": "/v1/dead-letters",
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


def _middle(table: str, column: str) -> str:
    place = f"SELECT count(*) / 2 FROM {table}"
    row = f"SELECT {column} AS found FROM {table} ORDER BY {column} OFFSET ({place}) LIMIT 1"
    if column != "id":
        row = f"""SELECT to_char(found AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') FROM ({row}) AS one"""
    return _one(row)


def _one(statement: str, **values: str) -> str:
    with transaction() as session:
        session.execute(text("SET LOCAL statement_timeout = '5min'"))
        return str(session.execute(text(statement), values).scalar_one())
