"""The `planshift` command: its groups, and how a user's mistake is reported (one sentence, exit code 2, no trace)."""

from __future__ import annotations

import os
import sys

import typer

from cli import (
    actions,
    after_restore,
    audit,
    bench,
    catalog,
    changes,
    chaos,
    clock,
    connect,
    dead_letters,
    doctor,
    invoices,
    keys,
    mails,
    pages,
    payments,
    prices,
    processes,
    refunds,
    returns,
    services,
    stack,
    webhooks,
)
from cli.running import use_running_stack

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
app.add_typer(catalog.app, name="catalog")
app.add_typer(keys.app, name="keys")
app.add_typer(actions.app, name="actions")
app.add_typer(connect.app, name="connect")
app.add_typer(changes.app, name="changes")
app.add_typer(services.app, name="services")
app.add_typer(invoices.app, name="invoices")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(payments.app, name="payments")
app.add_typer(refunds.app, name="refunds")
app.add_typer(returns.app, name="returns")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(clock.app, name="clock")
audit.register(app)
after_restore.register(app)
doctor.register(app)
chaos.register(app)
app.add_typer(pages.app, name="pdf")
app.add_typer(mails.app, name="mails")


def run() -> None:
    """The entry point."""
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
