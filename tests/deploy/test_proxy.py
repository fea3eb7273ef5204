"""The proxy of docker-compose.tls.yml: its configuration is loaded by a real nginx in front of two small servers, and
holds what it promises."""

from __future__ import annotations

import json
import re
import shutil
import socket
import socketserver
import ssl
import struct
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from local.ports import LOOPBACK, accepts, free_port
from tests.support import loopback
from tests.support.waiting import until

CONFIG = Path(__file__).parents[2] / "deploy" / "nginx.conf"
# Before this version (Debian 12 has 1.22), a listener says itself that it speaks HTTP/2.
HTTP2_ON = (1, 25, 1)


@dataclass(frozen=True)
class Proxy:
    """A running nginx. `tls` trusts its certificate."""

    plain: str
    secure: str
    tls: ssl.SSLContext

    def ask(self, path: str, **headers: str) -> httpx.Response:
        with self.client() as client:
            return client.get(self.secure + path, headers=headers)

    def client(self) -> httpx.Client:
        return loopback.Client(verify=self.tls)


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    with behind("web") as web, behind("receiver") as receiver:
        upstreams = {"web:8000": f"{LOOPBACK}:{web}", "receiver:8001": f"{LOOPBACK}:{receiver}"}
        with running(folder, upstreams) as proxy:
            yield proxy


@contextmanager
def running(folder: Path, upstreams: dict[str, str], resolver: str = "127.0.0.11") -> Iterator[Proxy]:
    certificate(folder)
    ports = {"80": free_port(), "443": free_port()}
    config = folder / "nginx.conf"
    config.write_text(configured(folder, ports, upstreams, resolver), encoding="utf-8")
    command = [nginx(), "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(config)]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    server = subprocess.Popen([*command, "-g", "daemon off;"])
    try:
        until(lambda: accepts(ports["443"]) or None, "nginx to listen")
        trusts = ssl.create_default_context(cafile=str(folder / "fullchain.pem"))
        yield Proxy(f"http://localhost:{ports['80']}", f"https://localhost:{ports['443']}", trusts)
    finally:
        server.terminate()
        server.wait(20)


def test_plain_http_leads_to_https(proxy: Proxy) -> None:
    answer = loopback.get(f"{proxy.plain}/portal/services?a=1")
    assert (answer.status_code, answer.headers["location"]) == (308, "https://localhost/portal/services?a=1")


def test_each_path_goes_where_it_belongs(proxy: Proxy) -> None:
    assert proxy.ask("/portal/services").json()["at"] == "web"
    assert proxy.ask("/healthz").json()["at"] == "web"
    assert proxy.ask("/webhooks/standard/dns").json()["at"] == "receiver"
    for path in ("/metrics", "/readyz"):
        assert proxy.ask(path).status_code == 404, "not for the world"


def test_who_calls_is_whom_the_proxy_sees(proxy: Proxy) -> None:
    told = proxy.ask("/", **{"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"}).json()["headers"]
    assert (told["x-forwarded-for"], told["x-forwarded-proto"]) == (LOOPBACK, "https")


def test_what_is_too_large_goes_no_further(proxy: Proxy) -> None:
    with proxy.client() as client:
        assert client.post(f"{proxy.secure}/v1/quotes", content=b"a" * (256 * 1024 + 1)).status_code == 413
    assert proxy.ask("/", **{"X-Large": "a" * 40_000}).status_code == 400


def test_who_moves_is_found_again(tmp_path: Path) -> None:
    """`docker compose up --build` makes new containers with other addresses, and the proxy stays."""
    address, port = LOOPBACK, free_port()
    upstreams = {"web:8000": f"web:{port}", "receiver:8001": f"receiver:{port}"}
    paths = ("/portal/services?a=%2F", "/webhooks/standard/dns")
    with ExitStack() as parts:
        for name, where in (("before", LOOPBACK), ("after", "127.0.0.2")):
            parts.enter_context(behind(name, where, port))
        resolver = parts.enter_context(named(lambda: address))
        proxy = parts.enter_context(running(tmp_path, upstreams, resolver))

        def told() -> list[tuple[str, str]]:
            return [(answer["at"], answer["path"]) for answer in (proxy.ask(path).json() for path in paths)]

        assert told() == [("before", path) for path in paths]
        address = "127.0.0.2"
        until(lambda: told() == [("after", path) for path in paths] or None, "both to be found again", 20)


def test_a_flood_from_one_address_is_slowed_down(proxy: Proxy) -> None:
    def ask(_: int) -> Counter[int]:
        with proxy.client() as client:
            return Counter(client.get(f"{proxy.secure}/").status_code for _ in range(120))

    with ThreadPoolExecutor(8) as pool:
        codes = sum(pool.map(ask, range(8)), Counter[int]())
    # 400 at once and 100 more each second are taken.
    assert codes[200] >= 400
    assert codes.keys() <= {200, 429}
    assert codes[429] > 0


def configured(folder: Path, ports: dict[str, int], upstreams: dict[str, str], resolver: str) -> str:
    """The configuration as it stands, with other ports, places and neighbours; for an older nginx, in its words."""
    text = CONFIG.read_text(encoding="utf-8")
    if version() < HTTP2_ON:
        text = text.replace("443 ssl default_server;", "443 ssl http2 default_server;").replace("http2 on;", "")
    for said, port in ports.items():
        text, found = re.subn(rf"listen {said}\b", f"listen {LOOPBACK}:{port}", text)
        assert found == 1
    for name, address in upstreams.items():
        assert text.count(f"http://{name}") == 1
        text = text.replace(f"http://{name}", f"http://{address}")
    assert text.count("resolver 127.0.0.11 ") == 1
    text = text.replace("resolver 127.0.0.11 ", f"resolver {resolver} ")
    kept = "".join(
        f"{part}_temp_path {folder}/{part};\n" for part in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = text.replace("/etc/nginx/tls", str(folder)).replace("/run/nginx.pid", f"{folder}/pid")
    return text.replace("http {\n", "http {\n" + kept, 1)


def nginx() -> str:
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    assert found, "`make test` installs nginx: tools/bootstrap.sh"
    return found


def version() -> tuple[int, ...]:
    told = subprocess.run([nginx(), "-v"], capture_output=True, text=True, check=True).stderr
    return tuple(int(part) for part in told.partition("nginx/")[2].split()[0].split("."))


def certificate(folder: Path) -> None:
    """Of localhost, signed by itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    from_, until_ = now - timedelta(days=1), now + timedelta(days=1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), from_, until_)
    named = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    signed = builder.add_extension(named, critical=False).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    unlocked = serialization.NoEncryption()
    (folder / "fullchain.pem").write_bytes(signed.public_bytes(pem))
    (folder / "privkey.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, unlocked))


@contextmanager
def behind(name: str, address: str = LOOPBACK, port: int = 0) -> Iterator[int]:
    """A server that says who it is and what it was told; its port."""

    class Told(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {key.lower(): value for key, value in self.headers.items()}
            body = json.dumps({"at": name, "path": self.path, "headers": headers}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ExitStack() as left:
        server = ThreadingHTTPServer((address, port), Told)
        left.callback(server.server_close)
        left.callback(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port


@contextmanager
def named(address: Callable[[], str]) -> Iterator[str]:
    """A DNS server (RFC 1035) that gives every name this address; where it is."""

    class Answers(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            asked, reply_to = self.request
            question = asked[12 : asked.index(b"\0", 12) + 5]
            head = asked[:2] + struct.pack(">5H", 0x8180, 1, 1, 0, 0)
            found = struct.pack(">3HIH", 0xC00C, 1, 1, 600, 4) + socket.inet_aton(address())
            reply_to.sendto(head + question + found, self.client_address)

    with ExitStack() as left:
        server = left.enter_context(socketserver.ThreadingUDPServer((LOOPBACK, 0), Answers))
        left.callback(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"{LOOPBACK}:{server.server_address[1]}"
