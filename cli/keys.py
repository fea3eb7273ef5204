"""planshift keys: API keys for frontends, host systems and operators."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.output import AsJson, print_json

app = typer.Typer(help="Create API keys.", no_args_is_help=True)


class UnknownScope(Exception):
    """Not a scope."""


@app.command(epilog="Example: planshift keys create dns --scope frontend")
def create(
    provider: Annotated[str, typer.Argument(help="The provider's name, as in its catalogue.")],
    scope: Annotated[list[str], typer.Option(help="frontend, host or ops; may be given more than once.")],
    as_json: AsJson = False,
) -> None:
    """Create a key and print it, this once: only its hash is kept."""
    from engine.accounts.providers import required_provider
    from models.database import transaction
    from models.provider import SCOPES, create_api_key

    if wrong := sorted(set(scope) - set(SCOPES)):
        raise UnknownScope(f"{', '.join(wrong)} is no scope; the scopes are {', '.join(SCOPES)}.")
    with transaction() as session:
        key = create_api_key(session, required_provider(session, provider), scope)
    if as_json:
        print_json({"provider": provider, "scopes": scope, "key": key})
    else:
        typer.echo(key)
