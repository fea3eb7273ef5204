"""Sends the webhooks, signed by the vendors' own library, and repeats each until it is answered with a 2xx."""

import asyncio
import sqlite3
import time
from datetime import UTC, datetime

import httpx
from standardwebhooks import Webhook

from sandbox.gateway.store import GatewayStore

# Seconds before the next attempt; the last one repeats. Real gateways wait minutes and days.
_PAUSES = (0.3, 0.5, 1, 2, 4, 8, 10)
_ATTEMPTS = 60  # about ten minutes
_ANSWER_SECONDS = 10
_IDLE_SECONDS = 0.05


class Courier:
    """Runs until cancelled. Deliveries do not wait for each other, so a slow receiver delays only its own."""

    def __init__(self, store: GatewayStore) -> None:
        self._store = store
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        async with httpx.AsyncClient(timeout=_ANSWER_SECONDS, trust_env=False) as client:
            while True:
                for delivery in self._store.waiting_deliveries():
                    if delivery["due"] <= time.time() and delivery["id"] not in self._tasks:
                        self._begin(client, delivery)
                await asyncio.sleep(_IDLE_SECONDS)

    def _begin(self, client: httpx.AsyncClient, delivery: sqlite3.Row) -> None:
        task = asyncio.create_task(self._deliver(client, delivery))
        self._tasks[delivery["id"]] = task
        task.add_done_callback(lambda _task: self._tasks.pop(delivery["id"]))

    async def _deliver(self, client: httpx.AsyncClient, delivery: sqlite3.Row) -> None:
        account = self._store.account(delivery["account"])
        assert account is not None
        headers = signed_headers(account.webhook_secrets, delivery["event"], delivery["payload"])
        try:
            answer = await client.post(account.webhook_url, content=delivery["payload"], headers=headers)
            said, status = str(answer.status_code), answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            said, status = type(error).__name__, 0
        attempts = delivery["attempts"] + 1
        state = "waiting"
        if 200 <= status < 300:
            state = "delivered"
        elif status == 410 or attempts >= _ATTEMPTS:
            state = "given up"
        pause = _PAUSES[min(attempts, len(_PAUSES)) - 1]
        self._store.record_delivery(delivery["id"], state, said, time.time() + pause)


def signed_headers(secrets: list[str], event: str, payload: str) -> dict[str, str]:
    """One signature for each secret. The time is real: a sandbox clock has nothing to do with replay."""
    now = datetime.now(UTC)
    return {
        "content-type": "application/json",
        "webhook-id": event,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(event, now, payload) for secret in secrets),
    }
