"""What a story costs, counted and never timed: statements, transactions and messages, from the first message on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from celery import Celery
from celery.app.trace import build_tracer
from celery.signals import task_failure, task_prerun
from kombu import Exchange, Queue
from kombu.transport.redis import Channel
from kombu.utils.json import dumps
from redis import Redis
from sqlalchemy import Engine, event

from local.stack import WORKERS
from settings import settings
from worker.app import create_app

_WRITES = re.compile(r"\b(INSERT INTO|UPDATE \w+ SET|DELETE FROM)\b")


@dataclass
class Cost:
    """`statements` without BEGIN and COMMIT, of which there is one each for a transaction. `commits` are those of
    transactions that wrote. Messages are what is put on queues, and `events` what is published about them."""

    statements: int = 0
    transactions: int = 0
    commits: int = 0
    messages: int = 0
    events: int = 0
    bytes: int = 0
    by_task: dict[str, list[str]] = field(default_factory=dict)

    def told(self) -> str:
        """For who must find what has become more."""
        counts = {name: len(statements) for name, statements in self.by_task.items()}
        texts = (f"{task}: {' '.join(sql.split())[:240]}" for task, found in self.by_task.items() for sql in found)
        return "\n".join([f"{self.statements} statements, by task: {counts}", *texts])


class Meter:
    """Counts what this process sends to the database and to the broker."""

    def __init__(self) -> None:
        self.cost = Cost()
        self.task = "enqueue"
        self._wrote = False

    @contextmanager
    def counting(self) -> Iterator[Cost]:
        hooks: dict[str, Callable[..., None]] = {
            "before_cursor_execute": self._statement,
            "begin": self._begin,
            "commit": self._commit,
        }
        sent = {name: getattr(Channel, name) for name in ("_put", "_put_fanout")}
        for name, hook in hooks.items():
            event.listen(Engine, name, hook)
        vars_of: Any = Channel
        vars_of._put = self._counted("messages", sent["_put"])
        vars_of._put_fanout = self._counted("events", sent["_put_fanout"])
        try:
            yield self.cost
        finally:
            vars_of._put, vars_of._put_fanout = sent.values()
            for name, hook in hooks.items():
                event.remove(Engine, name, hook)

    @contextmanager
    def uncounted(self) -> Iterator[None]:
        """What somebody else does in between, in this process."""
        before = replace(self.cost, by_task={task: list(sql) for task, sql in self.cost.by_task.items()})
        yield
        vars(self.cost).update(vars(before))

    def run_messages(self, *workers: str) -> list[str]:
        """Takes messages off the queues of these workers of local/stack.py, or of all, until there is none, and runs
        each as its worker does; returns the names of the tasks."""
        app = create_app()
        ran: list[str] = []
        app.loader.import_default_modules()
        for name, task in app.tasks.items():
            task.__trace__ = build_tracer(name, task, app=app)
        with app.connection_for_read() as connection, self._told_of_tasks(ran):
            while taken := _next_message(app, connection, workers or WORKERS):
                queues, message = taken
                app.amqp.queues.select(queues)
                (args, kwargs, embed), headers = message.payload, message.headers
                task = app.tasks[headers["task"]]
                request = {**headers, **embed, "delivery_info": message.delivery_info, "hostname": "meter"}
                task.__trace__(headers["id"], args, kwargs, request)
                message.ack()
                self.task = "enqueue"
        return ran

    @contextmanager
    def _told_of_tasks(self, ran: list[str]) -> Iterator[None]:
        """Which task it is that asks, and that none fails."""
        failed: list[str] = []

        def begun(task: Any, **_: Any) -> None:
            self.task = task.name
            ran.append(task.name)

        def has_failed(exception: BaseException, **_: Any) -> None:
            failed.append(f"{self.task}: {exception!r}")

        with ExitStack() as connected:
            for signal, receiver in ((task_prerun, begun), (task_failure, has_failed)):
                signal.connect(receiver)
                connected.callback(signal.disconnect, receiver)
            yield
        assert not failed

    def _statement(self, connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        self.cost.statements += 1
        self.cost.by_task.setdefault(self.task, []).append(statement)
        self._wrote = self._wrote or _WRITES.search(statement) is not None

    def _begin(self, connection: Any) -> None:
        self.cost.transactions += 1
        self._wrote = False

    def _commit(self, connection: Any) -> None:
        self.cost.commits += self._wrote

    def _counted(self, what: str, send: Callable[..., Any]) -> Callable[..., Any]:
        def counted(channel: Any, target: str, message: Any, *more: Any, **options: Any) -> Any:
            setattr(self.cost, what, getattr(self.cost, what) + 1)
            self.cost.bytes += len(dumps(message))
            return send(channel, target, message, *more, **options)

        return counted


def _next_message(app: Celery, connection: Any, workers: Iterable[str]) -> tuple[list[str], Any] | None:
    """With the queues of the worker that takes it."""
    for queues in (WORKERS[name].split(",") for name in workers):
        for name in queues:
            if message := Queue(name, Exchange(name), routing_key=name).bind(connection.default_channel).get():
                return queues, message
    return None


def empty_queues() -> None:
    """What other tests left on this broker is not ours."""
    create_app.cache_clear()  # of another test's stack
    with Redis.from_url(settings().require_broker_url()) as broker:
        broker.flushall()
