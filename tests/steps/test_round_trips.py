"""How much each kind of story may ask of the database and of the broker. The limits are what it takes today: lower one
when it takes less, and never raise one without a reason in docs/performance.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import pytest

from domain.money import Money
from engine.jobs.summary import next_work
from engine.offers import options_for
from local.stack import Stack
from models.base import new_id
from models.database import transaction
from models.ledger import credit, debit, post
from models.plan_change import PlanChange
from tasks.story import enqueue_events, enqueue_task, publish_next
from tests.support.cost import Meter, empty_queues
from tests.support.play import AUGUST, NOON_17_JULY, Play

YEN_373 = Money(373, "JPY")  # 15 of 31 days of Start for Basic, with the tax


class Limit(NamedTuple):
    statements: int
    commits: int
    transactions: int
    messages: int
    kilobytes: int


@dataclass(frozen=True)
class Story:
    """`prepare` does what is not counted and returns the id that `play` needs; `ends` is what it must have come to."""

    prepare: Callable[[Play], str]
    play: Callable[[Play, Meter, str], None]
    ends: str
    limit: Limit


def _give_credit(play: Play) -> None:
    with transaction() as session:
        service = play.service(session)
        entries = [debit("clearing:standard", "", YEN_373), credit("credit", service.customer_id, YEN_373)]
        post(session, service.provider_id, ("payment", new_id("pay")), NOON_17_JULY, entries)


def _covered(play: Play) -> str:
    _give_credit(play)
    return play.request("start")


def _refused(play: Play) -> str:
    """It is not what was accepted any more: the request of a frontend that asked before the price was known."""
    change_id = play.request("start")
    with transaction() as session:
        session.get_one(PlanChange, change_id).accepted_total_minor = 1
    return change_id


def _due_downgrade(play: Play) -> str:
    change_id = play.request("basic")
    assert play.step("quote", change_id) == "scheduled"
    play.set_clock(AUGUST)
    with transaction() as session:
        return play.service(session).id


def _enqueued(play: Play, meter: Meter, change_id: str) -> None:
    with meter.uncounted(), transaction() as session:  # that of the request
        following = next_work(session, change_id)
    publish_next(following)
    meter.run_messages()


def _paid(play: Play, meter: Meter, change_id: str) -> None:
    _enqueued(play, meter, change_id)
    with meter.uncounted():  # the gateway
        event_id = play.report(play.attempts(change_id)[-1].id, YEN_373)
    enqueue_events([event_id])
    meter.run_messages()


def _renewed(play: Play, meter: Meter, service_id: str) -> None:
    """All of it in the queue of renewals, where nobody's upgrade waits."""
    enqueue_task("renewals.run", service_id=service_id)
    ran = meter.run_messages("renewals")
    assert {"invoices.request_payment", "invoices.notify", "plan_change.apply_plan", "plan_change.notify"} <= set(ran)


STORIES = {
    "credit-covered upgrade": Story(_covered, _enqueued, "applied", Limit(44, 8, 10, 2, 16)),
    "paid upgrade": Story(lambda play: play.request("start"), _paid, "applied", Limit(85, 14, 18, 5, 29)),
    "scheduled downgrade": Story(lambda play: play.request("basic"), _enqueued, "scheduled", Limit(9, 1, 1, 1, 6)),
    "renewal with a downgrade": Story(_due_downgrade, _renewed, "basic", Limit(72, 12, 19, 2, 17)),
    "refused upgrade": Story(_refused, _enqueued, "refused", Limit(12, 1, 1, 1, 6)),
}


@pytest.mark.parametrize("name", STORIES)
def test_a_story_takes_no_more_than_today(servers: Stack, name: str) -> None:
    story = STORIES[name]
    play = Play.of(servers, plan="business" if story.ends in ("scheduled", "basic") else "basic")
    row_id = story.prepare(play)
    empty_queues()
    meter = Meter()
    with meter.counting() as cost:
        story.play(play, meter, row_id)
    with transaction() as session:
        reached = play.change(row_id).status if row_id.startswith("chg_") else play.service(session).plan
    assert reached == story.ends
    kilobytes = -(-cost.bytes // 1000)
    found = Limit(cost.statements, cost.commits, cost.transactions, cost.messages, kilobytes)
    within = all(count <= most for count, most in zip(found, story.limit, strict=True))
    assert within, f"{name}: {found}, {cost.events} events\n{cost.told()}"


def test_all_plans_are_priced_by_what_is_read_once(servers: Stack) -> None:
    play, meter = Play.of(servers), Meter()
    with transaction() as session:
        service = play.service(session)
        with meter.counting() as cost:
            priced = [option for group in options_for(session, NOON_17_JULY, service).values() for option in group]
    assert len(priced) == 6, "three plans in two cycles"
    assert cost.statements <= 7, cost.told()
