"""planshift clock: a sandbox provider's business clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import typer

from cli.output import AsJson, print_json

app = typer.Typer()

Provider = Annotated[str, typer.Argument(help="The provider's name, as in its catalogue.")]


class BadInstant(Exception):
    """Not an instant."""


@app.command(epilog="Example: planshift clock show dns")
def show(provider: Provider, as_json: AsJson = False) -> None:
    """Print the provider's business time (UTC)."""
    _print(provider, _move(provider, None), as_json)


@app.command("set", epilog="Example: planshift clock set dns 2026-12-01T00:00:00Z")
def set_to(
    provider: Provider,
    now: Annotated[str, typer.Argument(help="An RFC 3339 instant.")],
    as_json: AsJson = False,
) -> None:
    """Set the clock, where it stands until it is moved again. It never runs backwards."""
    from domain.periods import parse_instant

    try:
        moment = parse_instant(now)
    except ValueError as error:
        raise BadInstant(f"{now} is not an instant: {error}") from error
    _print(provider, _move(provider, lambda _: moment), as_json)


@app.command(epilog="Example: planshift clock advance dns --days 31")
def advance(
    provider: Provider,
    days: Annotated[int, typer.Option(min=0, help="Days to add.")] = 0,
    hours: Annotated[int, typer.Option(min=0, help="Hours to add.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Move the clock forward."""
    _print(provider, _move(provider, lambda now: now + timedelta(days=days, hours=hours)), as_json)


def _move(slug: str, to: object) -> datetime:
    from engine.accounts.providers import required_provider, set_clock
    from models.database import transaction
    from models.provider import Provider as ProviderRow
    from models.provider import business_now

    with transaction() as session:
        provider = required_provider(session, slug)
        now = business_now(session, ProviderRow, provider.id)
        return set_clock(session, provider, to(now)) if callable(to) else now


def _print(provider: str, now: datetime, as_json: bool) -> None:
    from domain.periods import instant_text

    if as_json:
        print_json({"provider": provider, "now": instant_text(now)})
    else:
        typer.echo(instant_text(now))
