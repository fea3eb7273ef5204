"""The stack starts in the right order with the right settings; a small program stands in for the planshift command."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.folders import temporary_folder
from local.ports import free_port
from local.process import ProcessDied
from local.stack import Stack
from tests.support import loopback

STAND_IN = """
import json, os, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
if os.environ.get("PLANSHIFT_FAIL") == sys.argv[1]:
    sys.exit("nothing works")
print(json.dumps({"argv": sys.argv[1:], "env": {k: v for k, v in os.environ.items() if k.startswith("PLANSHIFT_")}}))
print("celery@x ready. beat: Starting...", flush=True)
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path in ("/healthz", "/healthcheck") else 404)
        self.end_headers()
if "--port" in sys.argv:
    HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler).serve_forever()
time.sleep(60)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder("stack") as made:
        yield made


def stack_in(folder: Path, **how: int) -> Stack:
    return Stack(folder, planshift=(sys.executable, "-c", STAND_IN), **how)  # type: ignore[arg-type]


def test_everything_starts_and_stops(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANSHIFT_DATABASE_URL", "postgresql+psycopg://somebody/else")
    monkeypatch.setenv("PLANSHIFT_STRAY", "of the user's shell")
    web_port = free_port()
    with stack_in(folder, web_port=web_port) as stack:
        stack.start_servers()
        stack.start_processes({"PLANSHIFT_SECRET_KEY": "given"})
        assert stack.addresses.web == f"http://127.0.0.1:{web_port}"
        assert loopback.get(f"{stack.addresses.web}/healthz").status_code == 200
        assert loopback.get(f"{stack.addresses.mail}/mails").json() == []
        worker = stack.supervisor.process("worker-core")
        said = worker.output()
        assert '"worker", "--queues", "pipeline,events,maintenance", "--name", "core"' in said
        assert stack.addresses.database in said
        assert '"PLANSHIFT_SECRET_KEY": "given"' in said
        assert "STRAY" not in said
        assert stack.postgres
        alive = [worker, stack.postgres.process, stack.supervisor.process("gateway")]
        assert all(process.is_alive() for process in alive)
    assert not any(process.is_alive() for process in alive)


def test_a_process_that_cannot_start_is_named_with_its_log(folder: Path) -> None:
    with stack_in(folder) as stack:
        stack.start_servers()
        with pytest.raises(ProcessDied, match=r"beat ended with code 1(?s:.)*nothing works"):
            stack.start_processes({"PLANSHIFT_FAIL": "beat"})


def test_given_servers_are_used_and_none_of_our_own_started(folder: Path) -> None:
    with Stack(folder, database_url="postgresql+psycopg://db/x", broker_url="redis://broker/0") as stack:
        assert (stack.postgres, stack.valkey) == (None, None)
        environment = stack.environment()
        assert environment["PLANSHIFT_DATABASE_URL"] == "postgresql+psycopg://db/x"
        assert environment["PLANSHIFT_BROKER_URL"] == "redis://broker/0"


def test_addresses_stay_from_run_to_run_in_one_folder(folder: Path) -> None:
    assert stack_in(folder).addresses.gateway == stack_in(folder).addresses.gateway
