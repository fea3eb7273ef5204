"""The stories of a chaos run, many changes each, from the first request to the last document."""

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
from tests.chaos.environment import ChaosStack, Patient, wait_for
from tests.support.waiting import NotInTime
from worker.app import create_app, queue_of

# Midnights in Tokyo: 1 July, 1 August, 1 September 2027.
JULY, AUGUST, SEPTEMBER = "2027-06-30T15:00:00Z", "2027-07-31T15:00:00Z", "2027-08-31T15:00:00Z"
NOON_17_JULY, NOON_25_JULY = "2027-07-17T03:00:00Z", "2027-07-25T03:00:00Z"
OPERATOR = {"actor": "ana", "reason": "chaos"}


@dataclass
class StoryRun:
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
        """Each change, once it has the status. Raises NotInTime, with the status it has."""
        return [self._until(change_id, status) for change_id in change_ids]

    def _until(self, change_id: str, status: str) -> dict[str, Any]:
        view: dict[str, Any] = {}

        def poll() -> dict[str, Any] | None:
            view.update(self.now(change_id))
            return view if view["status"] == status else None

        try:
            return wait_for(poll, f"{change_id} to be {status}")
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
    """What happens, the plan and the period that its services begin with, the provider's clock, and what is particular
    about its catalogue."""

    run: Callable[[StoryRun, list[str]], None]
    plan: str
    period: tuple[str, str] = (JULY, AUGUST)
    clock: str = NOON_17_JULY
    catalog: dict[str, Any] = field(default_factory=dict)


def begin(chaos_stack: ChaosStack, name: str, count: int, story: Story) -> tuple[StoryRun, list[str]]:
    """A provider and its services."""
    story_run = StoryRun(chaos_stack.provider("dns", f"dns-{name}", **story.catalog))
    refs = [f"{name}-{number}" for number in range(count)]
    for ref in refs:
        story_run.provider.new_service(ref, story.plan, "JPY", "JP", story.period, "monthly")
    story_run.provider.set_clock(story.clock)
    return story_run, refs


def request(story_run: StoryRun, refs: list[str], plan: str, total: int) -> dict[str, str]:
    accept = {"accept_total": {"amount": total, "currency": "JPY"}}
    return {ref: story_run.provider.request(ref, plan, "monthly", f"key-{ref}", accept) for ref in refs}


def paid_upgrade(story_run: StoryRun, refs: list[str]) -> dict[str, str]:
    """15 of 31 days of 3000 less the same of 500, and 10 %: 1331."""
    for ref in refs:
        story_run.provider.call("POST", "/v1/quotes", {"service": ref, "plan": "business", "cycle": "monthly"})
    ids = request(story_run, refs, "business", 1331)
    story_run.pay(story_run.until(list(ids.values()), "awaiting_payment"))
    return ids


def upgrade(story_run: StoryRun, refs: list[str]) -> None:
    ids = paid_upgrade(story_run, refs)
    story_run.until(list(ids.values()), "applied")
    story_run.end(ids, "applied", "business", 1)


def upgrade_by_message(story_run: StoryRun, refs: list[str]) -> None:
    """Through the Celery entry point, whose sender repeats the same key until it sees the change, and more often."""
    ids = {ref: wait_for(partial(_send_until_there, story_run, ref), f"the message of {ref}") for ref in refs}
    for ref in refs * 4:
        _send(story_run, ref)
    story_run.pay(story_run.until(list(ids.values()), "awaiting_payment"))
    story_run.until(list(ids.values()), "applied")
    story_run.end(ids, "applied", "business", 1)


def _send(story_run: StoryRun, ref: str) -> None:
    message = {"provider": story_run.provider.provider, "service": ref, "plan": "business", "cycle": "monthly"}
    create_app().send_task(
        "planshift.request_change", kwargs=message | {"idempotency_key": f"key-{ref}"}, queue="requests"
    )


def _send_until_there(story_run: StoryRun, ref: str) -> str | None:
    _send(story_run, ref)

    def poll() -> str | None:
        found = story_run.provider.call("GET", f"/v1/plan-changes?idempotency_key=key-{ref}")["items"]
        return str(found[0]["id"]) if found else None

    try:
        return wait_for(poll, ref, seconds=5)
    except NotInTime:
        return None


def declined_and_paid_again(story_run: StoryRun, refs: list[str]) -> None:
    ids = request(story_run, refs, "business", 1331)
    declined = story_run.until(list(ids.values()), "awaiting_payment")
    for view in declined:
        httpx.post(view["payment"]["checkout_url"], data={"outcome": "decline"}, trust_env=False).raise_for_status()
    story_run.pay(
        [wait_for(partial(_second_attempt, story_run, view), f"a second attempt of {view['id']}") for view in declined]
    )
    story_run.until(list(ids.values()), "applied")
    story_run.end(ids, "applied", "business", 1)


def _second_attempt(story_run: StoryRun, declined: dict[str, Any]) -> dict[str, Any] | None:
    """Requested until it is there: the decline may not have been processed yet, or our answer was cut off."""
    view = story_run.now(declined["id"])
    if view["payment"]["id"] != declined["payment"]["id"]:
        return view if view["payment"]["checkout_url"] else None
    try:
        story_run.provider.call("POST", f"/v1/plan-changes/{declined['id']}/payments")
    except Exception as error:
        if "payment_open" not in str(error):
            raise
    return None


def downgrade_at_renewal(story_run: StoryRun, refs: list[str]) -> None:
    for ref in refs:
        story_run.provider.call("PUT", f"/v1/services/{ref}/usage", {"zones": 1}, scope="host")
    ids = request(story_run, refs, "basic", 0)
    story_run.until(list(ids.values()), "scheduled")
    story_run.provider.set_clock(AUGUST)
    story_run.until(list(ids.values()), "applied")
    pay_renewals(story_run, refs)
    story_run.end(ids, "applied", "basic", 1)


def renewal(story_run: StoryRun, refs: list[str]) -> None:
    story_run.provider.set_clock(AUGUST)
    pay_renewals(story_run, refs)
    story_run.plans |= {ref: "start" for ref in refs}
    story_run.invoices |= {ref: 1 for ref in refs}


def pay_renewals(story_run: StoryRun, refs: list[str]) -> None:
    for ref in refs:
        invoice = wait_for(partial(_open_invoice, story_run, ref), f"the renewal of {ref}")
        httpx.post(invoice["checkout_url"], data={"outcome": "pay"}, trust_env=False).raise_for_status()
        story_run.payments += 1
    for ref in refs:
        wait_for(partial(_invoice, story_run, ref, "settled"), f"the renewal of {ref} to be paid")


def _open_invoice(story_run: StoryRun, ref: str) -> dict[str, Any] | None:
    found = _invoice(story_run, ref, "open")
    return found if found and found["checkout_url"] else None


def _invoice(story_run: StoryRun, ref: str, status: str) -> dict[str, Any] | None:
    items = story_run.provider.call("GET", f"/v1/invoices?service={ref}")["items"]
    if not items or items[0]["status"] != status:
        return None
    found: dict[str, Any] = story_run.provider.call("GET", f"/v1/invoices/{items[0]['id']}")
    return found


def expiry(story_run: StoryRun, refs: list[str]) -> None:
    ids = request(story_run, refs, "business", 1331)
    story_run.until(list(ids.values()), "awaiting_payment")
    wait_for(partial(_is_refused, story_run), "a forged webhook to be refused")
    story_run.provider.set_clock(NOON_25_JULY)
    story_run.until(list(ids.values()), "expired")
    story_run.end(ids, "expired", "basic", 1)


def _is_refused(story_run: StoryRun) -> bool | None:
    url = f"{story_run.provider.ready['receiver']}/webhooks/standard/{story_run.provider.provider}"
    forged = {"webhook-id": "msg_forged", "webhook-timestamp": "0", "webhook-signature": "v1,AAAA"}
    with suppress(httpx.TransportError):
        return httpx.post(url, content=b"{}", headers=forged, trust_env=False).status_code == 400 or None
    return None


def cancel(story_run: StoryRun, refs: list[str]) -> None:
    ids = request(story_run, refs, "business", 1331)
    story_run.until(list(ids.values()), "awaiting_payment")
    for change_id in ids.values():
        story_run.provider.call("POST", f"/v1/plan-changes/{change_id}/cancel")
    story_run.until(list(ids.values()), "canceled")
    story_run.end(ids, "canceled", "basic", 1)


def refund_after_apply(story_run: StoryRun, refs: list[str]) -> None:
    """The gateway refunds the money; the catalogue's policy reverses the change."""
    ids = paid_upgrade(story_run, refs)
    story_run.until(list(ids.values()), "applied")
    key = _gateway_key(story_run)
    for change_id in ids.values():
        payment = story_run.now(change_id)["payment"]
        _refund_at_the_gateway(story_run, key, payment["id"])
    story_run.until(list(ids.values()), "reversed")
    story_run.end(ids, "reversed", "basic", 2)


def _gateway_key(story_run: StoryRun) -> str:
    with transaction() as session:
        provider = required_provider(session, story_run.provider.provider)
        connection = connection_of(session, provider.id, "gateway")
        assert connection is not None
        return connection.api_key[0]


def _refund_at_the_gateway(story_run: StoryRun, key: str, attempt_id: str) -> None:
    url, login = story_run.provider.ready["gateway"], {"Authorization": f"Bearer {key}"}
    found = httpx.get(f"{url}/v1/payments", params={"reference": attempt_id}, headers=login, trust_env=False).json()
    payment = found["payments"][0]
    answer = httpx.post(
        f"{url}/v1/payments/{payment['id']}/refunds",
        json={"amount": payment["amount"]},
        headers=login | {"Idempotency-Key": f"refund-{attempt_id}"},
        trust_env=False,
    )
    answer.raise_for_status()


def stuck_and_retried(story_run: StoryRun, refs: list[str]) -> None:
    ids = _stuck(story_run, refs)
    for change_id in ids.values():
        _operate(story_run, change_id, "retry", "not_stuck")
    story_run.until(list(ids.values()), "applied")
    story_run.end(ids, "applied", "business", 1)


def stuck_and_compensated(story_run: StoryRun, refs: list[str]) -> None:
    ids = _stuck(story_run, refs)
    for change_id in ids.values():
        wait_for(partial(_operate, story_run, change_id, "compensate", "not_stuck"), "a compensation")
    story_run.until(list(ids.values()), "compensated")
    story_run.end(ids, "compensated", "basic", 2)


def _stuck(story_run: StoryRun, refs: list[str]) -> dict[str, str]:
    _knobs(story_run, refuse="the rack is full")
    ids = paid_upgrade(story_run, refs)
    story_run.until(list(ids.values()), "stuck")
    _knobs(story_run)
    return ids


def _knobs(story_run: StoryRun, **knobs: Any) -> None:
    url = f"{story_run.provider.ready['host']}/_knobs/{story_run.provider.provider}"
    httpx.put(url, json=knobs, trust_env=False).raise_for_status()


def _operate(story_run: StoryRun, change_id: str, action: str, done: str) -> bool | None:
    """An operator repeats what was cut off; "not stuck any more" then means that it was done."""
    try:
        story_run.provider.call("POST", f"/v1/plan-changes/{change_id}/{action}", OPERATOR, scope="ops")
    except Exception as error:
        if done in str(error):
            return True
        if "not_compensated" in str(error):
            return None
        raise
    return True


def housekeeping(story_run: StoryRun, refs: list[str]) -> None:
    """What beat does once a night or every ten minutes, and an operator's refund of a credit, while things break."""
    ids = request(story_run, refs, "business", 1331)
    _gateway_knobs(story_run, pay_late=True, webhooks=False)
    views = story_run.until(list(ids.values()), "awaiting_payment")
    for change_id in ids.values():
        story_run.provider.call("POST", f"/v1/plan-changes/{change_id}/cancel")
    story_run.pay(views)  # too late, and no webhook comes: the list of events has it; an operator refunds the credit
    done = partial(_housekeeping_is_done, story_run, _machine_time())
    wait_for(partial(_run_housekeeping, done), "the audit, and the gateway's list of events")
    ops = {"scope": "ops"}
    payments = wait_for(lambda: _all_payments(story_run, len(refs)), "the late payments")
    for payment in payments:
        if not story_run.provider.call("GET", f"/v1/payments/{payment['id']}", **ops)["refunds"]:
            _repeat_refund(story_run, payment["id"])
    for payment in payments:
        wait_for(partial(_run_housekeeping, partial(_is_refunded, story_run, payment["id"])), "the refund")
    story_run.end(ids, "canceled", "basic", 1)


def _all_payments(story_run: StoryRun, count: int) -> list[dict[str, Any]] | None:
    movements = story_run.provider.call("GET", "/v1/payments", scope="ops")["items"]
    items: list[dict[str, Any]] = [movement for movement in movements if movement["kind"] == "payment"]
    return items if len(items) == count else None


def _repeat_refund(story_run: StoryRun, payment_id: str) -> None:
    """A second try that finds nothing left to refund was done by the first."""
    try:
        story_run.provider.call("POST", f"/v1/payments/{payment_id}/refunds", OPERATOR, scope="ops")
    except Exception as error:
        if "not_refundable" not in str(error):
            raise


def _is_refunded(story_run: StoryRun, payment_id: str) -> bool | None:
    refunds = story_run.provider.call("GET", f"/v1/payments/{payment_id}", scope="ops")["refunds"]
    return all(refund["status"] == "succeeded" for refund in refunds) or None


def _gateway_knobs(story_run: StoryRun, **knobs: Any) -> None:
    url = f"{story_run.provider.ready['gateway']}/_knobs/{story_run.provider.provider}"
    httpx.put(url, json=knobs, trust_env=False).raise_for_status()


def _run_housekeeping(done: Callable[[], bool | None]) -> bool | None:
    """A process dies of it each time, so it is enqueued until all has been done from end to end."""
    _enqueue_housekeeping()
    try:
        return wait_for(done, "this round", seconds=3)
    except NotInTime:
        return None


def _housekeeping_is_done(story_run: StoryRun, since: datetime) -> bool | None:
    """Both audits have left their heartbeat, and the gateway's list of events was read."""
    with transaction() as session:
        heartbeats = session.scalars(select(Heartbeat.name).where(Heartbeat.at > since)).all()
        provider = required_provider(session, story_run.provider.provider)
        gateway = connection_of(session, provider.id, "gateway")
        return (
            {"audit", "audit_hosts"} <= set(heartbeats) and gateway is not None and bool(gateway.events_cursor)
        ) or None


def _machine_time() -> datetime:
    with transaction() as session:
        return machine_time(session)


def _enqueue_housekeeping() -> None:
    """As if ten minutes had passed since the last reconciliation."""
    with transaction() as session:
        session.execute(update(Connection).where(Connection.kind == "gateway").values(list_at=func.clock_timestamp()))
    for name, kwargs in (("audit.books", {}), ("audit.hosts", {"after": "0"}), ("payments.reconcile", {})):
        create_app().send_task(name, kwargs=kwargs, queue=queue_of(name))


def leap(story_run: StoryRun, refs: list[str]) -> None:
    """A month passes in mid-flow: the offer is over, and the period was renewed on the old plan."""
    ids = request(story_run, refs, "business", 1331)
    story_run.until(list(ids.values()), "awaiting_payment")
    story_run.provider.set_clock("2027-08-17T03:00:00Z")
    story_run.until(list(ids.values()), "expired")
    pay_renewals(story_run, refs)
    story_run.end(ids, "expired", "basic", 2)


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
