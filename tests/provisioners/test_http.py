"""The provisioner against the real sandbox host: yes, no, and not said, told apart."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from provisioners.http import HttpProvisioner
from provisioners.protocol import Host, HostedService, PlanOrder, ProvisionerRefused, ProvisionerUnknown
from tests.sandbox.programs import program

SECRET = "whsec_c2VjcmV0IG9mIHRoZSBzYW5kYm94IGhvc3Q="
OTHER = "whsec_YW5vdGhlciBzZWNyZXQgb2Ygc29tZWJvZHk="
PROVISIONER = HttpProvisioner(timeout_seconds=0.5, total_seconds=3)
BUSINESS = HostedService("business", {"zones": 50}, {"zones": 2}, 1)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[httpx.Client]:
    with program("host", tmp_path) as (client, _):
        client.put("/accounts/dns", json={"secrets": [SECRET]}).raise_for_status()
        setup = {"account": "dns", "plan": "basic", "limits": {"zones": 3}, "usage": {"zones": 2}}
        client.put("/services/zone-1", json=setup).raise_for_status()
        yield client


@pytest.fixture
def host(sandbox: httpx.Client) -> Host:
    return Host("dns", str(sandbox.base_url), (SECRET,))


def order(generation: int = 1, plan: str = "business", key: str = "chg_1:apply:1", ref: str = "zone-1") -> PlanOrder:
    return PlanOrder(service_ref=ref, plan=plan, limits={"zones": 50}, generation=generation, key=key)


def statuses(sandbox: httpx.Client) -> list[int]:
    return [one["status"] for one in sandbox.get("/_orders/dns").json()["orders"]]


def test_the_service_has_the_plan_afterwards(sandbox: httpx.Client, host: Host) -> None:
    assert PROVISIONER.apply(host, order()) == BUSINESS
    assert PROVISIONER.apply(host, order()) == BUSINESS
    assert PROVISIONER.read(host, "zone-1") == BUSINESS
    assert sandbox.get("/services/zone-1").json()["plan"] == "business"


@pytest.mark.parametrize("ref", ["zone 1", "ゾーン", "a%2Fb?c"])
def test_any_reference_finds_its_service(host: Host, ref: str) -> None:
    assert PROVISIONER.read(host, ref) is None
    PROVISIONER.apply(host, order(ref=ref))
    found = PROVISIONER.read(host, ref)
    assert found
    assert found.plan == "business"


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_passing_trouble_is_waited_out_with_the_same_key(sandbox: httpx.Client, host: Host, status: int) -> None:
    sandbox.put("/_knobs/dns", json={"fail_times": 1, "fail_status": status}).raise_for_status()
    assert PROVISIONER.apply(host, order()) == BUSINESS
    assert statuses(sandbox) == [status, 200]


def test_a_lost_answer_is_asked_for_again(sandbox: httpx.Client, host: Host) -> None:
    sandbox.put("/_knobs/dns", json={"lose_answers": 1, "hang_seconds": 5}).raise_for_status()
    assert PROVISIONER.apply(host, order()) == BUSINESS
    assert statuses(sandbox) == [200, 200]


def test_lasting_trouble_is_an_unknown_outcome(sandbox: httpx.Client, host: Host) -> None:
    sandbox.put("/_knobs/dns", json={"fail_times": 99}).raise_for_status()
    with pytest.raises(ProvisionerUnknown, match="answered 500"):
        PROVISIONER.apply(host, order())
    assert statuses(sandbox) == [500] * 4
    with pytest.raises(ProvisionerUnknown, match="ConnectError"):
        PROVISIONER.read(Host("dns", "http://127.0.0.1:1", (SECRET,)), "zone-1")


def test_a_no_is_a_no_and_says_why(sandbox: httpx.Client, host: Host) -> None:
    sandbox.put("/_knobs/dns", json={"refuse": "The zone is locked."}).raise_for_status()
    with pytest.raises(ProvisionerRefused, match=r"The zone is locked\. \(the host answered 422\)"):
        PROVISIONER.apply(host, order())
    assert statuses(sandbox) == [422]


def test_a_lower_generation_is_refused(host: Host) -> None:
    PROVISIONER.apply(host, order(generation=5))
    with pytest.raises(ProvisionerRefused, match="Generation 4 is older than 5"):
        PROVISIONER.apply(host, order(generation=4, plan="start", key="chg_0:apply:1"))


def test_a_wrong_secret(host: Host) -> None:
    stranger = Host("dns", host.base_url, (OTHER,))
    with pytest.raises(ProvisionerRefused, match="401"):
        PROVISIONER.apply(stranger, order())
    with pytest.raises(ProvisionerUnknown, match="401"):
        PROVISIONER.read(stranger, "zone-1")
