"""Time that leaps, runs back, or has an hour too many or too few on the day of the renewal."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path

from sqlalchemy import text

from models.database import engine, transaction
from tests.chaos.days.broker import flush
from tests.chaos.environment import ChaosStack, chaos_stack, wait_for
from tests.chaos.runs import RunResult, Workload, run_stories
from tests.chaos.scenarios import STORIES, pay_renewals
from tests.chaos.story import Story, StoryRun, request
from tests.support import loopback

HOUR = 3600.0


def clocks_back() -> RunResult:
    """In mid-flow the host's clock (workers, beat, web, receiver, broker, gateway, host) is set back by an hour, and
    the database comes back from a crash on a machine whose clock is an hour behind, too."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
    assert library is not None, "install faketime (Debian's package of that name), or run `make chaos`, which does"
    with chaos_stack(0, clock_library=library) as chaos:
        names = ("upgrade", "downgrade", "expiry", "refund", "retry")
        return run_stories(chaos, Workload.of(*names), partial(_set_back, library))


def _set_back(library: Path, chaos: ChaosStack, over: threading.Event) -> int:
    over.wait(3)
    chaos.set_host_clock("-1h")
    over.wait(3)
    postgres = chaos.stack.postgres
    assert postgres is not None
    postgres.kill()
    # Not in the environment: what the library shares among root's processes is not the database's to open.
    behind = ["/usr/bin/env", f"LD_PRELOAD={library}", "FAKETIME=-1h", "FAKETIME_DONT_FAKE_MONOTONIC=1"]
    postgres.process.command = replace(postgres.process.command, argv=[*behind, *postgres.process.command.argv])
    postgres.start()
    engine().dispose()
    assert abs(_database_ahead() + HOUR) < 60
    over.wait()
    chaos.set_host_clock("+0")  # for the checks, which call the host from here
    wait_for(lambda: abs(_host_ahead(chaos)) < 60 or None, "the host's clock to be right again", 20)
    return 1


def _database_ahead() -> float:
    """Seconds by which the database's clock is ahead of ours."""
    with transaction() as session:
        now: float = session.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one()
    return float(now) - time.time()


def _host_ahead(chaos: ChaosStack) -> float:
    date = loopback.get(chaos.stack.addresses.host).headers["date"]
    return parsedate_to_datetime(date).timestamp() - time.time()


def change_of_clocks(story_run: StoryRun, refs: list[str], *, end: str, after: str, next_end: str) -> None:
    """A downgrade at a renewal on the very day on which the provider's clocks change: midnight is one day's end."""
    ids = request(story_run, refs, "basic", 0)
    story_run.until(list(ids.values()), "scheduled")
    story_run.provider.set_clock(end)
    story_run.until(list(ids.values()), "applied")
    pay_renewals(story_run, refs)
    story_run.provider.set_clock(after)
    for ref in refs:
        service = story_run.provider.call("GET", f"/v1/services/{ref}")
        period = (service["period_start"], service["period_end"])
        assert period == (end, next_end), f"{ref} is renewed for {period}"
    story_run.end(ids, "applied", "basic", 1)


# 28 March 2027 has 23 hours in Madrid, 7 November 2027 has 25 in New York. Each renewal is at the midnight before;
# `after` is in the hours around the change, when a scan that counts hours would renew again or too late.
SPRING = Story(
    partial(
        change_of_clocks, end="2027-03-27T23:00:00Z", after="2027-03-28T01:30:00Z", next_end="2027-04-27T22:00:00Z"
    ),
    "start",
    period=("2027-02-27T23:00:00Z", "2027-03-27T23:00:00Z"),
    clock="2027-03-17T11:00:00Z",
    catalog={"timezone": "Europe/Madrid"},
)
AUTUMN = Story(
    partial(
        change_of_clocks, end="2027-11-07T04:00:00Z", after="2027-11-07T06:30:00Z", next_end="2027-12-07T05:00:00Z"
    ),
    "start",
    period=("2027-10-07T04:00:00Z", "2027-11-07T04:00:00Z"),
    clock="2027-10-17T16:00:00Z",
    catalog={"timezone": "America/New_York"},
)


def leap() -> RunResult:
    """A month passes at once in mid-flow, and renewals fall on days of 23 and 25 hours, while messages are lost."""
    stories = {name: STORIES[name] for name in ("leap", "renewal")} | {"spring": SPRING, "autumn": AUTUMN}
    with chaos_stack(0) as chaos:
        return run_stories(chaos, Workload(stories, 4), flush)
