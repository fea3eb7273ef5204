"""An operator's POST: under an `Idempotency-Key` it happens once, and the same request again has the same answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from engine.jobs.idempotency import KeyedRequest, earlier_answer, once
from web.api.auth import ApiTransaction, Caller, OpsKey, transaction_for
from web.api.changes import bare_key

Shape = TypeVar("Shape", bound=BaseModel)


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
        if repeated:
            self.response.headers["Idempotent-Replayed"] = "true"
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
