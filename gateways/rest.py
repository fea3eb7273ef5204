"""Calls to a gateway's REST API: JSON over HTTP under a bearer key, and what an answer says of the call.

2xx is yes, any other answer a definite no; 408, 425, 429, 5xx, silence and nonsense say nothing of the outcome.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from gateways.protocol import Account, GatewayError, GatewayRefused

TIMEOUT_SECONDS = 10.0
_TRY_AGAIN = (408, 425, 429)

S = TypeVar("S", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class RestApi:
    """How one kind of gateway is called; errors refer to it by `name`."""

    name: str
    timeout_seconds: float = TIMEOUT_SECONDS

    def call(
        self,
        account: Account,
        method: str,
        path: str,
        shape: type[S],
        document: dict[str, object] | None = None,
        *,
        key: str | None = None,
    ) -> S:
        """The answer in its shape; `key` makes a repeated request the same one. Raises GatewayError, GatewayRefused."""
        headers = {"Authorization": f"Bearer {account.api_key}"} | ({"Idempotency-Key": key} if key else {})
        url = account.base_url.rstrip("/") + path
        try:
            answer = httpx.request(
                method, url, headers=headers, json=document, timeout=self.timeout_seconds, verify=_tls()
            )
        except httpx.HTTPError as error:
            raise GatewayError(f"{self.name} did not answer: {type(error).__name__}.") from error
        except httpx.InvalidURL as error:
            raise GatewayRefused(f"{self.name}'s address is not a URL: {error}.") from error
        if answer.status_code >= 500 or answer.status_code in _TRY_AGAIN:
            raise GatewayError(f"{self.name} answered {answer.status_code}.")
        if not answer.is_success:
            raise GatewayRefused(f"{self.name} refused with {answer.status_code}: {answer.text[:300]}")
        try:
            return shape.model_validate_json(answer.content)
        except ValidationError as error:
            raise GatewayError(f"{self.name}'s answer makes no sense: {first_fault(error)}.") from error


def first_fault(error: ValidationError) -> str:
    """The first thing that is wrong, without the value: it may be anything."""
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}"


@cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the certificates of all authorities takes longer than most calls."""
    return httpx.create_ssl_context()
