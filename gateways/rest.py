"""Calls to a gateway's REST API: JSON over HTTP under a bearer key, and what an answer says of the call.

2xx is yes, any other answer a definite no; 408, 409, 425, 429, 5xx, silence and nonsense say nothing of the outcome.
Adapters with a library of their own ask failure_of, too: every gateway's no is classified here.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from gateways.protocol import Account, GatewayError, GatewayRefused, NotAtGateway

TIMEOUT_SECONDS = 10.0
# 409: another request with the same key is still being answered.
_TRY_AGAIN = (408, 409, 425, 429)
_NOT_THERE = (404, 410)
# Of the gateway's words so much is kept.
_WORDS_MAX = 300
_SECONDS = re.compile(r"\d{1,9}")

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
        if not answer.is_success:
            raise failure_of(self.name, answer.status_code, answer.text, answer.headers.get("retry-after"))
        try:
            return shape.model_validate_json(answer.content)
        except ValidationError as error:
            raise GatewayError(f"{self.name}'s answer makes no sense: {first_fault(error)}.") from error


def failure_of(
    name: str, status: int | None, words: str, retry_after: str | None = None
) -> GatewayError | GatewayRefused:
    """What an answer that is not a yes means, to be raised; a status of None is silence."""
    if status is None:
        return GatewayError(f"{name} did not answer: {words[:_WORDS_MAX]}.")
    if status >= 500 or status in _TRY_AGAIN:
        seconds = float(retry_after) if retry_after and _SECONDS.fullmatch(retry_after) else None
        return GatewayError(f"{name} answered {status}.", seconds)
    refused = NotAtGateway if status in _NOT_THERE else GatewayRefused
    return refused(f"{name} refused with {status}: {words[:_WORDS_MAX]}")


def first_fault(error: ValidationError) -> str:
    """The first thing that is wrong, without the value: it may be anything."""
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}"


@cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the certificates of all authorities takes longer than most calls."""
    return httpx.create_ssl_context()
