"""What a date brought waits in a queue of its own, at its first message and at every later one, and so stands before
nobody who waits at a screen."""

from __future__ import annotations

from collections.abc import Iterator
from json import loads

import pytest
from redis import Redis
from sqlalchemy import text

from engine.ending_requests import When
from local.stack import Stack
from models.database import transaction
from settings import settings
from tasks.story import enqueue
from tasks.sweep import enqueue_due
from tests.support.cost import empty_queues
from tests.support.ending_play import EndingPlay
from tests.support.play import AUGUST
from worker.app import QUEUES


@pytest.fixture
def play(servers: Stack) -> Iterator[EndingPlay]:
    empty_queues()
    yield EndingPlay.of(servers, plan="business")
    empty_queues()


def waiting(row_id: str) -> dict[str, int]:
    """How many messages about a row wait, by their queue."""
    with Redis.from_url(settings().require_broker_url()) as broker:
        ids = {queue: [loads(one)["headers"]["id"] for one in broker.lrange(queue, 0, -1)] for queue in QUEUES}
    counts = {queue: sum(one.startswith(row_id) for one in found) for queue, found in ids.items()}
    return {queue: count for queue, count in counts.items() if count}


def an_hour_passes(change_id: str, since: str) -> None:
    """Since the row was enqueued, or since its next attempt was due."""
    earlier = text(f"UPDATE plan_changes SET {since} = {since} - interval '1 hour' WHERE id = :id")
    with transaction() as session:
        session.execute(earlier, {"id": change_id})


def downgrade_that_is_due(play: EndingPlay) -> tuple[str, str]:
    """The change and the bill that its renewal left."""
    change_id = play.request("basic")
    assert play.step("quote", change_id) == "scheduled"
    play.set_clock(AUGUST)
    renewed = play.renew()
    assert renewed.change_id == change_id
    assert renewed.invoice_id is not None
    return change_id, renewed.invoice_id


def test_the_downgrade_of_a_renewal_and_its_bill_wait_among_renewals(play: EndingPlay) -> None:
    for row_id, messages in zip(downgrade_that_is_due(play), (1, 2), strict=True):
        enqueue(row_id)
        assert waiting(row_id) == {"renewals": messages}


def test_what_a_date_brought_is_found_again_among_renewals_and_not_while_it_waits_there(play: EndingPlay) -> None:
    change_id, _ = downgrade_that_is_due(play)
    counts = []
    for _ in range(3):
        an_hour_passes(change_id, "next_attempt_at")
        enqueue_due()
        counts.append(waiting(change_id))
    assert counts == [{"renewals": 1}] * 3
    empty_queues()
    for since in ("enqueued_at", "next_attempt_at"):
        an_hour_passes(change_id, since)
    enqueue_due()
    assert waiting(change_id) == {"renewals": 1}, "what is lost is found again"


@pytest.mark.parametrize(("at", "queue"), [("now", "outside"), ("period_end", "renewals")])
def test_an_ending_at_once_waits_for_no_renewal(play: EndingPlay, at: When, queue: str) -> None:
    ending_id = play.end(at)
    if at == "period_end":
        play.set_clock(AUGUST)
        assert play.run_ending(ending_id) == "ending"
    enqueue(ending_id)
    assert waiting(ending_id) == {queue: 1}
