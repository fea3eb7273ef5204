"""Plan changes per second, from the request's row to the applied plan, its invoice and its mail.

In turns, A B C … A B C …, on the same servers and sandbox:
- planshift: the real workers and beat, all guarantees on;
- floor: the same steps, commits, documents and calls, in two plain processes without any queue;
- celery_chain, dramatiq, dbos, procrastinate: the same steps carried by other engines (benchmarks/peers), without our
  sweep, events and routes;
- before: Planshift as it was before its messages and statements were counted, from git, on servers of its own.

Each has two processors and two processes that work. The changes are covered by account credit, so that no gateway is
measured. Run: python -m benchmarks.throughput
"""

from __future__ import annotations

import importlib
import json
import os
import secrets
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update

from benchmarks.peers.ready import READY
from benchmarks.steps import STEPS, run_step
from cli.sandbox import sample_catalogs, set_up_provider
from domain.money import Money
from engine.accounts.providers import required_provider, set_clock
from engine.host_reports import ServiceReport, put_customer, put_service
from engine.request import ChangeRequest, request_change
from local.folders import temporary_folder
from local.process import Command, Process, logs
from local.stack import Stack
from models.arrived_credit import ArrivedCredit
from models.database import engine, transaction
from models.ledger import credit, debit, post
from models.migrate import migrate
from models.outbox import OutboxMessage
from models.pending_work import MACHINE_NOW
from models.plan_change import PlanChange
from settings import settings
from tests.support.play import AUGUST, JULY, NOON_17_JULY
from worker.app import create_app

CHANGES = 100
TURNS = 3
PATIENCE_SECONDS = 120
ROOT = Path(__file__).parent.parent
PEERS = {
    "celery_chain": "celery_chain",
    "dramatiq": "dramatiq_pipeline",
    "dbos": "dbos_workflow",
    "procrastinate": "procrastinate_tasks",
}
BEFORE = "1235bfc"
_BEFORE = """
import sys
import signal
from benchmarks.throughput import new_changes, run_changes, whole_stack, _planshift, _signal
from models.database import transaction
with whole_stack() as stack:
    run_changes(new_changes(stack, "warm", 10))
    _signal(stack, signal.SIGSTOP)
    ids = new_changes(stack, "measured", int(sys.argv[1]))
    with transaction() as session:
        session.connection().exec_driver_sql("UPDATE plan_changes SET next_attempt_at = clock_timestamp() "
            "WHERE status = 'requested'")
    _signal(stack, signal.SIGCONT)
    print("rate", _planshift(ids))
"""


def run() -> dict[str, Any]:
    """{contender: {"per_second": [each turn], "median": …, "spread": …}, …, "changes": …}"""
    with whole_stack() as stack, _checkout(BEFORE) as before:
        contenders: dict[str, Callable[[str], float]] = {
            "planshift": partial(_planshift, stack),
            "floor": lambda slug: _floor(new_changes(stack, slug)),
            **{name: partial(_peer, stack, module) for name, module in PEERS.items()},
            "before": lambda _: _rate_before(before),
        }
        run_changes(new_changes(stack, "warm", 10))  # what is loaded at the first use only
        for module in PEERS.values():
            importlib.import_module(f"benchmarks.peers.{module}").prepare()
        rates: dict[str, list[float]] = {name: [] for name in contenders}
        _signal(stack, signal.SIGSTOP)  # workers and beat do not stand beside the others
        for turn in range(TURNS):
            for name, measure in contenders.items():
                rates[name].append(measure(f"{name}-{turn}".replace("_", "-")))
        _signal(stack, signal.SIGCONT)
    return {"changes": CHANGES} | {
        name: {
            "per_second": [round(rate, 1) for rate in found],
            "median": round(statistics.median(found), 1),
            "spread": round(max(found) - min(found), 1),
        }
        for name, found in rates.items()
    }


@contextmanager
def _checkout(commit: str) -> Iterator[Path]:
    """The files of a commit, which a clone without history does not have."""
    with temporary_folder("before") as folder:
        archive = subprocess.run(["git", "archive", commit], check=False, cwd=ROOT, capture_output=True)
        if archive.returncode:
            raise RuntimeError(f"git has no {commit} here, a clone with its whole history does: {archive.stderr!r}")
        subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
        yield folder


def _rate_before(folder: Path) -> float:
    own = {name: value for name, value in os.environ.items() if not name.startswith("PLANSHIFT_")}
    command = [sys.executable, "-c", _BEFORE, str(CHANGES)]
    environment = own | {"PYTHONPATH": str(folder)}
    done = subprocess.run(command, check=False, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"Planshift as it was before failed:\n{done.stderr[-3000:]}")
    return float(done.stdout.split("rate ")[1])


@contextmanager
def servers(broker_url: str | None = None) -> Iterator[Stack]:
    """Servers and sandbox, and this process's settings for them."""
    with temporary_folder("bench") as folder, Stack(folder, broker_url=broker_url) as stack:
        own = {"PLANSHIFT_SECRET_KEY": secrets.token_urlsafe(32), "PLANSHIFT_FLOWER_AUTH": "bench:bench"}
        own |= {"PLANSHIFT_DOCUMENT_URL": str(folder / "documents"), "PLANSHIFT_LOG_LEVEL": "WARNING"}
        os.environ.update(stack.environment() | own)
        settings.cache_clear()
        create_app.cache_clear()  # of an earlier stack of this process
        stack.start_servers()
        migrate()
        yield stack
        engine().dispose()


def of_processes() -> dict[str, str]:
    """The environment of our own, which say in their logs that they are ready."""
    return dict(os.environ) | {"PLANSHIFT_LOG_LEVEL": "INFO"}


@contextmanager
def whole_stack() -> Iterator[Stack]:
    """The same, and all our processes."""
    with servers() as stack:
        stack.start_processes(of_processes())
        yield stack


def _signal(stack: Stack, number: signal.Signals) -> None:
    for name in ("worker-core", "worker-outside", "worker-renewals", "beat", "web", "receiver", "flower"):
        os.killpg(stack.supervisor.process(name).pid, number)


def new_changes(stack: Stack, slug: str, count: int = CHANGES, covered: bool = True) -> list[str]:
    """Requests of a new provider, as `request_changes` writes them down."""
    catalog = next(catalog for catalog in sample_catalogs() if catalog.provider == "dns")
    set_up_provider(catalog.model_copy(update={"provider": slug}), stack.addresses)
    return request_changes(slug, [f"{slug}-{number}" for number in range(count)], covered)


def request_changes(slug: str, refs: list[str], covered: bool = True) -> list[str]:
    """Requests that are written down, each of a new service and customer, and covered by credit or not: 15 of 31 days
    of Start for Basic, 373 yen each."""
    ids = []
    for ref in refs:
        with transaction() as session:
            provider = required_provider(session, slug)
            set_clock(session, provider, NOON_17_JULY)
            values: dict[str, object] = {"name": "Example", "email": f"{ref}@bench.invalid", "country": "JP"}
            customer = put_customer(session, provider, ref, values | {"locale": "en", "address": [], "tax_id": None})
            report = ServiceReport(ref, "basic", "monthly", "JPY", "active", JULY, AUGUST, 1, True)
            put_service(session, NOON_17_JULY, provider, ref, report)
            if covered:
                given = [debit("losses", "", Money(373, "JPY")), credit("credit", customer.id, Money(373, "JPY"))]
                post(session, provider.id, ("gift", customer.id), NOON_17_JULY, given)
            request = ChangeRequest(ref, "start", "monthly")
            change, _ = request_change(session, NOON_17_JULY, provider, ref, request, "bench")
            ids.append(change.id)
    with transaction() as session:  # credit of long ago: no worker looks for what it pays while another is measured
        provider = required_provider(session, slug)
        arrived = (ArrivedCredit.provider_id == provider.id, ArrivedCredit.arrived_at.is_not(None))
        session.execute(update(ArrivedCredit).where(*arrived).values(arrived_at=None, next_attempt_at=None))
    return ids


def _planshift(stack: Stack, slug: str) -> float:
    """Its workers and its sweep begin with the clock, and find requests that were made just now."""
    ids = new_changes(stack, slug)
    with transaction() as session:
        session.execute(update(PlanChange).where(PlanChange.id.in_(ids)).values(next_attempt_at=MACHINE_NOW))
    _signal(stack, signal.SIGCONT)
    try:
        started = time.monotonic()
        run_changes(ids)
        return len(ids) / (time.monotonic() - started)
    finally:
        _signal(stack, signal.SIGSTOP)


def run_changes(ids: list[str]) -> None:
    """Enqueues each change, and waits until the last one's story has ended."""
    from tasks.story import enqueue

    for change_id in ids:
        enqueue(change_id)
    _wait_until_notified(ids)


def _wait_until_notified(ids: list[str]) -> None:
    """Applied, and the mail about it sent: the end of the canvas."""
    query = (
        select(func.count())
        .select_from(OutboxMessage)
        .join(PlanChange, PlanChange.id == OutboxMessage.subject)
        .where(PlanChange.id.in_(ids), PlanChange.status == "applied", OutboxMessage.sent_at.is_not(None))
    )
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with transaction() as session:
            if session.scalar(query) == len(ids):
                return
        time.sleep(0.05)
    raise TimeoutError(f"the changes were not applied in {PATIENCE_SECONDS} s")


def _floor(ids: list[str]) -> float:
    """Two processes that were started before the clock is."""
    command = [sys.executable, "-m", "benchmarks.throughput", "floor"]
    halves = [ids[::2], ids[1::2]]
    pipe = subprocess.PIPE
    workers = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) for _ in halves]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    started = time.monotonic()
    for worker, half in zip(workers, halves, strict=True):
        assert worker.stdin is not None
        worker.stdin.write(json.dumps(half) + "\n")
        worker.stdin.close()
    if any(worker.wait() for worker in workers):
        raise RuntimeError("a process of the floor failed")
    return len(ids) / (time.monotonic() - started)


def _run_floor() -> None:
    """The same steps in one process, one after the other."""
    with transaction() as session:
        session.scalar(select(1))
    print("ready", flush=True)
    for change_id in json.loads(sys.stdin.readline()):
        for name in STEPS:
            run_step(name, change_id)


def _peer(stack: Stack, module: str, slug: str) -> float:
    """Its processes are started before the clock is, and ended after it."""
    ids = new_changes(stack, slug)
    peer = importlib.import_module(f"benchmarks.peers.{module}")
    workers = [_peer_process(stack.folder, module, f"{slug}-{number}") for number in range(peer.PROCESSES)]
    try:
        for worker in workers:
            worker.wait_ready()
        started = time.monotonic()
        peer.enqueue(ids)
        _wait_until_notified(ids)
        return len(ids) / (time.monotonic() - started)
    finally:
        for worker in workers:
            worker.kill()


def _peer_process(folder: Path, module: str, name: str) -> Process:
    argv = [sys.executable, "-m", f"benchmarks.peers.{module}"]
    log = folder / "logs" / f"{name}.log"
    process = Process(Command(name=name, argv=argv, log=log, env=dict(os.environ), folder=ROOT, ready=logs(READY)))
    process.begin()
    return process


if __name__ == "__main__":
    if sys.argv[1:] == ["floor"]:
        _run_floor()
    else:
        print(json.dumps(run(), indent=2))
