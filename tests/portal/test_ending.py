"""A customer ends a service in the portal, form by form and without JavaScript: dates, yen, and what is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import catalog_named
from tests.portal.test_steps import hosting_customer
from tests.portal.visitor import AUGUST, JULY, NOON_17_JULY, Visitor
from tests.support.client import ApiClient

Make = Callable[..., ApiClient]


@pytest.fixture
def customer(frontend: Make) -> Visitor:
    """In Japan, with Business for ¥3,000 a month, at noon of 17 July 2027."""
    dns = frontend("dns")
    dns.new_service("zone", "business", "JPY", "JP", (JULY, AUGUST), "monthly")
    dns.set_clock(NOON_17_JULY)
    return Visitor(dns)


def endings(customer: Visitor) -> list[tuple[str, str]]:
    items = customer.frontend.call("GET", "/v1/services/zone/cancellations")["items"]
    return [(one["at"], one["status"]) for one in items]


def button(customer: Visitor, page_of: str, at: str) -> dict[str, str]:
    """What the form of one of the two ways sends."""
    page = customer.get(f"/portal/services/{customer.service_id()}/{page_of}")
    forms = [form for form in customer.forms(page) if form.values.get("at") == at]
    return forms[0].values


def test_at_the_periods_end_and_taken_back(customer: Visitor) -> None:
    service = f"/portal/services/{customer.service_id()}"
    assert f'href="{service}/end"' in customer.get(service).text
    asked = customer.get(f"{service}/end")
    assert "August 1, 2027" in asked.text
    assert "You can take this back until then." in asked.text
    shown = customer.http.post(f"{service}/end", data=button(customer, "end", "period_end"))
    assert shown.url.path == service
    assert "This service ends on August 1, 2027" in shown.text
    assert "Next renewal" not in shown.text
    assert endings(customer) == [("period_end", "scheduled")]
    kept = customer.submit(shown, "/keep")
    assert "This service ends on" not in kept.text
    assert "Next renewal" in kept.text
    assert endings(customer) == [("period_end", "withdrawn")]


def test_now_with_the_credit_that_the_page_says(customer: Visitor) -> None:
    """15 of 31 days at ¥3,000 are ¥1,452, with tax ¥1,597. Pressed twice it is one ending."""
    service = f"/portal/services/{customer.service_id()}"
    asked = customer.get(f"{service}/end").text
    for text in ("15 of 31 days at ¥3,000 = ¥1,452", "¥1,597", "cannot be taken back", "as account credit"):
        assert text in asked
    values = button(customer, "end", "now")
    for _ in range(2):
        ended = customer.http.post(f"{service}/end", data=values)
    assert "This service ended on" in ended.text
    assert "¥1,597 was given back on a credit note." in " ".join(ended.text.split())
    assert "End this service" not in ended.text
    assert [at for at, _ in endings(customer)] == ["now"]
    assert customer.frontend.call("GET", "/v1/customers/zone/balance")["credit"] == [
        {"amount": 1597, "currency": "JPY"}
    ]
    assert customer.get(f"{service}/end").url.path == service


def test_a_credit_that_changed_overnight_is_shown_again(customer: Visitor) -> None:
    """14 of 31 days: ¥1,355 and ¥136."""
    service = f"/portal/services/{customer.service_id()}"
    values = button(customer, "end", "now")
    customer.frontend.set_clock("2027-07-18T03:00:00Z")
    page = customer.http.post(f"{service}/end", data=values)
    assert "Nothing was ended" in page.text
    assert "¥1,491" in page.text
    assert endings(customer) == []


def test_what_comes_with_it_is_said(customer: Visitor) -> None:
    """A scheduled downgrade does not happen any more."""
    nothing = {"accept_total": {"amount": 0, "currency": "JPY"}}
    change = customer.frontend.request("zone", "basic", "monthly", "k", nothing)
    customer.frontend.wait_for(change, "scheduled")
    page = customer.get(f"/portal/services/{customer.service_id()}/end").text
    assert "The change to Basic does not happen any more." in page


def test_a_forbidden_downgrade_leads_there_with_what_is_lost(frontend: Make) -> None:
    """Web L for a year, on 1 July: nothing comes back, and what the rest of the year is worth is told."""
    customer = hosting_customer(frontend, "web-l")
    service = f"/portal/services/{customer.service_id()}"
    plans = customer.get(f"{service}/change").text
    assert "End this service and order Web S anew" in plans
    page = customer.get(f"{service}/end?plan=web-s").text
    assert "order it anew and end this service" in page
    # 1 July to 1 January are 184 of 365 days of $300.
    assert "$151.23" in page
    assert "that is lost" in page


def test_only_ones_own(customer: Visitor) -> None:
    assert customer.get("/portal/services/svc_01k0000000000000000000000/end").status_code == 404
    page = customer.http.post(f"/portal/services/{customer.service_id()}/end", data={"at": "now", "key": "k"})
    assert page.status_code == 403
    assert endings(customer) == []


def test_tax_that_prices_hold_is_said_once(frontend: Make) -> None:
    """Business at ¥3,000 holds ¥273; of 15 of 31 days, ¥1,452, ¥132 are tax. Pages name it once."""
    tax = catalog_named("dns", "dns").tax.model_copy(update={"prices": "inclusive"})
    dns = frontend("dns", tax=tax)
    dns.new_service("zone", "start", "JPY", "JP", (JULY, AUGUST), "monthly")
    dns.set_clock(NOON_17_JULY)
    customer = Visitor(dns)
    ending = customer.get(f"/portal/services/{customer.service_id()}/end").text
    for page in (ending, customer.review("business").text):
        assert page.count("Consumption tax") == 1
        assert "contained in the prices above" not in page
