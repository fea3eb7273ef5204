"""The writer of the webhook receiver: nobody waits while it has nothing to do, and nothing is kept for who has gone."""

from __future__ import annotations

import asyncio
import threading

import pytest

from engine.payments.inbox_store import ReceivedWebhook
from gateways.protocol import Delivery
from web.webhooks import writer
from web.webhooks.writer import Filed, InboxWriter


def webhook(event_key: str) -> ReceivedWebhook:
    return ReceivedWebhook("prv_1", "con_1", Delivery(event_key), b"{}")


def filed(webhooks: list[ReceivedWebhook]) -> list[Filed]:
    return [one.delivery.event_key for one in webhooks]


def test_who_writes_in_the_moment_of_the_last_answer_is_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer wakes its sender in the iteration of the loop in which the task that gave it ends."""
    monkeypatch.setattr(writer, "RECEIVER_CONNECTIONS", 1)
    monkeypatch.setattr(writer, "write_down", filed)

    async def one_after_the_other() -> list[Filed]:
        inbox = InboxWriter()
        async with asyncio.timeout(5):
            return [await inbox.write(webhook(f"evt_{n}")) for n in range(3)]

    assert asyncio.run(one_after_the_other()) == ["evt_0", "evt_1", "evt_2"]


def test_a_webhook_whose_sender_was_told_503_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the database hangs, gateways repeat theirs: what nobody waits for any more takes no place in the next."""
    monkeypatch.setattr(writer, "RECEIVER_CONNECTIONS", 1)
    begun, hangs, written = threading.Event(), threading.Event(), list[Filed]()

    def write_down(webhooks: list[ReceivedWebhook]) -> list[Filed]:
        begun.set()
        assert hangs.wait(10)
        written.extend(filed(webhooks))
        return filed(webhooks)

    async def posted() -> list[Filed]:
        inbox = InboxWriter()
        first = asyncio.create_task(inbox.write(webhook("evt_1")))
        assert await asyncio.to_thread(begun.wait, 10)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(inbox.write(webhook("evt_2")), 0.05)
        third = asyncio.create_task(inbox.write(webhook("evt_3")))
        hangs.set()
        return list(await asyncio.wait_for(asyncio.gather(first, third), 5))

    monkeypatch.setattr(writer, "write_down", write_down)
    assert asyncio.run(posted()) == ["evt_1", "evt_3"]
    assert written == ["evt_1", "evt_3"]
