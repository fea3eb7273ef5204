"""The client for programs that wait."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Self, TypeVar

import httpx

from planshift_client.calls import Call, get_plan_change
from planshift_client.errors import NotAnswered, NotInTime, Refused
from planshift_client.protocol import (
    LONGEST_WAIT_SECONDS,
    NOT_NOW,
    PAUSES,
    TIMEOUT_SECONDS,
    EventLines,
    answer_of,
    moved_far_enough,
    pause_of,
    problem_of,
    request_of,
)
from planshift_client.shapes import PlanChange

Answer = TypeVar("Answer")


class Client:
    """`with Client("https://billing.example.com", key) as planshift: planshift.send(get_service("zone-1"))`."""

    def __init__(self, url: str, key: str, **http: Any) -> None:
        """`http` goes to httpx.Client: a proxy, certificates, a time-out in seconds."""
        options = {"timeout": TIMEOUT_SECONDS, "follow_redirects": True} | http
        self._http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def send(self, call: Call[Answer]) -> Answer:
        """Sends a call, again where no answer came. Raises Refused, NotAnswered."""
        wrong: object = None
        for pause in (*PAUSES, None):
            response = None
            try:
                response = self._http.send(request_of(self._http, call))
                if response.status_code not in NOT_NOW:
                    return answer_of(call, response)
                wrong = problem_of(response).detail
            except httpx.TransportError as error:
                wrong = error
            if pause is not None:
                time.sleep(pause_of(response, pause))
        raise NotAnswered(f"{call.method} {call.path}: {wrong}")

    def wait(self, change_id: str, *statuses: str, seconds: float = 60) -> PlanChange:
        """The change once it has one of the statuses; without any, once it waits for somebody else or is over.

        Raises NotInTime, Refused, NotAnswered.
        """
        end = time.monotonic() + seconds
        while True:
            left = max(0, min(LONGEST_WAIT_SECONDS, int(end - time.monotonic())))
            change = self.send(get_plan_change(change_id, wait_seconds=left))
            if moved_far_enough(change, frozenset(statuses)):
                return change
            if time.monotonic() >= end:
                raise NotInTime(f"{change_id} is {change.status} after {seconds:g} s.")

    def events(self, change_id: str) -> Iterator[PlanChange]:
        """The change as it is, and again with every move, until nothing will follow. Connects again where it was cut.

        Raises Refused, NotAnswered.
        """
        lines, pauses = EventLines(), iter(PAUSES)
        while True:
            try:
                with self._http.stream("GET", f"/v1/plan-changes/{change_id}/events", headers=lines.headers) as stream:
                    if stream.status_code == httpx.codes.NO_CONTENT:
                        return
                    if stream.is_error:
                        stream.read()
                        raise Refused(problem_of(stream))
                    for line in stream.iter_lines():
                        for change in lines.read(line):
                            pauses = iter(PAUSES)
                            yield change
            except httpx.TransportError as error:
                pause = next(pauses, None)
                if pause is None:
                    raise NotAnswered(f"The events of {change_id}: {error}") from error
                time.sleep(pause)
