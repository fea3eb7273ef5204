"""The HTTP API: what it answers to the wrong key, the wrong body, the wrong moment; and that nothing changes then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import Running
from tests.support import loopback
from tests.support.client import AUGUST, JULY, ApiClient, is_problem

Make = Callable[..., ApiClient]
SERVICE = {
    "customer": "zone",
    "plan": "basic",
    "cycle": "monthly",
    "currency": "JPY",
    "status": "active",
    "period_start": JULY,
    "period_end": AUGUST,
}
CUSTOMER = {"name": "Ana", "email": "ana@example.com", "country": "JP"}
CHANGE = {"service": "zone", "plan": "business", "cycle": "monthly"}
ACCEPTED = CHANGE | {"accept_total": {"amount": 1331, "currency": "JPY"}}


def test_codes_are_taken_in_small_letters(dns: ApiClient) -> None:
    assert dns.call("PUT", "/v1/customers/ana", CUSTOMER | {"country": "jp"}, scope="host")["country"] == "JP"
    service = dns.call("PUT", "/v1/services/ana", SERVICE | {"customer": "ana", "currency": "jpy"}, scope="host")
    assert service["price"] == {"amount": 500, "currency": "JPY"}


@pytest.mark.parametrize("ref", ["ana+dns@example.com", "DOM:4711", "..a", "o'neil;id=(1)*!$&,~"])
def test_a_reference_is_whatever_needs_no_escape_in_a_path(dns: ApiClient, ref: str) -> None:
    assert dns.call("PUT", f"/v1/customers/{ref}", CUSTOMER, scope="host")["ref"] == ref
    dns.call("PUT", f"/v1/services/{ref}", SERVICE | {"customer": ref}, scope="host")
    [listed] = dns.call("GET", f"/v1/services?customer={quote(ref, safe='')}")["items"]
    assert (listed["ref"], listed["customer"]) == (ref, ref)
    dns.call("PUT", f"/v1/services/{quote(ref, safe='')}/usage", {"zones": 3}, scope="host")
    assert dns.call("GET", f"/v1/services/{ref}")["usage"] == {"zones": 3}
    assert dns.call("GET", f"/v1/services/{ref}/plan-options")["service"] == ref


@pytest.mark.parametrize("ref", [".", "..", "...", "a/b", "a b", "münchen.de", "a?b", "a#b", "a%2Fb", ""])
def test_what_would_need_one_or_lead_elsewhere_is_no_reference(dns: ApiClient, ref: str) -> None:
    is_problem(dns.send("PUT", "/v1/services/other", SERVICE | {"customer": ref}, scope="host"), 422, "invalid_request")


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ({"country": "JPN"}, {"country": "JP"}),
        ({"country": "uk"}, {"country": "GB"}),
        ({"country": "EL"}, {"country": "GR"}),
        ({"address": ["1-2-3 Example", "", "Tokyo"]}, {"address": ["1-2-3 Example", "Tokyo"]}),
        ({"address": "1-2-3 Example\r\n\r\nTokyo\r\n"}, {"address": ["1-2-3 Example", "Tokyo"]}),
        ({"email": "ana+dns@MÜNCHEN.example"}, {"email": "ana+dns@münchen.example"}),
        ({"tax_id": ""}, {"tax_id": ""}),
    ],
)
def test_a_customer_as_a_host_keeps_them(dns: ApiClient, told: dict[str, Any], kept: dict[str, Any]) -> None:
    answer = dns.call("PUT", "/v1/customers/ana", CUSTOMER | told, scope="host")
    assert answer.items() >= kept.items()


def test_lines_that_are_too_many_are_refused_though_they_are_empty(dns: ApiClient) -> None:
    refused = dns.send("PUT", "/v1/customers/ana", CUSTOMER | {"address": [""] * 11}, scope="host")
    assert "address" in is_problem(refused, 422, "invalid_request")["detail"]


@pytest.mark.parametrize("country", ["ZZ", "XYZ", "AN", "EU", "Japan", "J"])
def test_a_country_that_nobody_has_is_refused(dns: ApiClient, country: str) -> None:
    refused = dns.send("PUT", "/v1/customers/ana", CUSTOMER | {"country": country}, scope="host")
    assert "country" in is_problem(refused, 422, "invalid_request")["detail"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"customer": "nobody"}, 404, "unknown_customer"),
        ({"plan": "gold"}, 422, "unknown_plan"),
        ({"cycle": "weekly"}, 422, "unknown_cycle"),
        ({"currency": "EUR"}, 422, "plan_not_offered"),
        ({"currency": "yen"}, 422, "plan_not_offered"),
        ({"currency": "¥"}, 422, "invalid_request"),
        ({"period_end": JULY}, 422, "bad_period"),
        ({"period_start": "2027-07-01"}, 422, "invalid_request"),
        ({"quantity": -1}, 422, "invalid_request"),
        ({"status": "sleeping"}, 422, "invalid_request"),
        ({"colour": "red"}, 422, "invalid_request"),
    ],
)
def test_a_service_that_cannot_be(dns: ApiClient, change: dict[str, Any], status: int, code: str) -> None:
    is_problem(dns.send("PUT", "/v1/services/other", SERVICE | change, scope="host"), status, code)
    is_problem(dns.send("GET", "/v1/services/other"), 404, "unknown_service")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"service": "other"}, 404, "unknown_service"),
        ({"plan": "gold"}, 422, "unknown_plan"),
        ({"cycle": "weekly"}, 422, "unknown_cycle"),
        ({"plan": "basic"}, 422, "nothing_to_change"),
        ({"quote": "qt_unknown"}, 404, "unknown_quote"),
        ({"accept_total": {"amount": -5, "currency": "JPY"}}, 422, "invalid_request"),
        ({"accept_total": {"amount": 10**30, "currency": "JPY"}}, 422, "invalid_request"),
        ({"accept_total": {"amount": 1331.5, "currency": "JPY"}}, 422, "invalid_request"),
        ({"accept_total": {"amount": 1331, "currency": "USD"}}, 409, "price_changed"),
        ({"accept_total": {"amount": 1330, "currency": "JPY"}}, 409, "price_changed"),
        ({"accept_total": None}, 422, "acceptance_missing"),
        ({"note": "x" * 3000}, 422, "invalid_request"),
    ],
)
def test_a_change_that_cannot_be_asked_for(dns: ApiClient, change: dict[str, Any], status: int, code: str) -> None:
    answer = dns.send("POST", "/v1/plan-changes", ACCEPTED | change, **{"Idempotency-Key": "k1"})
    is_problem(answer, status, code)
    assert dns.call("GET", "/v1/plan-changes")["items"] == []


def test_a_price_that_changed_comes_with_the_new_quote(dns: ApiClient) -> None:
    old = ACCEPTED | {"accept_total": {"amount": 1000, "currency": "JPY"}}
    problem = is_problem(dns.send("POST", "/v1/plan-changes", old, **{"Idempotency-Key": "k1"}), 409, "price_changed")
    assert problem["quote"]["total_due_today"] == {"amount": 1331, "currency": "JPY"}
    accepted = CHANGE | {"quote": problem["quote"]["id"]}
    assert dns.send("POST", "/v1/plan-changes", accepted, **{"Idempotency-Key": "k1"}).status_code == 202


def test_a_quote_that_ran_out(dns: ApiClient) -> None:
    quote = dns.call("POST", "/v1/quotes", CHANGE)
    assert quote["expires_at"] == "2027-07-17T03:30:00Z"
    dns.set_clock("2027-07-17T03:30:00Z")
    answer = dns.send("POST", "/v1/plan-changes", CHANGE | {"quote": quote["id"]}, **{"Idempotency-Key": "k1"})
    assert "valid until" in is_problem(answer, 409, "price_changed")["detail"]


@pytest.mark.parametrize("status", ["pending", "suspended", "canceled", "terminated"])
def test_a_service_that_is_not_active(dns: ApiClient, status: str) -> None:
    dns.call("PUT", "/v1/services/zone", SERVICE | {"status": status}, scope="host")
    answer = dns.send("POST", "/v1/plan-changes", ACCEPTED, **{"Idempotency-Key": "k1"})
    is_problem(answer, 409, "service_not_active")
    options = dns.call("GET", "/v1/services/zone/plan-options")["categories"][0]["options"]
    assert {option["reason"]["code"] for option in options} == {"service_not_active"}


def test_a_service_that_leaves_active_takes_its_open_changes_with_it(dns: ApiClient) -> None:
    change_id = dns.request("zone", "business", "monthly", "k1", {"accept_total": ACCEPTED["accept_total"]})
    dns.wait_for(change_id, "awaiting_payment")
    answer = dns.call("PUT", "/v1/services/zone", SERVICE | {"status": "suspended"}, scope="host")
    assert answer["canceled_plan_changes"] == [change_id]
    assert dns.wait_for(change_id, "canceled")["reason"] == "service_not_active"


def test_a_name_that_no_font_has_is_refused_at_the_entry_point(dns: ApiClient) -> None:
    customer = {"name": "Firm 𐎠", "email": "a@b.invalid", "country": "JP", "locale": "en"}
    problem = is_problem(dns.send("PUT", "/v1/customers/ani", customer, scope="host"), 422, "not_printable")
    assert "U+103A0" in problem["detail"]


def test_a_language_that_we_have_no_words_of_is_answered_in_english(dns: ApiClient) -> None:
    # Sold in Japan with 10 %, of which 24 on 242 come back; the customer moves where no tax is charged: 1452 - 266.
    customer = {"name": "Beispiel GmbH", "email": "post@b.invalid", "country": "DE", "locale": "de-DE"}
    dns.call("PUT", "/v1/customers/zone", customer, scope="host")
    change_id = dns.request("zone", "business", "monthly", "k1", {"accept_total": {"amount": 1186, "currency": "JPY"}})
    change = dns.wait_for(change_id, "awaiting_payment")
    assert [document["kind"] for document in change["invoice"]["documents"]] == ["proforma"]


def test_plan_options_say_what_to_reduce(frontend: Make) -> None:
    dns = frontend("dns")
    dns.new_service("zone", "business", "JPY", "JP", (JULY, AUGUST), "monthly")
    dns.set_clock("2027-07-17T03:00:00Z")
    dns.call("PUT", "/v1/services/zone/usage", {"zones": 12, "records": 500}, scope="host")
    options = dns.call("GET", "/v1/services/zone/plan-options")["categories"][0]["options"]
    start = next(option for option in options if (option["plan"], option["cycle"]) == ("start", "monthly"))
    assert start["available"] is False
    assert start["reason"]["code"] == "over_limit"
    assert start["reason"]["limits"] == {"zones": {"used": 12, "limit": 10, "reduce_by": 2}}
    yearly = next(option for option in options if (option["plan"], option["cycle"]) == ("business", "annual"))
    assert yearly["available"] is True


def test_the_same_key_again_is_the_same_answer(dns: ApiClient) -> None:
    first = dns.send("POST", "/v1/plan-changes", ACCEPTED, **{"Idempotency-Key": '"k1"'})
    change_id = first.json()["id"]
    assert first.headers["location"] == f"/v1/plan-changes/{change_id}"
    dns.wait_for(change_id, "awaiting_payment")
    again = dns.send("POST", "/v1/plan-changes", ACCEPTED, **{"Idempotency-Key": "k1"})
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    other = dns.send("POST", "/v1/plan-changes", ACCEPTED | {"plan": "start"}, **{"Idempotency-Key": "k1"})
    is_problem(other, 422, "idempotency_key_reused")
    is_problem(dns.send("POST", "/v1/plan-changes", ACCEPTED), 400, "idempotency_key_missing")
    found = dns.call("GET", "/v1/plan-changes?idempotency_key=k1")["items"]
    assert [change["id"] for change in found] == [change_id]


def test_keys_open_only_their_own_provider_and_scope(dns: ApiClient, frontend: Make) -> None:
    other = frontend("dns")
    is_problem(other.send("GET", "/v1/services/zone"), 404, "unknown_service")
    is_problem(dns.send("PUT", "/v1/services/zone", SERVICE), 403, "missing_scope")
    url = dns.ready["api"] + "/v1/services"
    is_problem(loopback.get(url), 401, "not_authenticated")
    wrong = loopback.get(url, headers={"Authorization": "Bearer ps_dns_guessed"})
    is_problem(wrong, 401, "not_authenticated")


def test_lists_have_pages(dns: ApiClient) -> None:
    for number in range(5):
        dns.new_service(f"zone-{number}", "basic", "JPY", "JP", (JULY, AUGUST), "monthly")
    seen, cursor = [], ""
    while cursor is not None:
        page = dns.call("GET", f"/v1/services?limit=4{cursor and f'&cursor={cursor}'}")
        seen += [service["ref"] for service in page["items"]]
        cursor = page["next"]
    assert seen == ["zone-4", "zone-3", "zone-2", "zone-1", "zone-0", "zone"]


def test_a_document_never_changes(dns: ApiClient) -> None:
    change_id = dns.request("zone", "business", "monthly", "k1", {"accept_total": ACCEPTED["accept_total"]})
    change = dns.wait_for(change_id, "awaiting_payment")
    invoice_id = change["invoice"]["id"]
    newest = dns.send("GET", f"/v1/invoices/{invoice_id}/pdf")
    assert (newest.status_code, newest.headers["location"][-13:]) == (307, "/proforma/pdf")
    first = dns.send("GET", newest.headers["location"])
    tag = first.headers["etag"]
    assert tag == f'"{change["invoice"]["documents"][0]["sha256"]}"'
    again = dns.send("GET", newest.headers["location"], **{"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    is_problem(dns.send("GET", f"/v1/invoices/{invoice_id}/documents/invoice/pdf"), 404, "no_such_document")


def test_the_clock_never_runs_backwards(dns: ApiClient) -> None:
    answer = dns.send("PUT", "/v1/test-clock", {"now": "2027-07-16T00:00:00Z"})
    is_problem(answer, 409, "clock_backwards")


def test_what_is_not_there_and_what_is_too_large(running: Running, dns: ApiClient) -> None:
    is_problem(dns.send("GET", "/v1/nothing"), 404, "not_found")
    is_problem(dns.send("DELETE", "/v1/quotes"), 405, "method_not_allowed")
    is_problem(dns.send("GET", "/v1/plan-changes/chg_0unknown"), 404, "unknown_plan_change")
    huge = dns.send("POST", "/v1/quotes", {"service": "z" * 300_000})
    is_problem(huge, 413, "too_large")
    api = running.ready["api"]
    assert loopback.get(f"{api}/healthz").json() == {"status": "ok"}
    assert loopback.get(f"{api}/readyz").json() == {"status": "ready"}
    key = {"Authorization": f"Bearer {running.ready['metrics_key']}"}
    assert "planshift_webhooks_total" in loopback.get(f"{api}/metrics", headers=key).text
    assert loopback.get(f"{api}/openapi.json").json()["openapi"].startswith("3.1")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/plan-changes?costumer=nobody", "unknown_parameter"),
        ("/v1/services/zone?expand=all", "unknown_parameter"),
        ("/v1/services?cursor=0", "invalid_request"),
        ("/v1/services?cursor=chg_01k9f3k9f3k9f3k9f3k9f3k9f3", "invalid_request"),
        ("/v1/services?limit=0", "invalid_request"),
        ("/v1/services?status=sleeping", "invalid_request"),
        ("/v1/invoices?since=yesterday", "invalid_request"),
    ],
)
def test_a_list_that_cannot_be_asked_for(dns: ApiClient, path: str, code: str) -> None:
    is_problem(dns.send("GET", path), 422, code)


def test_lists_are_filtered(dns: ApiClient) -> None:
    dns.new_service("other", "basic", "JPY", "JP", (JULY, AUGUST), "monthly")
    accepted = {"accept_total": ACCEPTED["accept_total"]}
    first = dns.wait_for(dns.request("zone", "business", "monthly", "k1", accepted), "awaiting_payment")
    dns.set_clock("2027-07-18T03:00:00Z")
    second = dns.wait_for(
        dns.request("other", "start", "monthly", "k2", {"accept_total": {"amount": 348, "currency": "JPY"}}),
        "awaiting_payment",
    )

    def found(query: str) -> list[str]:
        return [one["id"] for one in dns.call("GET", f"/v1/plan-changes?{query}")["items"]]

    assert found("customer=zone") == [first["id"]]
    assert found("customer=nobody") == []
    assert found("since=2027-07-18T00:00:00Z") == [second["id"]]
    assert found("until=2027-07-18T03:00:00Z") == [first["id"]]
    assert found("status=applied") == []
    invoices = dns.call("GET", "/v1/invoices?status=open&customer=other")["items"]
    assert [one["plan_change"] for one in invoices] == [second["id"]]


def test_what_was_reported_and_quoted_can_be_read_again(dns: ApiClient) -> None:
    assert dns.call("GET", "/v1/customers/zone")["email"] == dns.call("GET", "/v1/customers")["items"][0]["email"]
    is_problem(dns.send("GET", "/v1/customers/nobody"), 404, "unknown_customer")
    quote = dns.call("POST", "/v1/quotes", CHANGE)
    assert dns.call("GET", f"/v1/quotes/{quote['id']}") == quote
    is_problem(dns.send("GET", "/v1/quotes/qt_0unknown"), 404, "unknown_quote")
    plans = {plan["id"]: plan for plan in dns.call("GET", "/v1/plans")["items"]}
    assert plans["business"]["limits"]["zones"] == 50
    assert {"cycle": "annual", "cycle_name": "annual", "price": {"amount": 30000, "currency": "JPY"}} in plans[
        "business"
    ]["prices"]


def test_a_change_carries_its_price_and_on_demand_how_it_was_made(dns: ApiClient) -> None:
    change_id = dns.request("zone", "business", "monthly", "k1", {"accept_total": ACCEPTED["accept_total"]})
    short = dns.wait_for(change_id, "awaiting_payment")["quote"]
    full = dns.call("GET", f"/v1/plan-changes/{change_id}?expand=quote")["quote"]
    assert short.items() <= full.items()
    assert full.keys() - short.keys() >= {"opened", "taken", "proration", "catalog_digest"}
    # A list has the sums alone, unless it is asked for more.
    [listed] = dns.call("GET", "/v1/plan-changes?service=zone")["items"]
    assert listed["quote"].items() <= short.items()
    assert listed["quote"]["total_due_today"] == {"amount": 1331, "currency": "JPY"}
    assert not listed["quote"].keys() & {"lines", "from", "to", "opened"}
    [listed] = dns.call("GET", "/v1/plan-changes?service=zone&expand=quote")["items"]
    assert listed["quote"] == full


@pytest.mark.parametrize(
    ("tag", "unused"),
    [
        ("ja", "未使用分"),
        ("JA-jp", "未使用分"),
        ("ja-Jpan-JP-u-ca-japanese", "未使用分"),
        ("es-419", "Tiempo no usado"),
        ("es_AR", "Tiempo no usado"),
        ("hi-Deva-IN", "बचा हुआ समय"),
        ("zh-Hant-TW", "Unused time"),
        ("gsw", "Unused time"),
        ("x-klingon", "Unused time"),
        ("i-klingon", "Unused time"),
        ("nan-TW", "Unused time"),
    ],
)
def test_any_well_formed_language_tag_is_taken(dns: ApiClient, tag: str, unused: str) -> None:
    customer = {"name": "Beispiel", "email": "post@b.invalid", "country": "JP", "locale": tag}
    assert dns.call("PUT", "/v1/customers/zone", customer, scope="host")["locale"] == tag
    assert unused in dns.call("POST", "/v1/quotes", CHANGE)["lines"][0]["description"]
    change_id = dns.request("zone", "business", "monthly", "k1", {"accept_total": ACCEPTED["accept_total"]})
    change = dns.wait_for(change_id, "awaiting_payment")
    assert [document["kind"] for document in change["invoice"]["documents"]] == ["proforma"]


@pytest.mark.parametrize("tag", ["", "e", "en-", "-en", "en--US", "english-languages", "日本", "en US", "x"])
def test_what_is_no_language_tag_is_refused(dns: ApiClient, tag: str) -> None:
    customer = {"name": "Beispiel", "email": "post@b.invalid", "country": "JP", "locale": tag}
    is_problem(dns.send("PUT", "/v1/customers/zone", customer, scope="host"), 422, "invalid_request")
