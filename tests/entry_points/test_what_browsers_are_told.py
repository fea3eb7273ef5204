"""What every answer says to browsers, what a caller's own name for us leads to, and who may read the metrics."""

from __future__ import annotations

import asyncio
import os
import socket

import httpx
import pytest

from tests.conftest import Running, environment
from tests.support import loopback
from tests.support.client import ApiClient, is_problem
from web.app import create_app
from web.safe_headers import HSTS
from web.webhooks.app import create_standalone_receiver

PATHS = (
    "/healthz",
    "/v1/services",
    "/v1/services/",
    "/v1/nothing",
    "/portal",
    "/portal/",
    "/portal/services",
    "/portal/services/",
    "/portal/enter?token=x",
    "/portal/static/portal.css",
    "/staff",
    "/staff/",
    "/staff/sign-in",
    "/sandbox/mails",
    "/sandbox/mails/",
    "/",
    "/webhooks",
    "/webhooks/standard/x/",
    "/nothing",
    "/metrics",
)


def ask(url: str, path: str, **headers: str) -> httpx.Response:
    return loopback.get(url + path, headers=headers, timeout=120)


def test_no_answer_lets_a_browser_guess(running: Running) -> None:
    for url in (running.stack.addresses.web, running.stack.addresses.receiver):
        for path in PATHS:
            answer = ask(url, path)
            assert answer.headers.get_list("x-content-type-options") == ["nosniff"], path
            assert "strict-transport-security" not in answer.headers  # by http it would mean nothing
    refused = loopback.post(f"{running.stack.addresses.receiver}/webhooks/standard/x", content=b"{}")
    assert refused.headers["x-content-type-options"] == "nosniff"


def test_over_https_there_is_no_way_back(running: Running) -> None:
    with environment(dict(os.environ) | {"PLANSHIFT_PUBLIC_URL": "https://billing.example"}):
        answers = asyncio.run(answers_to("/healthz", "/nothing", "/webhooks/standard/x/", "/sandbox/mails"))
        assert {answer.headers["strict-transport-security"] for answer in answers} == {HSTS}


async def answers_to(*paths: str) -> list[httpx.Response]:
    """Of web and of the receiver, each as an application of its own; what is not expected answers 500."""
    found = []
    for app in (create_app(), create_standalone_receiver()):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            found += [await client.get(path) for path in paths]
    return found


def test_an_unexpected_error_says_it_too(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("nobody expects this")

    for owner in ("web.api.operations.may_read", "web.webhooks.app.may_read"):
        monkeypatch.setattr(owner, broken)
    with environment(dict(os.environ) | {"PLANSHIFT_PUBLIC_URL": "https://billing.example"}):
        answers = asyncio.run(answers_to("/metrics"))
    assert [answer.status_code for answer in answers] == [500, 500]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["strict-transport-security"] == HSTS


def test_what_is_no_request_and_the_sandbox_say_it_too(running: Running) -> None:
    for url in (running.stack.addresses.web, running.stack.addresses.receiver):
        head = said_to(url, b"this is no request\r\n\r\n")
        assert (head.split(b" ")[1], b"x-content-type-options: nosniff" in head.lower()) == (b"400", True)
    addresses = running.stack.addresses
    for url in (addresses.gateway, addresses.host, addresses.mail):
        for path in ("/nothing", "/"):
            assert ask(url, path).headers.get_list("x-content-type-options") == ["nosniff"], url


def said_to(url: str, sent: bytes) -> bytes:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(sent)
        return connection.recv(4096)


def test_the_callers_name_for_us_leads_nowhere(dns: ApiClient) -> None:
    url, evil = dns.ready["api"], "evil.example"
    named = {"Host": evil, "X-Forwarded-Host": evil, "Forwarded": f"host={evil}"}
    for path in PATHS:
        answer = ask(url, path, **named, **dns._login("frontend"))
        assert evil not in answer.text, path
        assert evil not in answer.headers.get("location", ""), path
    link = dns.send("POST", "/v1/portal-sessions", {"customer": "zone"}, "host", **named).json()["url"]
    assert link.startswith(f"{url}/portal/enter?token=")
    # Nor does it make a page of that name ours, whose scripts may call.
    answer = ask(url, "/v1/services", Origin=f"http://{evil}", **named, **dns._login("frontend"))
    is_problem(answer, 403, "origin_not_allowed")
    assert ask(url, "/v1/services", Origin=url, **dns._login("frontend")).status_code == 200


def test_an_address_without_its_last_stroke_leads_to_the_first_page(running: Running) -> None:
    assert ask(running.ready["api"], "/staff").headers["location"] == "/staff/"
    for path in ("/portal", "/portal/"):
        answer = ask(running.ready["api"], path)
        assert (answer.status_code, answer.headers.get("location")) in ((303, "/portal/services"), (401, None)), path


def test_metrics_ask_for_a_key(running: Running) -> None:
    for url in (running.stack.addresses.web, running.stack.addresses.receiver):
        for wrong in (
            {},
            {"Authorization": "Bearer x"},
            {"Authorization": "Bearer \xff"},
            {"Authorization": "Bearer"},
        ):
            answer = loopback.get(f"{url}/metrics", headers=httpx.Headers(wrong, encoding="latin-1"))
            assert answer.status_code == 401
            assert "PLANSHIFT_METRICS_KEY" in answer.json()["detail"]
        key = {"Authorization": f"Bearer {running.ready['metrics_key']}"}
        assert "planshift_webhooks_total" in ask(url, "/metrics", **key).text


def test_without_a_key_of_their_own_nobody_reads_them(running: Running) -> None:
    async def status(app: object, sent: str) -> int:
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return (await client.get("/metrics", headers={"Authorization": sent})).status_code

    unset = {name: value for name, value in os.environ.items() if name != "PLANSHIFT_METRICS_KEY"}
    for variables in (unset, unset | {"PLANSHIFT_METRICS_KEY": ""}):
        with environment(variables):
            for app in (create_app(), create_standalone_receiver()):
                assert [asyncio.run(status(app, sent)) for sent in ("", "Bearer", "Bearer None")] == [401] * 3
