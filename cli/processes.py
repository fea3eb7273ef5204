"""The single processes of a production set-up, each with one command."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Annotated

import typer

Port = Annotated[int, typer.Option(help="Port to listen on.")]
Host = Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 inside a container.")]


_COLLECTED_EVERY = gc.get_threshold()


class NothingToCarry(Exception):
    """With RabbitMQ frontends send to the workers' broker itself: see docs/broker-acl.md."""


def register(app: typer.Typer) -> None:
    for command in (migrate, web, receiver, worker, entry, beat, flower):
        app.command(epilog=_EXAMPLES[command.__name__])(command)


def migrate(
    application_role: Annotated[
        str | None, typer.Option(help="An existing role for web and workers: it may not rewrite history.")
    ] = None,
) -> None:
    """Bring the database's schema to this version. Run it as the owner of the tables."""
    from models.database import transaction
    from models.migrate import migrate as run_migrations
    from models.roles import grant_application_role

    run_migrations()
    if application_role is not None:
        with transaction() as session:
            grant_application_role(session, application_role)
    typer.echo("The schema is up to date.")


def web(port: Port = 8000, host: Host = "127.0.0.1") -> None:
    """Serve the HTTP API and the portal."""
    from web.app import create_app

    _serve(create_app(), host, port)


def receiver(port: Port = 8001, host: Host = "127.0.0.1") -> None:
    """Serve the webhook receiver alone, for payment gateways."""
    from web.webhooks.app import create_standalone_receiver

    _serve(create_standalone_receiver(), host, port)


def worker(
    queues: Annotated[str, typer.Option(help="Queues to work on, with commas; all by default.")] = "",
    name: Annotated[str, typer.Option(help="A name that stays the same, for logs and Flower.")] = "worker",
    concurrency: Annotated[int, typer.Option(help="Tasks at once.")] = 2,
    nice: Annotated[int, typer.Option(min=0, max=19, help="How much its tasks give way to other processes.")] = 0,
) -> None:
    """Run Celery workers for some queues, or for all of them."""
    # Celery reads this when it is imported: SIGTERM then means a soft shutdown that lets running steps end.
    os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")
    from celery.signals import celeryd_after_setup, worker_process_init

    from worker import calls
    from worker.app import ENTRY_POINT, QUEUES, create_app

    wanted = queues.split(",") if queues else list(QUEUES)
    unknown = sorted(set(wanted) - set(QUEUES))
    if unknown:
        raise typer.BadParameter(f"There is no queue {', '.join(unknown)}; the queues are {', '.join(QUEUES)}.")
    app = create_app()
    if wanted == ["requests"]:
        # Frontends write to this queue: whatever task a message names, this process knows the entry point alone.
        app.conf.include = [ENTRY_POINT]
    celeryd_after_setup.connect(_keep)  # the tasks are imported, and no process is forked yet
    arguments = ["worker", "--queues", ",".join(wanted), "--hostname", f"{name}@%h"]
    worker_process_init.connect(lambda **_: os.nice(nice), weak=False)
    with calls.shared_among(concurrency):
        app.worker_main([*arguments, "--concurrency", str(concurrency), "--without-gossip", "--without-mingle"])


def entry() -> None:
    """Carry requests over from the frontends' own broker, never more than the workers' broker has room for."""
    from local.supervisor import stop_on_signals
    from settings import is_rabbitmq, settings
    from worker.entry import run
    from worker.logs import set_up_logs

    broker = settings().require_broker_url()
    if is_rabbitmq(broker):
        raise NothingToCarry(NothingToCarry.__doc__)
    set_up_logs()
    with stop_on_signals() as over:
        run(settings().require_frontends_broker_url(), broker, over)


def beat() -> None:
    """Run beat, which enqueues the sweep and the scans. One is enough; two do no harm."""
    _start("beat")


def flower(port: Port = 5555, host: Host = "127.0.0.1") -> None:
    """Serve Flower, for operators: one task a step, with the plan change's id and summary."""
    config = Path(__file__).parent.parent / "worker" / "flowerconfig.py"
    _start("flower", f"--conf={config}", f"--address={host}", f"--port={port}")


def _start(*arguments: str) -> None:
    """Of what runs no task, and so imports none: a name is enough to send one, or to show it."""
    from worker.app import create_app

    app = create_app()
    app.conf.include = []
    app.start(list(arguments))


def _serve(asgi_app: object, host: str, port: int) -> None:
    import uvicorn

    from settings import settings
    from web.connections import BoundedProtocol
    from worker.logs import set_up_logs

    set_up_logs()
    _keep()
    uvicorn.run(
        asgi_app,  # type: ignore[arg-type]
        host=host,
        port=port,
        http=BoundedProtocol,
        ws="none",
        forwarded_allow_ips=settings().trusted_proxies,
        server_header=False,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=3,  # a long poll or a slow client must not hold up a stop
    )


def _keep(**_: object) -> None:
    """What was made at the start lives as long as the process: no collection goes through it again, and so none writes
    to what forked processes share."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTED_EVERY)


_EXAMPLES = {
    "migrate": "Example: planshift migrate --application-role planshift_app",
    "web": "Example: planshift web --host 0.0.0.0 --port 8000",
    "receiver": "Example: planshift receiver --port 8001",
    "worker": "Example: planshift worker --queues pipeline,pdf --name core --concurrency 4",
    "entry": "Example: PLANSHIFT_FRONTENDS_BROKER_URL=redis://:secret@frontends-valkey:6379/0 planshift entry",
    "beat": "Example: planshift beat",
    "flower": "Example: PLANSHIFT_FLOWER_AUTH=ops:secret planshift flower --port 5555",
}
