"""The stories that a chaos run plays, many changes each, from the first request to the last document."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import httpx
from sqlalchemy import func, select, update

from engine.accounts.providers import required_provider
from engine.jobs.external_call import machine_time
from models.database import transaction
from models.heartbeat import Heartbeat
from models.provider import Connection, connection_of
from tests.chaos.environment import NotInTime, Patient, Theatre, wait_for
from worker.app import create_app, queue_of

# Midnights in Tokyo: 1 July, 1 August, 1 September 2027.
JULY, AUGUST, SEPTEMBER = "2027-06-30T15:00:00Z", "2027-07-31T15:00:00Z", "2027-08-31T15:00:00Z"
NOON_17_JULY, NOON_25_JULY = "2027-07-17T03:00:00Z", "2027-07-25T03:00:00Z"
OPERATOR = {"who": "ana", "why": "chaos"}


@dataclass
class Told:
    """What a story must have come to: the status of each change, the plan of each service, and how often money came."""

    provider: Patient
    statuses: dict[str, str] = field(default_factory=dict)
    plans: dict[str, str] = field(default_factory=dict)
    invoices: dict[str, int] = field(default_factory=dict)
    payments: int = 0

    def now(self, change_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.provider.call("GET", f"/v1/plan-changes/{change_id}")
        return found

    def until(self, change_ids: list[str], status: str) -> list[dict[str, Any]]:
        """Each change, once it has the status. Raises NotInTime, with where it rests."""
        return [self._until(change_id, status) for change_id in change_ids]

    def _until(self, change_id: str, status: str) -> dict[str, Any]:
        view: dict[str, Any] = {}

        def look() -> dict[str, Any] | None:
            view.update(self.now(change_id))
            return view if view["status"] == status else None

        try:
            return wait_for(look, f"{change_id} to be {status}")
        except NotInTime as error:
            raise NotInTime(f"{error}; it is {view.get('status')} ({view.get('reason_text')})") from error

    def pay(self, views: list[dict[str, Any]]) -> None:
        for view in views:
            self.provider.pay(view)
            self.payments += 1

    def end(self, ids: dict[str, str], status: str, plan: str, invoices: int) -> None:
        """What is true of these changes (by service) when all is over."""
        for ref, change_id in ids.items():
            self.statuses[change_id], self.plans[ref], self.invoices[ref] = status, plan, invoices


@dataclass(frozen=True, slots=True)
class Story:
    """What is told, the plan and the period that its services begin with, the provider's clock, and what is particular
    about its catalogue."""

    tell: Callable[[Told, list[str]], None]
    plan: str
    period: tuple[str, str] = (JULY, AUGUST)
    clock: str = NOON_17_JULY
    catalog: dict[str, Any] = field(default_factory=dict)


def begin(theatre: Theatre, name: str, count: int, story: Story) -> tuple[Told, list[str]]:
    """A provider and its services."""
    told = Told(theatre.provider("dns", f"dns-{name}", **story.catalog))
    refs = [f"{name}-{number}" for number in range(count)]
    for ref in refs:
        told.provider.new_service(ref, story.plan, "JPY", "JP", story.period, "monthly")
    told.provider.set_clock(story.clock)
    return told, refs


def request(told: Told, refs: list[str], plan: str, total: int) -> dict[str, str]:
    accept = {"accept_total": {"amount": total, "currency": "JPY"}}
    return {ref: told.provider.request(ref, plan, "monthly", f"key-{ref}", accept) for ref in refs}


def paid_upgrade(told: Told, refs: list[str]) -> dict[str, str]:
    """15 of 31 days of 3000 less the same of 500, and 10 %: 1331."""
    for ref in refs:
        told.provider.call("POST", "/v1/quotes", {"service": ref, "plan": "business", "cycle": "monthly"})
    ids = request(told, refs, "business", 1331)
    told.pay(told.until(list(ids.values()), "awaiting_payment"))
    return ids


def upgrade(told: Told, refs: list[str]) -> None:
    ids = paid_upgrade(told, refs)
    told.until(list(ids.values()), "applied")
    told.end(ids, "applied", "business", 1)


def upgrade_by_message(told: Told, refs: list[str]) -> None:
    """Through the Celery door, whose sender repeats the same key until it sees the change, and more often."""
    ids = {ref: wait_for(partial(_send_until_there, told, ref), f"the message of {ref}") for ref in refs}
    for ref in refs * 4:
        _send(told, ref)
    told.pay(told.until(list(ids.values()), "awaiting_payment"))
    told.until(list(ids.values()), "applied")
    told.end(ids, "applied", "business", 1)


def _send(told: Told, ref: str) -> None:
    message = {"provider": told.provider.provider, "service": ref, "plan": "business", "cycle": "monthly"}
    create_app().send_task(
        "planshift.request_change", kwargs=message | {"idempotency_key": f"key-{ref}"}, queue="requests"
    )


def _send_until_there(told: Told, ref: str) -> str | None:
    _send(told, ref)

    def look() -> str | None:
        found = told.provider.call("GET", f"/v1/plan-changes?idempotency_key=key-{ref}")["items"]
        return str(found[0]["id"]) if found else None

    try:
        return wait_for(look, ref, seconds=5)
    except NotInTime:
        return None


def declined_and_paid_again(told: Told, refs: list[str]) -> None:
    ids = request(told, refs, "business", 1331)
    declined = told.until(list(ids.values()), "awaiting_payment")
    for view in declined:
        httpx.post(view["payment"]["checkout_url"], data={"outcome": "decline"}, trust_env=False).raise_for_status()
    told.pay([wait_for(partial(_second_attempt, told, view), f"a second attempt of {view['id']}") for view in declined])
    told.until(list(ids.values()), "applied")
    told.end(ids, "applied", "business", 1)


def _second_attempt(told: Told, declined: dict[str, Any]) -> dict[str, Any] | None:
    """Asked for until it is there: the decline may not have been heard yet, or our answer was cut off."""
    view = told.now(declined["id"])
    if view["payment"]["id"] != declined["payment"]["id"]:
        return view if view["payment"]["checkout_url"] else None
    try:
        told.provider.call("POST", f"/v1/plan-changes/{declined['id']}/payments")
    except Exception as error:
        if "payment_open" not in str(error):
            raise
    return None


def downgrade_at_renewal(told: Told, refs: list[str]) -> None:
    for ref in refs:
        told.provider.call("PUT", f"/v1/services/{ref}/usage", {"zones": 1}, scope="host")
    ids = request(told, refs, "basic", 0)
    told.until(list(ids.values()), "scheduled")
    told.provider.set_clock(AUGUST)
    told.until(list(ids.values()), "applied")
    pay_renewals(told, refs)
    told.end(ids, "applied", "basic", 1)


def renewal(told: Told, refs: list[str]) -> None:
    told.provider.set_clock(AUGUST)
    pay_renewals(told, refs)
    told.plans |= {ref: "start" for ref in refs}
    told.invoices |= {ref: 1 for ref in refs}


def pay_renewals(told: Told, refs: list[str]) -> None:
    for ref in refs:
        invoice = wait_for(partial(_open_invoice, told, ref), f"the renewal of {ref}")
        httpx.post(invoice["checkout_url"], data={"outcome": "pay"}, trust_env=False).raise_for_status()
        told.payments += 1
    for ref in refs:
        wait_for(partial(_invoice, told, ref, "settled"), f"the renewal of {ref} to be paid")


def _open_invoice(told: Told, ref: str) -> dict[str, Any] | None:
    found = _invoice(told, ref, "open")
    return found if found and found["checkout_url"] else None


def _invoice(told: Told, ref: str, status: str) -> dict[str, Any] | None:
    items = told.provider.call("GET", f"/v1/invoices?service={ref}")["items"]
    if not items or items[0]["status"] != status:
        return None
    found: dict[str, Any] = told.provider.call("GET", f"/v1/invoices/{items[0]['id']}")
    return found


def expiry(told: Told, refs: list[str]) -> None:
    ids = request(told, refs, "business", 1331)
    told.until(list(ids.values()), "awaiting_payment")
    wait_for(partial(_is_refused, told), "a forged webhook to be refused")
    told.provider.set_clock(NOON_25_JULY)
    told.until(list(ids.values()), "expired")
    told.end(ids, "expired", "basic", 1)


def _is_refused(told: Told) -> bool | None:
    url = f"{told.provider.ready['receiver']}/webhooks/standard/{told.provider.provider}"
    forged = {"webhook-id": "msg_forged", "webhook-timestamp": "0", "webhook-signature": "v1,AAAA"}
    with suppress(httpx.TransportError):
        return httpx.post(url, content=b"{}", headers=forged, trust_env=False).status_code == 400 or None
    return None


def cancel(told: Told, refs: list[str]) -> None:
    ids = request(told, refs, "business", 1331)
    told.until(list(ids.values()), "awaiting_payment")
    for change_id in ids.values():
        told.provider.call("POST", f"/v1/plan-changes/{change_id}/cancel")
    told.until(list(ids.values()), "canceled")
    told.end(ids, "canceled", "basic", 1)


def refund_after_apply(told: Told, refs: list[str]) -> None:
    """The gateway gives the money back; the catalogue's policy takes the plan back."""
    ids = paid_upgrade(told, refs)
    told.until(list(ids.values()), "applied")
    key = _gateway_key(told)
    for change_id in ids.values():
        payment = told.now(change_id)["payment"]
        _refund_at_the_gateway(told, key, payment["id"])
    told.until(list(ids.values()), "reversed")
    told.end(ids, "reversed", "basic", 2)


def _gateway_key(told: Told) -> str:
    with transaction() as session:
        provider = required_provider(session, told.provider.provider)
        connection = connection_of(session, provider.id, "gateway")
        assert connection is not None
        return connection.api_key[0]


def _refund_at_the_gateway(told: Told, key: str, attempt_id: str) -> None:
    url, login = told.provider.ready["gateway"], {"Authorization": f"Bearer {key}"}
    found = httpx.get(f"{url}/v1/payments", params={"reference": attempt_id}, headers=login, trust_env=False).json()
    payment = found["payments"][0]
    answer = httpx.post(
        f"{url}/v1/payments/{payment['id']}/refunds",
        json={"amount": payment["amount"]},
        headers=login | {"Idempotency-Key": f"refund-{attempt_id}"},
        trust_env=False,
    )
    answer.raise_for_status()


def stuck_and_retried(told: Told, refs: list[str]) -> None:
    ids = _stuck(told, refs)
    for change_id in ids.values():
        _operate(told, change_id, "retry", "not_stuck")
    told.until(list(ids.values()), "applied")
    told.end(ids, "applied", "business", 1)


def stuck_and_compensated(told: Told, refs: list[str]) -> None:
    ids = _stuck(told, refs)
    for change_id in ids.values():
        wait_for(partial(_operate, told, change_id, "compensate", "not_stuck"), "a compensation")
    told.until(list(ids.values()), "compensated")
    told.end(ids, "compensated", "basic", 2)


def _stuck(told: Told, refs: list[str]) -> dict[str, str]:
    _knobs(told, refuse="the rack is full")
    ids = paid_upgrade(told, refs)
    told.until(list(ids.values()), "stuck")
    _knobs(told)
    return ids


def _knobs(told: Told, **knobs: Any) -> None:
    url = f"{told.provider.ready['host']}/_knobs/{told.provider.provider}"
    httpx.put(url, json=knobs, trust_env=False).raise_for_status()


def _operate(told: Told, change_id: str, action: str, done: str) -> bool | None:
    """An operator repeats what was cut off; "not stuck any more" then means that it was done."""
    try:
        told.provider.call("POST", f"/v1/plan-changes/{change_id}/{action}", OPERATOR, scope="ops")
    except Exception as error:
        if done in str(error):
            return True
        if "not_compensated" in str(error):
            return None
        raise
    return True


def housekeeping(told: Told, refs: list[str]) -> None:
    """What beat does once a night or every ten minutes, and an operator's refund of a credit, while things break."""
    ids = request(told, refs, "business", 1331)
    _gateway_knobs(told, pay_late=True, webhooks=False)
    views = told.until(list(ids.values()), "awaiting_payment")
    for change_id in ids.values():
        told.provider.call("POST", f"/v1/plan-changes/{change_id}/cancel")
    told.pay(views)  # too late, and nobody tells: the list of events does; an operator sends the credit back
    kept = partial(_house_is_kept, told, _machine_time())
    wait_for(partial(_keep_house, kept), "the audit, and the gateway's list of events")
    ops = {"scope": "ops"}
    payments = wait_for(lambda: _all_payments(told, len(refs)), "the late payments")
    for payment in payments:
        if not told.provider.call("GET", f"/v1/payments/{payment['id']}", **ops)["refunds"]:
            _repeat_refund(told, payment["id"])
    for payment in payments:
        wait_for(partial(_keep_house, partial(_is_refunded, told, payment["id"])), "the refund")
    told.end(ids, "canceled", "basic", 1)


def _all_payments(told: Told, count: int) -> list[dict[str, Any]] | None:
    movements = told.provider.call("GET", "/v1/payments", scope="ops")["items"]
    items: list[dict[str, Any]] = [movement for movement in movements if movement["kind"] == "payment"]
    return items if len(items) == count else None


def _repeat_refund(told: Told, payment_id: str) -> None:
    """A second try that finds nothing left to refund was done by the first."""
    try:
        told.provider.call("POST", f"/v1/payments/{payment_id}/refunds", OPERATOR, scope="ops")
    except Exception as error:
        if "not_refundable" not in str(error):
            raise


def _is_refunded(told: Told, payment_id: str) -> bool | None:
    refunds = told.provider.call("GET", f"/v1/payments/{payment_id}", scope="ops")["refunds"]
    return all(refund["status"] == "succeeded" for refund in refunds) or None


def _gateway_knobs(told: Told, **knobs: Any) -> None:
    url = f"{told.provider.ready['gateway']}/_knobs/{told.provider.provider}"
    httpx.put(url, json=knobs, trust_env=False).raise_for_status()


def _keep_house(done: Callable[[], bool | None]) -> bool | None:
    """Something dies of it each time, so it is rung for until all has been done from end to end."""
    _ring_for_housekeeping()
    try:
        return wait_for(done, "this round", seconds=3)
    except NotInTime:
        return None


def _house_is_kept(told: Told, since: datetime) -> bool | None:
    """Both audits have left their sign, and the gateway's list of events was read."""
    with transaction() as session:
        signs = session.scalars(select(Heartbeat.name).where(Heartbeat.at > since)).all()
        provider = required_provider(session, told.provider.provider)
        gateway = connection_of(session, provider.id, "gateway")
        return ({"audit", "audit_hosts"} <= set(signs) and gateway is not None and bool(gateway.events_cursor)) or None


def _machine_time() -> datetime:
    with transaction() as session:
        return machine_time(session)


def _ring_for_housekeeping() -> None:
    """As if ten minutes had passed since gateways were asked."""
    with transaction() as session:
        session.execute(update(Connection).where(Connection.kind == "gateway").values(list_at=func.clock_timestamp()))
    for name, kwargs in (("audit.books", {}), ("audit.hosts", {"after": "0"}), ("payments.ask", {})):
        create_app().send_task(name, kwargs=kwargs, queue=queue_of(name))


def leap(told: Told, refs: list[str]) -> None:
    """A month passes in mid-flow: the offer is over, and the period was renewed on the old plan."""
    ids = request(told, refs, "business", 1331)
    told.until(list(ids.values()), "awaiting_payment")
    told.provider.set_clock("2027-08-17T03:00:00Z")
    told.until(list(ids.values()), "expired")
    pay_renewals(told, refs)
    told.end(ids, "expired", "basic", 2)


STORIES = {
    "upgrade": Story(upgrade, "basic"),
    "message": Story(upgrade_by_message, "basic"),
    "declined": Story(declined_and_paid_again, "basic"),
    "downgrade": Story(downgrade_at_renewal, "start"),
    "renewal": Story(renewal, "start"),
    "expiry": Story(expiry, "basic"),
    "cancel": Story(cancel, "basic"),
    "refund": Story(refund_after_apply, "basic"),
    "retry": Story(stuck_and_retried, "basic"),
    "compensate": Story(stuck_and_compensated, "basic"),
    "leap": Story(leap, "basic"),
    "housekeeping": Story(housekeeping, "basic"),
}
