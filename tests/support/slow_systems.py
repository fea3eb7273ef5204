"""Other people's systems at their worst: one that drips a byte now and then for ever, one that answers with 300 MB that
are small while they are packed, one that says nothing at all."""

from __future__ import annotations

import contextlib
import socket
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BOMB_BYTES = 300 * 1024 * 1024
# A time-out of each read is never reached.
DRIP_SECONDS = 0.1


class _Quiet(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        with contextlib.suppress(OSError):  # whoever called has hung up
            self.misbehave()

    do_POST = do_DELETE = do_GET

    def misbehave(self) -> None:
        raise NotImplementedError

    def log_message(self, *_: object) -> None:
        pass


class _Drips(_Quiet):
    """In its head, or, asked for /body, in its body."""

    over: threading.Event

    def misbehave(self) -> None:
        if "/body" in self.path:
            self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
        else:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nx-drip: ")
        while not self.over.wait(DRIP_SECONDS):
            self.wfile.write(b" ")


class _Bomb(_Quiet):
    packed = b""

    def misbehave(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-encoding", "gzip")
        self.send_header("content-length", str(len(self.packed)))
        self.end_headers()
        self.wfile.write(self.packed)


@contextmanager
def dripping() -> Iterator[str]:
    """The URL of a system that drips; below it, `/body` drips in the body."""
    over = threading.Event()
    with _served(type("Drips", (_Drips,), {"over": over})) as url:
        try:
            yield url
        finally:
            over.set()


@contextmanager
def bomb() -> Iterator[str]:
    """The URL of a system that answers with a bomb."""
    pack = zlib.compressobj(1, wbits=31)
    mebibyte = b" " * 1024 * 1024
    packed = b"".join(pack.compress(mebibyte) for _ in range(BOMB_BYTES // len(mebibyte))) + pack.flush()
    with _served(type("Bomb", (_Bomb,), {"packed": packed})) as url:
        yield url


@contextmanager
def silent() -> Iterator[int]:
    """The port of a system that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@contextmanager
def _served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
