"""planshift connect: a provider's payment gateway and host system."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from cli.once import MaybeActor, MaybeReason, attribution_of

if TYPE_CHECKING:
    from models.audit import Attribution

app = typer.Typer(help="Connect a provider with its payment gateway and its host system.", no_args_is_help=True)

Provider = Annotated[str, typer.Argument(help="The provider's name, as in its catalogue.")]
Url = Annotated[str, typer.Option(help="Where the other side's API is.")]
Secret = Annotated[list[str], typer.Option(help="Signing secret (whsec_…); twice during a rotation.")]


class UnknownAdapter(Exception):
    """No adapter of that name."""


class BadAddress(Exception):
    """An address that cannot work."""


@app.command(epilog="Example: planshift connect gateway dns --url https://pay.example --api-key KEY --secret whsec_…")
def gateway(
    provider: Provider,
    url: Url,
    api_key: Annotated[str, typer.Option(help="Our key at the gateway.")],
    secret: Secret,
    adapter: Annotated[str, typer.Option(help="The adapter's name.")] = "standard",
    actor: MaybeActor = None,
    reason: MaybeReason = "",
) -> None:
    """Connect a payment gateway. Point its webhooks at /webhooks/ADAPTER/PROVIDER."""
    from gateways.registry import GATEWAYS

    _connect(provider, "gateway", adapter, list(GATEWAYS), url, api_key, secret, attribution_of(actor, reason))
    typer.echo(f"Connected. The gateway posts its webhooks to /webhooks/{adapter}/{provider}.")
    _tell_currencies(provider, adapter)


@app.command(epilog="Example: planshift connect host dns --url https://host.example --secret whsec_…")
def host(
    provider: Provider,
    url: Url,
    secret: Secret,
    adapter: Annotated[str, typer.Option(help="The adapter's name.")] = "http",
    actor: MaybeActor = None,
    reason: MaybeReason = "",
) -> None:
    """Connect the system that gives services their plans."""
    from provisioners.registry import PROVISIONERS

    _connect(provider, "host", adapter, list(PROVISIONERS), url, "", secret, attribution_of(actor, reason))
    typer.echo("Connected.")


def _connect(
    slug: str,
    kind: str,
    adapter: str,
    adapters: list[str],
    url: str,
    api_key: str,
    secrets: list[str],
    by: Attribution,
) -> None:
    from engine.accounts.access import connect
    from engine.accounts.providers import required_provider
    from models.database import transaction

    _check(url)
    if adapter not in adapters:
        raise UnknownAdapter(f"There is no {kind} adapter {adapter}; there is {', '.join(adapters)}.")
    with transaction() as session:
        connect(session, required_provider(session, slug), kind, adapter, url, api_key, tuple(secrets), by)


def _tell_currencies(slug: str, adapter: str) -> None:
    """What the gateway will not take of what the catalogue sells in; a catalogue may also be loaded later."""
    from engine.accounts.providers import required_provider
    from engine.payments.payable import currency_problems
    from models.database import transaction
    from models.provider import NoCatalog, catalog_of

    with transaction() as session:
        try:
            problems = list(currency_problems(catalog_of(session, required_provider(session, slug)), adapter))
        except NoCatalog:
            return
    for problem in problems:
        typer.echo(f"Mind: {problem.sentence}")


def _check(url: str) -> None:
    """What would otherwise fail at the first call."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadAddress(f"{url} is no address; write it as https://pay.example/api.")
