"""The story of the nights: what beat does without a customer, while things break."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import func, select, update

from engine.accounts.providers import required_provider
from engine.jobs.external_call import machine_time
from models.database import transaction
from models.heartbeat import Heartbeat
from models.provider import Connection, connection_of
from tests.chaos.environment import wait_for
from tests.chaos.story import OPERATOR, StoryRun, request
from tests.support import loopback
from tests.support.waiting import NotInTime
from worker.app import create_app, queue_of


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
    loopback.put(url, json=knobs).raise_for_status()


def _run_housekeeping(done: Callable[[], bool | None]) -> bool | None:
    """A process dies of it each time, so it is enqueued until all has been done from end to end."""
    _enqueue_housekeeping()
    try:
        return wait_for(done, "this round", seconds=3)
    except NotInTime:
        return None


def _housekeeping_is_done(story_run: StoryRun, since: datetime) -> bool | None:
    """All audits have left their heartbeat, and the gateway's list of events was read."""
    with transaction() as session:
        heartbeats = session.scalars(select(Heartbeat.name).where(Heartbeat.at > since)).all()
        provider = required_provider(session, story_run.provider.provider)
        gateway = connection_of(session, provider.id, "gateway")
        audited = {"audit", "audit_documents", "audit_hosts"} <= set(heartbeats)
        return (audited and gateway is not None and bool(gateway.events_cursor)) or None


def _machine_time() -> datetime:
    with transaction() as session:
        return machine_time(session)


def _enqueue_housekeeping() -> None:
    """As if ten minutes had passed since the last reconciliation."""
    with transaction() as session:
        session.execute(update(Connection).where(Connection.kind == "gateway").values(list_at=func.clock_timestamp()))
    for name, kwargs in (("audit.books", {}), ("audit.hosts", {"after": "0"}), ("payments.reconcile", {})):
        create_app().send_task(name, kwargs=kwargs, queue=queue_of(name))
