"""What an answer costs on its way: nothing twice, JSON compressed, pages and streams as they are."""

from __future__ import annotations

import gzip

import httpx

from tests.entry_points.test_http import ACCEPTED
from tests.support import loopback
from tests.support.client import ApiClient

TOTAL = {"accept_total": ACCEPTED["accept_total"]}


def raw(dns: ApiClient, path: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """The answer, and its bytes as they came."""
    headers |= {"Authorization": f"Bearer {dns.ready['keys'][dns.provider]['frontend']}"}
    with loopback.stream("GET", dns.ready["api"] + path, headers=headers) as answer:
        return answer, b"".join(answer.iter_raw())


def test_what_has_not_changed_is_not_sent_again(dns: ApiClient) -> None:
    read = dns.send("GET", "/v1/services/zone")
    etag = read.headers["etag"]
    assert read.headers["cache-control"] == "private, no-cache"
    again = dns.send("GET", "/v1/services/zone", **{"If-None-Match": f'"other", {etag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert again.headers["x-request-id"].startswith("req_")
    dns.call("PUT", "/v1/services/zone/usage", {"zones": 3}, scope="host")
    changed = dns.send("GET", "/v1/services/zone", **{"If-None-Match": etag})
    assert (changed.status_code, changed.json()["usage"]) == (200, {"zones": 3})
    assert changed.headers["etag"] != etag
    missing = dns.send("GET", "/v1/services/none", **{"If-None-Match": "*"})
    assert (missing.status_code, "etag" in missing.headers) == (404, False)


def test_json_is_compressed_and_says_the_same(dns: ApiClient) -> None:
    plain, body = raw(dns, "/v1/plans", **{"Accept-Encoding": "identity"})
    packed, sent = raw(dns, "/v1/plans", **{"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(sent) == body
    assert len(sent) < len(body) / 3
    assert packed.headers["etag"] == plain.headers["etag"]


def test_pages_documents_and_streams_are_not(dns: ApiClient) -> None:
    change = dns.wait_for(dns.request("zone", "business", "monthly", "k1", TOTAL), "awaiting_payment")
    dns.call("POST", f"/v1/plan-changes/{change['id']}/cancel")
    document = next(one["url"] for one in change["invoice"]["documents"])
    answers = [raw(dns, path, **{"Accept-Encoding": "gzip"})[0] for path in (document, "/portal/services")]
    answers.append(raw(dns, f"/v1/plan-changes/{change['id']}/events", **{"Accept-Encoding": "gzip"})[0])
    kinds = [answer.headers["content-type"].partition(";")[0] for answer in answers]
    assert kinds == ["application/pdf", "text/html", "text/event-stream"]
    assert ["content-encoding" in answer.headers for answer in answers] == [False] * 3
