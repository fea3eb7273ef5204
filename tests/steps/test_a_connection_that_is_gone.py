"""The database's server ends connections: between two steps nobody notices, and one that was cut has not happened."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from engine import offers, quote
from local.stack import Stack
from models import database
from models.database import engine
from tests.support.play import Play


@pytest.fixture(autouse=True)
def _none_is_left(servers: Stack) -> Iterator[None]:
    """Who comes next is handed no connection that was cut a moment ago."""
    yield
    engine().dispose()


def cut_off() -> int:
    """Ends every connection of this process's pool; returns how many those were."""
    other = create_engine(engine().url)
    mine = "application_name = 'planshift' AND datname = current_database() AND pid <> pg_backend_pid()"
    with other.begin() as connection:
        ended = connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}"))
        count = len(ended.all())
    other.dispose()
    return count


def test_between_two_steps_nobody_notices(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the connection was in use a moment ago, and so is not pinged."""
    monkeypatch.setattr(database, "IDLE_SECONDS", 60.0)
    play = Play.of(servers)
    change_id = play.request("start")
    for name, status in (("quote", "quoted"), ("issue", "invoiced"), ("print", "invoiced")):
        assert cut_off() >= 1
        assert play.step(name, change_id) == status


def test_what_was_idle_is_pinged_whoever_asks(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "IDLE_SECONDS", 0.0)
    play = Play.of(servers)
    change_id = play.request("start")
    assert cut_off() >= 1
    assert play.change(change_id).status == "requested"


def test_inside_of_a_step_it_has_not_happened(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    play = Play.of(servers)
    change_id = play.request("start")

    def cut_and_price(*args: Any, **more: Any) -> Any:
        cut_off()
        return offers.price_for(*args, **more)

    with monkeypatch.context() as broken:
        broken.setattr(quote, "price_for", cut_and_price)
        with pytest.raises(OperationalError):
            play.step("quote", change_id)
    assert (play.change(change_id).status, play.history(change_id)) == ("requested", ["requested"])
    assert play.step("quote", change_id) == "quoted"


def test_a_server_that_falls_silent_is_given_up_within_seconds(servers: Stack) -> None:
    """Also while an answer is awaited and nothing of ours is on its way: Linux asks first after two hours."""
    raw = engine().raw_connection()
    assert raw.driver_connection is not None
    with socket.socket(fileno=os.dup(raw.driver_connection.fileno())) as held:
        assert held.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        asked = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_USER_TIMEOUT")
        told = {name: held.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in asked}
    raw.close()
    assert told == {"TCP_KEEPIDLE": 2, "TCP_KEEPINTVL": 1, "TCP_USER_TIMEOUT": 4000}
