"""Hostile days: everything around us breaks again and again while stories run; then the same checks."""

from __future__ import annotations

from collections.abc import Callable

from tests.chaos.days import broker, clocks, neighbours, processes, versions
from tests.chaos.environment import chaos_stack
from tests.chaos.runs import Break, RunResult, Workload, run_stories

USUAL = Workload.of("upgrade", "downgrade", "expiry", "refund")
UNDER_LOAD = Workload.of("upgrade", "downgrade", "expiry", "refund", seconds=processes.TWO_MINUTES)


def day(break_things: Break, workload: Workload = USUAL) -> Callable[[], RunResult]:
    def run() -> RunResult:
        with chaos_stack(0) as chaos:
            return run_stories(chaos, workload, break_things)

    return run


DAYS: dict[str, Callable[[], RunResult]] = {
    "processes-die": day(processes.processes_die, UNDER_LOAD),
    "broker-dies": day(broker.broker_dies),
    "half-open": broker.half_open,
    "rabbitmq": broker.rabbitmq,
    "database-dies": day(processes.database_dies),
    "slow-host": day(neighbours.slow_host, Workload.of(*neighbours.NAMES)),
    "host-answers-twice": neighbours.host_answers_twice,
    "disk-full": neighbours.disk_is_full,
    "clocks-back": clocks.clocks_back,
    "leap": clocks.leap,
    "two-versions": versions.old_and_new,
    "flushall": day(broker.flush),
    "twice-and-shuffled": day(broker.twice_and_shuffled),
    "two-beats": day(processes.two_beats),
}
