"""Steps that follow each other in one process of a real worker: what runs, what Flower hears, what is published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from celery import chain
from redis import Redis

from local.process import Process
from settings import settings
from tests.support.waiting import until
from tests.worker.conftest import said
from worker.app import create_app


class Heard:
    """What Flower hears."""

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []
        self._over, self._connected = Event(), Event()
        self._thread = Thread(target=self._hear)

    def __enter__(self) -> Heard:
        self._thread.start()
        assert self._connected.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _hear(self) -> None:
        with create_app().connection_for_read() as connection:
            receiver = create_app().events.Receiver(connection, handlers={"*": self._events.append})
            with receiver.consumer_context() as (established, _, _):
                self._connected.set()
                while not self._over.is_set():
                    with suppress(TimeoutError):
                        established.drain_events(timeout=0.05)

    def of_steps(self) -> list[str]:
        """`succeeded 1`, in the order in which the worker told it."""
        return [one for one in self._told() if not one.startswith("sent ")]

    def sent(self) -> list[str]:
        """What the worker has published. Its publisher tells it afterwards: a worker may have been quicker."""
        return [one for one in self._told() if one.startswith("sent ") and one != "sent 0"]

    def _told(self) -> list[str]:
        mine = [one for one in self._events if str(one.get("uuid", "")).startswith("step-")]
        return [f"{one['type'].removeprefix('task-')} {one['uuid'].removeprefix('step-')}" for one in mine]

    def fields(self, kind: str, number: int) -> dict[str, Any]:
        [found] = [one for one in self._events if one["type"] == f"task-{kind}" and one["uuid"] == f"step-{number}"]
        return found


@pytest.fixture
def heard(worker: Process) -> Iterator[Heard]:
    with Heard() as ears:
        yield ears


def send_steps(file: Path, *whats: str, queues: dict[int, str] | None = None) -> None:
    """`another`: a step of a version that the worker is not of."""
    file.touch()
    steps = []
    for number, what in enumerate(whats):
        name = "tests.worker.another" if what == "another" else "tests.worker.step"
        step = create_app().signature(name, args=[], kwargs={"file": str(file), "what": what})
        queue = (queues or {}).get(number, "pipeline")
        step.options.update(task_id=f"step-{number}", queue=queue, argsrepr=f"dns: {what}")
        step.set_immutable(True)
        steps.append(step)
    chain(*steps).apply_async()


def waiting_in(queue: str) -> int:
    with Redis.from_url(settings().require_broker_url()) as broker:
        return int(broker.llen(queue))


def told(*numbers: int) -> list[str]:
    return [f"{kind} {number}" for number in numbers for kind in ("received", "started", "succeeded")]


def test_each_step_is_a_task_of_its_own_and_the_broker_carries_one_message(heard: Heard, tmp_path: Path) -> None:
    send_steps(tmp_path / "said", "one", "two", "three")
    until(lambda: heard.of_steps() == told(0, 1, 2) or None, "three steps")
    assert heard.sent() == []
    assert said(tmp_path / "said", "one two three")
    second = heard.fields("received", 1)
    assert (second["args"], second["parent_id"], second["root_id"]) == ("dns: two", "step-0", "step-0")
    assert second["hostname"].startswith("probe@")
    times = [heard.fields("succeeded", 0)["timestamp"], heard.fields("started", 1)["timestamp"]]
    assert times == sorted(times)
    assert heard.fields("succeeded", 2)["result"] == "'three'"


def test_a_step_that_raises_ends_the_segment_and_is_told_as_failed(heard: Heard, tmp_path: Path) -> None:
    send_steps(tmp_path / "said", "one", "fail", "never")
    until(lambda: "failed 1" in heard.of_steps() or None, "the failure")
    failed = heard.fields("failed", 1)
    assert failed["exception"] == "ValueError('as planned')"
    assert "as planned" in failed["traceback"]
    send_steps(tmp_path / "after", "next")  # the worker is well
    until(lambda: said(tmp_path / "after", "next"), "the next message")
    assert said(tmp_path / "said", "one fail")


def test_a_step_that_clears_its_chain_is_the_last(worker: Process, tmp_path: Path) -> None:
    send_steps(tmp_path / "said", "one", "last", "never")
    send_steps(tmp_path / "after", "next")
    until(lambda: said(tmp_path / "after", "next"), "the next message")
    assert said(tmp_path / "said", "one last")


def test_a_step_of_another_workers_queue_is_published_with_the_rest(heard: Heard, tmp_path: Path) -> None:
    send_steps(tmp_path / "said", "one", "two", "there", "here", queues={2: "pdf"})
    until(lambda: waiting_in("pdf") == 1 or None, "the third step")
    assert said(tmp_path / "said", "one two")
    with create_app().connection_for_read() as connection, connection.SimpleQueue("pdf") as queue:
        message = queue.get(timeout=5)
        message.ack()
    assert (message.headers["id"], message.headers["parent_id"], message.headers["root_id"]) == (
        "step-2",
        "step-1",
        "step-0",
    )
    assert [step["options"]["task_id"] for step in message.payload[2]["chain"]] == ["step-3"]
    until(lambda: heard.sent() == ["sent 2"] or None, "what was published")


def test_a_step_of_another_version_comes_by_the_broker(heard: Heard, tmp_path: Path) -> None:
    send_steps(tmp_path / "said", "one", "another", "three")
    until(lambda: heard.sent() == ["sent 1"] or None, "what was published")
    assert heard.of_steps()[:3] == told(0)
    send_steps(tmp_path / "after", "next")  # the worker is well
    until(lambda: said(tmp_path / "after", "next"), "the next message")


def test_a_step_whose_limit_would_not_fit_comes_by_the_broker(heard: Heard, tmp_path: Path) -> None:
    send_steps(tmp_path / "said", "one", "late", "three", "four")
    until(lambda: said(tmp_path / "said", "one late three four"), "all steps")
    until(lambda: heard.of_steps() == told(0, 1, 2, 3) or None, "the last")
    until(lambda: heard.sent() == ["sent 2"] or None, "the second message")


def test_what_ran_is_told_before_a_call(heard: Heard, tmp_path: Path) -> None:
    send_steps(tmp_path / "said", "one", "call")
    until(lambda: heard.of_steps()[-1:] == ["started 1"] or None, "a call that is seen while it lasts")
    with (tmp_path / "said").open("a") as file:
        file.write("answer ")
    until(lambda: heard.of_steps()[-1:] == ["succeeded 1"] or None, "its end")


def test_a_process_that_dies_in_a_later_step_begins_again_with_the_first(worker: Process, tmp_path: Path) -> None:
    """Each step is guarded by its row's status."""
    send_steps(tmp_path / "said", "one", "die", "three")
    until(lambda: said(tmp_path / "said", "one die one die three"), "the second try")
