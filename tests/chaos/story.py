"""A story of a chaos run: what happens, and what it must have come to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.environment import ChaosStack, Patient, wait_for
from tests.support.waiting import NotInTime

# Midnights in Tokyo: 1 July, 1 August, 1 September 2027.
JULY, AUGUST, SEPTEMBER = "2027-06-30T15:00:00Z", "2027-07-31T15:00:00Z", "2027-08-31T15:00:00Z"
NOON_17_JULY, NOON_25_JULY = "2027-07-17T03:00:00Z", "2027-07-25T03:00:00Z"
OPERATOR = {"actor": "ana", "reason": "chaos"}


@dataclass
class StoryRun:
    """What a story must have come to: the status of each change, the plan of each service, and how often money came."""

    provider: Patient
    statuses: dict[str, str] = field(default_factory=dict)
    plans: dict[str, str] = field(default_factory=dict)
    invoices: dict[str, int] = field(default_factory=dict)
    payments: int = 0

    def now(self, change_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.provider.call("GET", f"/v1/plan-changes/{change_id}")
        return found

    def until(self, change_ids: list[str], status: str) -> list[dict[str, Any]]:
        """Each change, once it has the status. Raises NotInTime, with the status it has."""
        return [self._until(change_id, status) for change_id in change_ids]

    def _until(self, change_id: str, status: str) -> dict[str, Any]:
        view: dict[str, Any] = {}

        def poll() -> dict[str, Any] | None:
            view.update(self.now(change_id))
            return view if view["status"] == status else None

        try:
            return wait_for(poll, f"{change_id} to be {status}")
        except NotInTime as error:
            raise NotInTime(f"{error}; it is {view.get('status')} ({view.get('reason_text')})") from error

    def pay(self, views: list[dict[str, Any]]) -> None:
        for view in views:
            self.provider.pay(view)
            self.payments += 1

    def end(self, ids: dict[str, str], status: str, plan: str, invoices: int) -> None:
        """What is true of these changes (by service) when all is over."""
        for ref, change_id in ids.items():
            self.statuses[change_id], self.plans[ref], self.invoices[ref] = status, plan, invoices


@dataclass(frozen=True, slots=True)
class Story:
    """What happens, the plan and the period that its services begin with, the provider's clock, and what is particular
    about its catalogue."""

    run: Callable[[StoryRun, list[str]], None]
    plan: str
    period: tuple[str, str] = (JULY, AUGUST)
    clock: str = NOON_17_JULY
    catalog: dict[str, Any] = field(default_factory=dict)


def begin(chaos_stack: ChaosStack, name: str, count: int, story: Story) -> tuple[StoryRun, list[str]]:
    """A provider and its services."""
    story_run = StoryRun(chaos_stack.provider("dns", f"dns-{name}", **story.catalog))
    refs = [f"{name}-{number}" for number in range(count)]
    for ref in refs:
        story_run.provider.new_service(ref, story.plan, "JPY", "JP", story.period, "monthly")
    story_run.provider.set_clock(story.clock)
    return story_run, refs


def request(story_run: StoryRun, refs: list[str], plan: str, total: int) -> dict[str, str]:
    accept = {"accept_total": {"amount": total, "currency": "JPY"}}
    return {ref: story_run.provider.request(ref, plan, "monthly", f"key-{ref}", accept) for ref in refs}
