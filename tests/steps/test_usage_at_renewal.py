"""What the host counts at the renewal decides whether a scheduled downgrade fits, not what it reported before."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.accounts.catalogs import load_catalog
from local.stack import Stack
from models.database import transaction
from tests.conftest import catalog_named
from tests.support import loopback
from tests.support.money_play import MoneyPlay
from tests.support.play import AUGUST, Play


def hosted(play: Play, zones: int) -> None:
    """The host has Start, with so many zones; it has reported none to us."""
    start = {"account": play.slug, "plan": "start", "limits": {"zones": 10, "records": 1000}, "usage": {"zones": zones}}
    loopback.put(f"{play.stack.addresses.host}/services/zone", json=start).raise_for_status()


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


def test_by_policy_staff_are_asked_and_have_their_days(servers: Stack) -> None:
    """Seven zones do not fit into Basic: Start is renewed, and staff decide within the days of the catalogue."""
    play = MoneyPlay.of(servers, plan="start")
    catalog = catalog_named(play.slug, "dns")
    policies = catalog.policies.model_copy(update={"over_limit_at_renewal": "ask", "staff_review_days": 5})
    with transaction() as session:
        load_catalog(session, catalog.model_copy(update={"policies": policies}), sandbox=True)
    change_id = play.request("basic")
    assert play.step("quote", change_id) == "scheduled"
    hosted(play, 7)
    play.set_clock(AUGUST)
    play.renew()
    change = play.change(change_id)
    assert (change.status, change.reason, change.review_until) == (
        "awaiting_review",
        "over_limit",
        AUGUST + timedelta(days=5),
    )
    assert "review_requested" in play.notices(change_id)
    assert play.ledger()["receivable"] == 1320


def test_once_warned_the_renewal_has_all_its_tries_again(servers: Stack) -> None:
    """Seven days ahead the customer is told once that four zones are one too many; what failed before is forgotten."""
    play = MoneyPlay.of(servers, plan="start")
    change_id = play.request("basic")
    assert play.step("quote", change_id) == "scheduled"
    hosted(play, 4)
    play.set_clock(AUGUST - timedelta(days=7))
    with transaction() as session:
        play.service(session).attempts = 3
    for _ in range(2):
        play.renew()
        with transaction() as session:
            assert play.service(session).attempts == 0
    assert play.notices(change_id).count("at_risk") == 1
    assert play.change(change_id).warned_at == AUGUST - timedelta(days=7)
