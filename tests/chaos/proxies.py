"""TCP proxies between us and somebody else, which do to a connection what networks and bad programs do."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from local.ports import LOOPBACK


class Proxy:
    """Forwards `port` (a loopback port) to `target`, both ways."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for connection in list(self._open):
            connection.close()

    def request(self, drain: socket.socket, data: bytes) -> None:
        """Somebody sent this to the target."""
        drain.sendall(data)

    def answer(self, drain: socket.socket, data: bytes) -> None:
        """The target sent this back."""
        drain.sendall(data)

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                ours, _ = self._listener.accept()
                self._open.add(ours)
                theirs = socket.create_connection((LOOPBACK, self._target))
                self._open.add(theirs)
                for source, drain, pass_on in ((ours, theirs, self.request), (theirs, ours, self.answer)):
                    threading.Thread(target=self._forward, args=(source, drain, pass_on), daemon=True).start()

    def _forward(self, source: socket.socket, drain: socket.socket, pass_on: Callable[..., None]) -> None:
        with suppress(OSError):  # either side has gone
            while data := source.recv(65536):
                pass_on(drain, data)
        self._close(source, drain)

    def _close(self, source: socket.socket, drain: socket.socket) -> None:
        for end in (source, drain):
            self._open.discard(end)
            end.close()


class SilentProxy(Proxy):
    """Its connections can fall silent: open on both sides, and nothing passes any more, as after a NAT forgot them.
    New connections work."""

    def __init__(self, target: int) -> None:
        self._silent: set[socket.socket] = set()
        super().__init__(target)

    def fall_silent(self) -> None:
        """All connections that are open now."""
        self._silent |= self._open

    def request(self, drain: socket.socket, data: bytes) -> None:
        self._unless_silent(drain, data)

    def answer(self, drain: socket.socket, data: bytes) -> None:
        self._unless_silent(drain, data)

    def _unless_silent(self, drain: socket.socket, data: bytes) -> None:
        if drain not in self._silent:
            drain.sendall(data)

    def _close(self, source: socket.socket, drain: socket.socket) -> None:
        if source not in self._silent:
            super()._close(source, drain)


class TwiceProxy(Proxy):
    """Whatever an HTTP server answers comes twice."""

    def __init__(self, target: int) -> None:
        self._begun: dict[socket.socket, bytes] = {}
        super().__init__(target)

    def answer(self, drain: socket.socket, data: bytes) -> None:
        drain.sendall(data)
        said = self._begun.pop(drain, b"") + data
        head, _, body = said.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if length and len(body) >= int(length[1]):
            drain.sendall(said)
        else:
            self._begun[drain] = said
