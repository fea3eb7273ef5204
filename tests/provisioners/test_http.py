"""The provisioner against the real sandbox host: yes, no, and not said, told apart."""

import secrets
from collections.abc import Iterator

import httpx
import pytest

from provisioners.http import HttpProvisioner
from provisioners.protocol import EndOrder, Host, HostedService, PlanOrder, ProvisionerRefused, ProvisionerUnknown
from tests.support.programs import As, program

SECRET = "whsec_c2VjcmV0IG9mIHRoZSBzYW5kYm94IGhvc3Q="
OTHER = "whsec_YW5vdGhlciBzZWNyZXQgb2Ygc29tZWJvZHk="
PROVISIONER = HttpProvisioner(timeout_seconds=0.5, total_seconds=3)
BUSINESS = HostedService("business", {"zones": 50}, {"zones": 2}, 1)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.URL]:
    with program("host", tmp_path_factory.mktemp("host")) as (client, _):
        yield client.base_url


@pytest.fixture
def sandbox(running: httpx.URL) -> Iterator[As]:
    account = f"p-{secrets.token_hex(4)}"
    with As(running, account) as client:
        client.put(f"/accounts/{account}", json={"secrets": [SECRET]}).raise_for_status()
        setup = {"account": account, "plan": "basic", "limits": {"zones": 3}, "usage": {"zones": 2}}
        client.put("/services/zone-1", json=setup).raise_for_status()
        yield client


@pytest.fixture
def host(sandbox: As) -> Host:
    return Host(sandbox.account, str(sandbox.base_url), (SECRET,))


def order(generation: int = 1, plan: str = "business", key: str = "chg_1:apply:1", ref: str = "zone-1") -> PlanOrder:
    return PlanOrder(service_ref=ref, plan=plan, limits={"zones": 50}, generation=generation, key=key)


def statuses(sandbox: As) -> list[int]:
    return [one["status"] for one in sandbox.get(f"/_orders/{sandbox.account}").json()["orders"]]


def test_the_service_has_the_plan_afterwards(sandbox: As, host: Host) -> None:
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
def test_passing_trouble_is_waited_out_with_the_same_key(sandbox: As, host: Host, status: int) -> None:
    sandbox.put(f"/_knobs/{sandbox.account}", json={"fail_times": 1, "fail_status": status}).raise_for_status()
    assert PROVISIONER.apply(host, order()) == BUSINESS
    assert statuses(sandbox) == [status, 200]


def test_after_a_lost_answer_the_order_is_repeated(sandbox: As, host: Host) -> None:
    sandbox.put(f"/_knobs/{sandbox.account}", json={"lose_answers": 1, "hang_seconds": 5}).raise_for_status()
    assert PROVISIONER.apply(host, order()) == BUSINESS
    assert statuses(sandbox) == [200, 200]


def test_an_ended_service_takes_no_older_order(sandbox: As, host: Host) -> None:
    PROVISIONER.apply(host, order(generation=1))
    for _ in range(2):
        PROVISIONER.end(host, EndOrder("zone-1", 2, "end_1:end"))
    assert sandbox.get("/services/zone-1").json()["ended"] is True
    with pytest.raises(ProvisionerRefused, match="older"):
        PROVISIONER.apply(host, order(generation=1, key="chg_0:apply:1"))
    with pytest.raises(ProvisionerRefused, match="older"):
        PROVISIONER.end(host, EndOrder("zone-1", 1, "end_0:end"))


def test_a_service_that_the_host_does_not_know_has_ended(host: Host) -> None:
    PROVISIONER.end(host, EndOrder("zone-2", 1, "end_2:end"))


def test_a_host_that_knows_the_service_but_not_the_call_has_not_ended_it(sandbox: As, host: Host) -> None:
    sandbox.put(f"/_knobs/{host.account}", json={"fail_times": 1, "fail_status": 404}).raise_for_status()
    with pytest.raises(ProvisionerRefused):
        PROVISIONER.end(host, EndOrder("zone-1", 1, "end_3:end"))
    assert "ended" not in sandbox.get("/services/zone-1").json()


def test_lasting_trouble_is_an_unknown_outcome(sandbox: As, host: Host) -> None:
    sandbox.put(f"/_knobs/{sandbox.account}", json={"fail_times": 99}).raise_for_status()
    with pytest.raises(ProvisionerUnknown, match="answered 500"):
        PROVISIONER.apply(host, order())
    assert statuses(sandbox) == [500] * 4
    with pytest.raises(ProvisionerUnknown, match="ConnectError"):
        PROVISIONER.read(Host("dns", "http://127.0.0.1:1", (SECRET,)), "zone-1")


def test_a_no_is_a_no_and_says_why(sandbox: As, host: Host) -> None:
    sandbox.put(f"/_knobs/{sandbox.account}", json={"refuse": "The zone is locked."}).raise_for_status()
    with pytest.raises(ProvisionerRefused, match=r"The zone is locked\. \(the host answered 422\)"):
        PROVISIONER.apply(host, order())
    assert statuses(sandbox) == [422]


def test_a_lower_generation_is_refused(host: Host) -> None:
    PROVISIONER.apply(host, order(generation=5))
    with pytest.raises(ProvisionerRefused, match="Generation 4 is older than 5"):
        PROVISIONER.apply(host, order(generation=4, plan="start", key="chg_0:apply:1"))


def test_a_wrong_secret(host: Host) -> None:
    stranger = Host(host.account, host.base_url, (OTHER,))
    with pytest.raises(ProvisionerRefused, match="401"):
        PROVISIONER.apply(stranger, order())
    with pytest.raises(ProvisionerUnknown, match="401"):
        PROVISIONER.read(stranger, "zone-1")
