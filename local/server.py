"""A server of our own behind a port and a password: what PostgreSQL and Valkey have in common."""

from abc import ABC, abstractmethod
from typing import Self

from local.ports import free_port
from local.process import Process


class Server(ABC):
    """The port and the password stay the same from start to start of one object, so that clients find a server that
    was killed and started again."""

    process: Process

    def __init__(self, port: int | None) -> None:
        self.port = port or free_port()

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients find it, with the password."""

    @abstractmethod
    def _prepare(self) -> None:
        """Lay out what the program needs in its folder."""

    def begin(self) -> None:
        """Start the server and return without waiting for it."""
        self._prepare()
        self.process.begin()

    def start(self) -> str:
        """Start, wait until it takes connections, return the url. Raises ProcessDied, NotReady."""
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
