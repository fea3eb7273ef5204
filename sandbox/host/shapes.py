"""What provisioners and testers send to the host."""

from pydantic import Field, field_validator
from standardwebhooks import Webhook

from sandbox.program import StrictBody


class HostAccountSetup(StrictBody):
    """A provider. A call signed by any of the secrets is believed."""

    secrets: list[str] = Field(min_length=1)

    @field_validator("secrets")
    @classmethod
    def _can_sign(cls, secrets: list[str]) -> list[str]:
        for secret in secrets:
            Webhook(secret)  # raises ValueError for what is not whsec_ and base64
        return secrets


class ServiceSetup(StrictBody):
    """A service as it stands, set up by the tester."""

    account: str
    plan: str
    limits: dict[str, int] = Field(default={})
    usage: dict[str, int] = Field(default={})


class PlanOrderBody(StrictBody):
    """A provisioner's order: let `service` of `account` have this plan and these limits."""

    account: str
    service: str
    plan: str
    limits: dict[str, int]
    generation: int = Field(ge=0)


class EndOrderBody(StrictBody):
    """A provisioner's order: `service` of `account` runs no more."""

    account: str
    service: str
    generation: int = Field(ge=0)


class HostKnobs(StrictBody):
    """How the host misbehaves for an account. Defaults: not at all. A PUT replaces all of them."""

    fail_times: int = 0  # so many orders are answered with `fail_status` and not done
    fail_status: int = 500
    lose_answers: int = 0  # so many orders are done, and then the answer does not come for `hang_seconds`
    hang_seconds: float = 30.0
    refuse: str | None = None  # every new order is refused with this reason (422)
    slow_seconds: float = 0.0  # before anything is done
    usage: dict[str, int] = Field(default={})  # counts on top of every service's own usage
    deaf: bool = False  # orders are answered as done, and not done
