"""A host behind HTTP: orders are signed JSON, reads are signed too.

    POST /v1/services/{ref}/plan  Idempotency-Key; {account, service, plan, limits, generation}
    POST /v1/services/{ref}/end   Idempotency-Key; {account, service, generation}
    GET  /v1/services/{ref}
    all → {plan, limits, usage, generation}; of the answer to an end its status alone counts

Headers X-Account and the three of Standard Webhooks. An order is signed over its body, a read over its path. 2xx is
yes, what says nothing (outbound/http.py) and silence are followed by the same call with the same key for a while, and
anything else is no.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from urllib.parse import quote, urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from outbound.guard import NoAnswer, NotAsked
from outbound.http import HttpAnswer, request
from provisioners.protocol import (
    EndOrder,
    Host,
    HostedService,
    PlanOrder,
    ProvisionerNotAsked,
    ProvisionerRefused,
    ProvisionerUnknown,
)

_PAUSES_SECONDS = (0.0, 0.2, 0.5, 1.0)  # before the tries of one call; the sweep comes back for longer troubles
_RETRY_AFTER_MAX_SECONDS = 3.0
_REASON_CHARACTERS_MAX = 300


class _Service(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")
    plan: str
    limits: dict[str, int]
    usage: dict[str, int]
    generation: int


class HttpProvisioner:
    """One call lasts at most `total_seconds`, so that it ends within the lease under which it is made."""

    def __init__(self, timeout_seconds: float = 8.0, total_seconds: float = 25.0) -> None:
        self._timeout_seconds = timeout_seconds
        self._total_seconds = total_seconds

    def apply(self, host: Host, order: PlanOrder) -> HostedService:
        """Sets the plan and returns what the service has then. Raises ProvisionerUnknown, ProvisionerRefused."""
        document = {
            "account": host.account,
            "service": order.service_ref,
            "plan": order.plan,
            "limits": order.limits,
            "generation": order.generation,
        }
        body = json.dumps(document).encode()
        path = f"/v1/services/{quote(order.service_ref, safe='')}/plan"
        answer = self._repeat(host, "POST", path, body, key=order.key)
        if not answer.is_success:
            raise ProvisionerRefused(_reason(answer))
        return _service(answer)

    def end(self, host: Host, order: EndOrder) -> None:
        """Ends the service; an unknown one has ended. Raises ProvisionerUnknown, ProvisionerRefused."""
        document = {"account": host.account, "service": order.service_ref, "generation": order.generation}
        path = f"/v1/services/{quote(order.service_ref, safe='')}/end"
        answer = self._repeat(host, "POST", path, json.dumps(document).encode(), key=order.key)
        # 404 says that there is no such service, or that the host does not know this call.
        gone = answer.status == 404 and self.read(host, order.service_ref) is None
        if not answer.is_success and not gone:
            raise ProvisionerRefused(_reason(answer))

    def read(self, host: Host, service_ref: str) -> HostedService | None:
        """What the service has now; None where the host does not know it. Raises ProvisionerUnknown."""
        answer = self._repeat(host, "GET", f"/v1/services/{quote(service_ref, safe='')}", b"")
        if answer.status == 404:
            return None
        if not answer.is_success:
            raise ProvisionerUnknown(_reason(answer))
        return _service(answer)

    def _repeat(self, host: Host, method: str, path: str, body: bytes, key: str | None = None) -> HttpAnswer:
        """The first answer that says yes or no. Raises ProvisionerUnknown, ProvisionerNotAsked."""
        url = host.base_url.rstrip("/") + path
        deadline = time.monotonic() + self._total_seconds
        silence, retry_after_seconds = "", 0.0
        for pause in _PAUSES_SECONDS:
            time.sleep(max(pause, retry_after_seconds))
            seconds_left = deadline - time.monotonic()
            if seconds_left <= 0:
                break
            headers = _signed(host, body or urlsplit(url).path.encode()) | ({"Idempotency-Key": key} if key else {})
            try:
                limit = min(self._timeout_seconds, seconds_left)
                answer = request(host.connection_id, method, url, headers=headers, content=body, deadline_seconds=limit)
            except NotAsked as error:
                if silence:  # an earlier try may have reached it
                    break
                raise ProvisionerNotAsked(f"The host was not called: {error}.", error.retry_after) from error
            except NoAnswer as error:
                silence, retry_after_seconds = f"no answer ({error})", 0.0
                continue
            except httpx.InvalidURL as error:
                raise ProvisionerUnknown(f"The host's address is not a URL: {error}.") from error
            if not answer.says_nothing:
                return answer
            silence = f"it answered {answer.status}"
            retry_after_seconds = min(answer.retry_after or 0.0, _RETRY_AFTER_MAX_SECONDS)
        raise ProvisionerUnknown(f"The host has not said what became of it: {silence}.")


def _signed(host: Host, signed: bytes) -> dict[str, str]:
    """Each try is signed anew, because a signature is good for five minutes only."""
    message_id = f"msg_{secrets.token_hex(12)}"
    timestamp = str(int(time.time()))
    key = base64.b64decode(host.secrets[0].removeprefix("whsec_"))
    digest = hmac.digest(key, b".".join((message_id.encode(), timestamp.encode(), signed)), hashlib.sha256)
    return {
        "Content-Type": "application/json",
        "X-Account": host.account,
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _service(answer: HttpAnswer) -> HostedService:
    try:
        reported = _Service.model_validate_json(answer.content)
    except ValidationError as error:
        raise ProvisionerUnknown("The host's answer is not {plan, limits, usage, generation}.") from error
    return HostedService(reported.plan, reported.limits, reported.usage, reported.generation)


def _reason(answer: HttpAnswer) -> str:
    """The host's own words where it has some."""
    try:
        detail = json.loads(answer.content)["detail"]
    except (ValueError, KeyError, TypeError):
        detail = answer.text
    return f"{str(detail)[:_REASON_CHARACTERS_MAX]} (the host answered {answer.status})"
