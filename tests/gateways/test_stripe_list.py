"""Stripe's list of events, newest first, is read from the oldest on: page by page, whatever comes in between."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from engine.accounts.access import connect
from engine.payments.reconciliation import Listed, list_page
from gateways.protocol import Account
from gateways.registry import GATEWAYS
from local.stack import Stack
from models.database import transaction
from models.inbox import InboxEvent
from models.provider import Connection
from tasks.run import external_step
from tests.gateways.served import Routes, served
from tests.support.money_play import MoneyPlay

GATEWAY = GATEWAYS["stripe"]


class FakeStripe(Routes):
    """The list of events with the parameters that its documentation names; the newest event is the first."""

    events: ClassVar[list[dict[str, Any]]] = []
    calls: ClassVar[list[str]] = []
    broken_after: ClassVar[int | None] = None

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        assert url.path == "/v1/events"
        self.calls.append(url.query)
        if self.broken_after is not None and len(self.calls) > self.broken_after:
            self.answer(401, {"error": {"message": "Expired API Key provided", "type": "invalid_request_error"}})
            return
        span = {name: int(query[f"created[{name}]"][0]) for name in ("gte", "lt")}
        types = {value for name, [value] in query.items() if name.startswith("types[")}
        assert 0 < len(types) <= 20
        found = [e for e in self.events if span["gte"] <= e["created"] < span["lt"] and e["type"] in types]
        found.sort(key=lambda event: -event["created"])
        ids = [event["id"] for event in found]
        start = ids.index(query["starting_after"][0]) + 1 if "starting_after" in query else 0
        end = start + int(query["limit"][0])
        self.answer(200, {"object": "list", "data": found[start:end], "has_more": end < len(found), "url": url.path})


@pytest.fixture
def stripe_url() -> Iterator[str]:
    FakeStripe.events, FakeStripe.calls, FakeStripe.broken_after = [], [], None
    with served(FakeStripe) as url:
        yield url


@pytest.fixture
def play(servers: Stack, stripe_url: str) -> MoneyPlay:
    play = MoneyPlay.of(servers)
    with transaction() as session:
        connect(
            session, play.provider(session), "gateway", "stripe", stripe_url, "sk_test_list", ("whsec_" + "0" * 24,)
        )
    return play


def happened(number: int, ago: int, kind: str = "charge.refunded") -> None:
    FakeStripe.events.append(
        {"id": f"evt_{number:05d}", "type": kind, "created": int(time.time()) - ago, "data": {"object": {"id": "ch"}}}
    )


def read_page(play: MoneyPlay) -> Listed:
    with transaction() as session:
        connection_id = play.gateway(session).id
    return external_step(list_page, Connection, connection_id)


def stored(play: MoneyPlay) -> list[str]:
    with transaction() as session:
        query = select(InboxEvent.event_key).where(InboxEvent.provider_id == play.provider(session).id)
        return list(session.scalars(query.order_by(InboxEvent.id)))


def connection(play: MoneyPlay) -> Connection:
    with transaction() as session:
        return play.gateway(session)


def test_of_1500_events_none_is_left_out_and_the_oldest_come_first(play: MoneyPlay) -> None:
    """An afternoon of 1,500 events while nothing of ours ran, the first of them a refund."""
    for number in range(1500):
        happened(number, ago=20_000 - 10 * number)
    sizes = []
    while True:
        listed = read_page(play)
        sizes.append(len(listed.events))
        if not listed.more:
            break
    assert stored(play) == [f"evt_{number:05d}" for number in range(1500)]
    assert max(sizes) <= 100
    assert len(FakeStripe.calls) < 200
    assert read_page(play) == Listed((), more=False), "nothing is new"


def test_what_ends_between_two_pages_goes_on_from_there(play: MoneyPlay) -> None:
    for number in range(250):
        happened(number, ago=20_000 - 10 * number)
    first = read_page(play)
    assert first.more
    read = len(first.events)
    assert stored(play) == [f"evt_{number:05d}" for number in range(read)], "the oldest"
    FakeStripe.broken_after = len(FakeStripe.calls)
    before = connection(play).events_cursor
    assert read_page(play) == Listed()
    assert connection(play).events_cursor == before
    assert "Stripe refused with 401" in (connection(play).list_error or "")
    FakeStripe.broken_after = None
    for number in range(250, 260):  # and meanwhile the world goes on
        happened(number, ago=100)
    while read_page(play).more:
        pass
    assert connection(play).list_error is None
    assert len(stored(play)) == 260


def test_more_events_in_one_second_than_fit_on_a_page(play: MoneyPlay) -> None:
    for number in range(230):
        happened(number, ago=5_000)
    happened(999, ago=4_000)
    while read_page(play).more:
        pass
    assert sorted(stored(play)) == [*(f"evt_{number:05d}" for number in range(230)), "evt_00999"]


def test_what_is_listed_late_is_found_all_the_same(play: MoneyPlay) -> None:
    happened(1, ago=5)
    while read_page(play).more:
        pass
    happened(0, ago=30)  # older than what was listed already
    while read_page(play).more:
        pass
    assert stored(play) == ["evt_00001", "evt_00000"]


def test_only_what_is_about_money_is_asked_for(stripe_url: str) -> None:
    happened(1, ago=100, kind="customer.created")
    happened(2, ago=100, kind="charge.dispute.created")
    page = GATEWAY.recent_events(Account("dns", stripe_url, "sk_test_list", ()), None)
    assert [event.event_key for event in page.events] == ["evt_00002"]
