"""The host carries out each order once, whatever fails: time-outs, a lost answer, a worker that wakes up too late."""

from __future__ import annotations

import pytest

from engine import apply
from engine.apply import ApplyOutcome
from local.stack import Stack
from models.database import transaction
from models.plan_change import PlanChange
from provisioners.http import HttpProvisioner
from provisioners.registry import PROVISIONERS
from settings import settings
from tasks.run import local_step
from tests.support import loopback
from tests.support.play import NOON_17_JULY, Play


def knobs(play: Play, **settings: object) -> None:
    url = f"{play.stack.addresses.host}/_knobs/{play.slug}"
    loopback.put(url, json=settings).raise_for_status()


def orders(play: Play) -> list[dict[str, object]]:
    answer = loopback.get(f"{play.stack.addresses.host}/_orders/{play.slug}")
    return list(answer.json()["orders"])


def test_a_definite_no_leaves_it_stuck_with_the_hosts_reason(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_paid()
    knobs(play, refuse="the rack is full")
    assert play.step("apply", change_id) == "stuck"
    change = play.change(change_id)
    assert (change.reason, change.next_attempt_at) == ("host_refused", None)
    assert "the rack is full" in (change.reason_text or "")


def test_an_answer_that_got_lost_is_read_before_it_is_repeated(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROVISIONERS, "http", HttpProvisioner(timeout_seconds=0.5, total_seconds=2))
    play = Play.of(servers)
    change_id = play.until_paid()
    knobs(play, lose_answers=10)
    assert play.step("apply", change_id) == "applying"
    made = len(orders(play))
    knobs(play)
    play.end_lease(change_id)
    assert play.step("apply", change_id) == "applied"
    assert len(orders(play)) == made, "the host already had the plan: it was only read"


def test_between_two_tries_a_change_waits(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_paid()
    knobs(play, fail_times=100, fail_status=500)
    assert play.step("apply", change_id) == "applying"
    made = len(orders(play))
    assert play.step("apply", change_id) == "applying"
    assert len(orders(play)) == made


def test_a_worker_that_wakes_up_after_its_lease_writes_nothing(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_paid()
    slow = local_step(apply.begin_apply, PlanChange, change_id)
    assert isinstance(slow, apply.ApplyCall)
    play.end_lease(change_id)
    assert play.step("apply", change_id) == "applied"
    late = apply.ApplyOutcome(None, "the host refused", refused=True)
    with transaction() as session:
        assert apply.finish_apply(session, play.change(change_id).received_at, slow, late) == "applied"
    assert play.history(change_id)[-1] == "applied"


def test_two_workers_at_once_take_one_lease(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_paid()
    assert isinstance(local_step(apply.begin_apply, PlanChange, change_id), apply.ApplyCall)
    assert local_step(apply.begin_apply, PlanChange, change_id) == "applying"


def test_a_call_that_comes_after_the_next_change_has_no_effect(servers: Stack) -> None:
    play = Play.of(servers)
    first = play.until_paid()
    slow = local_step(apply.begin_apply, PlanChange, first)
    assert isinstance(slow, apply.ApplyCall)
    play.end_lease(first)
    play.step("apply", first)
    second = play.until_paid(plan="business", amount=958)  # 1452 - 581 = 871, and 10 %
    assert play.step("apply", second) == "applied"
    apply.perform_apply(slow)
    hosted = loopback.get(f"{play.stack.addresses.host}/services/zone", params={"account": play.slug})
    assert (hosted.json()["plan"], hosted.json()["generation"]) == ("business", 2)


def test_after_the_last_try_it_is_stuck(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_paid()
    knobs(play, refuse=None, deaf=True)
    with transaction() as session:
        change = session.get_one(PlanChange, change_id)
        change.apply_attempts = settings().apply_attempts_max - 1
    assert play.step("apply", change_id) == "stuck"
    assert play.change(change_id).reason == "host_unreachable"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ApplyOutcome(None, "The rack does not answer."), "The rack does not answer."),
        (ApplyOutcome(None), "The host does not show the new plan."),
    ],
)
def test_staff_read_what_the_host_last_said(servers: Stack, answer: ApplyOutcome, said: str) -> None:
    play = Play.of(servers)
    change_id = play.until_paid()
    with transaction() as session:
        session.get_one(PlanChange, change_id).apply_attempts = settings().apply_attempts_max - 1
    with transaction() as session:
        call = apply.begin_apply(session, NOON_17_JULY, change_id)
        assert isinstance(call, apply.ApplyCall)
    with transaction() as session:
        assert apply.finish_apply(session, NOON_17_JULY, call, answer) == "stuck"
    assert play.change(change_id).reason_text == said
