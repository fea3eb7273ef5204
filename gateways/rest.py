"""Calls to a gateway's REST API: JSON over HTTP under a bearer key, and what an answer says of the call.

2xx is yes. Silence, nonsense, 409 and what outbound/http.py names say nothing of the outcome; anything else is a
definite no. Adapters with a library of their own use `answered` and `failure_of`, too: every gateway is called here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from gateways.protocol import Account, GatewayError, GatewayNotAsked, GatewayRefused, NotAtGateway
from outbound.guard import NoAnswer, NotAsked
from outbound.http import HttpAnswer, request

# Of a whole call.
DEADLINE_SECONDS = 10.0
# Another request with the same key is still being answered.
_BEING_ANSWERED = 409
_NOT_THERE = (404, 410)
# Of the gateway's words so much is kept.
_WORDS_MAX = 300

S = TypeVar("S", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class RestApi:
    """How one kind of gateway is called; errors refer to it by `name`."""

    name: str
    deadline_seconds: float = DEADLINE_SECONDS

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
        content = b""
        if document is not None:
            headers["Content-Type"], content = "application/json", json.dumps(document).encode()
        url = account.base_url.rstrip("/") + path
        answer = answered(self.name, account, method, url, headers, content, self.deadline_seconds)
        if not answer.is_success:
            raise failure_of(self.name, answer)
        try:
            return shape.model_validate_json(answer.content)
        except ValidationError as error:
            raise GatewayError(f"{self.name}'s answer makes no sense: {first_fault(error)}.") from error


def answered(
    name: str,
    account: Account,
    method: str,
    url: str,
    headers: Mapping[str, str],
    content: bytes,
    deadline_seconds: float = DEADLINE_SECONDS,
) -> HttpAnswer:
    """What a gateway answers, whatever its status. Raises GatewayError, GatewayNotAsked, GatewayRefused."""
    try:
        return request(
            account.connection_id, method, url, headers=headers, content=content, deadline_seconds=deadline_seconds
        )
    except NotAsked as error:
        raise GatewayNotAsked(f"{name} was not called: {error}.", error.retry_after) from error
    except NoAnswer as error:
        raise GatewayError(f"{name} did not answer: {error}.") from error
    except httpx.InvalidURL as error:
        raise GatewayRefused(f"{name}'s address is not a URL: {error}.") from error


def failure_of(name: str, answer: HttpAnswer, words: str | None = None) -> GatewayError | GatewayRefused:
    """What an answer that is not a yes means, to be raised."""
    if answer.says_nothing or answer.status == _BEING_ANSWERED:
        return GatewayError(f"{name} answered {answer.status}.", answer.retry_after)
    refused = NotAtGateway if answer.status in _NOT_THERE else GatewayRefused
    return refused(f"{name} refused with {answer.status}: {(words or answer.text)[:_WORDS_MAX]}")


def first_fault(error: ValidationError) -> str:
    """The first thing that is wrong, without the value: it may be anything."""
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}"
