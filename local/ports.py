"""Free TCP ports on the loopback address."""

import random
import socket
from pathlib import Path

from local.kept import read_kept, write_private

LOOPBACK = "127.0.0.1"
# Below Linux's range for outgoing connections (32768 and up), which could take the port between our check and our use.
_RANGE = (15_000, 32_000)
_ATTEMPTS = 200
_given: set[int] = set()  # to this process; a port may be given long before somebody listens on it


class PortTaken(Exception):
    """The port somebody asked for is in use by another program."""

    def __init__(self, port: int, option: str) -> None:
        other = next((other for other in range(port + 1, min(port + 100, 65_536)) if is_free(other)), 8000)
        variable = option.removeprefix("--").replace("-", "_").upper()
        super().__init__(
            f"Port {port} is taken by another program. Stop that one, or choose another port:"
            f" make up {variable}={other} (the same as planshift up {option} {other})."
        )
        self.port = port


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free for a server
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that nobody listened on a moment ago, drawn at random so that stacks started together do not meet."""
    for _ in range(_ATTEMPTS):
        port = random.SystemRandom().randrange(*_RANGE)
        if port not in _given and is_free(port):
            _given.add(port)
            return port
    raise OSError(f"No free port between {_RANGE[0]} and {_RANGE[1]} on {LOOPBACK}.")


def require_free(port: int, option: str) -> int:
    """The port itself, or PortTaken naming the command line option that chooses another."""
    if not is_free(port):
        raise PortTaken(port, option)
    _given.add(port)
    return port


def kept_port(file: Path) -> int:
    """The port named in `file`, so that addresses given out in an earlier run still lead there; else a free one."""
    kept = read_kept(file)
    if kept and is_free(port := int(kept)):
        _given.add(port)
        return port
    file.parent.mkdir(parents=True, exist_ok=True)
    port = free_port()
    write_private(file, str(port))
    return port


def accepts(port: int) -> bool:
    """Whether somebody listens on the port now."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True
