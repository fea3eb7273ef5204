"""A call ends at its deadline, however slowly the answer drips, and an answer is never larger than its cap."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from email.message import EmailMessage
from socket import create_server
from threading import Event, Thread

import pytest

from engine.notifications import smtp
from gateways import rest, stripe_http
from gateways.protocol import Account, GatewayError
from gateways.registry import GATEWAYS
from gateways.rest import RestApi
from outbound.http import ANSWER_MAX_BYTES
from provisioners.http import HttpProvisioner
from provisioners.protocol import Host, ProvisionerUnknown
from tests.conftest import environment
from tests.support.slow_systems import bomb, dripping

SECRET = "whsec_c2VjcmV0IG9mIHRoZSBzYW5kYm94IGhvc3Q="
DEADLINE = 0.6


@pytest.fixture(scope="module")
def drips() -> Iterator[str]:
    with dripping() as url:
        yield url


@pytest.fixture(scope="module")
def bombs() -> Iterator[str]:
    with bomb() as url:
        yield url


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adapters wait for a moment only."""
    monkeypatch.setattr(rest.answered, "__defaults__", (DEADLINE,))
    api = RestApi("The gateway", DEADLINE)
    monkeypatch.setattr("gateways.mollie._API", api)
    monkeypatch.setattr(GATEWAYS["standard"], "_api", api)


@pytest.mark.parametrize("part", ["", "/body"])
@pytest.mark.parametrize("adapter", ["standard", "mollie", "stripe", "stripe-intents"])
def test_a_gateway_that_drips(drips: str, adapter: str, part: str) -> None:
    begun = time.monotonic()
    with pytest.raises(GatewayError, match=r"did not answer: not within 0\.6 s"):
        GATEWAYS[adapter].fetch(Account("dns", drips + part, "key", ()), "gw_1")
    assert time.monotonic() - begun < 20, "it would drip for ever"


@pytest.mark.parametrize("part", ["", "/body"])
def test_a_host_that_drips(drips: str, part: str) -> None:
    begun = time.monotonic()
    with pytest.raises(ProvisionerUnknown, match="not within"):
        HttpProvisioner(DEADLINE / 2, DEADLINE).read(Host("dns", drips + part, (SECRET,)), "zone-1")
    assert time.monotonic() - begun < 20, "it would drip for ever"


@pytest.mark.parametrize("adapter", ["standard", "mollie", "stripe"])
def test_300_mb_that_were_small_on_the_way(bombs: str, adapter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest.answered, "__defaults__", (20.0,))
    monkeypatch.setattr("gateways.mollie._API", RestApi("Mollie", 20.0))
    monkeypatch.setattr(GATEWAYS["standard"], "_api", RestApi("The gateway", 20.0))
    assert stripe_http.Http.name == "planshift", "imported before memory is watched"
    tracemalloc.start()
    try:
        with pytest.raises(GatewayError, match=f"it has more than {ANSWER_MAX_BYTES} bytes"):
            GATEWAYS[adapter].fetch(Account("dns", bombs, "key", ()), "gw_1")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * ANSWER_MAX_BYTES, f"{peak / 1024 / 1024:.0f} MB for an answer that is not taken"


def test_a_mail_server_that_drips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "DEADLINE_SECONDS", DEADLINE)
    over = Event()
    with closing(create_server(("127.0.0.1", 0))) as server:
        host, port = server.getsockname()

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                while not over.wait(0.1):
                    try:
                        connection.send(b"2")
                    except OSError:
                        return

        thread = Thread(target=drip)
        thread.start()
        begun = time.monotonic()
        mail = EmailMessage()
        mail["From"], mail["To"] = "billing@example.com", "ana@example.com"
        try:
            with environment({"PLANSHIFT_SMTP_HOST": host, "PLANSHIFT_SMTP_PORT": str(port)}):
                error = smtp.send(mail)
        finally:
            over.set()
            thread.join()
    assert error is not None
    assert not error.permanent
    assert time.monotonic() - begun < 20, "it would drip for ever"
