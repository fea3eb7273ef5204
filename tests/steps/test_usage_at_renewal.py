"""What the host counts at the renewal decides whether a scheduled downgrade fits, not what it reported before."""

from __future__ import annotations

import httpx
import pytest

from local.stack import Stack
from models.database import transaction
from tests.support.play import AUGUST, Play


def hosted(play: Play, zones: int) -> None:
    """The host has Start, with so many zones; it has reported none to us."""
    start = {"account": play.slug, "plan": "start", "limits": {"zones": 10, "records": 1000}, "usage": {"zones": zones}}
    httpx.put(f"{play.stack.addresses.host}/services/zone", json=start, trust_env=False).raise_for_status()


@pytest.mark.parametrize(("zones", "status", "owed"), [(3, "applying", 550), (4, "refused", 1320)])
def test_basic_has_three_zones(servers: Stack, zones: int, status: str, owed: int) -> None:
    """On 1 August: Basic for 500 and 10 %, or Start for another month, 1,200 and 10 %."""
    play = Play.of(servers, plan="start")
    change_id = play.request("basic")
    assert play.step("quote", change_id) == "scheduled"
    hosted(play, zones)
    play.set_clock(AUGUST)
    play.renew()
    assert (play.change(change_id).status, play.ledger()["receivable"]) == (status, owed)
    with transaction() as session:
        assert play.service(session).usage["zones"] == zones
