"""planshift keys: API keys for frontends, host systems and operators."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from cli.once import MaybeActor, MaybeReason, attribution_of
from cli.output import AsJson, print_json, print_table

app = typer.Typer()

Provider = Annotated[str, typer.Argument(help="The provider's name, as in its catalogue.")]
KeyId = Annotated[str, typer.Argument(help="The key's id, key_…, as `planshift keys list` shows it.")]


class UnknownScope(Exception):
    """Not a scope."""


@app.command(epilog="Example: planshift keys create dns --scope frontend --reason 'the shop'")
def create(
    provider: Provider,
    scope: Annotated[list[str], typer.Option(help="frontend, host or ops; may be given more than once.")],
    actor: MaybeActor = None,
    reason: MaybeReason = "",
    as_json: AsJson = False,
) -> None:
    """Create a key and print it, this once: only its hash is kept."""
    from engine.accounts.access import create_key
    from engine.accounts.providers import required_provider
    from models.database import transaction
    from models.provider import SCOPES

    if wrong := sorted(set(scope) - set(SCOPES)):
        raise UnknownScope(f"{', '.join(wrong)} is no scope; the scopes are {', '.join(SCOPES)}.")
    with transaction() as session:
        row, key = create_key(session, required_provider(session, provider), scope, attribution_of(actor, reason))
    _tell(provider, row.id, scope, key, as_json)


@app.command("list", epilog="Example: planshift keys list dns")
def list_keys(provider: Provider, as_json: AsJson = False) -> None:
    """List a provider's keys, oldest first. The keys themselves are nowhere."""
    from domain.periods import instant_text
    from engine.accounts.access import keys_of
    from engine.accounts.providers import required_provider
    from models.database import transaction

    with transaction() as session:
        rows = [
            (
                row.id,
                ",".join(row.scopes),
                instant_text(row.created_at),
                instant_text(row.revoked_at) if row.revoked_at else "",
            )
            for row in keys_of(session, required_provider(session, provider))
        ]
    if as_json:
        names = ("id", "scopes", "created_at", "good_until")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    print_table(("ID", "SCOPES", "CREATED", "GOOD UNTIL"), rows)


@app.command(epilog="Example: planshift keys rotate dns key_01jd… --hours 24 --reason 'once a year'")
def rotate(
    provider: Provider,
    key_id: KeyId,
    hours: Annotated[int, typer.Option(min=0, max=720, help="So long the old key is good, too.")] = 24,
    actor: MaybeActor = None,
    reason: MaybeReason = "",
    as_json: AsJson = False,
) -> None:
    """Create a key with the scopes of an old one, which is good for a while more."""
    from engine.accounts.access import rotate_key
    from engine.accounts.providers import required_provider
    from models.database import transaction

    with transaction() as session:
        owner, by = required_provider(session, provider), attribution_of(actor, reason)
        row, key = rotate_key(session, owner, key_id, timedelta(hours=hours), by)
    _tell(provider, row.id, list(row.scopes), key, as_json)


@app.command(epilog="Example: planshift keys revoke dns key_01jd… --reason 'it was in a log'")
def revoke(provider: Provider, key_id: KeyId, actor: MaybeActor = None, reason: MaybeReason = "") -> None:
    """Take a key out of use, at once."""
    from engine.accounts.access import revoke_key
    from engine.accounts.providers import required_provider
    from models.database import transaction

    with transaction() as session:
        revoke_key(session, required_provider(session, provider), key_id, attribution_of(actor, reason))
    typer.echo(f"{key_id} is good for nothing from now on.")


def _tell(provider: str, key_id: str, scopes: list[str], key: str, as_json: bool) -> None:
    if as_json:
        print_json({"id": key_id, "provider": provider, "scopes": scopes, "key": key})
    else:
        typer.echo(key)
