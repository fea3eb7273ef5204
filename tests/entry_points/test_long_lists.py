"""A list reads what its rows show for all of them at once: many rows are as many statements as one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from domain.money import Money
from engine.accounts.access import create_key
from local.stack import Stack
from models.database import transaction
from models.outbox import OutboxMessage
from models.provider import SCOPES
from settings import settings
from tests.support.cost import Meter
from tests.support.ending_play import EndingPlay
from tests.support.money_play import yen
from web.app import create_app

LISTS = ("plan-changes", "invoices", "services", "customers", "payments", "webhooks")


def paid(play: EndingPlay) -> None:
    play.until_paid()


def declined(play: EndingPlay) -> None:
    change_id = play.until_awaiting_payment("start")
    play.process(play.report(play.attempts(change_id)[-1].id, yen(373), "payment.failed"))


def refused(play: EndingPlay) -> None:
    """The gateway takes no payment that is so small."""
    play.turn(minimum=374)
    assert play.steps("quote issue print request_payment", play.request("start")) == "invoiced"
    play.turn()


def on_its_way(play: EndingPlay) -> None:
    change_id = play.until_awaiting_payment("start")
    play.process(play.report(play.attempts(change_id)[-1].id, yen(373), "payment.pending"))


def ends(play: EndingPlay) -> None:
    play.run_ending(play.end())


def unmatched(play: EndingPlay) -> None:
    """In another currency than what it was asked for."""
    change_id = play.until_awaiting_payment("start")
    play.process(play.report(play.attempts(change_id)[-1].id, Money(373, "USD")))


def disputed(play: EndingPlay) -> None:
    change_id = play.until_paid()
    assert play.step("apply", change_id) == "applied"
    play.process(play.report_dispute(play.attempts(change_id)[-1].id, "opened", 373))


def unheard(play: EndingPlay) -> None:
    """Nobody could be told of what was asked for."""
    play.until_awaiting_payment("start")
    with transaction() as session:
        own = OutboxMessage.provider_id == play.provider(session).id
        session.execute(update(OutboxMessage).where(own).values(next_attempt_at=None, last_error="no such mailbox"))


@pytest.mark.parametrize("live", [paid, declined, refused, on_its_way, ends])
def test_a_long_list_asks_the_database_no_more_often_than_a_short_one(
    servers: Stack, live: Callable[[EndingPlay], None]
) -> None:
    play = EndingPlay.of(servers)
    with transaction() as session:
        key = create_key(session, play.provider(session), list(SCOPES))[1]
    with TestClient(create_app(), headers={"Authorization": f"Bearer {key}"}) as client:
        live(play)
        one, short = _read(client)
        for ref in ("b", "c", "d"):
            live(play.beside(ref))
        four, long = _read(client)
    assert four == {name: 4 * rows for name, rows in one.items()}
    assert sum(one.values()) > 1
    assert long == short


@pytest.mark.parametrize("live", [refused, unmatched, disputed, unheard])
def test_a_page_of_the_staff_asks_no_more_often_where_more_waits(
    servers: Stack, live: Callable[[EndingPlay], None]
) -> None:
    play = EndingPlay.of(servers)
    with transaction() as session:
        key = create_key(session, play.provider(session), list(SCOPES))[1]
    with TestClient(create_app(), base_url=settings().public_url) as client:
        client.post("/staff/sign-in", data={"key": key, "actor": "Ana", "next": "/"}).raise_for_status()
        live(play)
        live(play.beside("b"))
        short = _cost_of_pages(client)
        for ref in ("c", "d", "e"):
            live(play.beside(ref))
        assert _cost_of_pages(client) == short
        assert client.get("/staff/").text.count("</time>") == 5


def _cost_of_pages(client: TestClient) -> dict[str, int]:
    """By page, how many statements it took."""
    found = {}
    for path in ("/", "/money", "/search?q=example"):
        with Meter().counting() as cost:
            client.get(f"/staff{path}").raise_for_status()
        found[path] = cost.statements
    return found


def _read(client: TestClient) -> tuple[dict[str, int], dict[str, int]]:
    """By list, how many rows it has, and how many statements it took."""
    rows, statements = {}, {}
    for name in LISTS:
        with Meter().counting() as cost:
            rows[name] = len(client.get(f"/v1/{name}").raise_for_status().json()["items"])
        statements[name] = cost.statements
    return rows, statements
