"""The Idempotency-Key of a request: how it is written, how a repetition is told, and operators' POSTs, which under one
happen once and answer the same request again in the same way."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from engine.jobs.idempotency import KeyedRequest, earlier_answer, once
from web.api.auth import ApiTransaction, Caller, OpsKey, transaction_for
from web.api.problems import KEY_MISSING, Problem

Shape = TypeVar("Shape", bound=BaseModel)


REPLAYED: dict[str, Any] = {
    "Idempotent-Replayed": {
        "description": "`true` where the key and the request were known: nothing was done again. A key never expires.",
        "schema": {"type": "string", "examples": ["true"]},
    }
}


def bare_key(key: str) -> str:
    """The key with or without the quotes of a structured header string."""
    bare = key.strip()
    if len(bare) >= 2 and bare[0] == bare[-1] == '"':
        bare = bare[1:-1]
    if not bare:
        raise Problem("idempotency_key_missing", KEY_MISSING)
    return bare


def told(repeated: bool) -> dict[str, str]:
    """The headers of an answer that may have been given before."""
    return {"Idempotent-Replayed": "true"} if repeated else {}


@dataclass(frozen=True, slots=True)
class Operation:
    """One request of an operator. Without a key it is another one each time."""

    caller: Caller
    request: KeyedRequest | None
    response: Response

    def once(self, shape: type[Shape], act: Callable[[ApiTransaction], Shape]) -> Shape:
        """What `act` answers, in one transaction with what it does; or what it answered before, and nothing is done."""
        with transaction_for(self.caller) as tx:
            answer, repeated = once(tx.session, tx.provider.id, self.request, lambda: act(tx).model_dump(mode="json"))
        return self._told(shape, answer, repeated)

    def earlier(self, shape: type[Shape]) -> Shape | None:
        """What it was answered before; for what takes more than one transaction."""
        with transaction_for(self.caller) as tx:
            answer = earlier_answer(tx.session, tx.provider.id, self.request)
        return None if answer is None else self._told(shape, answer, True)

    def _told(self, shape: type[Shape], answer: object, repeated: bool) -> Shape:
        self.response.headers.update(told(repeated))
        return shape.model_validate(answer)


async def _operation(
    request: Request,
    response: Response,
    caller: OpsKey,
    idempotency_key: Annotated[
        str | None,
        Header(max_length=255, description="A new one for each request; the same one to repeat it: it is done once."),
    ] = None,
) -> Operation:
    if idempotency_key is None:
        return Operation(caller, None, response)
    raw = await request.body()
    try:
        body = json.loads(raw) if raw else None
    except ValueError:
        body = raw.hex()
    what = (request.method, request.url.path, body)
    return Operation(caller, KeyedRequest.of(bare_key(idempotency_key), *what), response)


OneOperation = Annotated[Operation, Depends(_operation)]
