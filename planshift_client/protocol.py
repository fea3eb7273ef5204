"""What both clients do with a call and its answer, without sending anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

import httpx
from pydantic import TypeAdapter, ValidationError

from planshift_client.calls import Call
from planshift_client.errors import Refused
from planshift_client.shapes import PlanChange, ProblemDocument

Answer = TypeVar("Answer")

# Repeated: no connection, no answer, not now, too many. Seconds of each pause.
PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
NOT_NOW = frozenset({429, 500, 502, 503, 504})
TIMEOUT_SECONDS = 40.0  # more than the longest wait that the server grants
LONGEST_WAIT_SECONDS = 20


def request_of(http: httpx.Client | httpx.AsyncClient, call: Call[Any]) -> httpx.Request:
    """The request of a call."""
    query = {name: _text(value) for name, value in call.query.items() if value is not None}
    return http.build_request(call.method, call.path, params=query, json=call.body, headers=dict(call.headers))


def answer_of(call: Call[Answer], response: httpx.Response) -> Answer:
    """The answer as its shape. Raises Refused."""
    if response.is_error:
        raise Refused(problem_of(response))
    if call.answer is bytes:
        return cast(Answer, response.content)
    return TypeAdapter(call.answer).validate_json(response.content)


def problem_of(response: httpx.Response) -> ProblemDocument:
    """The problem document; of an answer that has none (a proxy's), one that says so."""
    try:
        return ProblemDocument.model_validate_json(response.content)
    except ValidationError:
        detail = f"The answer is no problem document of Planshift: {response.text[:200]}"
        status = response.status_code
        return ProblemDocument(type="about:blank", title="Error", status=status, detail=detail, code="http_error")


def pause_of(response: httpx.Response | None, pause: float) -> float:
    """How long to wait before the call is sent again: what the server says, if it says it."""
    told = response.headers.get("Retry-After", "") if response is not None else ""
    return max(pause, float(told)) if told.isdigit() else pause


def moved_far_enough(change: PlanChange, statuses: frozenset[str]) -> bool:
    """One of the statuses, or, without any, anything but waiting for the server itself."""
    return change.status in statuses if statuses else change.phase != "waiting_for_us"


@dataclass
class EventLines:
    """Lines of a stream of events become plan changes; `last` is the number of the newest one."""

    last: str | None = None
    _data: str | None = None

    def read(self, line: str) -> Iterator[PlanChange]:
        name, _, value = line.partition(": ")
        if name == "data":
            self._data = value
        elif name == "id":
            self.last = value
        elif not line and self._data is not None:
            yield PlanChange.model_validate_json(self._data)
            self._data = None

    @property
    def headers(self) -> dict[str, str]:
        """To go on where the stream was cut."""
        return {"Last-Event-ID": self.last} if self.last else {}


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
