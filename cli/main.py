"""The `planshift` command: its groups, and how a user's mistake is reported (one sentence, exit code 2, no trace)."""

from __future__ import annotations

import os
import sys

import typer

from cli import after_restore, audit, bench, chaos, doctor, prices, processes, stack
from cli.later import collect_seldom, commands_of
from cli.running import use_running_stack

# The module of each group of commands, and what `planshift --help` says of it.
GROUPS = {
    "catalog": ("cli.catalog", "Load and check catalogues."),
    "keys": ("cli.keys", "Create, list, rotate and revoke API keys."),
    "actions": ("cli.actions", "Look at what people changed and decided."),
    "connect": ("cli.connect", "Connect a provider with its payment gateway and its host system."),
    "changes": ("cli.changes", "Look at plan changes, and decide about them."),
    "services": ("cli.services", "End services, and keep those that are to end."),
    "invoices": ("cli.invoices", "Decide about renewal invoices of services that have ended."),
    "dead-letters": ("cli.dead_letters", "Look at rows that were given up; enqueue them again."),
    "payments": ("cli.payments", "Record, match and refund money."),
    "refunds": ("cli.refunds", "Decide about refunds that failed."),
    "returns": ("cli.returns", "Decide about money that went back."),
    "webhooks": ("cli.webhooks", "Look at gateway events; have them processed again."),
    "clock": ("cli.clock", "Look at and move a sandbox's clock."),
    "pdf": ("cli.pages", "Look at the documents that customers get."),
    "mails": ("cli.mails", "Look at the mails that customers and staff get."),
}

app = typer.Typer(
    name="planshift",
    help="Plan upgrades and downgrades done right: priced, invoiced, paid, applied.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
stack.register(app)
processes.register(app)
prices.register(app)
bench.register(app)
audit.register(app)
after_restore.register(app)
doctor.register(app)
chaos.register(app)
for name, (module, told) in GROUPS.items():
    app.add_typer(typer.Typer(cls=commands_of(module), no_args_is_help=True), name=name, help=told)


def run() -> None:
    """The entry point."""
    collect_seldom()
    use_running_stack(sys.argv[1:])
    try:
        app()
    except Exception as error:
        if os.environ.get("PLANSHIFT_LOG_LEVEL") == "DEBUG" or not _is_a_users_mistake(error):
            raise
        print(f"planshift: {_sentence(error)}", file=sys.stderr)
        sys.exit(2)


def _is_a_users_mistake(error: Exception) -> bool:
    """Our own typed errors carry a sentence for the user; anything else is a fault of the program."""
    from pydantic import ValidationError
    from sqlalchemy.exc import OperationalError, ProgrammingError

    ours = ("cli", "domain", "engine", "local", "models", "pdf", "settings", "gateways", "provisioners")
    is_ours = type(error).__module__.split(".")[0] in ours and not isinstance(error, RuntimeError)
    return is_ours or isinstance(error, OperationalError | ProgrammingError | ValidationError)


def _sentence(error: Exception) -> str:
    from pydantic import ValidationError
    from sqlalchemy.exc import OperationalError, ProgrammingError

    if isinstance(error, OperationalError):
        return f"The database does not answer. Is PLANSHIFT_DATABASE_URL right? ({_first_line(error.orig)})"
    if isinstance(error, ProgrammingError):
        return f"The database is not at this version. Run `planshift migrate`. ({_first_line(error.orig)})"
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        name = "PLANSHIFT_" + "_".join(str(part) for part in first["loc"]).upper()
        return f"{name} is not usable: {first['msg']}."
    return str(error)


def _first_line(error: object) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
