"""The sample customers of `planshift up`, each at another point of the story; made through the HTTP API, as a host
system, a customer, a gateway's page and staff would, and found again by the next `up`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx
import typer

from cli.frontend import Frontend, StoryFailed
from cli.running import keep_private
from local.supervisor import Stop

Story = Literal["none", "ask", "host_refuses", "pay_too_much"]


@dataclass(frozen=True, slots=True)
class SampleCustomer:
    """A customer with one service of the same reference. `story` is what became of the request for `target`: it was
    only asked for; or it was paid and the host refused it; or the bank brought `paid_minor`, which is too much."""

    ref: str
    name: str
    plan: str
    usage: dict[str, int]
    target: str = ""
    story: Story = "none"
    locale: str = "en"
    paid_minor: int = 0


@dataclass(frozen=True, slots=True)
class SampleProvider:
    """What the customers of one provider share: where they live, and what period they have paid at `now`."""

    country: str
    currency: str
    cycle: str
    address: list[str]
    period: tuple[str, str]
    now: str
    customers: list[SampleCustomer] = field(default_factory=list)


SAMPLES = {
    # Noon of 17 July in Tokyo; the month of July.
    "dns": SampleProvider(
        country="JP",
        currency="JPY",
        cycle="monthly",
        address=["1-2-3 Example-cho", "Chiyoda-ku, Tokyo 100-0001"],
        period=("2027-06-30T15:00:00Z", "2027-07-31T15:00:00Z"),
        now="2027-07-17T03:00:00Z",
        customers=[
            SampleCustomer("harbor-books", "Harbor Books", "basic", {"zones": 2, "records": 40}),
            SampleCustomer("kite-studio", "Kite Studio", "start", {"zones": 3, "records": 90}, "basic", "ask"),
            SampleCustomer("maple-clinic", "Maple Clinic", "basic", {"zones": 3, "records": 95}, "business", "ask"),
            SampleCustomer("orbit-games", "Orbit Games", "start", {"zones": 8, "records": 420}),
            SampleCustomer("pine-travel", "Pine Travel", "basic", {"zones": 3, "records": 60}, "start", "host_refuses"),
            SampleCustomer(
                "aozora-bakery",
                "青空ベーカリー",
                "basic",
                {"zones": 1, "records": 12},
                "start",
                "pay_too_much",
                locale="ja",
                paid_minor=5_000,
            ),
        ],
    ),
    # Morning of 1 July in Buenos Aires; the year 2027.
    "hosting": SampleProvider(
        country="AR",
        currency="USD",
        cycle="annual",
        address=["Calle de Ejemplo 250", "C1000 Buenos Aires"],
        period=("2027-01-01T03:00:00Z", "2028-01-01T03:00:00Z"),
        now="2027-07-01T12:00:00Z",
        customers=[
            SampleCustomer("lago-azul", "Lago Azul", "web-s", {"disk_gb": 4}, locale="es"),
            SampleCustomer("radio-norte", "Radio Norte", "radio-100", {"listeners": 80}, "vps-1", "ask", locale="es"),
            SampleCustomer("panaderia-sol", "Panadería Sol", "web-s", {"disk_gb": 9}, "web-m", "ask", locale="es"),
            SampleCustomer("archivo-sur", "Archivo Sur", "web-l", {"disk_gb": 80}, locale="es"),
            SampleCustomer("estudio-luz", "Estudio Luz", "web-s", {"disk_gb": 7}, "web-l", "host_refuses", locale="es"),
            SampleCustomer(
                "club-ajedrez",
                "Club de Ajedrez",
                "web-s",
                {"disk_gb": 3},
                "web-m",
                "pay_too_much",
                locale="es",
                paid_minor=25_000,
            ),
        ],
    ),
}
# A machine that is very busy needs a while, and who is made already is found.
ATTEMPTS = 5
_BY_STAFF = {"actor": "planshift up", "reason": "a sample"}


def make_in_background(ready: dict[str, Any], file: Path, stop: Stop) -> None:
    """Makes whoever is missing, without keeping anybody waiting; `file` says how many are there."""

    def make() -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                made = make_customers(ready, lambda done, of: _tell(ready, file, done, of))
            except (StoryFailed, httpx.HTTPError) as error:
                if stop.is_set():
                    return
                again = "; trying again" if attempt < ATTEMPTS else ""
                typer.echo(f"Not all sample customers could be made{again}: {error}", err=True)
            else:
                typer.echo(f"{made} sample customers are there: {ready['api']}")
                return

    threading.Thread(target=make, daemon=True).start()


def _tell(ready: dict[str, Any], file: Path, done: int, of: int) -> None:
    keep_private(file, ready | {"customers": {"made": done, "of": of}})


def make_customers(ready: dict[str, Any], tell: Callable[[int, int], None]) -> int:
    """Makes the customers of each provider that is in `ready`, and returns how many there are. Raises StoryFailed."""
    wanted = {slug: sample for slug, sample in SAMPLES.items() if slug in ready["keys"]}
    of = sum(len(sample.customers) for sample in wanted.values())
    progress = _Progress(of, tell)
    with ThreadPoolExecutor(len(wanted)) as together:
        runs = [together.submit(make_for, ready, slug, sample, progress.one_more) for slug, sample in wanted.items()]
    return sum(run.result() for run in runs)


class _Progress:
    """Counts for several threads."""

    def __init__(self, of: int, tell: Callable[[int, int], None]) -> None:
        self._lock, self._done, self._of, self._tell = threading.Lock(), 0, of, tell
        tell(0, of)

    def one_more(self) -> None:
        with self._lock:
            self._done += 1
            self._tell(self._done, self._of)


def make_for(
    ready: dict[str, Any], slug: str, sample: SampleProvider, one_more: Callable[[], None] = lambda: None
) -> int:
    """One provider's customers; returns how many. Raises StoryFailed where its clock stands after their day."""
    with Frontend(ready, slug) as api:
        there = {service["ref"] for service in api.call("GET", "/v1/services?limit=200")["items"]}
        if not there & {customer.ref for customer in sample.customers}:
            api.set_clock(sample.now)
        for customer in sample.customers:
            if customer.ref not in there:
                _report(api, sample, customer)
        for customer in sorted(sample.customers, key=lambda customer: _SLOW.index(customer.story)):
            _STORIES[customer.story](api, sample, customer)
            one_more()
    return len(sample.customers)


def _report(api: Frontend, sample: SampleProvider, customer: SampleCustomer) -> None:
    """The host tells of the customer, the service and its usage, and has the service itself."""
    person: dict[str, Any] = {"name": customer.name, "email": f"{customer.ref}@example.com"}
    person |= {"country": sample.country, "locale": customer.locale, "address": sample.address}
    api.call("PUT", f"/v1/customers/{customer.ref}", person, scope="host")
    start, end = sample.period
    service = {"customer": customer.ref, "plan": customer.plan, "cycle": sample.cycle, "currency": sample.currency}
    service |= {"period_start": start, "period_end": end}
    limits = api.call("PUT", f"/v1/services/{customer.ref}", service, scope="host")["limits"]
    api.call("PUT", f"/v1/services/{customer.ref}/usage", customer.usage, scope="host")
    api.host_has(customer.ref, customer.plan, limits, customer.usage)


def _ask(api: Frontend, sample: SampleProvider, customer: SampleCustomer) -> dict[str, Any]:
    """The one request that this customer ever made: asked for again under its key, it is found."""
    key = f"sample-{customer.ref}"
    found: Sequence[dict[str, Any]] = api.call("GET", f"/v1/plan-changes?idempotency_key={key}")["items"]
    if found:
        return found[0]
    body = {"service": customer.ref, "plan": customer.target, "cycle": sample.cycle}
    change: dict[str, Any] = api.call("POST", "/v1/plan-changes", body, "host", **{"Idempotency-Key": key})
    return change


_WORKING = {"requested", "quoted", "invoiced"}


def _payable(api: Frontend, sample: SampleProvider, customer: SampleCustomer) -> dict[str, Any] | None:
    """The change, if it waits for a payment; None if it is further than that."""
    change = _ask(api, sample, customer)
    if change["status"] in _WORKING:
        change = api.wait_for(change["id"], "awaiting_payment")
    return change if change["status"] == "awaiting_payment" else None


def _host_refuses(api: Frontend, sample: SampleProvider, customer: SampleCustomer) -> None:
    """Paid, and the host's next answer is a no. It carries out whatever it is asked after that."""
    if change := _payable(api, sample, customer):
        api.host_refuses_once()
        api.pay(change)
        api.wait_for(change["id"], "stuck")


def _pay_too_much(api: Frontend, sample: SampleProvider, customer: SampleCustomer) -> None:
    """Paid by bank; what is over becomes account credit."""
    if change := _payable(api, sample, customer):
        money = {"amount": customer.paid_minor, "currency": sample.currency}
        line = {"line": f"sample/{customer.ref}", "amount": money, "paid_at": sample.now}
        api.call("POST", "/v1/payments", line | {"invoice": change["invoice"]["id"]} | _BY_STAFF, "ops")
        api.wait_for(change["id"], "applied")


_STORIES: dict[Story, Callable[[Frontend, SampleProvider, SampleCustomer], Any]] = {
    "none": lambda *_: None,
    "ask": _ask,
    "host_refuses": _host_refuses,
    "pay_too_much": _pay_too_much,
}
# First what is waited for by nobody; and the host refuses before anybody else's order may come to it.
_SLOW = list(_STORIES)
