"""Steps of a canvas follow each other in one process, as far as its worker serves their queues: no trip through the
broker, and still each a task of its own, with its id, its commits and its line in Flower.

What a `StepTask` leaves of its chain is not published by Celery but run here, one by one, until a step's queue is
another worker's or so much time has gone by that its limit would not fit; that one is published with the rest. Flower
is told in as few messages as can be: when the segment ends, and before each call to somebody else's network.

What follows from it: a process that is killed, or cut off by its time limit, tells of no failure, and a step that came
without a message cannot be revoked. The rows know what is next, and the sweep enqueues it.
"""

from __future__ import annotations

import logging
import time
from contextvars import ContextVar
from typing import Any

from celery import Celery, Task, signature
from celery.app.trace import trace_ok_t
from celery.canvas import Signature

# A message's time limit is that of its longest step and this; a step is begun here while its own still fits.
ROOM_SECONDS = 15

log = logging.getLogger(__name__)


class StepTask(Task[Any, Any]):
    """A task that may have others after it in its chain."""

    abstract = True
    send_events = False  # its worker would tell of the message, not of the steps
    _tracer: Any = None

    @property
    def __trace__(self) -> Any:
        """How Celery runs a message of this task; None before its worker has set that."""
        return self._run_segment if self._tracer else None

    @__trace__.setter
    def __trace__(self, tracer: Any) -> None:
        self._tracer = tracer

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.request.called_directly or self.request.is_eager:
            return super().__call__(*args, **kwargs)
        result = self.run(*args, **kwargs)
        request: Any = self.request
        request.segment.rest, request.chain = request.chain or [], None
        return result

    def _run_segment(self, task_id: str, args: Any, kwargs: Any, request: dict[str, Any]) -> trace_ok_t:
        """What became of the first step: the message was its."""
        segment = _Segment(self.app, request["hostname"])
        token = _running.set(segment)
        try:
            first = segment.run(self, task_id, args, kwargs, request)
            while segment.goes_on():
                segment.run_next(request)
        finally:
            segment.tell()
            _running.reset(token)
        if segment.rest:
            after = {"chain": segment.rest[:-1], "root_id": request["root_id"], "parent_id": segment.last_id}
            publish(signature(segment.rest[-1]), **after)
        return first


class _Segment:
    """The steps that one message leads to in this process. `rest` is what is left of the chain, the next one last."""

    def __init__(self, app: Celery, hostname: str) -> None:
        self._app, self._hostname = app, hostname
        self._until = time.monotonic() + ROOM_SECONDS
        self._untold: list[dict[str, Any]] = []
        self.rest: list[dict[str, Any]] = []
        self.last_id = ""

    def goes_on(self) -> bool:
        """A step that this process does not know is of another version, whose worker may get it from the broker."""
        if not self.rest or time.monotonic() > self._until:
            return False
        step = self.rest[-1]
        return step["task"] in self._app.tasks and step["options"]["queue"] in self._app.amqp.queues.consume_from

    def run_next(self, request: dict[str, Any]) -> None:
        """Runs the next step as if this message were its."""
        step, before = self.rest[-1], self.rest[:-1]
        options, kwargs = step["options"], step["kwargs"]
        own = {
            "id": options["task_id"],
            "task": step["task"],
            "args": [],
            "kwargs": kwargs,
            "argsrepr": options["argsrepr"],
            "kwargsrepr": repr(kwargs),
            "parent_id": self.last_id,
            "retries": 0,
            "chain": before,
            "delivery_info": {"exchange": options["queue"], "routing_key": options["queue"]},
        }
        self.run(self._app.tasks[step["task"]], options["task_id"], [], kwargs, request | own)

    def run(self, task: Any, task_id: str, args: Any, kwargs: Any, request: dict[str, Any]) -> trace_ok_t:
        self.rest, self.last_id = [], task_id
        named = {name: request.get(name) for name in ("root_id", "parent_id", "retries", "eta", "expires")}
        named |= {"name": task.name, "args": request["argsrepr"], "kwargs": request["kwargsrepr"]}
        self._note("task-received", task_id, **named)
        self._note("task-started", task_id)
        outcome: trace_ok_t = task._tracer(task_id, args, kwargs, request | {"segment": self})
        if outcome.info is None:
            self._note("task-succeeded", task_id, result=outcome.retstr, runtime=outcome.runtime)
        else:
            self._note("task-failed", task_id, exception=repr(outcome.info.retval), traceback=str(outcome.retval))
        return outcome

    def _note(self, kind: str, task_id: str, **fields: Any) -> None:
        self._untold.append({"type": kind, "uuid": task_id, "timestamp": time.time(), **fields})

    def tell(self) -> None:
        """Sends what Flower does not know yet. It may stay untold where the broker is away."""
        untold, self._untold = self._untold, []
        if not untold:
            return
        try:
            with self._app.events.default_dispatcher(self._hostname) as dispatcher:
                dispatcher.buffer_group = frozenset({"task"})
                for event in untold:
                    dispatcher.send(**event)
                dispatcher.flush()
        except Exception as error:  # kombu raises more than OperationalError
            log.warning("Flower could not be told of %s steps: %s", len(untold), error)


_running: ContextVar[_Segment | None] = ContextVar("segment", default=None)


def tell() -> None:
    """Sends what this process has done so far of a segment; call it before what may take long."""
    if (segment := _running.get()) is not None:
        segment.tell()


def publish(canvas: Signature[Any], **options: Any) -> None:
    """A message that cannot be published is no error: the row is committed, and the sweep will find it."""
    try:
        canvas.apply_async(**options)
    except Exception as error:  # kombu raises RuntimeError as well as OperationalError when the broker is away
        log.warning("the broker does not answer, the sweep will enqueue again: %s", error)
