"""Garbage on a queue: a real worker takes it off, says so once, and goes on."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from redis import Redis

from local.process import Process
from settings import settings
from tests.support.waiting import until
from tests.worker.conftest import said, send


def envelope(body: bytes, content_type: str = "application/json", **headers: Any) -> bytes:
    """A message as Celery writes it, with this body and these headers."""
    document = {
        "body": base64.b64encode(body).decode(),
        "content-type": content_type,
        "content-encoding": "utf-8",
        "headers": {"lang": "py", "id": "garbage", "root_id": "garbage", "task": "tests.worker.probe"} | headers,
        "properties": {
            "delivery_tag": "garbage",
            "body_encoding": "base64",
            "delivery_info": {"exchange": "pipeline", "routing_key": "pipeline"},
        },
    }
    return json.dumps(document).encode()


LEVELS = ("warning", "error", "critical")
CALL = b'[["one argument too few"], {}, {}]'
GARBAGE = {
    "bytes": b"\xff\xfe\x00",
    "no json": b"ring, please",
    "a number": b"7",
    "a list": b"[]",
    "an empty object": b"{}",
    "no delivery tag": b'{"body": "", "headers": {}, "properties": {}}',
    "a body that is no base64": envelope(b"").replace(b'"body": ""', b'"body": "%%%"'),
    "a body that is no json": envelope(b"{{{"),
    "a body of another shape": envelope(b'"text"'),
    "headers of another shape": envelope(CALL).replace(b'"headers": {', b'"headers": [], "was": {'),
    "a pickle": envelope(b"cos\nsystem\n(S'true'\ntR.", "application/x-python-serialize"),
    "an unknown task": envelope(CALL, task="tests.worker.nobody"),
    "a task that is a list": envelope(CALL, task=["tests.worker.probe"]),
    "no id": envelope(CALL, id=None),
    "wrong arguments": envelope(CALL),
}


def test_garbage_is_taken_off_and_the_worker_goes_on(worker: Process, tmp_path: Path) -> None:
    with Redis.from_url(settings().require_broker_url()) as broker:
        for name, message in GARBAGE.items():
            before = worker.pid
            broker.lpush("pipeline", message)
            after = tmp_path / name
            send(after, "work")
            until(lambda after=after: said(after, "begun done"), f"the task after {name}", 60)  # type: ignore[misc]
            assert worker.pid == before
        until(lambda: broker.hlen("unacked") == 0 or None, "nothing to be delivered again", 30)
        assert broker.llen("pipeline") == 0
    log = worker.command.log.read_text().splitlines()
    logged = [line for line in log if line.startswith("{") and json.loads(line)["level"] in LEVELS]
    assert len(logged) == len(GARBAGE), "each is logged once"
