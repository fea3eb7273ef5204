"""planshift connect: a provider's payment gateway and host system."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from cli.once import MaybeActor, MaybeReason, attribution_of
from cli.secrets import ApiKeyFile, Secret, SecretFile, UselessSecret, check_signing, lines_of, secrets_of

if TYPE_CHECKING:
    from models.audit import Attribution

app = typer.Typer()

Provider = Annotated[str, typer.Argument(help="The provider's name, as in its catalogue.")]
Url = Annotated[str, typer.Option(help="Where the other side's API is.")]

# Their webhooks are signed by nobody, or there are none.
_UNSIGNED = ("mollie", "manual")
_WITHOUT_API = ("manual",)
# They sign, or are signed for, as Standard Webhooks says.
_STANDARD = ("standard", "http")


class UnknownAdapter(Exception):
    """No adapter of that name."""


class BadAddress(Exception):
    """An address that cannot work."""


@app.command(
    epilog="Example: planshift connect gateway dns --url https://pay.example --api-key-file key --secret-file secret"
)
def gateway(
    provider: Provider,
    url: Url,
    api_key: Annotated[str, typer.Option(help="Our key at the gateway.")] = "",
    api_key_file: ApiKeyFile = None,
    secret: Secret = None,
    secret_file: SecretFile = None,
    adapter: Annotated[str, typer.Option(help="The adapter's name.")] = "standard",
    actor: MaybeActor = None,
    reason: MaybeReason = "",
) -> None:
    """Connect a payment gateway. Point its webhooks at /webhooks/ADAPTER/PROVIDER."""
    from gateways.registry import GATEWAYS

    if api_key_file == secret_file == "-":
        raise UselessSecret("Standard input has one of the two: give the other in a file.")
    api_key = lines_of(api_key_file)[0] if api_key_file else api_key.strip()
    if not api_key and adapter not in _WITHOUT_API:
        raise UselessSecret("The gateway's API key is empty. Give --api-key or --api-key-file.")
    secrets = secrets_of(secret, secret_file)
    _connect(provider, "gateway", adapter, list(GATEWAYS), url, api_key, secrets, attribution_of(actor, reason))
    typer.echo(f"Connected. The gateway posts its webhooks to /webhooks/{adapter}/{provider}.")
    _tell_currencies(provider, adapter)


@app.command(epilog="Example: planshift connect host dns --url https://host.example --secret-file secret")
def host(
    provider: Provider,
    url: Url,
    secret: Secret = None,
    secret_file: SecretFile = None,
    adapter: Annotated[str, typer.Option(help="The adapter's name.")] = "http",
    actor: MaybeActor = None,
    reason: MaybeReason = "",
) -> None:
    """Connect the system that gives services their plans."""
    from provisioners.registry import PROVISIONERS

    secrets = secrets_of(secret, secret_file)
    _connect(provider, "host", adapter, list(PROVISIONERS), url, "", secrets, attribution_of(actor, reason))
    typer.echo("Connected.")


@app.command(epilog="Example: PLANSHIFT_SECRET_KEY='newest older' planshift connect reencrypt")
def reencrypt() -> None:
    """Encrypt every stored secret with the newest key of PLANSHIFT_SECRET_KEY; then the older keys may go."""
    from engine.accounts.access import reencrypt_connections
    from models.database import transaction

    total, after = 0, ""
    while True:
        with transaction() as session:  # each batch is kept, so that the command may be cut off and given again
            batch = reencrypt_connections(session, after)
        if batch.last_id is None:
            break
        total, after = total + batch.rewritten, batch.last_id
    typer.echo(f"{total} connections were encrypted anew; all are with the newest key.")


def _connect(
    slug: str,
    kind: str,
    adapter: str,
    adapters: list[str],
    url: str,
    api_key: str,
    secrets: tuple[str, ...],
    by: Attribution,
) -> None:
    from engine.accounts.access import connect
    from engine.accounts.providers import required_provider
    from models.database import transaction

    _check(url)
    if adapter not in adapters:
        raise UnknownAdapter(f"There is no {kind} adapter {adapter}; there is {', '.join(adapters)}.")
    if not secrets and adapter not in _UNSIGNED:
        raise UselessSecret("There is no secret. Give --secret-file, or --secret.")
    for secret in secrets if adapter in _STANDARD else ():
        check_signing(secret)
    with transaction() as session:
        provider = required_provider(session, slug)
        if urlsplit(url).scheme == "http" and not provider.sandbox:
            raise BadAddress(f"{url} is plain http, on which keys can be read. Only a sandbox may use it; use https.")
        connect(session, provider, kind, adapter, url, api_key, secrets, by)


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
