"""What Planshift needs of the system that runs the service: set the plan, and say what the service has.

The caller may repeat a call, and two callers may overlap after a lease ran out. So each call carries the change's
`key` (the same for a repetition) and the service's `generation` (grows with every change): the host answers a
repeated key with the same answer and refuses a generation lower than the one it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class ProvisionerUnknown(Exception):
    """No answer, or one that says nothing about the outcome: read before repeating."""


class ProvisionerNotAsked(ProvisionerUnknown):
    """The host was not called at all: too many calls to it are under way, or it has not answered lately. `retry_after`
    is the pause (seconds) after which it may be."""

    def __init__(self, text: str, retry_after: float | None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class ProvisionerRefused(Exception):
    """The host said no and why; the same call will be refused again."""


@dataclass(frozen=True, slots=True)
class Host:
    """The provider's system. `account` names the provider there; `secrets` sign our calls, the first one is used. Calls
    are counted for the connection."""

    account: str
    base_url: str
    secrets: tuple[str, ...]
    connection_id: str = ""


@dataclass(frozen=True, slots=True)
class PlanOrder:
    """Let `service_ref` have `plan` with `limits`."""

    service_ref: str
    plan: str
    limits: dict[str, int]
    generation: int
    key: str


@dataclass(frozen=True, slots=True)
class EndOrder:
    """Let `service_ref` run no more."""

    service_ref: str
    generation: int
    key: str


@dataclass(frozen=True, slots=True)
class HostedService:
    """What the host says the service has. `usage` has the same names as `limits`."""

    plan: str
    limits: dict[str, int]
    usage: dict[str, int]
    generation: int


class Provisioner(Protocol):
    def apply(self, host: Host, order: PlanOrder) -> HostedService:
        """Sets the plan and returns what the service has then. Raises ProvisionerUnknown, ProvisionerRefused."""
        ...

    def end(self, host: Host, order: EndOrder) -> None:
        """Ends the service; an unknown one has ended. Raises ProvisionerUnknown, ProvisionerRefused."""
        ...

    def read(self, host: Host, service_ref: str) -> HostedService | None:
        """What the service has now; None where the host does not know it. Raises ProvisionerUnknown."""
        ...
