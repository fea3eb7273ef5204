"""Plan changes per second, from the request's row to the applied plan, its invoice and its mail.

Three things in turns, A B C A B C, on the same servers and sandbox:
- planshift: the real workers and beat, all guarantees on;
- floor: the same steps, commits, documents and calls, in two plain processes without any queue;
- control: a plain Celery chain of four tasks with one INSERT each and late acknowledgement, which loses under kills.

The changes are covered by account credit, so that no gateway is measured. Run: python -m benchmarks.throughput
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from celery import chain
from sqlalchemy import func, select

from cli.sandbox import sample_catalogs, set_up_provider
from domain.money import Money
from engine.accounts.providers import required_provider, set_clock
from engine.host_reports import ServiceReport, put_customer, put_service
from engine.request import ChangeRequest, request_change
from local.folders import temporary_folder
from local.process import Command, Process, logs
from local.stack import Stack
from models.database import engine, transaction
from models.ledger import credit, debit, post
from models.migrate import migrate
from models.outbox import OutboxMessage
from models.plan_change import PlanChange
from settings import settings
from tests.support.play import AUGUST, JULY, NOON_17_JULY
from worker.app import create_app

CHANGES = 60
TURNS = 2
ROOT = Path(__file__).parent.parent


def run() -> dict[str, Any]:
    """{"planshift" | "floor" | "control": {"per_second": [each turn], "median": …}, "changes": …}"""
    with whole_stack() as stack:
        rates: dict[str, list[float]] = {"planshift": [], "floor": [], "control": []}
        for turn in range(TURNS):
            rates["planshift"].append(_planshift(new_changes(stack, f"planshift-{turn}")))
            _signal(stack, signal.SIGSTOP)  # workers and beat do not stand beside the others
            rates["floor"].append(_floor(new_changes(stack, f"floor-{turn}")))
            rates["control"].append(_control(stack, turn))
            _signal(stack, signal.SIGCONT)
    return {"changes": CHANGES} | {
        name: {"per_second": [round(rate, 1) for rate in found], "median": round(statistics.median(found), 1)}
        for name, found in rates.items()
    }


@contextmanager
def whole_stack() -> Iterator[Stack]:
    """Servers, sandbox and all our processes, and this process's settings for them."""
    with temporary_folder("bench") as folder, Stack(folder) as stack:
        own = {"PLANSHIFT_SECRET_KEY": secrets.token_urlsafe(32), "PLANSHIFT_FLOWER_AUTH": "bench:bench"}
        own |= {"PLANSHIFT_DOCUMENT_URL": str(folder / "documents")}
        os.environ.update({**stack.environment(), **own, "PLANSHIFT_LOG_LEVEL": "WARNING"})
        settings.cache_clear()
        create_app.cache_clear()  # of an earlier stack of this process
        stack.start_servers()
        migrate()
        stack.start_processes(own)
        yield stack
        engine().dispose()


def _signal(stack: Stack, number: signal.Signals) -> None:
    for name in ("worker-core", "worker-outside", "beat", "web", "receiver", "flower"):
        os.killpg(stack.supervisor.process(name).pid, number)


def new_changes(stack: Stack, slug: str, count: int = CHANGES) -> list[str]:
    """Requests that are written down and covered by credit: 15 of 31 days of Start for Basic, 373 yen each."""
    catalog = next(catalog for catalog in sample_catalogs() if catalog.provider == "dns")
    set_up_provider(catalog.model_copy(update={"provider": slug}), stack.addresses)
    ids = []
    for number in range(count):
        with transaction() as session:
            provider = required_provider(session, slug)
            set_clock(session, provider, NOON_17_JULY)
            ref = f"{slug}-{number}"
            values: dict[str, object] = {"name": "Example", "email": f"{ref}@bench.invalid", "country": "JP"}
            customer = put_customer(session, provider, ref, values | {"locale": "en", "address": [], "tax_id": None})
            report = ServiceReport(ref, "basic", "monthly", "JPY", "active", JULY, AUGUST, 1, True)
            put_service(session, NOON_17_JULY, provider, ref, report)
            given = [debit("losses", "", Money(373, "JPY")), credit("credit", customer.id, Money(373, "JPY"))]
            post(session, provider.id, ("gift", customer.id), NOON_17_JULY, given)
            request = ChangeRequest(ref, "start", "monthly")
            change, _ = request_change(session, NOON_17_JULY, provider, ref, request, "bench")
            ids.append(change.id)
    return ids


def _planshift(ids: list[str]) -> float:
    started = time.monotonic()
    run_changes(ids)
    return len(ids) / (time.monotonic() - started)


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
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        with transaction() as session:
            if session.scalar(query) == len(ids):
                return
        time.sleep(0.05)
    raise TimeoutError("the changes were not applied in five minutes")


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
    from engine import apply, quote, settle
    from engine.invoicing import invoice, printing
    from engine.notifications import mail
    from models.outbox import unsent_about
    from tasks.run import external_step, local_step

    with transaction() as session:
        session.scalar(select(1))
    print("ready", flush=True)
    for change_id in json.loads(sys.stdin.readline()):
        for step in (quote.quote, invoice.issue_invoice, settle.settle):
            local_step(step, PlanChange, change_id)
        external_step(apply.apply_plan, PlanChange, change_id)
        external_step(printing.print_change_invoice, PlanChange, change_id)
        with transaction() as session:
            messages = unsent_about(session, change_id)
        for message_id in messages:
            external_step(mail.deliver, OutboxMessage, message_id)


def _control(stack: Stack, turn: int) -> float:
    from tests.chaos.control import STEPS, create_control

    os.environ |= {
        "CONTROL_BROKER": stack.addresses.broker,
        "CONTROL_DATABASE": stack.addresses.database.replace("+psycopg", ""),
    }
    with closing(psycopg.connect(os.environ["CONTROL_DATABASE"], autocommit=True)) as connection:
        connection.execute("DROP TABLE IF EXISTS steps; CREATE TABLE steps (number int, status text)")
        workers = [_control_worker(stack.folder, f"{turn}-{name}") for name in ("one", "two")]
        for worker in workers:
            worker.wait_ready()
        app, started = create_control(), time.monotonic()
        for number in range(CHANGES):
            chain(*(app.signature("control.step", (number, step), immutable=True) for step in STEPS)).apply_async()
        ended = "SELECT count(*) FROM steps WHERE status = 'applied'"
        while (connection.execute(ended).fetchone() or (0,))[0] < CHANGES:
            time.sleep(0.02)
        rate = CHANGES / (time.monotonic() - started)
        for worker in workers:
            worker.kill()
    return rate


def _control_worker(folder: Path, name: str) -> Process:
    argv = [sys.executable, "-m", "tests.chaos.control", "worker", name]
    log = folder / "logs" / f"control-{name}.log"
    process = Process(Command(name=name, argv=argv, log=log, env=dict(os.environ), folder=ROOT, ready=logs(" ready.")))
    process.begin()
    return process


if __name__ == "__main__":
    if sys.argv[1:] == ["floor"]:
        _run_floor()
    else:
        print(json.dumps(run(), indent=2))
