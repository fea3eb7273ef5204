"""The stories of a chaos run, many changes each, from the first request to the last document."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

import httpx

from engine.accounts.providers import required_provider
from models.database import transaction
from models.provider import connection_of
from tests.chaos.environment import wait_for
from tests.chaos.housekeeping import housekeeping
from tests.chaos.story import AUGUST, NOON_25_JULY, OPERATOR, Story, StoryRun, request
from tests.support import loopback
from tests.support.waiting import NotInTime
from worker.app import create_app


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
        loopback.post(view["payment"]["checkout_url"], data={"outcome": "decline"}).raise_for_status()
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
        loopback.post(invoice["checkout_url"], data={"outcome": "pay"}).raise_for_status()
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
        return loopback.post(url, content=b"{}", headers=forged).status_code == 400 or None
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
    for change_id in ids.values():
        _press(story_run, change_id, "refund")
    story_run.until(list(ids.values()), "reversed")
    story_run.end(ids, "reversed", "basic", 2)


def refund_that_fails(story_run: StoryRun, refs: list[str]) -> None:
    """When the plan has gone back, the payer's bank sends the refund back, too: it is credit, and they are told."""
    refund_after_apply(story_run, refs)
    for change_id in story_run.statuses:
        _press(story_run, change_id, "fail_refund")
    wait_for(partial(_all_came_back, story_run, len(refs)), "the failed refunds")


def _press(story_run: StoryRun, change_id: str, outcome: str) -> None:
    """At the gateway's page of the change's payment, by the provider's people or the payer's bank."""
    provider, attempt_id = story_run.provider, story_run.now(change_id)["payment"]["id"]
    url, login = provider.ready["gateway"], {"Authorization": f"Bearer {_gateway_key(story_run)}"}
    found = loopback.get(f"{url}/v1/payments", params={"reference": attempt_id}, headers=login).json()
    page = found["payments"][0]["checkout_url"]
    loopback.post(page, data={"outcome": outcome}).raise_for_status()


def _gateway_key(story_run: StoryRun) -> str:
    with transaction() as session:
        provider = required_provider(session, story_run.provider.provider)
        connection = connection_of(session, provider.id, "gateway")
        assert connection is not None
        return connection.api_key[0]


def _all_came_back(story_run: StoryRun, count: int) -> bool | None:
    movements = story_run.provider.call("GET", "/v1/payments", scope="ops")["items"]
    return [movement["kind"] for movement in movements].count("refund_failed") == count or None


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
    loopback.put(url, json=knobs).raise_for_status()


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


def leap(story_run: StoryRun, refs: list[str]) -> None:
    """A month passes in mid-flow: the offer is over, and the period was renewed on the old plan."""
    ids = request(story_run, refs, "business", 1331)
    story_run.until(list(ids.values()), "awaiting_payment")
    story_run.provider.set_clock("2027-08-17T03:00:00Z")
    story_run.until(list(ids.values()), "expired")
    pay_renewals(story_run, refs)
    story_run.end(ids, "expired", "basic", 2)


def ending(story_run: StoryRun, refs: list[str]) -> None:
    """One service ends with its period, the next at once with its credit note, after an ending that was taken back."""
    for ref in refs:
        _end_service(story_run, ref, "period_end")
    at_once = refs[::2]
    for ref in at_once:
        story_run.provider.call("DELETE", f"/v1/services/{ref}/cancellations")
        _end_service(story_run, ref, "now")
        wait_for(partial(_is_ended, story_run, ref), f"{ref} to end at once")
    story_run.provider.set_clock(AUGUST)
    for ref in refs:
        wait_for(partial(_is_ended, story_run, ref), f"{ref} to end")
    story_run.plans |= {ref: "business" for ref in refs}
    story_run.invoices |= {ref: int(ref in at_once) for ref in refs}


def _end_service(story_run: StoryRun, ref: str, at: str) -> None:
    key = {"Idempotency-Key": f"{at}-{ref}"}
    story_run.provider.call("POST", f"/v1/services/{ref}/cancellations", {"at": at}, **key)


def _is_ended(story_run: StoryRun, ref: str) -> bool | None:
    endings = story_run.provider.call("GET", f"/v1/services/{ref}/cancellations")["items"]
    return (endings[0]["status"] == "ended" and story_run.provider.hosted(ref)["ended"]) or None


STORIES = {
    "upgrade": Story(upgrade, "basic"),
    "message": Story(upgrade_by_message, "basic"),
    "declined": Story(declined_and_paid_again, "basic"),
    "downgrade": Story(downgrade_at_renewal, "start"),
    "renewal": Story(renewal, "start"),
    "expiry": Story(expiry, "basic"),
    "cancel": Story(cancel, "basic"),
    "refund": Story(refund_after_apply, "basic"),
    "refund-fails": Story(refund_that_fails, "basic"),
    "retry": Story(stuck_and_retried, "basic"),
    "compensate": Story(stuck_and_compensated, "basic"),
    "leap": Story(leap, "basic"),
    "housekeeping": Story(housekeeping, "basic"),
    "ending": Story(ending, "business"),
}
