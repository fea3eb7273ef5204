"""The short form of `planshift chaos`: three stories, and a process dies at each of a part of the boundaries."""

from __future__ import annotations

import pytest

from tests.chaos.crash_points import ELSEWHERE, ENGINE_CALLS, ROOT, crash_everywhere, uncovered
from tests.chaos.runs import Workload

# Of a hundred boundaries; another part is chosen when a name changes. All of them: planshift chaos.
SHARE = 15


@pytest.mark.timeout(280)
def test_nothing_is_lost_and_nothing_is_done_twice() -> None:
    result = crash_everywhere(Workload.of("upgrade", "downgrade", "expiry", count=2), SHARE)
    assert result.verdict.holds, str(result.verdict)
    assert result.kills >= 8
    assert len(result.boundaries) > 100


def test_a_boundary_that_nobody_died_at_is_missed() -> None:
    """A new commit, publish or external call must be in a story."""
    missing = uncovered(["killed core before commit 1 of nothing in tasks/plan_change.py:quote_change"])
    assert "commit in tasks/plan_change.py:quote_change" not in missing
    assert {
        "commit in tasks/sweep.py:enqueue_due",
        "commit in tasks/renewals.py:run",
        "publish in tasks/payments.py:_process",
        "call gateway.create",
    } <= set(missing)


def test_external_calls_are_found_in_the_code() -> None:
    assert ENGINE_CALLS.findall("service = provisioner.read(call.host)") == [("provisioner", "read")]


def test_what_is_tried_elsewhere_is_still_there() -> None:
    """A function that moved would be missed by the stories, and excused by nobody."""
    functions = [name.removeprefix("publish in ").split(":") for name in ELSEWHERE if ":" in name]
    gone = [f"{file}:{name}" for file, name in functions if f"def {name}(" not in (ROOT / file).read_text()]
    assert gone == []
