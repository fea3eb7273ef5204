"""The crash seam: knows each boundary at which a process can die, and kills it there with SIGKILL, once each.

It is loaded by the processes of a chaos run only (zygote.py); no code of the product knows it. A boundary is named by
what happens (commit, publish, external call, acknowledgement, taking a message), on which side of it, and where. The
first process that comes to a boundary dies there; the file that it leaves in `folder/seen` is the list of boundaries.
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import smtplib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from celery.signals import after_task_publish, before_task_publish, task_prerun
from celery.worker.request import Request
from kombu.transport.redis import QoS
from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session

ROOT = Path(__file__).parent.parent.parent
# What brings others to a boundary: it is theirs.
_HELPERS = {"tasks/run.py", "tasks/story.py"}
_OPENS = "transaction_for"
# By itself, or with the move whose history it is.
_INSERTS = re.compile(r"(?:WITH written AS \()?INSERT INTO (\w+)")
# A loop's third pass is like its hundredth.
_ORDINAL_MAX = 3


class Seam:
    """`share` of 100: how many of the boundaries kill, chosen by their name; the others are only written down."""

    def __init__(self, folder: Path, role: str, share: int = 100) -> None:
        self._folder, self.role, self._share = folder, role, share
        self._task = ""
        self._commits = 0
        self._thread = threading.local()
        self._crossing = threading.Lock()  # or one thread's death would leave another's boundary without its name

    def install(self) -> None:
        """Hooks every boundary of this process, and of those that are forked from it."""
        event.listen(Session, "before_commit", self._before_commit)
        event.listen(Session, "after_commit", self._after_commit)
        event.listen(Session, "after_soft_rollback", lambda *_: self._writes.clear())
        event.listen(Engine, "before_cursor_execute", self._note_write)
        # weak=False: nobody else keeps these functions.
        task_prerun.connect(self._begin_task, weak=False)
        before_task_publish.connect(lambda sender, **_: self._publish("before", sender), weak=False)
        after_task_publish.connect(lambda sender, **_: self._publish("after", sender), weak=False)
        _wrap(Request, "acknowledge", lambda request: f"ack {request.name}", self.cross)
        _wrap(QoS, "append", lambda _, message, *__: f"take {message.headers.get('task')}", self.cross)
        self._install_calls()

    @property
    def _writes(self) -> set[str]:
        """The tables that this thread's transaction has inserted into."""
        if not hasattr(self._thread, "writes"):
            self._thread.writes = set()
        writes: set[str] = self._thread.writes
        return writes

    def cross(self, side: str, boundary: str) -> None:
        """Dies here if nobody has died here before."""
        try:
            among = (self._folder / "armed").read_text()
        except FileNotFoundError:
            return
        name = f"{side} {boundary}"
        digest = hashlib.sha256(name.encode()).hexdigest()[:20]
        dies = among in name and int(digest[:8], 16) % 100 < self._share
        with self._crossing, suppress(FileExistsError), (self._folder / "seen" / digest).open("x") as file:
            file.write(f"{'killed' if dies else 'passed'} {self.role} {name}\n")
            file.flush()
            if dies:
                os.kill(os.getpid(), signal.SIGKILL)

    def _install_calls(self) -> None:
        from gateways.registry import GATEWAYS
        from models import database, storage
        from provisioners.registry import PROVISIONERS

        for registry, kind in ((GATEWAYS, "gateway"), (PROVISIONERS, "provisioner")):
            for adapter in {type(adapter) for adapter in registry.values()}:
                for method in ("create", "fetch", "cancel", "refund", "recent_events", "apply", "read", "end"):
                    if hasattr(adapter, method):
                        _wrap(adapter, method, _named(f"call {kind}.{method} in {{}}", self._where), self.cross)
        _wrap(smtplib.SMTP, "send_message", _named("call mail.send in {}", self._where), self.cross)
        for function in ("put", "get"):
            _wrap(storage, function, _named(f"call storage.{function} in {{}}", self._where), self.cross)
        single = database.single_statement

        @contextmanager
        def one_statement() -> Iterator[Any]:
            self.cross("before", f"commit in {self._where()}")
            with single() as connection:
                yield connection
            self.cross("after", f"commit in {self._where()}")

        vars(database)["single_statement"] = one_statement

    def _begin_task(self, task: Any, **_: Any) -> None:
        self._task, self._commits = task.name, 0
        self._writes.clear()

    def _before_commit(self, session: Session) -> None:
        if not session.in_nested_transaction():
            session.flush()
            self._commits += 1
            self.cross("before", self._commit())

    def _after_commit(self, session: Session) -> None:
        self.cross("after", self._commit())
        self._writes.clear()

    def _commit(self) -> str:
        writes = "+".join(sorted(self._writes)) or "nothing"
        ordinal = f" {min(self._commits, _ORDINAL_MAX)}" if self._task else ""
        return f"commit{ordinal} of {writes} in {self._where()}"

    def _note_write(self, connection: Connection, cursor: Any, statement: str, *_: Any) -> None:
        """What a transaction writes tells two commits of one task apart."""
        if inserts := _INSERTS.match(statement):
            self._writes.add(inserts[1])

    def _publish(self, side: str, task_name: str) -> None:
        self.cross(side, f"publish {task_name} in {self._where()}")

    def _where(self) -> str:
        """The innermost function of an entry point or a task that we are in."""
        frame = sys._getframe(1)
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith((f"{ROOT}/tasks/", f"{ROOT}/web/")):
                relative = str(Path(file).relative_to(ROOT))
                if relative not in _HELPERS and frame.f_code.co_name != _OPENS:
                    return f"{relative}:{frame.f_code.co_name}"
            frame = frame.f_back  # type: ignore[assignment]
        return self._task or self.role


def _named(template: str, where: Callable[[], str]) -> Callable[..., str]:
    return lambda *_, **__: template.format(where())


def _wrap(owner: Any, method: str, name: Callable[..., str], cross: Callable[[str, str], None]) -> None:
    """Puts a boundary before and after a method. Its own acknowledgements of nothing (a second one) count too."""
    original = getattr(owner, method)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        boundary = name(*args, **kwargs) if method == "append" else name(args[0])
        cross("before", boundary)
        result = original(*args, **kwargs)
        cross("after", boundary)
        return result

    setattr(owner, method, wrapped)
