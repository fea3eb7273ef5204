"""Step 1, plan beside plan: what each costs now and at the renewal, what it holds, and what is scheduled."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.portal.test_steps import hosting_customer
from tests.portal.visitor import AUGUST, JULY, NOON_17_JULY, Visitor
from tests.support.client import ApiClient

Make = Callable[..., ApiClient]


def cards(customer: Visitor, query: str = "") -> dict[str, str]:
    """By the plan's name, what its card says."""
    page = customer.get(f"/portal/services/{customer.service_id()}/change{query}").text
    found = re.findall(
        r'<li class="card plan.*?</h3>.*?</div>\s*(?:<a.*?</a>|<span.*?</span>)?\s*</li>', page, re.DOTALL
    )
    texts = [" ".join(re.sub(r"<[^>]*>", " ", card).split()) for card in found]
    return {text.split()[0]: text for text in texts}


@pytest.fixture
def customer(frontend: Make) -> Visitor:
    """In Japan, with Start for ¥1,200 a month and 10 % tax, 8 of 10 zones used, at noon of 17 July 2027."""
    dns = frontend("dns")
    dns.new_service("zone", "start", "JPY", "JP", (JULY, AUGUST), "monthly")
    dns.call("PUT", "/v1/services/zone/usage", {"zones": 8, "records": 40}, scope="host")
    dns.set_clock(NOON_17_JULY)
    return Visitor(dns)


def test_what_it_costs_now_and_at_the_renewal(customer: Visitor) -> None:
    """3,000 × 15/31 = 1,452, less 1,200 × 15/31 = 581, and 10 %: 958 today; then 3,300."""
    business = cards(customer)["Business"]
    assert "¥3,300 every month, tax included ¥3,000 before tax" in business
    assert "Today ¥958 From August 1, 2027 ¥3,300 every month" in business
    assert "Your plan now" in cards(customer)["Start"]


def test_by_the_year_with_what_is_saved(customer: Visitor) -> None:
    """12 × 3,300 = 39,600; a year costs 33,000, which is 6,600 or a sixth less."""
    page = customer.get(f"/portal/services/{customer.service_id()}/change?cycle=annual").text
    assert "up to 16% less" in page
    business = cards(customer, "?cycle=annual")["Business"]
    assert "¥33,000 every year, tax included" in business
    assert "¥6,600 less than paying monthly" in business
    # The cycle that was looked at is the one that the next step has chosen.
    assert "/change/business?cycle=annual" in page
    cycles = customer.get(f"/portal/services/{customer.service_id()}/change/business?cycle=annual").text
    assert re.search(r'value="annual"[^>]* checked', cycles)
    assert not re.search(r'value="monthly"[^>]* checked', cycles)
    assert "¥6,600 less than paying monthly" in cycles
    # Basic holds 3 of the 8 zones: nothing is saved with what cannot be chosen.
    assert "less than paying" not in customer.get(f"/portal/services/{customer.service_id()}/change/basic").text


def test_what_each_plan_holds_beside_what_is_used_and_had_now(customer: Visitor) -> None:
    found = cards(customer)
    assert "Zones 50 40 more 8 of 50 used" in found["Business"]
    assert "Zones 10 8 of 10 used" in found["Start"]
    assert "Zones 3 7 fewer 8 of 3 used" in found["Basic"]
    assert "Remove at least 5" in found["Basic"]
    page = customer.get(f"/portal/services/{customer.service_id()}/change").text
    assert '<meter min="0" max="3" value="3" class="full" aria-label="Zones: 8 of 3 used">' in page


def test_what_another_category_does_not_have_is_said(frontend: Make) -> None:
    radio = hosting_customer(frontend, "radio-100")
    assert "Listeners – not included any more" in cards(radio, "?category=vps")["VPS"]


def test_the_scheduled_plan_is_marked(customer: Visitor) -> None:
    customer.frontend.call("PUT", "/v1/services/zone/usage", {"zones": 2, "records": 40}, scope="host")
    customer.submit(customer.review("basic"), "/accept")
    customer.see("/portal/services", "Changes to <strong>Basic</strong>")
    found = cards(customer)
    assert "Scheduled for August 1, 2027" in found["Basic"]
    assert "Scheduled" not in found["Business"] + found["Start"]
    assert "Today nothing to pay From August 1, 2027 ¥550 every month" in found["Basic"]
