"""A list shows a page of years, and reads no more than that, whatever is asked of it; so does each page of the portal
and of the staff."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from domain.lifecycle import InboxStatus, InvoiceStatus, ServiceStatus, Status
from engine.accounts.access import create_key
from models.customer import Service
from models.database import transaction
from models.inbox import InboxEvent
from models.payment import Payment
from models.provider import SCOPES
from settings import settings
from tests.support.forms import form_of
from tests.support.large import large_id
from tests.support.plans import asked, most_rows_read
from tests.support.play import Play
from web.app import create_app

# Of a statement: a page of a list is 50 rows, each with its service and customer.
ROWS_MAX = 300
# Before and after all that there is, and in the middle of it.
YEARS = ("2021-01-01", "2027-03-01", "2031-01-01")
TIMES = [f"{name}={day}T00:00:00Z" for name in ("since", "until") for day in YEARS]


@pytest.fixture
def client(large: Play) -> Iterator[TestClient]:
    """Somebody who has all keys, is signed in to the staff pages, and to the portal as the customer of all services."""
    with transaction() as session:
        key = create_key(session, large.provider(session), list(SCOPES))[1]
    with TestClient(create_app(), base_url=settings().public_url, follow_redirects=False) as client:
        client.post("/staff/sign-in", data={"key": key, "actor": "Ana", "next": "/"})
        client.headers["Authorization"] = f"Bearer {key}"
        link = client.post("/v1/portal-sessions", json={"customer": "customer"}).raise_for_status().json()["url"]
        form = form_of(client.get(link), "/enter")
        client.post(form.action, data=form.values)
        yield client


def read_too_much(client: TestClient, paths: list[str]) -> dict[str, dict[str, int]]:
    """By path, the statements that looked at more rows than a page has."""
    found = {}
    for path in paths:
        with asked() as statements:
            answer = client.get(path)
        assert answer.status_code == 200, (path, answer.text)
        assert statements, path
        with transaction() as session:
            rows = most_rows_read(session, statements)
        found[path] = {statement: count for statement, count in rows.items() if count > ROWS_MAX}
    return {path: statements for path, statements in found.items() if statements}


def test_no_list_of_the_api_reads_more_than_its_page(client: TestClient) -> None:
    def asked_for(name: str, statuses: list[str], *more: str) -> list[str]:
        queries = ["", *(f"status={status}" for status in statuses), *more]
        return [f"/v1/{name}?{query}" for query in queries]

    paths = [
        *asked_for("customers", [], "email=nobody@example.invalid"),
        *asked_for("services", sorted(ServiceStatus), "customer=customer", *TIMES),
        *asked_for("plan-changes", sorted(Status), "customer=customer", "service=a17", "idempotency_key=none", *TIMES),
        *asked_for("invoices", sorted(InvoiceStatus), "customer=customer", "service=a17", "number=NONE-1", *TIMES),
        *asked_for("payments", [], "unmatched=true"),
        *asked_for("webhooks", [*sorted(InboxStatus), "attention", "foreign"], "conflicting=true"),
        *asked_for("dead-letters", []),
    ]
    assert read_too_much(client, paths) == {}


def test_the_second_page_of_a_time_goes_on_where_the_first_one_ended(client: TestClient) -> None:
    """Six invoices of each of a thousand services, issued 30 days apart, all on the same days: three of each."""
    path, rows, cursor = "/v1/invoices?limit=200&since=2027-03-01T00:00:00Z&until=2027-05-20T00:00:00Z", [], ""
    while cursor is not None:
        page = client.get(f"{path}&cursor={cursor}" if cursor else path).raise_for_status().json()
        rows += page["items"]
        cursor = page["next"]
    assert len({row["id"] for row in rows}) == len(rows) == 3_000
    dates = [row["issued_at"] for row in rows]
    assert dates == sorted(dates, reverse=True)


def test_no_page_of_the_staff_or_the_portal_reads_more_than_it_shows(client: TestClient, large: Play) -> None:
    change_id = large.until_paid()
    invoice = large.invoice(change_id)
    with transaction() as session:
        payment = session.scalars(select(Payment.id).where(Payment.invoice_id == invoice.id)).one()
        event = session.scalars(select(InboxEvent.id).join(Payment).where(Payment.id == payment)).one()
        customer = session.get_one(Service, invoice.service_id).customer_id
    shown = (f"changes/{change_id}", f"invoices/{invoice.id}", f"services/{invoice.service_id}")
    more = (f"customers/{customer}", f"payments/{payment}", f"events/{event}", "money", "")
    service = f"/portal/services/{large_id('svc', 'a17')}"  # whose change is over
    paths = [
        *(f"/staff/{path}" for path in (*shown, *more)),
        *("/portal/services", service, f"{service}/change", f"{service}/end"),
        *(f"/portal/invoices/{invoice.id}", f"/portal/changes/{large_id('chg', 'a17k0')}"),
    ]
    assert read_too_much(client, paths) == {}


@pytest.mark.parametrize("text", ["9f1c7e0b5a", "No such name", "C77@NOWHERE", "zq", "王伟", "customer-", "e", "%%%"])
def test_what_a_person_has_in_hand_is_found_by_an_index(client: TestClient, text: str) -> None:
    """A gateway's reference, a part of a name, of an address or of a reference: what is in none, and what is in all."""
    assert read_too_much(client, [f"/staff/search?q={quote(text)}"]) == {}
