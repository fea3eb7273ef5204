"""The sandbox host holds what each service has, and takes orders only in order and signed."""

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from standardwebhooks import Webhook

from tests.support.programs import As, program

SECRET = "whsec_c2VjcmV0IG9mIHRoZSBzYW5kYm94IGhvc3Q="
OTHER = "whsec_YW5vdGhlciBzZWNyZXQgb2Ygc29tZWJvZHk="


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.URL]:
    with program("host", tmp_path_factory.mktemp("host")) as (client, _):
        yield client.base_url


@pytest.fixture
def host(running: httpx.URL) -> Iterator[As]:
    account = f"p-{secrets.token_hex(4)}"
    with As(running, account, **{"X-Account": account}) as client:
        client.put(f"/accounts/{account}", json={"secrets": [SECRET]}).raise_for_status()
        setup = {"account": account, "plan": "basic", "limits": {"zones": 3}, "usage": {"zones": 2}}
        client.put("/services/zone-1", json=setup).raise_for_status()
        yield client


def signature(secret: str, signed: str, now: datetime | None = None) -> dict[str, str]:
    now = now or datetime.now(UTC)
    sign = Webhook(secret).sign("call-1", now, signed)
    stamp = str(int(now.timestamp()))
    return {"webhook-id": "call-1", "webhook-timestamp": stamp, "webhook-signature": sign}


def order(
    host: As, key: str, generation: int, plan: str = "business", *, ref: str = "zone-1", secret: str = SECRET
) -> httpx.Response:
    limits = {"zones": 50}
    body = json.dumps(
        {"account": host.account, "service": ref, "plan": plan, "limits": limits, "generation": generation}
    )
    headers = {**signature(secret, body), "Idempotency-Key": key}
    return host.post(f"/v1/services/{ref}/plan", content=body, headers=headers)


def test_an_order_changes_the_plan_and_is_repeatable(host: As) -> None:
    first = order(host, "chg_1:apply:1", 1)
    after = {"plan": "business", "limits": {"zones": 50}, "usage": {"zones": 2}, "generation": 1}
    assert (first.status_code, first.json()) == (200, after)
    assert order(host, "chg_1:apply:1", 1).json() == after
    assert host.get("/services/zone-1").json() == after
    assert order(host, "chg_1:apply:1", 1, "start").status_code == 409  # the key, for something else
    assert len(host.get(f"/_orders/{host.account}").json()["orders"]) == 3


def test_a_lower_generation_is_refused(host: As) -> None:
    assert order(host, "new", 5).status_code == 200
    late = order(host, "old", 4, "start")
    assert (late.status_code, late.json()["detail"]) == (409, "Generation 4 is older than 5.")
    assert host.get("/services/zone-1").json()["plan"] == "business"


def test_an_unknown_service_is_created_by_its_first_order(host: As) -> None:
    assert host.get("/services/zone-9", params={"account": host.account}).status_code == 404
    assert order(host, "k", 1, ref="zone-9").status_code == 200
    assert host.get("/services/zone-9", params={"account": host.account}).json()["plan"] == "business"


def test_two_providers_may_use_the_same_name(host: As) -> None:
    host.put("/services/zone-1", json={"account": "hosting", "plan": "web-s"}).raise_for_status()
    assert host.get("/services/zone-1").json()["plan"] == "web-s"
    assert host.get("/services/zone-1", params={"account": host.account}).json()["plan"] == "basic"


def test_only_signed_calls_are_believed(host: As) -> None:
    assert order(host, "k", 1, secret=OTHER).status_code == 401
    path = "/v1/services/zone-1"
    assert host.get(path, headers=signature(SECRET, path)).json()["usage"] == {"zones": 2}
    assert host.get(path).status_code == 401
    assert host.get(path, headers=signature(SECRET, "/v1/services/zone-2")).status_code == 401
    assert host.get(path, headers=signature(SECRET, path, datetime.now(UTC) - timedelta(minutes=6))).status_code == 401
    assert host.get(path, headers=signature(SECRET, path) | {"webhook-signature": "junk"}).status_code == 401


def test_knobs(host: As) -> None:
    host.put(f"/_knobs/{host.account}", json={"fail_times": 2, "fail_status": 429}).raise_for_status()
    assert [order(host, "k1", 1).status_code for _ in range(3)] == [429, 429, 200]
    host.put(f"/_knobs/{host.account}", json={"refuse": "The zone is locked."}).raise_for_status()
    no = order(host, "k2", 2, "start")
    assert (no.status_code, no.json()["detail"]) == (422, "The zone is locked.")
    host.put(
        f"/_knobs/{host.account}", json={"lose_answers": 1, "hang_seconds": 3, "usage": {"zones": 60}}
    ).raise_for_status()
    host.timeout = httpx.Timeout(0.3)
    with pytest.raises(httpx.ReadTimeout):
        order(host, "k3", 3, "start")
    assert host.get("/services/zone-1").json()["plan"] == "start"  # done, though the answer was lost
    assert host.get("/services/zone-1").json()["usage"] == {"zones": 62}
