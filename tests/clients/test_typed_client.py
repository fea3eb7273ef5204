"""The typed client as a wheel of its own, against the running stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from planshift_client import (
    Client,
    NotInTime,
    Refused,
    create_cancellation,
    create_plan_change,
    get_service,
    list_cancellations,
    preview_cancellation,
    put_service,
    withdraw_cancellation,
)
from planshift_client.shapes import Money
from tests.support.client import ApiClient
from tests.support.pages import ROOT


def client_of(dns: ApiClient, **http: Any) -> Client:
    return Client(dns.ready["api"], dns.ready["keys"][dns.provider]["frontend"], trust_env=False, **http)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the unpacked wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps", "-w", str(folder)]
    subprocess.run([*pip, str(ROOT / "planshift_client")], check=True, capture_output=True)
    [built] = folder.glob("planshift_client-*.whl")
    with zipfile.ZipFile(built) as files:
        files.extractall(folder / "unpacked")
    return folder / "unpacked"


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_program_upgrades_a_service(dns: ApiClient, wheel: Path, kind: str) -> None:
    program = ROOT / "tests" / "clients" / "upgrade.py"
    given = [kind, dns.ready["api"], dns.ready["keys"][dns.provider]["frontend"], "zone"]
    # The program's own folder stands first in the path, and ours nowhere before the wheel.
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(wheel)}
    done = subprocess.run(
        [sys.executable, str(program), *given], env=environment, capture_output=True, text=True, check=False, timeout=90
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["module"].startswith(str(wheel))
    assert told["statuses"][-1] == "applied"
    assert dns.hosted("zone")["plan"] == "business"


class Losing(httpx.HTTPTransport):
    """The way to the server; the first answers get lost on their way back."""

    def __init__(self, answers: int) -> None:
        super().__init__()
        self.left = answers

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        if self.left == 0:
            return response
        self.left -= 1
        response.close()
        raise httpx.ReadError("The connection was cut.", request=request)


def test_a_call_whose_answer_got_lost_is_repeated_with_its_own_key(dns: ApiClient) -> None:
    with client_of(dns, transport=Losing(answers=2)) as planshift:
        total = Money(amount=1331, currency="JPY")
        change = planshift.send(create_plan_change("zone", "business", "monthly", accept_total=total))
    assert [one["id"] for one in dns.call("GET", "/v1/plan-changes")["items"]] == [change.id]


def test_a_refusal_is_the_problem_document(dns: ApiClient) -> None:
    with client_of(dns) as planshift:
        with pytest.raises(Refused, match="unknown_service") as refused:
            planshift.send(get_service("nowhere"))
        assert refused.value.problem.status == 404
        assert planshift.send(get_service("zone")).price == Money(amount=500, currency="JPY")
        period = planshift.send(get_service("zone"))
        put = put_service(
            "zone",
            customer="zone",
            plan="basic",
            cycle="monthly",
            currency="JPY",
            period_start=period.period_start,
            period_end=period.period_end,
        )
        with pytest.raises(Refused, match="missing_scope"):
            planshift.send(put)


def test_waiting_has_an_end(dns: ApiClient) -> None:
    total = Money(amount=1331, currency="JPY")
    with client_of(dns) as planshift:
        change = planshift.send(create_plan_change("zone", "business", "monthly", accept_total=total))
        assert planshift.wait(change.id).status == "awaiting_payment"
        with pytest.raises(NotInTime, match="awaiting_payment after 1 s"):
            planshift.wait(change.id, "applied", seconds=1)


def test_a_program_ends_a_service_and_keeps_it(dns: ApiClient) -> None:
    """15 of 31 days of ¥500 are ¥242, and ¥24 of tax."""
    with client_of(dns) as planshift:
        assert planshift.send(preview_cancellation("zone", "now")).credit == Money(amount=266, currency="JPY")
        assert planshift.send(create_cancellation("zone")).status == "scheduled"
        assert planshift.send(withdraw_cancellation("zone")).status == "withdrawn"
        assert [one.at for one in planshift.send(list_cancellations("zone")).items] == ["period_end"]
