"""Real worker processes, killed with SIGKILL in mid-story: every change ends as it should, once."""

from __future__ import annotations

from collections.abc import Callable

from local.process import Process
from models.database import transaction
from models.ledger import trial_balance
from models.provider import provider_by_slug
from tests.conftest import Running
from tests.support.client import ApiClient
from tests.support.waiting import until

CHANGES = 12


def restart(process: Process) -> None:
    process.kill()
    process.begin()
    process.wait_ready()


def test_workers_killed_in_mid_story(running: Running, frontend: Callable[..., ApiClient]) -> None:
    dns = frontend("dns")
    period = ("2027-06-30T15:00:00Z", "2027-07-31T15:00:00Z")
    refs = [f"zone-{number}" for number in range(CHANGES)]
    for ref in refs:
        dns.new_service(ref, "basic", "JPY", "JP", period, "monthly")
    dns.set_clock("2027-07-17T03:00:00Z")
    total = {"accept_total": {"amount": 1331, "currency": "JPY"}}
    core, outside = (running.stack.supervisor.process(f"worker-{name}") for name in ("core", "outside"))

    changes = [dns.request(ref, "business", "monthly", ref, total) for ref in refs]
    restart(core)
    restart(outside)
    for change_id in changes:
        dns.pay(dns.wait_for(change_id, "awaiting_payment"))
    restart(outside)
    restart(core)

    for ref, change_id in zip(refs, changes, strict=True):
        done = dns.wait_for(change_id, "applied")
        assert [move["to"] for move in done["timeline"]].count("applied") == 1
        hosted = dns.hosted(ref)
        assert (hosted["plan"], hosted["generation"]) == ("business", 1)
    numbers = until(lambda: _numbers(dns), "every invoice to be printed")
    assert numbers == [f"2027-{number:06d}" for number in range(1, CHANGES + 1)]
    with transaction() as session:
        provider = provider_by_slug(session, dns.provider)
        assert provider is not None
        assert trial_balance(session, provider.id) == {"JPY": 0}


def _numbers(dns: ApiClient) -> list[str] | None:
    """The legal numbers without their prefix, once each invoice has its document."""
    invoices = dns.call("GET", "/v1/invoices?limit=100")["items"]
    printed = [
        invoice for invoice in invoices if {document["kind"] for document in invoice["documents"]} > {"proforma"}
    ]
    return sorted(invoice["number"][-11:] for invoice in invoices) if len(printed) == CHANGES else None
