"""planshift up and planshift demo: the whole stack on one machine, for a person or for one story."""

from __future__ import annotations

import importlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import typer

# A person watches a sandbox: overdue rows are enqueued at once.
SANDBOX_SETTINGS = {"PLANSHIFT_SWEEP_PATIENCE_SECONDS": "1"}


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: planshift up --port 8000")(up)
    app.command(epilog="Example: planshift demo")(demo)


def up(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port of the sandbox page, portal and API.")] = 8000,
    flower_port: Annotated[int, typer.Option(min=1, max=65_535, help="Port of Flower.")] = 5555,
    empty: Annotated[bool, typer.Option("--empty", help="Make no sample customers.")] = False,
) -> None:
    """Run everything until Ctrl-C. Uses PLANSHIFT_DATABASE_URL and PLANSHIFT_BROKER_URL where they are set."""
    from cli.running import FOLDER, READY, keep_environment
    from local.folders import kept_folder
    from local.kept import kept_secret
    from local.stack import Stack
    from local.supervisor import stop_on_signals
    from settings import Settings

    config = Settings()
    with (
        stop_on_signals() as stop,
        kept_folder(FOLDER) as folder,
        Stack(
            folder,
            web_port=port,
            flower_port=flower_port,
            database_url=config.database_url,
            broker_url=config.broker_url,
            inherit=True,
        ) as stack,
    ):
        typer.echo(f"Starting PostgreSQL, Valkey, web, workers, beat, Flower and the sandbox. Logs: {FOLDER}/logs/")
        secret_key = config.secret_key.get_secret_value() if config.secret_key else kept_secret(folder / "secret_key")
        flower_login = config.flower_auth.get_secret_value() if config.flower_auth else None
        ready = start(stack, secret_key, flower_login)
        keep_environment(folder)
        typer.echo("READY")
        typer.echo(json.dumps(ready))
        typer.echo(f"Open {ready['api']} in a browser. The line above is in {FOLDER}/{READY}, too. Ctrl-C stops all.")
        if not empty:
            from cli.customers import make_in_background

            make_in_background(ready, folder / READY, stop)
        stack.supervisor.watch(stop)
        typer.echo("Stopping.")


def demo() -> None:
    """Watch an upgrade, a downgrade at renewal, a full difference and a refusal, on real parts; then stop everything.

    Servers and folders are the demo's own. PDFs are written to var/demo/. The last line is one JSON object.
    """
    import secrets

    from cli.demo import run_stories
    from local.folders import temporary_folder
    from local.stack import Stack

    typer.echo("Starting PostgreSQL, Valkey, web, workers, beat, Flower and the sandbox …")
    with temporary_folder("demo") as folder, Stack(folder) as stack:
        ready = start(stack, secrets.token_urlsafe(32))
        result = run_stories(ready, Path("var/demo"))
        typer.echo("Stopping everything.")
    typer.echo(json.dumps(result, ensure_ascii=False))


def start(stack: Any, secret_key: str, flower_login: str | None = None) -> dict[str, Any]:
    """Starts a stack with the two sample providers; returns the document that `up` prints."""
    import secrets

    from cli.running import READY, keep_private

    flower_login = flower_login or f"operator:{secrets.token_urlsafe(12)}"
    own = SANDBOX_SETTINGS | {"PLANSHIFT_SECRET_KEY": secret_key, "PLANSHIFT_FLOWER_AUTH": flower_login}
    own["PLANSHIFT_METRICS_KEY"] = metrics_key = os.environ.get("PLANSHIFT_METRICS_KEY") or secrets.token_urlsafe(12)
    own["PLANSHIFT_SANDBOX_FILE"] = str(stack.folder / READY)
    own.setdefault("PLANSHIFT_DOCUMENT_URL", str(stack.folder / "documents"))
    # This process sets the rows up, so it needs the same settings as the ones that it starts.
    os.environ.update(stack.environment() | own)
    with ThreadPoolExecutor(1) as meanwhile:
        meanwhile.submit(importlib.import_module, "cli.sandbox")  # as long as the servers take
        stack.start_servers()
    from cli.sandbox import sample_catalogs, set_up_provider

    _migrate()
    keys = {catalog.provider: set_up_provider(catalog, stack.addresses) for catalog in sample_catalogs()}
    addresses = stack.addresses
    ready = {
        "portal": f"{addresses.web}/portal",
        "api": addresses.web,
        "flower": addresses.flower,
        "flower_login": flower_login,
        "metrics_key": metrics_key,
        "gateway": addresses.gateway,
        "host": addresses.host,
        "mail": addresses.mail,
        "database": addresses.database,
        "broker": addresses.broker,
        "keys": keys,
    }
    keep_private(stack.folder / READY, ready)
    stack.start_processes(own)
    return ready


def _migrate() -> None:
    from models.database import transaction
    from models.schema_version import version_of, wanted_version

    with transaction() as session:
        if version_of(session) == wanted_version():
            return
    from models.migrate import migrate

    migrate()
