"""A TCP proxy whose connections can fall silent: open on both sides, and nothing passes any more, as after a NAT
forgot them. New connections work."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import ClassVar

from local.ports import LOOPBACK


class SilentProxy:
    """Forwards to `target` (a loopback port) until it falls silent. `running` is the one of this process."""

    running: ClassVar[SilentProxy | None] = None

    def __init__(self, target: int) -> None:
        self._target = target
        self._silent: set[socket.socket] = set()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        SilentProxy.running = self

    def fall_silent(self) -> int:
        """All connections that are open now."""
        self._silent |= self._open
        return 0

    def close(self) -> None:
        SilentProxy.running = None
        self._listener.close()
        for connection in self._open | self._silent:
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                ours, _ = self._listener.accept()
                theirs = socket.create_connection((LOOPBACK, self._target))
                self._open |= {ours, theirs}
                for source, drain in ((ours, theirs), (theirs, ours)):
                    threading.Thread(target=self._forward, args=(source, drain), daemon=True).start()

    def _forward(self, source: socket.socket, drain: socket.socket) -> None:
        with suppress(OSError):  # either side has gone
            while data := source.recv(65536):
                if source in self._silent:
                    return
                drain.sendall(data)
        if source not in self._silent:
            self._open -= {source, drain}
            for connection in (source, drain):
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                connection.close()
